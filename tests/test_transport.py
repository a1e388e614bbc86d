"""Addresses raced, trust chosen, one service token for all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest

from scalekit_exec.clock import Deadline
from scalekit_exec.errors import ConfigurationError, VaultError
from scalekit_exec.model import ClientCredentials
from scalekit_exec.secret import Secret
from scalekit_exec.transport import trust
from scalekit_exec.transport.http import Exchange, ServiceToken
from scalekit_exec.transport.sockets import Dialer
from tests.support.certificates import Authority, authority
from tests.support.servers import (
    SERVICE_TOKEN,
    TOKEN,
    Server,
    answer,
    closed_port,
    drip,
    hang,
    in_turn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.servers import Behaviour, Conversation

V4, V6 = int(socket.AF_INET), int(socket.AF_INET6)


@pytest.fixture(scope="module")
def ca() -> Iterator[Authority]:
    with authority() as made:
        yield made


# Racing. The dialer gets its addresses as if they had been looked up: no name of this machine has
# an address that swallows what is sent to it.


@contextlib.contextmanager
def black_hole() -> Iterator[tuple[int, str, int]]:
    """Listen so that nobody more is let in: SYNs are dropped once the queue is full (Linux)."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        yield (V4, "127.0.0.1", listener.getsockname()[1])


def dialer(ca: Authority, *addresses: tuple[int, str, int], seconds: float = 10) -> Dialer:
    context = trust.Trust(file=ca.file).context()
    made = Dialer("127.0.0.1", 1, context, None, Deadline(seconds))
    made._addresses = list(addresses)
    return made


def dialled(made: Dialer) -> tuple[int, float]:
    """Return the port that was reached, and how long it took."""
    began = time.monotonic()
    with made.dial() as connected:
        took = time.monotonic() - began
        return int(connected.getpeername()[1]), took


def address(server: Server) -> tuple[int, str, int]:
    return (V6 if ":" in server.host else V4, server.host, server.port)


def test_the_first_address_is_taken_and_the_second_left_alone(ca: Authority) -> None:
    with Server(ca.context()) as one, Server(ca.context(), host="::1") as two:
        port, _ = dialled(dialer(ca, address(two), address(one)))
        assert port == two.port
        assert (one.connections, two.connections) == (0, 1)


def test_a_closed_address_costs_no_time(ca: Authority) -> None:
    closed = [(V6, "::1", closed_port()), (V4, "127.0.0.1", closed_port())]
    with Server(ca.context()) as server:
        port, took = dialled(dialer(ca, *closed, address(server)))
    assert port == server.port
    assert took < 0.2


def test_an_address_that_does_not_answer_costs_a_quarter_of_a_second(ca: Authority) -> None:
    with black_hole() as hole, Server(ca.context()) as server:
        port, took = dialled(dialer(ca, hole, address(server)))
        assert port == server.port
        assert 0.24 <= took < 0.6
        port, took = dialled(dialer(ca, hole, hole, address(server)))
        assert 0.49 <= took < 0.85


def test_an_address_that_fails_later_makes_way_at_once(ca: Authority) -> None:
    closed = (V4, "127.0.0.1", closed_port())
    with black_hole() as hole, Server(ca.context()) as server:
        _, took = dialled(dialer(ca, hole, closed, address(server)))
    assert 0.24 <= took < 0.45, "the third is tried when the second fails, not 250 ms later"


def test_where_nothing_answers_the_deadline_ends_it(ca: Authority) -> None:
    with black_hole() as hole:
        began = time.monotonic()
        with pytest.raises(VaultError) as caught:
            dialer(ca, hole, hole, seconds=0.6).dial()
    assert caught.value.code == "timed-out"
    assert 0.55 <= time.monotonic() - began < 0.9


def test_where_all_are_closed_the_last_reason_is_told(ca: Authority) -> None:
    closed = [(V6, "::1", closed_port()), (V4, "127.0.0.1", closed_port())]
    with pytest.raises(VaultError, match="connection refused") as caught:
        dialer(ca, *closed).dial()
    assert caught.value.code == "unreachable"
    assert not caught.value.final, "it may be there in a moment"


