"""How often something is tried, and how long it may take in all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.refusals import refuses, uses
from tests.support.servers import (
    ACCESS_TOKEN,
    ACCOUNT,
    TOKEN,
    Server,
    account,
    answer,
    as_json,
    drip,
    drop,
    hang,
    in_turn,
)

if TYPE_CHECKING:
    from tests.support.certificates import Authority
    from tests.support.launches import Folder
    from tests.support.servers import Behaviour

HERE = "127.0.0.1"
HTTPS: dict[str, str | None] = {"SCALEKIT_EXEC_TRANSPORT": "https"}


# How often something is tried.


def launch(folder: Folder, server: Server, ca: Authority, *words: str) -> Any:
    return uses(folder, server, ca).launch(*words, "gmail", env=HTTPS)


@pytest.mark.parametrize("operation", ["token", "auth"])
@pytest.mark.parametrize("twice", [drop, answer(500), answer(503), TOKEN[:-9]])
def test_what_fails_twice_is_tried_a_third_time(
    ca: Authority, bare: Folder, operation: str, twice: Behaviour
) -> None:
    good = TOKEN if operation == "token" else ACCOUNT
    given: dict[str, Any] = {operation: in_turn(twice, twice, good)}
    with Server(ca.context(), **given) as server:
        done = launch(bare, server, ca)
    assert done.child["GMAIL_TOKEN"] == ACCESS_TOKEN
    assert done.err == ""
    assert server.count(operation) == 3
    assert server.count("token" if operation == "auth" else "auth") == 1


@pytest.mark.parametrize("operation", ["token", "auth"])
@pytest.mark.parametrize("behaviour", [drop, answer(500), answer(502), TOKEN[:-9]])
def test_what_goes_on_failing_is_tried_three_times(
    ca: Authority, bare: Folder, operation: str, behaviour: Behaviour
) -> None:
    given: dict[str, Any] = {operation: behaviour}
    with Server(ca.context(), **given) as server:
        done = launch(bare, server, ca)
    assert (done.status, done.started) == (125, False)
    assert done.err.startswith(("scalekit-exec: error[unre", "scalekit-exec: error[unex"))
    assert server.count(operation) == 3
    assert server.count("token") == (3 if operation == "token" else 1)


@pytest.mark.parametrize("operation", ["token", "auth"])
@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 418, 501])
def test_a_refusal_is_not_asked_for_again(
    ca: Authority, bare: Folder, operation: str, status: int
) -> None:
    given: dict[str, Any] = {operation: answer(status)}
    with Server(ca.context(), **given) as server:
        assert launch(bare, server, ca).status == 125
    assert server.count(operation) == 1
    assert server.count("token") == 1


TRIES = [(500, 3), (502, 3), (503, 3), (400, 1), (403, 1), (404, 1)]


@pytest.mark.parametrize(("status", "tries"), TRIES)
def test_over_grpc_as_many_tries_are_made(folder: Folder, status: int, tries: int) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="status", status=status)
    assert folder.launch("gmail", env={"SCALEKIT_EXEC_TRANSPORT": "sdk"}).status == 125
    operations = [call["operation"] for call in folder.sandbox.requests()]
    assert operations == ["token", *["auth"] * tries]


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 500}, {"kind": "drop"}])
def test_over_grpc_what_fails_twice_is_tried_a_third_time(
    folder: Folder, fault: dict[str, Any]
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", times=2, **{"kind": "status", **fault})
    done = folder.launch("gmail", env={"SCALEKIT_EXEC_TRANSPORT": "sdk"})
    assert (done.status, done.err) == (0, "")
    assert [call["operation"] for call in folder.sandbox.requests()].count("auth") == 3


def test_a_401_of_a_read_is_answered_with_one_new_token(ca: Authority, bare: Folder) -> None:
    with Server(ca.context(), auth=answer(401)) as server:
        done = launch(bare, server, ca)
    assert "error[credentials-rejected]" in done.err
    assert [one.operation for one in server.heard] == ["token", "auth", "token", "auth"]


def test_a_401_of_the_token_request_is_final(ca: Authority, bare: Folder) -> None:
    with Server(ca.context(), token=answer(401)) as server:
        uses(bare, server, ca).launch("gmail", "slack", env=HTTPS)
    assert [one.operation for one in server.heard] == ["token"]


def test_a_broken_answer_is_not_asked_for_again(ca: Authority, bare: Folder) -> None:
    with Server(ca.context(), auth=answer(200, b"<html>")) as server:
        launch(bare, server, ca)
    assert server.count("auth") == 1


@pytest.mark.parametrize("header", ["Retry-After: 0", "Retry-After: 1", "Retry-After: 1e3", ""])
def test_a_rate_limit_that_ends_in_time_is_waited_out(
    ca: Authority, bare: Folder, header: str
) -> None:
    limited = answer(429, b"", *([header] if header else []))
    with Server(ca.context(), auth=in_turn(limited, ACCOUNT)) as server:
        done = launch(bare, server, ca)
    assert done.child["GMAIL_TOKEN"] == ACCESS_TOKEN
    first, second = [one.at for one in server.heard if one.operation == "auth"]
    assert (second - first >= 1) == (header != "Retry-After: 0")


@pytest.mark.parametrize("wait", ["31", "99999999", "Fri, 01 Jan 2094 00:00:00 GMT"])
def test_a_rate_limit_beyond_the_deadline_fails_at_once(
    ca: Authority, bare: Folder, wait: str
) -> None:
    with Server(ca.context(), auth=answer(429, b"", f"Retry-After: {wait}")) as server:
        began = time.monotonic()
        done = launch(bare, server, ca)
        assert time.monotonic() - began < 5
    assert "error[rate-limited]" in done.err
    assert server.count("auth") == 1


# The deadline.


@pytest.mark.parametrize("operation", ["token", "auth"])
@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(hang, id="hang"),
        pytest.param(drip(ACCOUNT, 0.2), id="drip"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 90, 0.2), id="drip-of-headers"),
        pytest.param(in_turn(answer(429, b"", "Retry-After: 0.5"), hang), id="limited-then-hang"),
    ],
)
def test_the_deadline_holds_whatever_the_server_does(
    ca: Authority, bare: Folder, operation: str, behaviour: Behaviour
) -> None:
    given: dict[str, Any] = {operation: behaviour}
    with Server(ca.context(), **given) as server:
        words = ("--timeout", "1.5", "gmail")
        names = [HERE, "1.5 s"]
        folder = uses(bare, server, ca)
        refuses(folder, *words, env=HTTPS, code="timed-out", names=names, seconds=2.5)


def test_the_deadline_holds_during_a_handshake(ca: Authority, bare: Folder) -> None:
    for greeting in (hang, drip(b"\x16\x03\x03\x10\x00" + b"\x02" * 4096, 0.2)):
        with Server(None, greeting=greeting) as server:
            words = ("--timeout", "1", "gmail")
            folder = uses(bare, server, ca)
            refuses(folder, *words, code="timed-out", names=[HERE, "1 s"], seconds=2)


def test_services_that_were_answered_in_time_do_not_save_one_that_was_not(
    folder: Folder,
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="hang", connection="slack_x7y9z")
    done = folder.launch("gmail", "slack", "--timeout", "1", "--json")
    assert (done.status, done.started) == (125, False)
    (failure,) = done.objects[0]["failures"]
    assert (failure["service"], failure["code"]) == ("slack", "timed-out")


def test_an_account_answer_may_come_byte_by_byte(ca: Authority, bare: Folder) -> None:
    with Server(ca.context(), auth=drip(account(), 0.001)) as server:
        assert launch(bare, server, ca).child["GMAIL_TOKEN"] == ACCESS_TOKEN


def test_a_refused_service_of_two_is_told_with_its_own_name(ca: Authority, bare: Folder) -> None:
    body = as_json({"connected_account": None})
    with Server(ca.context(), auth=in_turn(ACCOUNT, body)) as server:
        done = uses(bare, server, ca).launch("gmail", "slack", "--json", env=HTTPS)
    (failure,) = done.objects[0]["failures"]
    assert failure["service"] in ("gmail", "slack")
    assert failure["code"] == "unexpected-answer"
