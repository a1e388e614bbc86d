"""The connections to Scalekit that stay open between two launches, and requests over them."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

from scalekit_exec.files import readable
from scalekit_exec.transport.http import Exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from scalekit_exec.clock import Deadline
    from scalekit_exec.transport.answers import Answer
    from scalekit_exec.transport.sockets import Dialer

__all__ = ["Pool", "PooledExchange"]

MOST_IDLE = 4
# Shorter than most servers and networks keep a silent connection in mind; the probes below keep it
# there meanwhile, and find out within half a minute if it has gone.
LONGEST_IDLE = 240.0
PROBES = (("TCP_KEEPIDLE", 20), ("TCP_KEEPALIVE", 20), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


class Pool:
    """Idle connections to one host, for one set of client credentials."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[ssl.SSLSocket, bool, float, float]] = []
        self._closed = False

    def take(self) -> tuple[ssl.SSLSocket, bool] | None:
        """Return a connection that is still good, and whether it was used; None where none is."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, used, since, wall = self._idle.pop()
            # The clock that moved on further counts: one of them stands still in a machine's sleep.
            idle = max(time.monotonic() - since, time.time() - wall)
            if idle < LONGEST_IDLE and not _has_ended(connection, used=used):
                return connection, used
            connection.close()

    def give(self, connection: ssl.SSLSocket, *, used: bool) -> None:
        """Keep a connection for the next one who needs it, or close it where enough are kept."""
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in PROBES:
                if hasattr(socket, name):
                    connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        with self._lock:
            if not self._closed and len(self._idle) < MOST_IDLE:
                self._idle.append((connection, used, time.monotonic(), time.time()))
                return
        connection.close()

    def __len__(self) -> int:
        return len(self._idle)

    def close(self) -> None:
        """Close what is idle, and what is given back later."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection, *_ in idle:
            connection.close()


def _has_ended(connection: ssl.SSLSocket, *, used: bool) -> bool:
    """Tell whether the server has closed a connection, or said something that nobody asked for.

    Before its first use there may be a session ticket to read.
    """
    try:
        if not readable([connection.fileno()], 0):
            return False
        return used or not socket.socket.recv(connection, 1, socket.MSG_PEEK)
    except (OSError, ValueError):
        return True


class PooledExchange(Exchange):
    """The requests of one call, with its own deadline, over the connections of a pool.

    `last` is the last answer that came. Where no connection can be opened, the launch tries by
    itself.
    """

    dials_once = True

    def __init__(
        self,
        pool: Pool,
        dialer: Dialer,
        deadline: Deadline,
        say: Callable[[str], None],
        user_agent: str,
    ) -> None:
        super().__init__(dialer, deadline, say, user_agent)
        self._pool = pool
        self.last: Answer | None = None

    def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Callable[[], dict[str, str]] = dict,
    ) -> Answer:
        """Send one request and return its answer, as Exchange does."""
        self.last = super().send(method, path, body=body, headers=headers)
        return self.last

    def _lend(self) -> tuple[ssl.SSLSocket, bool]:
        kept = self._pool.take()
        if kept is None:
            return self._open(), False
        with self._lock:
            self._all.add(kept[0])
        return kept

    def _keep(self, connection: ssl.SSLSocket, *, used: bool) -> None:
        with self._lock:
            self._all.discard(connection)
        self._pool.give(connection, used=used)
