"""One TLS port: ALPN decides between HTTP/1.1, answered here, and h2, relayed to gRPC."""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

from scalekit_exec.sandbox.certificates import server_context
from scalekit_exec.sandbox.desk import Desk
from scalekit_exec.sandbox.http1 import Connection
from scalekit_exec.sandbox.rest import Rest
from scalekit_exec.secret import Secret

if TYPE_CHECKING:
    from scalekit_exec.sandbox.rpc import Peers
    from scalekit_exec.sandbox.world import World

__all__ = ["Sandbox", "start"]

_HANDSHAKE_SECONDS = 10.0


class Sandbox:
    """A running sandbox: daemon threads of this process that end with it, or with `close`.

    `url`, `client_id` and `client_secret` are what a client needs, `ca_pem` is the certificate to
    trust. `world` may be changed while it runs.
    """

    def __init__(self, world: World, host: str, port: int) -> None:
        secret = "sandbox_" + secrets.token_urlsafe(32)
        context, self.ca_pem = server_context()
        self.world = world
        self.client_id = f"skc_sandbox{secrets.randbelow(10**12):012d}"
        self.client_secret = Secret(secret)
        self._context = context
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._count = 0
        self._rpc: tuple[Any, int, Peers] | None = None
        self._listener = socket.create_server((host, port), backlog=128)
        self.url = f"https://{host}:{self._listener.getsockname()[1]}"
        self._desk = Desk(world, self._closed, self.url)
        self._rest = Rest(self._desk, self.client_id, secret)
        self._thread = threading.Thread(target=self._accept, name="sandbox", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End every connection and give the port back; a second call does nothing."""
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(OSError):
            # Closing a socket does not wake an accept() on it everywhere; a connection does.
            socket.create_connection(self._listener.getsockname(), timeout=1).close()
        self._thread.join(5)
        with self._lock:
            sockets = list(self._sockets)
            rpc = self._rpc
        for each in sockets:
            _end(each)
        if rpc is not None:
            rpc[0].stop(None)

    def _accept(self) -> None:
        with self._listener:
            while not self._closed.is_set():
                plain, _ = self._listener.accept()
                with self._lock:
                    self._count += 1
                    number = self._count
                    self._sockets.add(plain)
                threading.Thread(target=self._serve, args=(plain, number), daemon=True).start()

    def _serve(self, plain: socket.socket, number: int) -> None:
        current = plain
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(_HANDSHAKE_SECONDS)
            # wrap_socket takes the descriptor over, so the set must follow it.
            tls = self._context.wrap_socket(plain, server_side=True)
            with self._lock:
                self._sockets.discard(plain)
                self._sockets.add(tls)
            current = tls
            if tls.selected_alpn_protocol() == "h2":
                self._relay(tls, number)
            else:
                self._rest.serve(Connection(tls, number, self._closed))
        except OSError:
            pass  # the other side went away, or speaks no TLS: nobody is left to be told
        finally:
            with self._lock:
                self._sockets.discard(current)
            current.close()

    def _grpc(self) -> tuple[int, Peers]:
        """Start the gRPC server when the first client needs it: importing grpc takes 70 ms."""
        with self._lock:
            if self._rpc is None:
                from scalekit_exec.sandbox import rpc

                peers = rpc.Peers()
                self._rpc = (*rpc.start(self._desk, peers), peers)
            return self._rpc[1], self._rpc[2]

    def _relay(self, tls: ssl.SSLSocket, number: int) -> None:
        port, peers = self._grpc()
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            own_port = plain.getsockname()[1]
            peers.add(own_port, number, lambda: _end(tls))
            try:
                _exchange(tls, plain, self._closed)
            finally:
                peers.remove(own_port)


def _end(each: socket.socket) -> None:
    """Wake whoever waits on a socket, which then closes it.

    SSLSocket's own shutdown would take the TLS layer away from under the thread that uses it.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(each, socket.SHUT_RDWR)


def _exchange(tls: ssl.SSLSocket, plain: socket.socket, closed: threading.Event) -> None:
    """Copy both ways in one thread, since an SSL object must not be used by two at once."""
    tls.settimeout(0)
    while not closed.is_set():
        if not tls.pending():
            readable, _, _ = select.select([tls, plain], [], [], 1.0)
            if plain in readable:
                data = plain.recv(65536)
                if not data:
                    return
                _send(tls, data)
        try:
            data = tls.recv(65536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            continue
        if not data:
            return
        plain.sendall(data)


def _send(tls: ssl.SSLSocket, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[tls.send(left) :]
        except ssl.SSLWantWriteError:
            select.select([], [tls], [], 1.0)
        except ssl.SSLWantReadError:
            select.select([tls], [], [], 1.0)


def start(world: World, *, host: str = "127.0.0.1", port: int = 0) -> Sandbox:
    """Start a sandbox; OSError where the port cannot be had.

    Everything that it imports is imported before this returns or in its own threads; call it
    before other threads import Scalekit's SDK (see `protocol`).
    """
    return Sandbox(world, host, port)
