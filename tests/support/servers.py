"""Servers in Scalekit's place that behave badly, and a proxy: real sockets, real TLS, loopback.

Each runs in threads of the test's own process and ends with its `with` block.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Peer = socket.socket | ssl.SSLSocket
    Behaviour = bytes | Callable[["Conversation"], None]

__all__ = [
    "ACCOUNT",
    "TOKEN",
    "Conversation",
    "Proxy",
    "Server",
    "account",
    "answer",
    "as_json",
    "closed_port",
    "drip",
    "drop",
    "hang",
    "in_turn",
]

_HEAD_LIMIT = 1 << 16
_PATHS = {
    "/oauth/token": "token",
    "/api/v1/connected_accounts/auth": "auth",
    "/api/v1/connected_accounts/details": "details",
    "/api/v1/connected_accounts/magic_link": "link",
}
# What a good answer hands out; no message may ever show either.
SERVICE_TOKEN = "service-token-4f1d9c"
ACCESS_TOKEN = "ya29.access-token-8a6b"


@dataclass
class Conversation:
    """One request as it came, and the socket to answer it on."""

    peer: Peer
    operation: str
    head: str
    body: bytes
    ended: threading.Event
    at: float = field(default_factory=time.monotonic)

    def send(self, data: bytes) -> None:
        self.peer.sendall(data)

    def hear(self, seconds: float) -> bool:
        """Let time pass, whatever comes in; tell whether the other side or the server has ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.ended.is_set():
            readable, _, _ = select.select([self.peer], [], [], left)
            if readable and not self.peer.recv(65536):
                return True
        return self.ended.is_set()


def answer(status: int = 200, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """Return the bytes of an answer after which the connection ends."""
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*lines, "Connection: close", *headers, "", ""]).encode("latin-1") + body


def as_json(value: object, *headers: str, status: int = 200) -> bytes:
    """Return the bytes of an answer in JSON."""
    return answer(status, json.dumps(value).encode(), "Content-Type: application/json", *headers)


def account(**changes: object) -> bytes:
    """Return the answer with an account that is ACTIVE; None takes a field out."""
    details = {"oauth_token": {"access_token": ACCESS_TOKEN, "refresh_token": "1//refresh"}}
    row = {
        "connector": "gmail_u3134a",
        "identifier": "mess",
        "status": "ACTIVE",
        "authorization_type": "OAUTH",
        "authorization_details": details,
        "token_expires_at": "2099-01-01T00:00:00Z",
        **changes,
    }
    return as_json({"connected_account": {k: v for k, v in row.items() if v is not None}})


def link(**changes: object) -> bytes:
    """Return the answer with a magic link."""
    return as_json({"link": "https://127.0.0.1/go", "expiry": "2099-01-01T00:00:00Z", **changes})


TOKEN = as_json({"access_token": SERVICE_TOKEN, "token_type": "Bearer", "expires_in": 86399})
ACCOUNT = account()


def drop(conversation: Conversation) -> None:
    """End the connection without a word."""
    del conversation


def hang(conversation: Conversation) -> None:
    """Say nothing until the other side goes."""
    while not conversation.hear(0.2):
        pass


def drip(data: bytes, seconds: float = 0.05) -> Behaviour:
    """Return what sends the data byte by byte."""

    def send(conversation: Conversation) -> None:
        for number in range(len(data)):
            conversation.send(data[number : number + 1])
            if conversation.hear(seconds):
                return

    return send


def endless(data: bytes) -> Behaviour:
    """Return what sends the same data again and again, as fast as it is taken."""

    def send(conversation: Conversation) -> None:
        while not conversation.ended.is_set():
            conversation.send(data)

    return send


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Return what does one after the other, request by request, and stays with the last."""
    left = list(behaviours)
    lock = threading.Lock()

    def act(conversation: Conversation) -> None:
        with lock:
            behaviour = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(behaviour, bytes):
            conversation.send(behaviour)
        else:
            behaviour(conversation)

    return act


def closed_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class _Listener:
    """Accepts connections, one thread each, until its block ends."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=64)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), timeout=1).close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a server does not end"

    def _accept(self) -> None:
        with self._listener:
            while True:
                peer, _ = self._listener.accept()
                if self.ended.is_set():
                    peer.close()
                    return
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, peer: socket.socket) -> None:
        # Whoever went away in the middle was the launch, and that is what the test is about.
        with peer, contextlib.suppress(OSError, ValueError):
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.settimeout(20)
            self.serve(peer)

    def serve(self, peer: socket.socket) -> None:
        """Speak on one connection."""
        raise NotImplementedError

    def ears(self, peer: Peer) -> bytes:
        """Read a head, its blank line included; b"" where none comes."""
        head = b""
        while b"\r\n\r\n" not in head:
            more = peer.recv(65536)
            if not more or len(head) > _HEAD_LIMIT:
                return b""
            head += more
        return head


