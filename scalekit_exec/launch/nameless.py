"""A pseudo-terminal that no name leads to.

The child has its output on a terminal of ours, and its keys on the user's. But less, and who else
reads keys while stdin is a file, opens the terminal by the *name* of the one that stderr is on; no
key ever comes through ours. Where there is no name they take /dev/tty, as they should. So ours is
made in a devpts file system of its own, which is mounted nowhere.

Linux only. Who may not mount does it in a user namespace, in a short-lived process: one with
threads cannot enter one.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress

assert sys.platform == "linux"  # noqa: S101 - how mypy is told that a module is of one platform

__all__ = ["lend", "open_nameless"]

# The mount API of Linux 5.2; its numbers are the same on all machines, and glibc 2.36 names them.
FSOPEN, FSCONFIG, FSMOUNT = 430, 431, 432
CLOSE_ON_EXEC = 1
FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE = 1, 6
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BORROW = f"import sys; sys.path.insert(0, sys.argv[1]); from {__name__} import lend; lend()"


def open_nameless() -> tuple[int, int]:
    """Return both ends, ours and the child's, which can be written to only; OSError if refused."""
    try:
        return _open()
    except OSError:
        return _borrow()


def _open() -> tuple[int, int]:
    """Open them by ourselves."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def call(number: int, *arguments: object) -> int:
        result: int = libc.syscall(number, *arguments)
        if result < 0:
            raise OSError(ctypes.get_errno(), "no devpts of our own")
        return result

    context = call(FSOPEN, b"devpts", CLOSE_ON_EXEC)
    try:
        call(FSCONFIG, context, FSCONFIG_SET_STRING, b"ptmxmode", b"0666", 0)
        call(FSCONFIG, context, FSCONFIG_CMD_CREATE, None, None, 0)
        folder = call(FSMOUNT, context, CLOSE_ON_EXEC, 0)
    finally:
        os.close(context)
    try:
        ours = os.open("ptmx", os.O_RDWR | os.O_NOCTTY, dir_fd=folder)
        libc.unlockpt(ours)
        name = ctypes.create_string_buffer(64)
        libc.ptsname_r(ours, name, len(name))
        number = os.path.basename(name.value.decode())
        return ours, os.open(number, os.O_WRONLY | os.O_NOCTTY, dir_fd=folder)
    finally:
        os.close(folder)


def _borrow() -> tuple[int, int]:
    """Let another process open them."""
    near, far = socket.socketpair()
    with near:
        with far:
            words = [sys.executable, "-I", "-S", "-c", BORROW, HERE]
            actions = [
                (os.POSIX_SPAWN_DUP2, far.fileno(), 1),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 2),
            ]
            lender = os.posix_spawn(sys.executable, words, {}, file_actions=actions)
        try:
            ends = socket.recv_fds(near, 1, 2, socket.MSG_CMSG_CLOEXEC)[1]
        finally:
            with suppress(ChildProcessError):  # the caller ignores SIGCHLD
                os.waitpid(lender, 0)
    if len(ends) != 2:
        raise OSError("nobody may make user namespaces here")
    return ends[0], ends[1]


def lend() -> None:
    """Open them in a namespace where we may, and send them to who has our stdout's other end."""
    import ctypes

    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        return
    _write("setgroups", "deny")
    _write("uid_map", f"0 {user} 1")
    _write("gid_map", f"0 {group} 1")
    with socket.socket(fileno=os.dup(1)) as borrower:
        socket.send_fds(borrower, [b"."], list(_open()))


def _write(name: str, text: str) -> None:
    with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
        file.write(text)
