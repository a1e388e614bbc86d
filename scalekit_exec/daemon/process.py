"""The daemon as a process: how it is started, and what it does before it serves anybody."""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import suppress

from scalekit_exec.daemon import place

assert sys.platform != "win32"  # noqa: S101 - how mypy is told that a module is of one platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from types import FrameType
else:
    import _signal as signal  # `signal` imports enum, which a launch has no time for

__all__ = ["IDLE", "main", "start"]

IDLE = 900.0
PATIENCE_WITH_START = 2.0
# The first process ends at once, so that the daemon is nobody's child: a launch becomes its
# command, which must not find a child that it never started. The package may lie where `-I` does
# not look, as in a user's own site-packages, so its folder is named.
PROGRAM = (
    "import os, sys; os.fork() and os._exit(0); os.setsid(); sys.path.append(sys.argv[1]); "
    "from scalekit_exec.daemon.process import main; main(*sys.argv[2:])"
)
# <sys/mman.h> of Linux
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4
CAP_IPC_LOCK = 14


def start(folder: str, *, cache: float = 0.0, idle: float = IDLE) -> None:
    """Start a daemon for this folder, fresh: no environment, its own session, nothing inherited.

    It is not waited for, and ends by itself where another has the folder already. Raises OSError
    where it cannot be started.
    """
    if not sys.executable:
        raise FileNotFoundError("it is not known which Python this is")
    place.make(folder)
    descriptor = place.open_folder(folder)
    address = place.address(folder, descriptor)
    os.close(descriptor)
    if address is None:
        raise OSError(errno.ENAMETOOLONG, "its path is too long for a socket")
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    words = [sys.executable, "-I", "-c", PROGRAM, package, folder, f"{cache:g}", f"{idle:g}"]
    null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    fixed = (signal.SIGKILL, signal.SIGSTOP)
    pid = os.posix_spawn(
        sys.executable,
        words,
        {},
        file_actions=null,
        setsigmask=(),
        setsigdef=[number for number in signal.valid_signals() if number not in fixed],
    )
    end = time.monotonic() + PATIENCE_WITH_START
    with suppress(ChildProcessError):  # reaped already, where SIGCHLD is ignored
        while os.waitpid(pid, os.WNOHANG) == (0, 0) and time.monotonic() < end:
            time.sleep(0.002)


def main(folder: str, cache: str, idle: str) -> None:
    """Be the daemon of this folder; return at once where there is one already."""
    os.umask(0o077)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    _protect()
    signal.signal(signal.SIGTERM, _leave)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    from scalekit_exec.daemon.server import Server

    with suppress(OSError, _OverError):
        descriptor = place.open_folder(folder)
        if not _is_first(descriptor):
            return
        listener = _listen(descriptor)
        try:
            Server(listener, cache=float(cache), idle=float(idle)).run()
        finally:
            os.unlink(place.SOCKET, dir_fd=descriptor)
            listener.close()
    os._exit(0)  # threads that wait for Scalekit are not waited for; their launches ask it again


class _OverError(BaseException):
    """SIGTERM has come."""


def _leave(number: int, _: FrameType | None) -> None:
    raise _OverError(number)


def _protect() -> None:
    """Keep our memory to ourselves: no core files, no look from other processes, no swap.

    Where the system limits what may be locked, nothing is: an allocation beyond the limit would
    fail later, in the middle of a launch.
    """
    from scalekit_exec import launch

    launch.shield()
    from scalekit_exec.launch import posix

    posix.limit_core()
    if sys.platform != "linux" or not _may_lock():
        return
    import ctypes

    ctypes.CDLL(None).mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)


def _may_lock() -> bool:
    import resource

    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> CAP_IPC_LOCK & 1)
    return False


def _is_first(descriptor: int) -> bool:
    """Take the folder, for as long as this process lives; False where another has it."""
    import fcntl

    lock = os.open(place.LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=descriptor)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _listen(descriptor: int) -> socket.socket:
    """Open the socket, in place of what a daemon that was killed has left."""
    import socket

    with suppress(FileNotFoundError):
        os.unlink(place.SOCKET, dir_fd=descriptor)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchdir(descriptor)  # the folder's whole path may be longer than a socket's may be
    listener.bind(place.SOCKET)
    os.chdir("/")
    listener.listen(128)
    return listener
