from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.broker import messages, wire
from scalekit_exec.broker.wire import Answer, RefusedError
from scalekit_exec.config import is_word, parse_word
from scalekit_exec.environment import Filled
from scalekit_exec.errors import CODES, Failure
from scalekit_exec.secret import Secret
from tests.support.brokers import want

BEARER = "0123456789abcdef"
FILLED = Filled(want("gmail"), {"GMAIL_TOKEN": Secret("t")}, token=Secret("t"))
near_requests = st.lists(
    st.sampled_from(
        [b"GET", b" ", b"/v1/token/", b"gmail", b"HTTP/1.1", b"\r\n", b"\n", b"\r", b"Host:", b"%"]
    )
    | st.binary(max_size=4),
    max_size=20,
).map(b"".join)


@given(near_requests | st.binary())
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    status = 0
    try:
        assert wire.read_request(data).target.isascii()
    except RefusedError as refused:
        status = refused.status
    assert status in (0, 400, 431)


@given(st.text(st.characters(codec="utf-8")))
def test_a_word_survives_the_way_into_a_target_and_back(text: str) -> None:
    target = wire.target(wire.TOKEN, text)
    assert target.isascii()
    assert target.isprintable()
    assert not set(target.removeprefix(wire.TOKEN)) & set("/?# \r\n")
    assert wire.name_of(target, wire.TOKEN) == text


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E)))
def test_any_target_names_a_word_or_is_refused(rest: str) -> None:
    status = 0
    try:
        name = wire.name_of(wire.TOKEN + rest, wire.TOKEN)
        assert not set(rest) & set("/?#")
        assert not is_word(name) or "/" not in parse_word(name).name
    except RefusedError as refused:
        status = refused.status
    assert status in (0, 404)


@given(st.binary(), st.sampled_from(sorted(wire.REASONS)))
def test_an_answer_survives_the_wire_and_is_known_to_be_whole(body: bytes, status: int) -> None:
    data = wire.write_answer(Answer(status, body))
    assert wire.read_answer(data) == Answer(status, body)
    for cut in (data[:-1], data + b"x", data[: len(data) // 2]) if body else ():
        with pytest.raises(ValueError, match=r"cut short|not an answer"):
            wire.read_answer(cut)


@given(st.binary())
def test_no_answer_of_a_stranger_is_more_than_a_value_error(data: bytes) -> None:
    for read in (wire.read_answer, lambda data: messages.read_token(Answer(200, data))):
        with pytest.raises(ValueError, match=r"."):
            read(data)


@given(
    st.dictionaries(
        st.sampled_from(["error", "message", "hint", "service", "expires_at", "status", "version"]),
        st.none() | st.integers() | st.text() | st.sampled_from(CODES) | st.lists(st.text()),
    )
)
def test_any_object_is_some_failure(told: dict[str, object]) -> None:
    failure = messages.read_failure(Answer(502, json.dumps(told).encode()))
    assert failure.code in CODES
    assert "\n" not in failure.message


def test_an_answer_that_is_nested_without_end_is_refused() -> None:
    answer = Answer(200, b'{"a":' * 100_000)
    with pytest.raises(ValueError, match="nested"):
        messages.read_environment(answer)
    assert messages.read_failure(answer).code == "broker"


def test_a_failure_survives_the_wire() -> None:
    failure = Failure("token-expiring", "m", "h", "s", "c", "i", "ACTIVE", None, 1800000000.0)
    assert messages.read_failure(messages.failure_answer(503, failure)) == failure


@pytest.mark.parametrize(
    ("url", "bearer"),
    [
        ("", BEARER),
        ("http://127.0.0.1:80", ""),
        ("http://127.0.0.1:80", "a b"),
        ("http://127.0.0.1:80", "a\r\nb"),
        ("127.0.0.1:80", BEARER),
        ("https://127.0.0.1:80", BEARER),
        ("http://localhost:80", BEARER),
        ("http://evil.example:80", BEARER),
        ("http://127.0.0.1:80@evil.example:80", BEARER),
        ("http://127.0.0.1.evil.example:80", BEARER),
        ("http://127.0.0.1:evil", BEARER),
        ("http://127.0.0.1:0", BEARER),
        ("http://127.0.0.1:65536", BEARER),
        ("http://127.0.0.1:80/path", BEARER),
        ("http://127.0.0.1:80:80", BEARER),
    ],
)
def test_a_bearer_is_for_this_machine_only(url: str, bearer: str) -> None:
    assert wire.address(url, bearer) is None


def test_an_address_shows_no_bearer() -> None:
    found = wire.address("http://127.0.0.1:80/", BEARER)
    assert found is not None
    assert (found.host, found.port, found.bearer.reveal()) == ("127.0.0.1", 80, BEARER)
    assert BEARER not in repr(found)
    assert "token" not in repr(Answer(200, b"token"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"variables": {"LD_PRELOAD": "/tmp/x.so"}},
        {"variables": {"PATH": "/tmp"}},
        {"variables": {"SCALEKIT_CLIENT_ID": "x"}},
        {"variables": {"A B": "x"}},
        {"launch": ["HOME"]},
        {"service": "\x1b]0;x\x07"},
        {"bare": ["NOPE"]},
        {"variables": {"A_TOKEN": "a\0b"}},
        {"variables": {"A_TOKEN": "\ud800"}},
        {"secrets": ["\udfff"]},
    ],
    ids=str,
)
def test_a_broker_sets_nothing_that_nobody_may_set(wrong: dict[str, object]) -> None:
    good = messages.environment_answer([FILLED], ["A_TOKEN"])
    assert messages.read_environment(good).launch == ("A_TOKEN",)
    told = json.loads(good.body) | wrong
    with pytest.raises(ValueError, match=r"nobody|not the name|no variable|no value"):
        messages.read_environment(Answer(200, json.dumps(told).encode()))


def test_what_a_broker_says_of_a_failure_is_short_and_its_link_a_link() -> None:
    told = {"error": "broker", "message": "m", "hint": "h\n" * 99_999, "expires_at": None}
    told |= dict.fromkeys(("service", "connection_name", "identifier"), "x")
    for link, read in (("javascript:x", None), ("https://a.example/", "https://a.example/")):
        failure = messages.read_failure(Answer(502, json.dumps(told | {"link": link}).encode()))
        assert failure.link == read
        assert len(failure.hint.splitlines()) == 5


def test_the_list_of_services_survives_the_wire() -> None:
    answer = messages.services_answer([FILLED.wanted])
    service = FILLED.wanted.service
    row = (service.name, service.connection_name, FILLED.wanted.identifier)
    assert messages.read_services(answer) == [row]
    for wrong in (b"{}", b"[]", b'{"services": 1}', b'{"services": [{"service": 1}]}'):
        with pytest.raises(ValueError, match="not"):
            messages.read_services(Answer(200, wrong))


def test_what_a_broker_says_of_a_failure_cannot_play_with_the_terminal() -> None:
    bad = "\x1b]0;x\x07\x1b[31m"
    keys = ("error", "message", "hint", "service", "connection_name", "identifier")
    told = {**dict.fromkeys((*keys, "status", "link"), bad), "expires_at": None}
    failure = messages.read_failure(Answer(502, json.dumps(told).encode()))
    texts = (failure.message, failure.hint, failure.service, failure.connection_name)
    for text in (*texts, failure.identifier, failure.status or "", failure.link or ""):
        assert text.isprintable()