class Server(_Listener):
    """Answers token request, read and link as it was told, each time with a connection's end.

    `greeting` is done before any request, without a context in place of TLS; `h2` for who agrees
    to HTTP/2; `later` is the context of all connections but the first. `heard` are the requests.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None,
        *,
        later: ssl.SSLContext | None = None,
        token: Behaviour = TOKEN,
        auth: Behaviour = ACCOUNT,
        link: Behaviour = b"",
        greeting: Behaviour | None = None,
        h2: Behaviour = drop,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(host)
        self._context = context
        self._later = later or context
        self._behaviours = {"token": token, "auth": auth, "link": link}
        self._greeting = greeting
        self._h2 = h2
        self.heard: list[Conversation] = []

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"

    def count(self, operation: str) -> int:
        """Return how often an operation was asked for."""
        return len([one for one in self.heard if one.operation == operation])

    def serve(self, peer: socket.socket) -> None:
        if self._context is None:
            self._converse(peer)
            return
        context = self._context if self.connections == 1 else self._later
        with (context or self._context).wrap_socket(peer, server_side=True) as tls:
            if tls.selected_alpn_protocol() == "h2":
                self._act(self._h2, Conversation(tls, "h2", "", b"", self.ended))
            else:
                self._converse(tls)
            with contextlib.suppress(OSError):
                tls.unwrap()

    def _converse(self, peer: Peer) -> None:
        if self._greeting is not None:
            self._act(self._greeting, Conversation(peer, "greeting", "", b"", self.ended))
            return
        data = self.ears(peer)
        if not data:
            return
        head, _, body = data.partition(b"\r\n\r\n")
        text = head.decode("latin-1")
        length = next(
            (int(line[15:]) for line in text.split("\r\n") if line.startswith("Content-Length:")), 0
        )
        while len(body) < length:
            body += peer.recv(65536)
        path = text.split(" ")[1].partition("?")[0]
        conversation = Conversation(peer, _PATHS.get(path, path), text, body, self.ended)
        self.heard.append(conversation)
        self._act(self._behaviours.get(conversation.operation, answer(404)), conversation)

    def _act(self, behaviour: Behaviour, conversation: Conversation) -> None:
        if isinstance(behaviour, bytes):
            conversation.send(behaviour)
        else:
            behaviour(conversation)


@dataclass
class Asked:
    """What a proxy was asked: the target of CONNECT and the header lines."""

    target: str
    headers: list[str] = field(default_factory=list)


class Proxy(_Listener):
    """An HTTP proxy that knows CONNECT: it tunnels, or does `instead` what it was told.

    With `password`, as `user:password`, it answers 407 to who does not give it.
    """

    def __init__(self, *, instead: Behaviour | None = None, password: str = "") -> None:
        super().__init__()
        self._instead = instead
        self._password = password
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, peer: socket.socket) -> None:
        first, *headers = self.ears(peer).decode("latin-1").split("\r\n")
        if not first:
            return
        asked = Asked(first.split(" ")[1], headers)
        self.asked.append(asked)
        if self._instead is not None:
            conversation = Conversation(peer, "connect", first, b"", self.ended)
            if isinstance(self._instead, bytes):
                conversation.send(self._instead)
            else:
                self._instead(conversation)
            return
        if self._password and not self._knows(headers):
            peer.sendall(answer(407, b"who are you?", "Proxy-Authenticate: Basic realm=x"))
            return
        host, _, port = asked.target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as far:
            peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._relay(peer, far)

    def _knows(self, headers: list[str]) -> bool:
        from base64 import b64encode

        given = b64encode(self._password.encode()).decode()
        return any(
            line.lower().startswith("proxy-authorization: basic ") and line.endswith(given)
            for line in headers
        )

    def _relay(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        while not self.ended.is_set():
            for ready in select.select([near, far], [], [], 0.2)[0]:
                data = ready.recv(65536)
                if not data:
                    return
                other[ready].sendall(data)
