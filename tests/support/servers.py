"""Servers in Scalekit's place that behave badly, and a proxy: real sockets, real TLS, loopback.

Each runs in threads of the test's own process and ends with its `with` block.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import select
import socket
import ssl
import tempfile
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Peer = socket.socket | ssl.SSLSocket
    Behaviour = bytes | Callable[["Conversation"], None]

__all__ = [
    "ACCOUNT",
    "TOKEN",
    "Authority",
    "Conversation",
    "Proxy",
    "Server",
    "account",
    "answer",
    "as_json",
    "authority",
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


class Authority:
    """A certificate authority of the test's own; `file` is its certificate in PEM form."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("test CA")
        self.certificate = self._sign(self._key, self._name, None, days=30)
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.file = os.path.join(folder, "ca.pem")
        with open(self.file, "w", encoding="ascii") as file:
            file.write(self.pem)
        self._contexts: dict[object, ssl.SSLContext] = {}

    def context(
        self,
        *names: str,
        days: int = 30,
        self_signed: bool = False,
        protocols: tuple[str, ...] = ("http/1.1",),
        newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    ) -> ssl.SSLContext:
        """Return a server's context with a certificate for these names, 127.0.0.1 and ::1.

        `days` below 0 makes one that expired that long ago; `protocols` is what ALPN agrees to.
        """
        wanted = (names, days, self_signed, protocols, newest)
        if wanted not in self._contexts:
            self._contexts[wanted] = self._make(*wanted)
        return self._contexts[wanted]

    def _make(
        self,
        names: tuple[str, ...],
        days: int,
        self_signed: bool,  # noqa: FBT001 - called above only
        protocols: tuple[str, ...],
        newest: ssl.TLSVersion,
    ) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        signer = key if self_signed else self._key
        certificate = self._sign(signer, _name("server"), key, days, names or ("127.0.0.1", "::1"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if newest != ssl.TLSVersion.MAXIMUM_SUPPORTED:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = newest
        context.set_alpn_protocols(list(protocols))
        pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path = os.path.join(self.folder, f"{len(self._contexts)}.pem")
        with open(path, "wb") as file:
            file.write(pem)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        signer: ec.EllipticCurvePrivateKey,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey | None,
        days: int,
        names: tuple[str, ...] = (),
    ) -> x509.Certificate:
        """Make a certificate: the authority's own where no key is given."""
        public = (key or signer).public_key()
        issuer = self._name if signer is self._key else subject
        end = datetime.now(UTC) + timedelta(days=days)
        builder = (
            x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
            .not_valid_before(end - timedelta(days=60))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=key is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
            .add_extension(_usage(signs=key is None), critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(signer, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    # VERIFY_X509_STRICT, the default from Python 3.13 on, wants it of an authority.
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)  # noqa: FBT003 - its order is X.509's


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@contextlib.contextmanager
def authority() -> Iterator[Authority]:
    """Make an authority; its files are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="scalekit-test-") as folder:
        yield Authority(folder)


@dataclass
class Conversation:
    """One request as it came, and the socket to answer it on."""

    peer: Peer
    operation: str
    head: str
    body: bytes
    ended: threading.Event

    def send(self, data: bytes) -> None:
        self.peer.sendall(data)

    def hear(self, seconds: float) -> bool:
        """Wait for more; tell whether the other side or the server has ended."""
        readable, _, _ = select.select([self.peer], [], [], seconds)
        return self.ended.is_set() or bool(readable)


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
    while not conversation.hear(1.0):
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

    `heard` are the requests in order; `raw` what arrived on a connection that is not TLS.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None,
        *,
        token: Behaviour = TOKEN,
        auth: Behaviour = ACCOUNT,
        link: Behaviour = b"",
        greeting: Behaviour | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(host)
        self._context = context
        self._behaviours = {"token": token, "auth": auth, "link": link}
        self._greeting = greeting
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
        with self._context.wrap_socket(peer, server_side=True) as tls:
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