def test_a_family_that_this_machine_has_not_is_passed_over(ca: Authority) -> None:
    nowhere = (V6, "2001:db8::1", 443)
    with Server(ca.context()) as server:
        port, took = dialled(dialer(ca, nowhere, address(server)))
    assert port == server.port
    assert took < 0.6


def test_the_families_of_a_name_alternate(ca: Authority) -> None:
    made = Dialer("localhost", 443, trust.Trust(file=ca.file).context(), None, Deadline(5))
    found = made._resolve()
    assert isinstance(found, list)
    assert {entry[1] for entry in found} <= {"127.0.0.1", "::1"}
    assert len(set(found)) == len(found)


def test_a_name_that_is_not_known_is_looked_up_once_for_all(ca: Authority) -> None:
    made = Dialer("acme.invalid", 443, trust.Trust(file=ca.file).context(), None, Deadline(5))
    errors = []
    for _ in range(2):
        with pytest.raises(VaultError) as caught:
            made.dial()
        errors.append(caught.value)
    assert errors[0] is errors[1]
    assert errors[0].final


# Trust.


def test_trust_is_chosen_in_order(tmp_path: Path) -> None:
    names = ("SCALEKIT_CA_BUNDLE", "ca_bundle", "SSL_CERT_FILE", "SSL_CERT_DIR")
    for name in names:
        (tmp_path / name).mkdir() if name == "SSL_CERT_DIR" else (tmp_path / name).touch()
    environ = {name: str(tmp_path / name) for name in names if name != "ca_bundle"}
    bundle: str | None = str(tmp_path / "ca_bundle")
    assert trust.choose(environ, bundle).source == "SCALEKIT_CA_BUNDLE"
    del environ["SCALEKIT_CA_BUNDLE"]
    assert trust.choose(environ, bundle).source == "ca_bundle"
    found = trust.choose(environ)
    assert found.source == "SSL_CERT_FILE and SSL_CERT_DIR"
    assert (found.file, found.folder) == (environ["SSL_CERT_FILE"], environ["SSL_CERT_DIR"])
    del environ["SSL_CERT_FILE"]
    assert trust.choose(environ).source == "SSL_CERT_DIR"
    assert trust.choose(dict.fromkeys(names, "")).source in ("the system's store", "certifi")


