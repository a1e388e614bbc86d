"""Accounts, credentials and links that are wrong, hostile or refused, over both transports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.launches import Folder
from tests.support.refusals import refused_by, refuses, uses
from tests.support.servers import (
    ACCESS_TOKEN,
    Server,
    account,
    answer,
    as_json,
    link,
)

if TYPE_CHECKING:
    from tests.support.certificates import Authority
    from tests.support.servers import Behaviour

HTML = b"<!doctype html><html><body>Sign in to the guest network</body></html>"
HERE = "127.0.0.1"
ERROR_INFO = "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo"


def row(identifier: str, behaviour: Behaviour, code: str, *names: str) -> Any:
    return pytest.param(behaviour, code, (HERE, *names), id=identifier)


def oauth(value: object) -> bytes:
    return account(authorization_details={"oauth_token": {"access_token": value}})


def static(**values: object) -> bytes:
    details = {"static_auth": {"details": values}}
    return account(authorization_details=details, authorization_type="CUSTOM")


def about(identifier: str, behaviour: Behaviour, code: str, *names: str) -> Any:
    """Return a case whose message names the service instead of the host."""
    return pytest.param(behaviour, code, names, id=identifier)


READS = [
    row("401-twice", answer(401), "credentials-rejected"),
    row("account-is-null", as_json({"connected_account": None}), "unexpected-answer", "account"),
    row("account-is-a-list", as_json({"connected_account": []}), "unexpected-answer", "account"),
    row("account-is-text", as_json({"connected_account": "x"}), "unexpected-answer", "account"),
    row("status-is-missing", account(status=None), "unexpected-answer", "status"),
    row("status-is-a-number", account(status=1), "unexpected-answer", "status", "number"),
    row("status-is-an-object", account(status={}), "unexpected-answer", "status", "object"),
    row("status-is-lower-case", account(status="active"), "unexpected-answer", "active"),
    row(
        "status-is-unspecified",
        account(status="CONNECTION_STATUS_UNSPECIFIED"),
        "unexpected-answer",
    ),
    row("status-is-new", account(status="ON_FIRE\x1b[2J"), "unexpected-answer", "ON_FIRE\\x1b"),
    row("expiry-is-a-word", account(token_expires_at="soon"), "unexpected-answer", "soon"),
    row("expiry-is-a-number", account(token_expires_at=1893456000), "unexpected-answer", "number"),
    row("expiry-is-a-list", account(token_expires_at=[[1]]), "unexpected-answer", "array"),
    row("expiry-has-no-zone", account(token_expires_at="2099-01-01T00:00:00"), "unexpected-answer"),
    row(
        "expiry-on-a-30-february",
        account(token_expires_at="2099-02-30T00:00:00Z"),
        "unexpected-answer",
    ),
    row("access-token-is-a-number", oauth(12345678), "unexpected-answer", "a JSON number"),
    row("access-token-is-a-list", oauth([ACCESS_TOKEN]), "unexpected-answer", "a JSON array"),
    row("access-token-is-an-object", oauth({"x": ACCESS_TOKEN}), "unexpected-answer", "object"),
    about("no-details", account(authorization_details=None), "no-credential", "gmail"),
    about("details-are-a-list", account(authorization_details=[1]), "no-credential", "gmail"),
    about(
        "all-kinds-are-null",
        account(authorization_details=dict.fromkeys(("oauth_token", "static_auth"))),
        "no-credential",
        "gmail",
    ),
    about("no-access-token", oauth(None), "no-credential", "gmail"),
    about("empty-access-token", oauth(""), "no-credential", "gmail"),
    about(
        "two-values",
        static(username=ACCESS_TOKEN, password="pw-123456"),
        "no-credential",
        "gmail",
        "password",
    ),
    about(
        "a-name-with-an-escape",
        static(**{"a\x1b[2J": ACCESS_TOKEN, "b": "c"}),
        "no-credential",
        "a\\x1b",
    ),
    about("token-with-a-nul", oauth(ACCESS_TOKEN + "\0"), "unusable-token", "gmail", "NUL"),
    about(
        "token-with-a-line-break",
        oauth(ACCESS_TOKEN + "\nX"),
        "unusable-token",
        "gmail",
        "GMAIL_TOKEN",
        "line break",
    ),
    about("token-of-200-kb", oauth(ACCESS_TOKEN * 10_000), "unusable-token", "gmail", "too long"),
    about(
        "half-a-surrogate", oauth(ACCESS_TOKEN + "\ud800"), "unusable-token", "gmail", "surrogate"
    ),
    about(
        "expired-in-1971",
        account(token_expires_at="1971-01-01T00:00:00Z"),
        "token-expiring",
        "gmail",
        "1971",
    ),
    row(
        "403-with-a-permission",
        as_json(
            {
                "details": [
                    {
                        "@type": ERROR_INFO,
                        "error_code": "X",
                        "resource_info": {"required_permissions": ["p:q\x1b"]},
                    }
                ]
            },
            status=403,
        ),
        "forbidden",
        "p:q\\x1b",
    ),
    about(
        "404-with-error-info",
        as_json(
            {
                "code": 5,
                "message": "m",
                "details": [{"@type": ERROR_INFO, "error_code": "RESOURCE_NOT_FOUND"}],
            },
            status=404,
        ),
        "account-not-found",
        "gmail",
        "mess",
    ),
]


@pytest.mark.parametrize(("behaviour", "code", "names"), READS)
def test_an_account_that_is_wrong(
    ca: Authority, behaviour: Behaviour, code: str, names: tuple[str, ...]
) -> None:
    refused_by(ca, code, names, auth=behaviour)


LINKS = [
    ("http", link(link="http://127.0.0.1/go"), "not https"),
    ("javascript", link(link="javascript:alert(1)"), "not https"),
    ("missing", as_json({}), "not https"),
    ("a-list", link(link=["https://x"]), "array"),
    ("escapes", link(link="https://x/\x1b]0;"), "characters"),
    ("two-lines", link(link="https://x/\r\nX"), "characters"),
    ("right-to-left", link(link="https://x/\u202egnp.exe"), "characters"),
    ("homograph", link(link="https://sc\u0430lekit.com/"), "characters"),
    ("a-megabyte", link(link="https://x/" + "a" * 1_000_000), "characters"),
    ("expiry-is-none", link(expiry="whenever"), "whenever"),
    ("html", answer(200, HTML), "a web page"),
    ("503", answer(503), "503"),
    ("403", answer(403), "connected_accounts:access"),
    ("404", answer(404), "404"),
    ("redirect", answer(302, b"", "Location: https://evil.example/"), "elsewhere"),
    ("nothing", b"", "without an answer"),
]


@pytest.mark.parametrize(
    ("behaviour", "named"), [pytest.param(*rest, id=name) for name, *rest in LINKS]
)
def test_a_link_that_is_wrong_is_not_shown_and_the_state_is(
    ca: Authority, behaviour: Behaviour, named: str
) -> None:
    names = ("gmail", "status EXPIRED", "no link could be made", named)
    refused_by(ca, "authorization-required", names, auth=account(status="EXPIRED"), link=behaviour)


BODY = json.loads(account().partition(b"\r\n\r\n")[2])
GOOD = [
    ("no-date", account()),
    ("date-is-garbage", as_json(BODY, "Date: today")),
    ("date-of-year-1", as_json(BODY, "Date: Mon, 01 Jan 0001 00:00:00 GMT")),
    ("date-of-a-googol", as_json(BODY, f"Date: Mon, 01 Jan {'9' * 4000} 00:00:00 GMT")),
    ("no-expiry", account(token_expires_at=None)),
    ("expiry-is-empty", account(token_expires_at="")),
    ("expiry-of-1970", account(token_expires_at="1970-01-01T00:00:00Z")),
    ("expiry-of-year-1", account(token_expires_at="0001-01-01T00:00:00Z")),
    ("expiry-of-year-9999", account(token_expires_at="9999-12-31T23:59:59.999999999-23:59")),
    ("identity-and-new-fields", account(added_later={"x": [None]}, provider=None, id=7)),
    ("after-early-hints", b"HTTP/1.1 103 Soon\r\nLink: x\r\n\r\n" + account()),
    ("no-length", b"HTTP/1.1 200 OK\r\n\r\n" + account().partition(b"\r\n\r\n")[2]),
]


@pytest.mark.parametrize("behaviour", [pytest.param(data, id=name) for name, data in GOOD])
def test_an_answer_that_is_only_odd_is_good(ca: Authority, behaviour: bytes) -> None:
    with Server(ca.context(), auth=behaviour) as server:
        folder = uses(Folder(Path.cwd()), server, ca)
        done = folder.launch("gmail", env={"SCALEKIT_EXEC_TRANSPORT": "https"})
    assert (done.status, done.err) == (0, "")
    assert done.child["GMAIL_TOKEN"] == ACCESS_TOKEN


def test_a_server_in_the_far_future_says_so_by_its_date(ca: Authority) -> None:
    late = "Date: Fri, 01 Jan 2100 00:00:00 GMT"
    refused_by(ca, "token-expiring", ("gmail", "2099-01-01"), auth=as_json(BODY, late))


# Over gRPC, the sandbox does what goes wrong; kinds as in scalekit_exec/sandbox/faults.py.
GRPC: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("400", {"kind": "status", "status": 400}, "unexpected-answer", [HERE]),
    ("401", {"kind": "status", "status": 401}, "credentials-rejected", [HERE]),
    ("403", {"kind": "status", "status": 403, "permission": "a:b"}, "forbidden", [HERE, "a:b"]),
    ("404", {"kind": "status", "status": 404}, "account-not-found", ["gmail", "mess"]),
    ("429", {"kind": "status", "status": 429}, "rate-limited", [HERE]),
    ("500", {"kind": "status", "status": 500}, "unexpected-answer", [HERE]),
    ("501", {"kind": "status", "status": 501}, "unexpected-answer", [HERE]),
    ("503", {"kind": "status", "status": 503}, "unreachable", [HERE]),
    ("empty", {"kind": "empty"}, "unexpected-answer", [HERE]),
    ("status-value", {"kind": "status_value", "value": 9}, "unexpected-answer", [HERE, "status"]),
    ("drop", {"kind": "drop"}, "unreachable", [HERE]),
    ("hang", {"kind": "hang"}, "timed-out", [HERE]),
]


@pytest.mark.parametrize("transport", ["https", "sdk", "auto"])
@pytest.mark.parametrize(
    ("fault", "code", "names"), [pytest.param(*rest, id=name) for name, *rest in GRPC]
)
def test_a_read_that_goes_wrong_over_either_transport(
    folder: Folder, transport: str, fault: dict[str, Any], code: str, names: list[str]
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", **fault)
    env = {"SCALEKIT_EXEC_TRANSPORT": transport}
    # Only who hangs meets the deadline; a busy machine may need a second to import gRPC.
    words = ("--timeout", "2.5" if code == "timed-out" else "20", "gmail")
    refuses(folder, *words, env=env, code=code, names=names)


@pytest.mark.parametrize("transport", ["https", "sdk"])
@pytest.mark.parametrize(
    ("values", "code", "named"),
    [
        pytest.param({"oauth_token": {"access_token": "tok-0a1b2c\0"}}, "unusable-token", "NUL"),
        pytest.param({"oauth_token": {"access_token": "tok-0a1b2c\n"}}, "unusable-token", "break"),
        pytest.param(
            {"oauth_token": {"access_token": "tok-0a1b2c" * 20000}}, "unusable-token", "long"
        ),
        pytest.param(
            {"static_auth": {"username": "u", "password": "tok-0a1b2c"}},
            "no-credential",
            "username",
        ),
        pytest.param(
            {"trusted_idp": {"db_user": "d", "access_key_id": "k"}}, "no-credential", "db_user"
        ),
        pytest.param({"no_credential": True}, "no-credential", "ACTIVE"),
        pytest.param({"expires_in": -60}, "token-expiring", "expired"),
    ],
    ids=["nul", "line-break", "200-kb", "two-values", "trusted-idp", "nothing", "expired"],
)
def test_a_credential_that_cannot_be_used_over_either_transport(
    folder: Folder, transport: str, values: dict[str, Any], code: str, named: str
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({"connection_name": "gmail_u3134a", "identifier": "mess", **values})
    names = ["gmail", named]
    env = {"SCALEKIT_EXEC_TRANSPORT": transport}
    refuses(folder, "gmail", env=env, code=code, names=names, hidden=["tok-0a1b2c"])
