"""Other users of this machine at the other end of 127.0.0.1."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from scalekit_exec import owners
from scalekit_exec.broker import client
from scalekit_exec.broker.wire import Address
from scalekit_exec.clock import Deadline
from scalekit_exec.errors import ScalekitExecError
from scalekit_exec.secret import Secret
from scalekit_exec.waiting.loopback import Loopback
from tests.support.brokers import Accounts, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Found = frozenset[int] | None
    OfListener = Callable[[int], Found]
    OfClient = Callable[[socket.socket], Found]

ROOT = os.getuid() == 0
STRANGER = 65534
# Listens, says where, and hands back what it is sent.
LISTENER = """\
import os, socket, sys
os.setgid(65534), os.setuid(65534)
server = socket.create_server((sys.argv[1], int(sys.argv[3])), family=int(sys.argv[2]))
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
print(connection.recv(9999), flush=True)
"""
# Asks for a page as another user.
THIEF = """\
import os, socket, sys
os.setgid(65534), os.setuid(65534)
connection = socket.socket()
connection.bind((sys.argv[3], 0))
connection.connect(("127.0.0.1", int(sys.argv[1])))
connection.sendall(f"GET {sys.argv[2]} HTTP/1.1\\r\\nHost: 127.0.0.1:{sys.argv[1]}\\r\\n\\r\\n".encode())
print(connection.recv(12).decode())
"""  # noqa: E501

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows")


LISTENERS = pytest.mark.parametrize("of_listener", [owners.of_listener, owners.listed_listener])
CLIENTS = pytest.mark.parametrize("of_client", [owners.of_client, owners.listed_client])


@LISTENERS
@pytest.mark.parametrize(
    ("address", "family", "dual"),
    [
        ("127.0.0.1", socket.AF_INET, False),
        ("0.0.0.0", socket.AF_INET, False),
        ("::", socket.AF_INET6, True),
    ],
)
def test_who_listens_is_found(
    of_listener: OfListener, address: str, family: int, *, dual: bool
) -> None:
    with socket.create_server((address, 0), family=family, dualstack_ipv6=dual) as server:
        port = server.getsockname()[1]
        assert of_listener(port) == frozenset({os.getuid()})
    assert of_listener(port) == frozenset()


@CLIENTS
@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2", "::ffff:127.0.0.1"])
def test_a_client_is_found_wherever_it_speaks_from(of_client: OfClient, source: str) -> None:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    target = "::ffff:127.0.0.1" if ":" in source else "127.0.0.1"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(family) as client:
        if family == socket.AF_INET6:
            client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        client.bind((source, 0))
        client.connect((target, server.getsockname()[1]))
        accepted = server.accept()[0]
        with accepted:
            assert of_client(accepted) == frozenset({os.getuid()})
            client.close()
            assert of_client(accepted) == frozenset({owners.NOBODY})


@CLIENTS
def test_a_client_that_closed_while_it_still_sends_is_nobody(of_client: OfClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            accepted = server.accept()[0]
            client.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                while client.send(b"x" * 65536):
                    pass
        with accepted:
            assert of_client(accepted) == frozenset({owners.NOBODY})
            accepted.recv(1)


def test_who_is_ours() -> None:
    assert owners.are_ours(frozenset({os.getuid()}))
    assert owners.are_ours(frozenset({0, os.getuid()}))
    assert not owners.are_ours(frozenset({0, STRANGER}))
    assert not owners.are_ours(frozenset({STRANGER}))
    assert not owners.are_ours(frozenset({owners.NOBODY}))
    assert not owners.are_ours(frozenset())


@pytest.mark.skipif(not ROOT, reason="only root can be two users")
@LISTENERS
def test_a_listener_that_never_gets_127_0_0_1_hides_no_other(of_listener: OfListener) -> None:
    with socket.socket(socket.AF_INET6) as other:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::", 0))
        other.listen()
        port = other.getsockname()[1]
        words = [sys.executable, "-c", LISTENER, "127.0.0.1", str(int(socket.AF_INET)), str(port)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as rogue:
            assert rogue.stdout is not None
            assert int(rogue.stdout.readline()) == port
            assert of_listener(port) == frozenset({STRANGER})
            socket.create_connection(("127.0.0.1", port)).close()


@pytest.mark.skipif(not ROOT, reason="only root can be two users")
def test_a_broker_of_another_user_is_sent_no_bearer() -> None:
    words = [sys.executable, "-c", LISTENER, "127.0.0.1", str(int(socket.AF_INET)), "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as rogue:
        assert rogue.stdout is not None
        port = int(rogue.stdout.readline())
        before, os_euid = os.geteuid(), STRANGER - 1
        os.seteuid(os_euid)
        try:
            with pytest.raises(ScalekitExecError, match="is not ours") as caught:
                client.ask_token(Address("127.0.0.1", port, Secret("b" * 8)), "gmail", Deadline(5))
        finally:
            os.seteuid(before)
        assert caught.value.code == "broker"
        assert rogue.stdout.readline() == "b''\n", "the bearer was sent"


@pytest.fixture
def pages() -> Iterator[Loopback]:
    made = Loopback(lambda _: (True, "Well."))
    yield made
    made.close()


def asked(pages: Loopback, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", pages.port)
    connection.request("GET", path)
    return connection.getresponse().status


@pytest.mark.skipif(not ROOT, reason="only root can be two users")
def test_a_page_that_is_opened_by_another_user_is_not_used_up(pages: Loopback) -> None:
    path = pages.once(lambda: "https://scalekit.example/link").partition(str(pages.port))[2]
    for place, source in itertools.product((path, "/verify?state=x"), ("127.0.0.1", "127.0.0.2")):
        words = [sys.executable, "-c", THIEF, str(pages.port), place, source]
        assert subprocess.run(words, capture_output=True, check=True).stdout == b"HTTP/1.0 403\n"
    assert asked(pages, path) == 302
    assert asked(pages, path) == 404


def test_nothing_of_ours_listens_beyond_127_0_0_1(pages: Loopback) -> None:
    with serving(Accounts()) as running:
        for port in (pages.port, running.port):
            with socket.create_connection(("127.0.0.1", port)):
                pass
            for host in ("127.0.0.2", "::1"):
                with pytest.raises(OSError, match=r"refused|assign|unreachable"):
                    socket.create_connection((host, port)).close()


@pytest.mark.parametrize("head", [b"GET http://[ HTTP/1.1\r\n", b"GET http://[ HTTP/1.1\r\nHost: "])
def test_nonsense_is_answered_in_silence(
    pages: Loopback, head: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    for more in (b"\r\n", f"127.0.0.1:{pages.port}\r\n\r\n".encode()):
        with socket.create_connection(("127.0.0.1", pages.port)) as connection:
            connection.sendall(head + more)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    assert asked(pages, "/verify?state=x") == 200
    assert capfd.readouterr() == ("", "")
