from __future__ import annotations

import random
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from scalekit_exec.broker.server import MOST_CONNECTIONS
from scalekit_exec.clock import parse_rfc3339
from scalekit_exec.errors import AuthorizationError, VaultError
from tests.support.brokers import Accounts, Running, serving, want

if TYPE_CHECKING:
    from collections.abc import Iterator

BASIC = {"FRESHDESK_KEY": "{username}", "FRESHDESK_AUTH": "basic {username}:{password}"}
DOWN = VaultError("unreachable", "a.scalekit.test is out of reach", "check the network")


@pytest.fixture
def running() -> Iterator[Running]:
    with serving(Accounts(), want("gmail"), want("slack", "ops-bot")) as made:
        yield made


def test_a_token_is_an_object_with_its_end(running: Running) -> None:
    status, told = running.get("/v1/token/gmail")
    assert status == 200
    assert told.keys() == {"service", "token", "expires_at"}
    assert (told["service"], told["token"]) == ("gmail", "gmail_c-mess-1")
    assert parse_rfc3339(told["expires_at"]) == pytest.approx(time.time() + 3600, abs=5)
    assert running.vault.reads == []


def test_a_token_is_the_bare_text_for_who_accepts_only_that(running: Running) -> None:
    assert running.get("/v1/token/slack", Accept="text/plain") == (200, "slack_c-ops-bot-1")


def test_no_answer_may_be_kept(running: Running) -> None:
    for path in ("/v1/token/gmail", "/v1/environment/gmail", "/v1/token/none"):
        assert b"\r\nCache-Control: no-store\r\n" in running.raw(running.head(path))


def test_an_environment_is_what_the_launch_maps() -> None:
    fields = {"username": "u", "password": "hunter2-hunter2", "domain": "d.example"}
    with serving(
        Accounts(fields=fields), want("freshdesk", env=BASIC), want("gmail", env=BASIC)
    ) as r:
        status, told = r.get("/v1/environment/freshdesk")
        assert status == 200
        variables = {"FRESHDESK_KEY": "u", "FRESHDESK_AUTH": "basic u:hunter2-hunter2"}
        assert told["variables"] == variables
        assert (told["connection_name"], told["identifier"]) == ("freshdesk_c", "mess")
        assert told["bare"] == []
        status, told = r.get("/v1/token/freshdesk")
        assert (status, told["error"]) == (502, "no-credential")


def test_an_identifier_names_one_of_several_users() -> None:
    words = (
        want("gmail", "a@x.example", "gmail@a@x.example"),
        want("gmail", "b/../c", "gmail@b/../c"),
    )
    with serving(Accounts(), *words) as running:
        assert running.token("gmail@a@x.example") == "gmail_c-a@x.example-1"
        assert running.token("gmail%40b%2F..%2fc") == "gmail_c-b/../c-1"
        status, told = running.get("/v1/token/gmail")
        assert (status, told["error"]) == (409, "usage")
        assert "gmail@a@x.example, gmail@b/../c" in told["hint"]


def test_a_bare_name_that_the_launch_itself_has_is_not_ambiguous() -> None:
    with serving(Accounts(), want("gmail"), want("gmail", "bob", "gmail@bob")) as running:
        assert running.token("gmail") == "gmail_c-mess-1"
        assert running.token("gmail@mess") == "gmail_c-mess-1"
        assert running.token("gmail@bob") == "gmail_c-bob-1"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/token/github", 404),
        ("/v1/token/gmail@other", 404),
        ("/v1/token/../token/gmail", 404),
        ("/v1/token/%2e%2e/gmail", 404),
        ("/v1/token/..%2Fgmail", 404),
        ("/v1/token/gmail/", 404),
        ("/v1/token/gmail%00", 404),
        ("/v1/token/gmail%2", 404),
        ("/v1/token/%67mail%zz", 404),
        ("/v1/token/%2567mail", 404),
        ("/v1/token/gmail?x=1", 404),
        ("/v1/token/gmail=VARIABLE", 404),
        ("/v1/token/", 404),
        ("/v1/token", 404),
        ("//v1/token/gmail", 404),
        ("/v2/token/gmail", 404),
        ("/", 404),
        ("http://127.0.0.1/v1/token/gmail", 404),
        ("*", 404),
        ("/v1/token/GMAIL", 404),
    ],
)
def test_another_path_or_service_gets_nothing(running: Running, path: str, status: int) -> None:
    got, told = running.get(path)
    assert got == status
    assert "gmail_c-" not in str(told)
    assert running.vault.reads == []


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "", None, "[::1]"]
)
def test_another_host_is_refused(running: Running, host: str | None) -> None:
    assert running.get("/v1/token/gmail", Host=host)[0] == 403
    assert running.get("/v1/token/gmail", Host=f"127.0.0.2:{running.port}")[0] == 403


