"""The daemon's side of its socket: one thread and one request for each connection."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress

from scalekit_exec.clock import format_rfc3339
from scalekit_exec.daemon import request as requests
from scalekit_exec.daemon import wire
from scalekit_exec.daemon.entry import Entries
from scalekit_exec.errors import ScalekitExecError

assert sys.platform != "win32"  # noqa: S101 - how mypy is told that a module is of one platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

__all__ = ["Server"]

# How long a launch may take for its request, which it has in hand when it connects.
PATIENCE = 2.0
PATIENCE_WITH_READER = 10.0
MOST_CLIENTS = 64
GREETING = wire.write(wire.GREETING)
ACKNOWLEDGED = wire.write(wire.ACKNOWLEDGED)


class Server:
    """Serves a listening socket until no launch has asked for anything for `idle` seconds.

    To be looked at, or to be passed over by a launch of another version, keeps it alive no longer.
    """

    def __init__(self, listener: socket.socket, *, cache: float, idle: float) -> None:
        self._listener = listener
        self._idle = idle
        self._entries = Entries(cache)
        self._lock = threading.Lock()
        self._since = time.time()
        self._last = time.monotonic()
        self._clients = 0
        self._calls = 0
        self._served = 0

    def run(self) -> None:
        """Accept connections; return when idle for too long. Connections beyond 64 are dropped."""
        while True:
            left = self._last + self._idle - time.monotonic()
            if left <= 0 and not self._calls:
                return
            self._listener.settimeout(max(left, 0.1))
            try:
                connection, _ = self._listener.accept()
            except (TimeoutError, ConnectionError):
                continue
            if not self._greet(connection):
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _greet(self, connection: socket.socket) -> bool:
        """Greet a launch at once, before a thread is made for it; False where it is not let in."""
        try:
            if wire.peer(connection)[0] != os.geteuid():
                return False
            with self._lock:
                if self._clients >= MOST_CLIENTS:
                    return False
                self._clients += 1
        except OSError:
            return False
        # A launch that is gone already is found out by the thread that is to read from it.
        connection.settimeout(PATIENCE)
        with suppress(OSError):
            connection.sendall(GREETING)
        return True

    def _serve(self, connection: socket.socket) -> None:
        try:
            # Whatever goes wrong here, the launch asks Scalekit by itself, and reports it better.
            with suppress(Exception), connection:
                self._converse(connection)
        finally:
            with self._lock:
                self._clients -= 1

    def _converse(self, connection: socket.socket) -> None:
        message = wire.read(connection, wire.LONGEST_REQUEST)
        connection.sendall(ACKNOWLEDGED)
        if message.get("call") == "status":
            connection.sendall(wire.write(self._status()))
            return
        request = requests.read(message)
        with self._lock:
            self._calls += 1
        try:
            data = wire.write(_answer(self._entries, request))
            connection.settimeout(PATIENCE_WITH_READER)
            if len(data) <= wire.LONGEST_ANSWER:
                connection.sendall(data)
        finally:
            with self._lock:
                self._calls -= 1
                self._served += 1
                self._last = time.monotonic()

    def _status(self) -> dict[str, object]:
        return {
            "pid": os.getpid(),
            "since": format_rfc3339(self._since),
            "served": self._served,
            "connections": self._entries.connections(),
        }


def _answer(entries: Entries, request: requests.Request) -> dict[str, object]:
    try:
        return entries.find(request).answer(request)
    except ScalekitExecError:  # a CA file or a proxy that is not right
        return {}
