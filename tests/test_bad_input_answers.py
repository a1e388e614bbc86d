"""Answers to the token request or to a read that are no answers at all, or refusals."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest

from tests.support.launches import Folder
from tests.support.refusals import SECRET, refused_by, refuses, uses
from tests.support.servers import (
    ACCESS_TOKEN,
    SERVICE_TOKEN,
    Server,
    answer,
    as_json,
    drop,
    endless,
)

if TYPE_CHECKING:
    from tests.support.certificates import Authority
    from tests.support.servers import Behaviour

HTML = b"<!doctype html><html><body>Sign in to the guest network</body></html>"
HERE = "127.0.0.1"
DEEP = b"[" * 100_000


def row(identifier: str, behaviour: Behaviour, code: str, *names: str) -> Any:
    return pytest.param(behaviour, code, (HERE, *names), id=identifier)


# What may be wrong with any 200, token request and read alike.
BODIES = [
    row("html", answer(200, HTML), "unexpected-answer", "a web page"),
    row("empty", answer(200), "unexpected-answer", "an empty answer"),
    row("blank", answer(200, b" \r\n"), "unexpected-answer", "an empty answer"),
    row("text", answer(200, b"OK"), "unexpected-answer", "not JSON"),
    row("cut-off-json", answer(200, b'{"access_token": "ab'), "unexpected-answer", "not JSON"),
    row("array", as_json([1, 2]), "unexpected-answer", "a JSON array"),
    row("number", as_json(3), "unexpected-answer", "a JSON number"),
    row("null", as_json(None), "unexpected-answer", "a JSON null"),
    row("true", answer(200, b"true"), "unexpected-answer", "a JSON bool"),
    row("string", as_json(ACCESS_TOKEN), "unexpected-answer", "a JSON string"),
    row("empty-object", as_json({}), "unexpected-answer"),
    row("deeply-nested", answer(200, DEEP), "unexpected-answer"),
    row("nested-to-the-limit", answer(200, b"[" * 900 + b"]" * 900), "unexpected-answer"),
    row("huge-integer", answer(200, b"9" * 10_000), "unexpected-answer"),
    row("not-utf-8", answer(200, b'{"access_token": "\xff"}'), "unexpected-answer"),
    row("gzip", answer(200, gzip.compress(b"{}"), "Content-Encoding: gzip"), "unexpected-answer"),
    row("five-megabytes", answer(200, b"a" * (5 << 20)), "unexpected-answer", "4 MiB"),
    row("nothing", drop, "unreachable", "without an answer"),
    row("endless-body", endless(b"HTTP/1.1 200 OK\r\n\r\n"), "unexpected-answer", "4 MiB"),
    row("no-content", b"HTTP/1.1 204 None\r\n\r\n", "unexpected-answer", "204"),
    row("early-hints-alone", b"HTTP/1.1 103 Hm\r\n\r\n", "unreachable", "in the middle"),
    row("another-protocol", b"HTTP/1.1 101 Go\r\n\r\n", "unexpected-answer", "not HTTP"),
    row("continue-for-ever", endless(b"HTTP/1.1 100 Go\r\n\r\n"), "unexpected-answer", "not HTTP"),
    row("shorter-than-told", answer(200, b"{}", length=99), "unreachable", "in the middle"),
    row("bad-status-line", b"HTTP/1.1 OK 200\r\n\r\n", "unexpected-answer", "not HTTP"),
    row("no-http", b"220 mail.example ESMTP\r\n", "unexpected-answer", "not HTTP"),
    row("long-status-line", b"HTTP/1.1 200 " + b"a" * 70_000, "unexpected-answer", "not HTTP"),
    row("long-header", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000, "unexpected-answer", "not HTTP"),
    row("many-headers", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, "unexpected-answer"),
    row("endless-headers", endless(b"HTTP/1.1 200 OK\r\nX: y\r\n"), "unexpected-answer"),
    row(
        *("chunked-garbage", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello"),
        *("unexpected-answer", "not HTTP"),
    ),
    row(
        *("chunk-cut-off", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
        *("unreachable", "in the middle"),
    ),
    row("negative-length", answer(200, b"{}", length=-5), "unexpected-answer"),
    row("500", answer(500, HTML), "unexpected-answer", "500"),
    row("502", answer(502, HTML), "unreachable", "502"),
    row("503", answer(503), "unreachable", "503"),
    row("504", answer(504, b"{"), "unreachable", "504"),
    row("999", answer(999), "unexpected-answer", "999"),
    row("403", answer(403), "forbidden", "needs"),
    row("404-page", answer(404, HTML), "unexpected-answer", "404"),
    row("405", answer(405), "unexpected-answer", "405"),
    row("418", answer(418), "unexpected-answer", "418"),
    row("501", answer(501), "unexpected-answer", "501"),
    row(
        "message-with-escapes",
        as_json({"message": "\x1b[2J\u202e"}, status=418),
        "unexpected-answer",
        "\\x1b",
    ),
    row("message-is-long", as_json({"message": "m" * 90_000}, status=418), "unexpected-answer"),
    row("details-are-odd", as_json({"details": [1, {"@type": []}, None]}, status=403), "forbidden"),
    row(
        "info-is-deep",
        answer(
            403,
            b'{"message":"x","details":[{"@type":"t/scalekit.v1.errdetails.ErrorInfo",'
            b'"error_code":"E","debug_info":' + b"[" * 600 + b"]" * 600 + b"}]}",
        ),
        "forbidden",
    ),
    row("details-are-deep", answer(404, b'{"details":' + DEEP), "unexpected-answer"),
    row("429-and-a-long-wait", answer(429, b"", "Retry-After: 3600"), "rate-limited", "429"),
    row("429-and-an-endless-wait", answer(429, b"", "Retry-After: " + "9" * 40), "rate-limited"),
    row(
        *("429-until-a-day", answer(429, b"", "Retry-After: Fri, 01 Jan 2094 00:00:00 GMT")),
        "rate-limited",
    ),
]


@pytest.mark.parametrize(
    ("of", "secret"), [("token", SECRET), ("token", quote_plus(SECRET)), ("auth", SERVICE_TOKEN)]
)
def test_a_request_that_a_refusal_repeats_is_not_shown(ca: Authority, of: str, secret: str) -> None:
    echo = as_json({"message": f"bad: {secret}"}, status=500)
    refused_by(ca, "unexpected-answer", (HERE, "[REDACTED]"), **{of: echo})
    away = answer(302, b"", f"Location: https://evil.example/?{secret}")
    refused_by(ca, "unexpected-answer", (HERE, "302", "[REDACTED]"), **{of: away})


@pytest.mark.parametrize(
    "secret", ["with/a+slash-77", 'with"a\\quote-77', "with<angles>&-77", "with|bar-77"]
)
def test_nor_one_that_json_writes_in_another_way(ca: Authority, secret: str) -> None:
    body = json.dumps({"message": f"bad: {secret}", "details": [{"a": secret}]})
    for old, new in (("/", "\\/"), ("<", "\\u003c"), ("&", "\\u0026")):
        body = body.replace(old, new)
    with Server(ca.context(), token=answer(418, body.encode())) as server:
        folder = uses(Folder(Path.cwd()), server, ca)
        names = (HERE, "bad: [REDACTED]")
        for name, id_ in ((secret, "skc_1"), ("skc_1-77", secret)):
            env = {
                "SCALEKIT_EXEC_TRANSPORT": "https",
                "SCALEKIT_CLIENT_SECRET": name,
                "SCALEKIT_CLIENT_ID": id_,
            }
            code = "unexpected-answer"
            refuses(folder, "gmail", env=env, code=code, names=names, hidden=[secret, "77"])


@pytest.mark.parametrize(("behaviour", "code", "names"), BODIES)
def test_a_token_answer_that_is_wrong(
    ca: Authority, behaviour: Behaviour, code: str, names: tuple[str, ...]
) -> None:
    refused_by(ca, code, names, token=behaviour)


@pytest.mark.parametrize(("behaviour", "code", "names"), BODIES)
def test_a_read_answer_that_is_wrong(
    ca: Authority, behaviour: Behaviour, code: str, names: tuple[str, ...]
) -> None:
    refused_by(ca, code, names, auth=behaviour)


def token(value: object) -> bytes:
    return as_json({"access_token": value, "token_type": "Bearer"})


TOKENS = [
    row(
        "400", as_json({"error": "invalid_request"}, status=400), "credentials-rejected", "the env"
    ),
    row("401", as_json({"error": "invalid_client"}, status=401), "credentials-rejected", "the env"),
    row("not-bearer-text", token(12345), "unexpected-answer", "no access token"),
    row("null-token", token(None), "unexpected-answer", "no access token"),
    row("empty-token", token(""), "unexpected-answer", "no access token"),
    row("token-with-a-line-break", token("ab\r\nX-Evil: 1"), "unexpected-answer", "no access"),
    row("token-with-a-space", token("a b"), "unexpected-answer", "no access token"),
    row("token-with-a-nul", token("a\0b"), "unexpected-answer", "no access token"),
    row("token-not-ascii", token("tökén"), "unexpected-answer", "no access token"),
    row("token-half-a-surrogate", token("a\ud800"), "unexpected-answer", "no access token"),
    row("token-is-a-list", token([SERVICE_TOKEN]), "unexpected-answer", "no access token"),
]


@pytest.mark.parametrize(("behaviour", "code", "names"), TOKENS)
def test_a_service_token_that_is_none(
    ca: Authority, behaviour: Behaviour, code: str, names: tuple[str, ...]
) -> None:
    refused_by(ca, code, names, token=behaviour)