def test_localhost_is_this_host_too(running: Running) -> None:
    assert running.get("/v1/token/gmail", Host=f"LocalHost:{running.port}")[0] == 200


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "{bearer}",
        "Basic {bearer}",
        "Bearer {bearer}x",
        "Bearer é",
    ],
)
def test_without_the_bearer_nothing_is_told(running: Running, given: str | None) -> None:
    bearer = running.broker.bearer.reveal()
    sent = None if given is None else given.replace("{bearer}", bearer)
    for path in ("/v1/token/gmail", "/v1/token/github", "/nothing"):
        status, told = running.get(path, Authorization=sent)
        assert status == 401
        assert "gmail" not in str(told)
        assert bearer not in str(told)


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "TRACE", "get"])
def test_another_method_is_refused(running: Running, method: str) -> None:
    answer = running.raw(running.head("/v1/token/gmail", method))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET\r\n" in answer


@pytest.mark.parametrize(
    "wrong",
    [
        b"GET /v1/token/gmail\r\n\r\n",
        b"GET  /v1/token/gmail HTTP/1.1\r\n\r\n",
        b"GET /v1/token/gmail HTTP/2.0\r\n\r\n",
        b"GET /v1/token/gm\xe4il HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\0c\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_400(running: Running, wrong: bytes) -> None:
    assert running.raw(wrong).startswith(b"HTTP/1.1 400 ")


def test_a_request_has_its_limits(running: Running) -> None:
    long = running.raw(b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\n\r\n")
    assert long.startswith(b"HTTP/1.1 431 ")
    many = running.raw(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n")
    assert many.startswith(b"HTTP/1.1 431 ")


def test_a_request_without_end_is_not_read_to_its_end(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as connection:
        until = time.monotonic() + 3
        connection.sendall(b"GET / HTTP/1.1\r\n")
        while not select.select([connection], [], [], 0)[0] and time.monotonic() < until:
            connection.sendall(b"A: b\r\n" * 5000)
        assert connection.recv(12) == b"HTTP/1.1 431"
        assert time.monotonic() < until


def test_ten_thousand_malformed_requests_leave_it_up_and_silent(
    running: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(5)
    right = running.head("/v1/token/gmail", Accept="text/plain")

    def fuzz(_: int) -> bytes:
        data = bytearray(right)
        for _ in range(chance.randrange(1, 9)):
            at = chance.randrange(len(data))
            action = chance.randrange(4)
            if action == 0:
                data[at] = chance.randrange(256)
            elif action == 1:
                del data[at : at + chance.randrange(1, 40)]
            elif action == 2:
                data[at:at] = chance.randbytes(chance.randrange(1, 40))
            else:
                data[at:at] = bytes(data[: chance.randrange(60)])
            data = data or bytearray(b"\r")
        return running.raw(bytes(data))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(fuzz, range(10_000)))
    assert {answer[:9] for answer in answers} <= {b"HTTP/1.1 ", b""}
    assert not [answer for answer in answers if answer.startswith(b"HTTP/1.1 5")]
    assert len({answer[9:12] for answer in answers}) >= 5, "the fuzz is not broad"
    assert running.token() == "gmail_c-mess-1"
    assert running.vault.reads == []
    assert capfd.readouterr() == ("", "")


def test_who_says_nothing_is_dropped_and_holds_up_nobody(running: Running) -> None:
    idle = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(100)]
    try:
        assert running.token() == "gmail_c-mess-1"
        dripping = socket.create_connection(("127.0.0.1", running.port))
        started = time.monotonic()
        dripping.settimeout(10)
        with dripping:
            try:
                while time.monotonic() - started < 10:
                    dripping.sendall(b"G")
                    time.sleep(0.1)
            except ConnectionError:
                pass
        assert 3 < time.monotonic() - started < 8
        idle[0].settimeout(5)
        assert idle[0].recv(10) == b""
    finally:
        for each in idle:
            each.close()


def test_no_more_connections_are_served_at_once_than_there_is_room_for(running: Running) -> None:
    before = threading.active_count()
    address = ("127.0.0.1", running.port)
    idle = [socket.create_connection(address) for _ in range(MOST_CONNECTIONS + 40)]
    try:
        time.sleep(0.5)
        assert MOST_CONNECTIONS - 8 < threading.active_count() - before <= MOST_CONNECTIONS
        assert running.token() == "gmail_c-mess-1"  # once those that say nothing are dropped
    finally:
        for each in idle:
            each.close()


def test_two_hundred_clients_at_once_cost_one_read_per_service_and_expiry() -> None:
    # The launch's own tokens live shortly, so each service has to be read anew.
    vault = Accounts(lives=(30.0, 3600.0), delay=0.2)
    with serving(vault, want("gmail"), want("slack")) as running:
        start = threading.Barrier(200)

        def ask(number: int) -> str:
            start.wait()
            return running.token("gmail" if number % 2 else "slack")

        # Right after a read a short token counts as the newest; then it is read again.
        time.sleep(1.1)
        with ThreadPoolExecutor(200) as pool:
            tokens = set(pool.map(ask, range(200)))
        assert tokens == {"gmail_c-mess-2", "slack_c-mess-2"}
        assert sorted(running.vault.reads) == ["gmail_c/mess", "slack_c/mess"]


def test_a_client_that_outlives_its_tokens_always_gets_a_live_one() -> None:
    vault = Accounts(lives=(1.2, 0.7, 1.2, 1.2, 3600.0))
    with serving(vault) as running:
        seen: set[str] = set()
        until = time.monotonic() + 8
        while len(seen) < 5 and time.monotonic() < until:
            asked = time.time()  # one may end on its way here
            token = running.token()
            assert asked < vault.ends[token]
            seen.add(token)
            time.sleep(0.02)
        assert len(seen) == 5


def test_tokens_that_are_all_short_cost_a_read_a_second_and_not_one_a_request() -> None:
    with serving(Accounts(lives=(30.0,))) as running:
        time.sleep(1.05)
        tokens = [running.token() for _ in range(30)]
        assert set(tokens) == {"gmail_c-mess-2"}
        assert running.vault.reads == ["gmail_c/mess"]


def test_a_token_of_unknown_end_is_read_again_after_its_time() -> None:
    with serving(Accounts(lives=(None,)), unknown_life=0.5) as running:
        assert (running.token(), running.vault.reads) == ("gmail_c-mess-1", [])
        time.sleep(0.6)
        running.token()
        running.token()
        assert running.vault.reads == ["gmail_c/mess"]


def test_a_token_is_judged_by_the_servers_clock() -> None:
    with serving(Accounts(lives=(3600.0,), skew=-7200.0)) as running:
        # Our clock says that it ended an hour ago: the first one is read again, and then believed.
        running.token()
        running.token()
        assert running.vault.reads == ["gmail_c/mess"]


def test_a_secret_is_told_of_before_anybody_gets_it() -> None:
    with serving(Accounts(lives=(None,)), unknown_life=0.2) as running:
        time.sleep(0.3)
        token = running.token()
        assert running.heard == [token.encode()]


@pytest.mark.parametrize(
    ("code", "status"),
    [("unreachable", 503), ("rate-limited", 503), ("unexpected-answer", 502), ("forbidden", 502)],
)
def test_a_failure_is_told_by_its_code_word(code: str, status: int) -> None:
    vault = Accounts(lives=(0.2, 3600.0))
    with serving(vault) as running:
        vault.failure = VaultError(code, "it went wrong", "do this")
        time.sleep(0.3)
        got, told = running.get("/v1/token/gmail")
        assert got == status
        assert (told["error"], told["hint"], told["service"]) == (code, "do this", "gmail")
        for _ in range(20):
            running.get("/v1/environment/gmail")
        assert len(running.vault.reads) == 1, "a failure stands for a moment"
        vault.failure = None
        time.sleep(1.1)
        assert running.token() == "gmail_c-mess-2"


def test_an_account_that_needs_a_person_costs_no_link_and_says_where_to_go() -> None:
    vault = Accounts(lives=(0.1,))
    with serving(vault) as running:
        vault.status = "EXPIRED"
        time.sleep(0.2)
        status, told = running.get("/v1/token/gmail")
        assert (status, told["error"], told["status"]) == (503, "authorization-required", "EXPIRED")
        assert "outside this launch" in told["hint"]
        assert "scalekit-auth authorize gmail@mess" in told["hint"]
        assert vault.links == 0


def test_a_token_that_lives_yet_outlasts_a_scalekit_that_is_out_of_reach() -> None:
    vault = Accounts(lives=(30.0,))
    with serving(vault) as running:
        vault.failure = DOWN
        time.sleep(1.1)
        assert running.token() == "gmail_c-mess-1"
        assert running.vault.reads
        vault.failure = AuthorizationError("account-not-found", "no such account")
        time.sleep(1.1)
        assert running.get("/v1/token/gmail")[1]["error"] == "account-not-found"


def test_a_given_min_ttl_is_held_to() -> None:
    vault = Accounts(lives=(3600.0, 30.0, 30.0))
    with serving(vault, min_ttl=3599.9) as running:
        time.sleep(0.2)
        status, told = running.get("/v1/token/gmail")
        assert (status, told["error"]) == (503, "token-expiring")


def test_an_optional_service_that_failed_at_the_start_is_asked_for_again() -> None:
    vault = Accounts(failure=DOWN)
    with serving(vault, want("gmail", required=False)) as running:
        assert running.get("/v1/token/gmail")[0] == 503
        vault.failure = None
        time.sleep(1.1)
        assert running.token().startswith("gmail_c-mess-")


def test_a_closed_broker_is_gone_with_its_waiting_clients() -> None:
    vault = Accounts(lives=(0.1,), delay=0.0)
    with serving(vault) as running:
        vault.delay = 3.0
        time.sleep(0.2)
        started = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(running.raw, running.head("/v1/token/gmail"), end=False)
            while not vault.reads:
                time.sleep(0.01)
            running.broker.close()
            assert waiting.result() == b""
        assert time.monotonic() - started < 2
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", running.port))
