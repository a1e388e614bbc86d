"""Whose the other end of a loopback connection is: 127.0.0.1 is every user's.

Linux only, by /proc/net/tcp and tcp6 (proc_pid_net(5)); elsewhere nobody knows.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["may_be_ours", "of_client", "of_listener"]

LISTENS = "0A"  # TCP_LISTEN of include/net/tcp_states.h
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
# As the kernel writes them there: words in the machine's order. 127.0.0.1 and 0.0.0.0, both also as
# IPv6 has them.
_LITTLE = sys.byteorder == "little"
LOOPBACK = "0100007F" if _LITTLE else "7F000001"
MAPPED = ("0000000000000000FFFF0000" if _LITTLE else "00000000000000000000FFFF") + LOOPBACK
ANY = ("0" * 8, "0" * 32)


def of_listener(port: int) -> frozenset[int] | None:
    """Return the users that listen where 127.0.0.1:`port` leads; None where nobody can tell."""
    places = {f"{address}:{port:04X}" for address in (LOOPBACK, MAPPED, *ANY)}
    rows = _rows()
    if rows is None:
        return None
    return frozenset(int(row[7]) for row in rows if row[1] in places and row[3] == LISTENS)


def of_client(port: int, server_port: int) -> frozenset[int] | None:
    """Return the users of the end 127.0.0.1:`port` of a connection to our `server_port`.

    Empty for one that is closed already; None where nobody can tell.
    """
    rows = _rows()
    if rows is None:
        return None
    ends = {
        (f"{address}:{port:04X}", f"{address}:{server_port:04X}") for address in (LOOPBACK, MAPPED)
    }
    return frozenset(int(row[7]) for row in rows if (row[1], row[2]) in ends)


def may_be_ours(owners: frozenset[int]) -> bool:
    """Tell whether one of these is us, or root, who may be anybody."""
    return bool(owners & {0, _own()})


def _own() -> int:
    if sys.platform == "win32":
        return 0
    return os.geteuid()


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
            if len(row) > 7 and row[7].isdigit():
                yield row
