"""The broker's server: a socket on 127.0.0.1, a thread for each connection, nothing said aloud.

Whoever can reach the port has to send the bearer, which only the child has. Requests are small and
come at once, or they are dropped.
"""

from __future__ import annotations

import hmac
import os
import socket
import sys
import threading
import time
from contextlib import suppress

from scalekit_exec.broker import messages, wire
from scalekit_exec.broker.memory import Memory
from scalekit_exec.broker.wire import RefusedError
from scalekit_exec.environment import Served
from scalekit_exec.errors import Failure
from scalekit_exec.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.broker.memory import Terms
    from scalekit_exec.broker.wire import Answer, Request
    from scalekit_exec.environment import Filled
    from scalekit_exec.model import Wanted

__all__ = ["Broker"]

HOST = "127.0.0.1"
BACKLOG = 512
MOST_CONNECTIONS = 128
REQUEST_SECONDS = 5.0
LINGER_SECONDS = 0.5


class Broker:
    """Serves the services of one launch until it is closed, or the process ends.

    The port is bound, and answered, from the start. The thread is a daemon: it keeps no process
    from ending. OSError where this machine has no port to give.
    """

    def __init__(self, wanted: Sequence[Wanted], filled: Sequence[Filled], terms: Terms) -> None:
        self._memory = Memory(wanted, filled, terms)
        self._slots = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = socket.create_server((HOST, 0), backlog=BACKLOG)  # not inherited
        self._port: int = self._listener.getsockname()[1]
        self._hosts = (f"{HOST}:{self._port}", f"localhost:{self._port}")
        self.bearer = Secret(os.urandom(32).hex())
        if sys.platform != "win32":
            import signal  # noqa: F401 - while there are descriptors: the thread needs it
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What the child finds as SCALEKIT_EXEC_URL."""
        return f"http://{HOST}:{self._port}"

    @property
    def served(self) -> Served:
        """What goes into the child's environment."""
        return Served(self.url, self.bearer)

    def close(self) -> None:
        """Stop at once: the port is free, and who still waits for an answer gets none."""
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread on Linux
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        _leave_signals_to_the_main_thread()
        while not self._closed.is_set():
            self._slots.acquire()
            try:
                connection, _ = self._listener.accept()
            except OSError:
                self._slots.release()
                if self._closed.is_set():
                    return
                time.sleep(0.05)  # no descriptor left, or a connection that went at once
                continue
            self._begin(connection)

    def _begin(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        try:
            threading.Thread(target=self._attend, args=(connection,), daemon=True).start()
        except RuntimeError:  # the system has no thread to give
            self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.close()
        self._slots.release()

    def _attend(self, connection: socket.socket) -> None:
        """Answer one connection, whatever it brings; nothing of it is worth a word."""
        try:
            with suppress(Exception):  # the client has gone, or never spoke
                head = _receive(connection)
                if head is not None:
                    connection.settimeout(REQUEST_SECONDS)
                    connection.sendall(wire.write_answer(self._answer(head)))
                    _linger(connection)
        finally:
            self._end(connection)

    def _answer(self, head: bytes) -> Answer:
        try:
            request = wire.read_request(head)
            self._check(request)
            return self._look_up(request)
        except RefusedError as refused:
            return messages.failure_answer(refused.status, refused.failure)
        except Exception as error:  # noqa: BLE001 - a traceback could show what no log may have
            failure = Failure("internal", f"{type(error).__name__} in the broker")
            return messages.failure_answer(500, failure)

    def _check(self, request: Request) -> None:
        """Refuse what is not for us, or not from our child; RefusedError 401, 403 or 405."""
        # A page that has its own name point here has that name for Host (DNS rebinding).
        if request.headers.get("host", "").lower() not in self._hosts:
            raise RefusedError(403, "the Host header is not that of SCALEKIT_EXEC_URL")
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        expected = self.bearer.reveal().encode()
        equal = hmac.compare_digest(given.strip(" ").encode("latin-1", "replace"), expected)
        if not equal or scheme.lower() != "bearer":
            raise RefusedError(
                401,
                "the bearer is missing or wrong",
                hint='send "Authorization: Bearer $SCALEKIT_EXEC_AUTH"',
            )
        if request.method != "GET":
            raise RefusedError(405, "only GET is answered here")

    def _look_up(self, request: Request) -> Answer:
        if request.target.startswith(wire.TOKEN):
            return self._token(request)
        if request.target.startswith(wire.ENVIRONMENT):
            entry = self._memory.find(wire.name_of(request.target, wire.ENVIRONMENT))
            return messages.environment_answer(entry.credential(), self._memory.owned)
        if request.target == wire.SERVICES:
            return messages.services_answer(self._memory.served)
        there = "/v1/token/NAME, /v1/environment/NAME and /v1/services"
        raise RefusedError(404, f"there is {there}, nothing else")

    def _token(self, request: Request) -> Answer:
        entry = self._memory.find(wire.name_of(request.target, wire.TOKEN))
        filled = entry.credential()[0]
        if filled.token is None:
            names = ", ".join(name for each in entry.credential() for name in each.values)
            raise RefusedError(
                502,
                f"{entry.service} has no single token",
                "no-credential",
                f"its variables are {names}: GET {wire.ENVIRONMENT}{entry.service}",
            )
        plain = "text/plain" in request.headers.get("accept", "").lower()
        return messages.token_answer(entry.service, filled.token, filled.expires_at, plain=plain)


def _leave_signals_to_the_main_thread() -> None:
    """Let no signal be delivered here, where Python would not look for it before long."""
    if sys.platform != "win32":
        import signal

        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def _receive(connection: socket.socket) -> bytes | None:
    """Read the head of a request; None where none comes in time, however slowly it drips."""
    end = time.monotonic() + REQUEST_SECONDS
    data = b""
    while not wire.is_whole(data) and len(data) <= wire.LONGEST_HEAD:
        left = end - time.monotonic()
        if left <= 0:
            return None
        connection.settimeout(left)
        more = connection.recv(wire.LONGEST_HEAD)
        if not more:
            return data or None
        data += more
    return data


def _linger(connection: socket.socket) -> None:
    """Take what is still coming, for a moment: to close upon unread bytes would drop the answer."""
    connection.shutdown(socket.SHUT_WR)
    end = time.monotonic() + LINGER_SECONDS
    left = LINGER_SECONDS
    while left > 0:
        connection.settimeout(left)
        if not connection.recv(65536):
            return
        left = end - time.monotonic()
