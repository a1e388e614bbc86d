"""A service's API on loopback, and three clients that ask it; for tests of what they send."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import requests

from tests.support.servers import Proxy, _Listener, answer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tests.support.certificates import Authority

__all__ = ["CLIENTS", "Ask", "Asked", "Everywhere", "Got", "Origin"]


@dataclass
class Asked:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def host(self) -> str:
        return self.headers["host"].partition(":")[0]

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")


class Origin(_Listener):
    """An https server that notes what arrives and answers as `script` says: 200 without one."""

    def __init__(
        self, ca: Authority, *names: str, script: Callable[[Asked], bytes] | None = None
    ) -> None:
        super().__init__()
        self._context = ca.context(*(names or ("localhost", "127.0.0.1")))
        self.script = script or (lambda _: answer(200, b"fine"))
        self.asked: list[Asked] = []

    def url(self, path: str = "/", host: str = "localhost") -> str:
        return f"https://{host}:{self.port}{path}"

    def serve(self, peer: socket.socket) -> None:
        with self._context.wrap_socket(peer, server_side=True) as tls:
            data = self.ears(tls)
            head, _, body = data.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = (line.partition(": ") for line in lines)
            headers = {name.lower(): value for name, _, value in pairs}
            if headers.get("transfer-encoding") == "chunked":
                while not body.endswith(b"0\r\n\r\n"):
                    body += tls.recv(65536)
            while len(body) < int(headers.get("content-length", "0")):
                body += tls.recv(65536)
            method, path, _ = first.split(" ")
            asked = Asked(method, path, headers, body)
            self.asked.append(asked)
            tls.sendall(self.script(asked))
            with contextlib.suppress(OSError):
                tls.unwrap()


class Everywhere(Proxy):
    """A proxy that leads every name to one port, so that real names are asked for on loopback."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._far = port
        self.heads: list[str] = []

    def serve(self, peer: socket.socket) -> None:
        import socket as sockets

        self.heads.append(self.ears(peer).decode("latin-1"))
        with sockets.create_connection(("127.0.0.1", self._far), timeout=10) as far:
            peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._relay(peer, far)


@dataclass
class Got:
    """What a client was answered in the end."""

    status: int
    url: str


@dataclass
class Ask:
    """How to ask: with whose certificates, through which proxy."""

    ca: Authority
    proxy: Everywhere | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca.file)

    def by_requests(self, auth: Any, url: str, body: Any = None) -> Got:
        proxies = {"https": self.proxy.url} if self.proxy else {}
        with requests.Session() as session:
            session.trust_env = False
            done = session.request(
                "GET" if body is None else "POST",
                url,
                auth=auth,
                data=body,
                verify=self.ca.file,
                proxies=proxies,
                timeout=20,
                **self.extra,
            )
        return Got(done.status_code, done.url)

    def by_httpx(self, auth: Any, url: str, body: Any = None) -> Got:
        return self._by(httpx.Client, auth, url, body)

    def by_httpx2(self, auth: Any, url: str, body: Any = None) -> Got:
        return self._by(httpx2.Client, auth, url, body)

    def _options(self) -> dict[str, Any]:
        proxy = self.proxy.url if self.proxy else None
        common = {"verify": self.context, "proxy": proxy, "trust_env": False, "timeout": 20}
        return {**common, "follow_redirects": True}

    def _by(self, client: Any, auth: Any, url: str, body: Any) -> Got:
        method = "GET" if body is None else "POST"
        with client(**self._options()) as opened:
            done = opened.request(method, url, auth=auth, content=body, **self.extra)
        return Got(done.status_code, str(done.url))

    def by_httpx_async(self, auth: Any, url: str, body: Any = None) -> Got:
        async def run() -> Got:
            method = "GET" if body is None else "POST"
            async with httpx.AsyncClient(**self._options()) as opened:
                done = await opened.request(method, url, auth=auth, content=body, **self.extra)
            return Got(done.status_code, str(done.url))

        return asyncio.run(run())

    def by(self, client: str, auth: Any, url: str, body: Any = None) -> Got:
        """Ask with the client of this name."""
        done: Got = getattr(self, f"by_{client}")(auth, url, body)
        return done


CLIENTS = ("requests", "httpx", "httpx2", "httpx_async")
