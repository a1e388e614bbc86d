"""The private folder in which the daemon's socket lies: only the user's own, or none at all."""

from __future__ import annotations

import os
import stat
import sys

from scalekit_exec.files import HOME

assert sys.platform != "win32"  # noqa: S101 - how mypy is told that a module is of one platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOCK", "SOCKET", "address", "fault", "folder", "make", "open_folder"]

NAME = "scalekit-exec"
SOCKET = "daemon.sock"
LOCK = "daemon.lock"
# What sun_path holds, less its NUL: 108 on Linux, 104 on the BSDs and macOS.
LONGEST_ADDRESS = 107 if sys.platform == "linux" else 103
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def folder(environ: Mapping[str, str]) -> str | None:
    """Return where the daemon's folder is, or would be; None where there is no home either.

    XDG_RUNTIME_DIR counts only if it is a folder of the user's: `su` may leave another's behind.
    """
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and _is_ours(runtime):
        return os.path.join(runtime, NAME)
    cache = environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(cache):
        home = environ.get(HOME, "")
        if not os.path.isabs(home):
            return None
        cache = os.path.join(home, *(("Library", "Caches") if _is_mac() else (".cache",)))
    return os.path.join(cache, NAME)


def _is_mac() -> bool:
    return sys.platform == "darwin"


def _is_ours(path: str) -> bool:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def make(path: str) -> None:
    """Make the folder where there is none, private; OSError where that cannot be done."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    if not os.path.lexists(path):
        os.makedirs(path, mode=0o700, exist_ok=True)  # another launch may be quicker


def open_folder(path: str) -> int:
    """Open the folder and return its descriptor, on which everything else is based.

    Raises OSError where there is none or it is a link, PermissionError where it is not ours alone.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    wrong = fault(os.fstat(descriptor))
    if wrong:
        os.close(descriptor)
        raise PermissionError(wrong)
    return descriptor


def fault(status: os.stat_result) -> str:
    """Return why this file or folder is not the user's alone; "" where it is."""
    if status.st_uid != os.geteuid():
        return f"belongs to somebody else (uid {status.st_uid})"
    if status.st_mode & OTHERS:
        return f"is open to others (mode {stat.S_IMODE(status.st_mode):04o})"
    return ""


def address(path: str, descriptor: int) -> str | None:
    """Return the address of the socket in this folder; None where none is short enough.

    On Linux it leads through the descriptor: that is short, and what was checked is what is used.
    """
    through = f"/proc/self/fd/{descriptor}"
    if sys.platform == "linux" and os.path.isdir(through):
        return f"{through}/{SOCKET}"
    direct = os.path.join(path, SOCKET)
    return direct if len(os.fsencode(direct)) <= LONGEST_ADDRESS else None
