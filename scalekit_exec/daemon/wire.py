"""What goes over the daemon's socket: JSON objects with their length before them; and who is there.

The daemon speaks first and says its version. Only then a launch sends its request, of which there
is one for each connection; the daemon acknowledges it at once and answers when Scalekit has. A
version is one of these messages and of the package: any other is passed over, so that nothing here
has to be compatible.
"""

from __future__ import annotations

import _socket  # what `socket` builds on; that one costs a launch 5 ms
import os
import sys

from scalekit_exec import __version__, jsontext

assert sys.platform != "win32"  # noqa: S101 - how mypy is told that a module is of one platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol
else:
    Protocol = object

__all__ = ["ACKNOWLEDGED", "GREETING", "LONGEST_ANSWER", "LONGEST_REQUEST", "Stream", "peer"]
__all__ += ["check_greeting", "read", "write"]

LINUX = sys.platform == "linux"
VERSION = 1
NETWORK = "/proc/self/ns/net"


def _network() -> str | None:
    """Name the network that this process is in (network_namespaces(7)); None where there is one."""
    try:
        status = os.stat(NETWORK)
    except OSError:
        return None
    return f"{status.st_dev}:{status.st_ino}"


RELEASE = {"daemon": "scalekit-exec", "version": VERSION, "release": __version__}
GREETING = {**RELEASE, "network": _network()}
ACKNOWLEDGED = {"acknowledged": True}
LENGTH = 4
LONGEST_REQUEST = 1 << 18
# Scalekit's own answers are at most 4 MiB; escapes may make them longer.
LONGEST_ANSWER = 1 << 24
# The kernel's struct xucred, as <sys/ucred.h> has it: version, uid, groups.
LOCAL_PEERCRED = 1
LOCAL_PEERPID = 2
XUCRED = 76


class Stream(Protocol):
    """As much of a socket as is needed here."""

    def recv(self, size: int, /) -> bytes:
        """Return some bytes, none at the end."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """Return an option's value."""


def write(message: Mapping[str, object]) -> bytes:
    """Return a message's bytes."""
    data = jsontext.write(message)
    return len(data).to_bytes(LENGTH, "big") + data


def read(stream: Stream, limit: int) -> dict[str, object]:
    """Read one message of at most `limit` bytes.

    Raises ValueError for what is none, ConnectionError where the other side went away, TimeoutError
    and other OSError as the socket does.
    """
    length = int.from_bytes(_exactly(stream, LENGTH), "big")
    if length > limit:
        raise ValueError("a message that is too long")
    try:
        message = jsontext.read(_exactly(stream, length))
    except RecursionError:
        raise ValueError("a message that is nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("a message that is no object")  # noqa: TRY004 - one class for every fault
    return message


def _exactly(stream: Stream, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        more = stream.recv(min(length - len(data), 1 << 16))
        if not more:
            raise ConnectionError("the other side went away")
        data += more
    return bytes(data)


def check_greeting(message: Mapping[str, object]) -> None:
    """Accept what a daemon of just our version says first, of our network; ValueError for all else.

    One that was started in a network of its own, such as an agent's sandbox, cannot reach what we
    can, or can what we are not to.
    """
    if any(message.get(name) != value for name, value in RELEASE.items()):
        raise ValueError("it is of another version")
    if message.get("network") != GREETING["network"]:
        raise ValueError("it is in another network")


def peer(stream: Stream) -> tuple[int, int]:
    """Return uid and pid of the process at the other end, as the kernel knows them.

    Of a listener they are those of the process that called listen(). Raises OSError where the
    system does not tell: nobody is trusted then.
    """
    if LINUX:
        data = stream.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
        return _number(data[4:8]), _number(data[0:4])
    return _peer_of_bsd(stream)


def _peer_of_bsd(stream: Stream) -> tuple[int, int]:
    data = stream.getsockopt(0, LOCAL_PEERCRED, XUCRED)
    if len(data) < 8 or _number(data[0:4]) != 0:
        raise OSError("the system does not tell who is at the other end")
    # Only macOS tells the process beside it.
    mac = sys.platform == "darwin"
    return _number(data[4:8]), _number(stream.getsockopt(0, LOCAL_PEERPID, 4)) if mac else 0


def _number(data: bytes) -> int:
    return int.from_bytes(data, sys.byteorder)
