"""One editor of a file at a time: a lock file beside it, which the system frees with its holder."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from scalekit_exec.errors import ConfigurationError, reason
from scalekit_exec.files import displayed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["locked"]

_PATIENCE = 10.0
_PAUSE = 0.01

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _free(descriptor: int, path: str) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        os.close(descriptor)
        with suppress(OSError):  # whoever waits has it open, and Windows keeps it for them
            os.unlink(path)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _free(descriptor: int, path: str) -> None:
        with suppress(OSError):
            os.unlink(path)  # while it is ours: whoever waits sees that it is another file now
        os.close(descriptor)


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock on a file that is about to be edited; it need not exist yet.

    Missing folders are made, private. Raises ConfigurationError `config-invalid` where the folder
    cannot be written, or where another holds the lock for more than 10 s.
    """
    folder, name = os.path.split(os.path.realpath(path))
    beside = os.path.join(folder, f".{name}.lock")
    end = time.monotonic() + _PATIENCE
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor = _attempt(beside)
        while descriptor is None and time.monotonic() < end:
            time.sleep(_PAUSE)
            descriptor = _attempt(beside)
    except OSError as error:
        raise ConfigurationError(
            "config-invalid",
            f"cannot write {displayed(path)}: {reason(error)}",
            f"check the folder {displayed(folder)}",
        ) from None
    if descriptor is None:
        raise ConfigurationError(
            "config-invalid",
            f"{displayed(path)} is being edited by another process",
            "try again when it is done",
        )
    try:
        yield
    finally:
        _free(descriptor, beside)


def _attempt(beside: str) -> int | None:
    """Take the lock if it is free; None where another has it, or has just let it go."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(beside, flags, 0o600)
    try:
        _take(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    try:
        if os.path.samestat(os.stat(beside), os.fstat(descriptor)):
            return descriptor
    except FileNotFoundError:
        pass
    os.close(descriptor)
    return None
