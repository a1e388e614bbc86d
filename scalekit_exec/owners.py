"""Whose the other end of a loopback connection is: 127.0.0.1 is every user's.

Linux only. The kernel is asked for the one socket (sock_diag(7)); where it does not answer, its
tables are read (/proc/net/tcp and tcp6, proc_pid_net(5)), which costs some 10 ms. Elsewhere nobody
knows.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    End = tuple[str, int]

__all__ = ["NOBODY", "are_ours", "listed_client", "listed_listener", "of_client", "of_listener"]

NOBODY = -1  # a socket that no process has any longer
LOCAL, ALL = "127.0.0.1", "0.0.0.0"  # noqa: S104 - nothing is bound to it here
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
LISTENS = "0A"  # TCP_LISTEN of include/net/tcp_states.h
ESTABLISHED = 1  # TCP_ESTABLISHED, there too
# inet_diag(7): a request of 56 bytes after a header of 16, its answer, and the kernel's "no such".
DIAG, BY_FAMILY, REQUEST, LISTENING = 4, 20, 1, 10
ASKED, ANSWERED, UID, INODE = 72, 88, 16 + 64, 16 + 68


def of_listener(port: int) -> frozenset[int] | None:
    """Return the user that listens where 127.0.0.1:`port` leads; None where nobody can tell.

    Empty where nobody listens.
    """
    found = _asked((LOCAL, port), None)
    return listed_listener(port) if found is None else frozenset({found})


def listed_listener(port: int) -> frozenset[int] | None:
    """Return what `of_listener` does, by the kernel's tables."""
    rows = _rows()
    if rows is None:
        return None
    heard = [row for row in rows if row[3] == LISTENS]
    # The kernel prefers the listener that says more of itself.
    for address in (*_addresses(LOCAL), *_addresses(ALL), "0" * 32):
        uids = frozenset(int(row[7]) for row in heard if row[1] == f"{address}:{port:04X}")
        if uids:
            return uids
    return frozenset()


def of_client(connection: socket.socket) -> frozenset[int] | None:
    """Return the user at the other end of a connection that we accepted on 127.0.0.1.

    `{NOBODY}` for one that is closed already; None where nobody can tell. Raises OSError for a
    connection that is gone.
    """
    found = _asked(connection.getpeername(), connection.getsockname())
    return listed_client(connection) if found is None else frozenset({found})


def listed_client(connection: socket.socket) -> frozenset[int] | None:
    """Return what `of_client` does, by the kernel's tables."""
    import socket

    end, own = connection.getpeername(), connection.getsockname()
    rows = _rows()
    if rows is None:
        return None
    names = zip(_named(end), _named(own), strict=True)
    rows = [row for name in names for row in rows if tuple(row[1:3]) == name]
    if not rows and connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED:
        return None  # not of this kernel: Windows' browser, for a WSL that shares its network
    uids = (int(row[7]) if row[9] != "0" else NOBODY for row in rows)
    return frozenset(uids) or frozenset({NOBODY})


def are_ours(owners: frozenset[int]) -> bool:
    """Tell whether these are nobody but us, or root, who may be anybody."""
    return bool(owners) and owners <= {0, _own()}


def _own() -> int:
    if sys.platform == "win32":
        return 0
    return os.geteuid()


def _asked(end: End, other: End | None) -> int | None:
    """Ask the kernel for the user of one socket; `other` is None for one that listens.

    None where it knows of none, or is not to be asked: a kernel without inet_diag says the same.
    """
    if sys.platform != "linux":
        return None
    import socket

    def place(at: End | None) -> bytes:
        return b"".join((socket.inet_aton(at[0]) if at else bytes(4), bytes(12)))

    def number(value: int, length: int) -> bytes:
        return value.to_bytes(length, sys.byteorder)

    ports = b"".join(port.to_bytes(2, "big") for port in (end[1], other[1] if other else 0))
    request = (
        number(ASKED, 4) + number(BY_FAMILY, 2) + number(REQUEST, 2) + number(1, 4) + bytes(4)
    )  # fmt: skip
    request += bytes((socket.AF_INET, socket.IPPROTO_TCP, 0, 0)) + b"\xff" * 4
    request += ports + place(end) + place(other) + bytes(4) + b"\xff" * 8
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(request)
            answer = kernel.recv(4096)
    except OSError:
        return None
    if len(answer) < ANSWERED or answer[4:6] != number(BY_FAMILY, 2):
        return None
    if other is None and answer[17] != LISTENING:
        return None
    if other is not None and not any(answer[INODE : INODE + 4]):
        return NOBODY  # closed, with something still to send; an older kernel calls it root's
    return int.from_bytes(answer[UID : UID + 4], sys.byteorder)


def _named(end: End) -> list[str]:
    """Return the names of one end in the two tables."""
    return [f"{address}:{end[1]:04X}" for address in _addresses(end[0])]


def _addresses(host: str) -> tuple[str, str]:
    """Return an IPv4 address as the two tables write it, in words of the machine's order."""
    words = [bytes(map(int, host.split("."))), b"\0\0\xff\xff", bytes(4), bytes(4)]
    texts = [f"{int.from_bytes(word, sys.byteorder):08X}" for word in words]
    return texts[0], "".join(reversed(texts))


def _rows() -> list[list[str]] | None:
    """Return the kernel's table of connections; None where there is none to read."""
    if sys.platform != "linux":
        return None
    rows: list[list[str]] = []
    try:
        for table in TABLES:
            rows += _table(table)
    except (OSError, ValueError):
        return None
    return rows


def _table(path: str) -> Iterator[list[str]]:
    if path == TABLES[1] and not os.path.exists(path):  # a kernel without IPv6
        return
    with open(path, encoding="ascii") as file:
        for line in file:
            row = line.split()
            if len(row) > 9 and row[7].isdigit():
                yield row