@pytest.mark.parametrize("name", ["SCALEKIT_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_named_file_that_is_not_there_is_an_error_and_not_passed_over(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        trust.choose({name: "/no/such"})
    assert caught.value.code == "config-invalid"
    assert caught.value.message == f"CA file /no/such ({name}) does not exist"


def hashed_folder(ca: Authority, folder: Path) -> Path:
    """Put the authority where OpenSSL looks: under the hash of its name in canonical form."""
    name = b"\x06\x03\x55\x04\x03\x0c\x07test ca"
    canonical = b"\x31" + bytes([len(name) + 2]) + b"\x30" + bytes([len(name)]) + name
    number = int.from_bytes(hashlib.sha1(canonical).digest()[:4], "little")
    folder.mkdir()
    (folder / f"{number:08x}.0").write_text(ca.pem)
    return folder


@pytest.mark.parametrize(
    "environ",
    [
        lambda ca, folder: {"SCALEKIT_CA_BUNDLE": ca.file},
        lambda ca, folder: {"SCALEKIT_CA_BUNDLE": str(folder)},
        lambda ca, folder: {"SSL_CERT_FILE": ca.file},
        lambda ca, folder: {"SSL_CERT_DIR": str(folder)},
        lambda ca, folder: {"SSL_CERT_DIR": f"/no/such{os.pathsep}{folder}"},
        lambda ca, folder: {"SSL_CERT_DIR": "/etc", "SSL_CERT_FILE": ca.file},
    ],
    ids=["our-file", "our-folder", "file", "folder", "folders", "both"],
)
def test_both_transports_trust_what_was_chosen(
    ca: Authority, tmp_path: Path, environ: Callable[[Authority, Path], dict[str, str]]
) -> None:
    chosen = trust.choose(environ(ca, hashed_folder(ca, tmp_path / "cas")))
    assert ca.pem.encode() in chosen.roots()
    with Server(ca.context()) as server:
        made = Dialer("127.0.0.1", server.port, chosen.context(), None, Deadline(5))
        made.dial().close()


def test_the_context_checks_names_and_is_at_least_tls_1_2(ca: Authority) -> None:
    context = trust.Trust(file=ca.file).context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.keylog_filename is None


# The service token.


def slow_token(conversation: Conversation) -> None:
    time.sleep(0.1)  # all eight are waiting by then
    conversation.send(TOKEN)


@contextlib.contextmanager
def service_token(ca: Authority, server: Server) -> Iterator[ServiceToken]:
    context = trust.Trust(file=ca.file).context()
    made = Dialer("127.0.0.1", server.port, context, None, Deadline(10))
    exchange = Exchange(made, Deadline(10), lambda _: None, "test")
    client = ClientCredentials("skc_1", Secret("s&=+ %é"), server.url, "the test")
    try:
        yield ServiceToken(exchange, client)
    finally:
        exchange.close()


def at_once(call: Callable[[], Secret]) -> list[Secret | VaultError]:
    """Call from eight threads at the same moment."""
    barrier = threading.Barrier(8)
    results: list[Secret | VaultError] = []

    def run() -> None:
        barrier.wait()
        try:
            results.append(call())
        except VaultError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_eight_who_ask_at_once_share_one_request(ca: Authority) -> None:
    with Server(ca.context(), token=slow_token) as server, service_token(ca, server) as token:
        found = at_once(token.get)
        assert len({id(one) for one in found}) == 1
        assert isinstance(found[0], Secret)
        assert found[0].reveal() == SERVICE_TOKEN
        assert server.count("token") == 1
        stale = found[0]
        again = at_once(lambda: token.renew(stale))
        assert len({id(one) for one in again}) == 1
        assert again[0] is not stale
        assert server.count("token") == 2


def test_eight_who_ask_at_once_share_one_refusal(ca: Authority) -> None:
    refused = in_turn(answer(401), TOKEN)
    with Server(ca.context(), token=refused) as server, service_token(ca, server) as token:
        found = at_once(token.get)
        assert {one.code for one in found if isinstance(one, VaultError)} == {
            "credentials-rejected"
        }
        assert len(found) == 8
        assert server.count("token") == 1


def test_a_pipe_is_no_ca_file_and_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "ca"
    os.mkfifo(pipe)
    with pytest.raises(ConfigurationError, match="is no file"):
        trust.choose({"SCALEKIT_CA_BUNDLE": str(pipe)})


def test_the_token_request_is_a_form_as_rfc_6749_has_it(ca: Authority) -> None:
    with Server(ca.context()) as server, service_token(ca, server) as token:
        token.get()
        (request,) = server.heard
    assert request.head.startswith("POST /oauth/token HTTP/1.1\r\n")
    assert "Content-Type: application/x-www-form-urlencoded" in request.head
    assert "Authorization" not in request.head
    assert parse_qsl(request.body.decode(), strict_parsing=True) == [
        ("grant_type", "client_credentials"),
        ("client_id", "skc_1"),
        ("client_secret", "s&=+ %é"),
    ]


@pytest.mark.parametrize("behaviour", [hang, drip(b"HTTP/1.1 200 OK\r\n" * 99, 0.1)])
def test_an_exchange_knows_of_the_deadline_itself(ca: Authority, behaviour: Behaviour) -> None:
    deadline = Deadline(0.4)
    with Server(ca.context(), token=behaviour) as server:
        context = trust.Trust(file=ca.file).context()
        made = Dialer("127.0.0.1", server.port, context, None, deadline)
        exchange = Exchange(made, deadline, lambda _: None, "test")
        with pytest.raises(VaultError) as caught:
            exchange.send("POST", "/oauth/token")
        exchange.close()
    assert caught.value.code == "timed-out"
    assert server.count("token") == 1
