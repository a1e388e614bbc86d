"""A job object: the child and all that it starts end with us, should we be ended from outside."""

from __future__ import annotations

import ctypes
import sys

assert sys.platform == "win32"  # noqa: S101 - how mypy is told that a module is of one platform

__all__ = ["Job"]

EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation
KILL_ON_CLOSE = 0x2000  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
WORDS = 18 if ctypes.sizeof(ctypes.c_void_p) == 8 else 28
FLAGS_AT = 16  # bytes: LimitFlags follows two times of 8 bytes


class Job:
    """Holds a process from now on; the last handle's closing ends it and its descendants.

    TerminateProcess, which is all that there is of SIGKILL, would else leave a child behind that
    writes into a pipe without a reader. Where the system refuses, nothing is held.
    """

    def __init__(self, process: int) -> None:
        self._kernel = ctypes.WinDLL("kernel32")
        self._kernel.CreateJobObjectW.restype = ctypes.c_void_p
        self._handle = ctypes.c_void_p(self._kernel.CreateJobObjectW(None, None))
        self._limit(KILL_ON_CLOSE)
        self._kernel.AssignProcessToJobObject(self._handle, ctypes.c_void_p(process))

    def release(self) -> None:
        """Let live on what the child has left running."""
        self._limit(0)

    def _limit(self, flags: int) -> None:
        limits = (ctypes.c_uint64 * WORDS)()
        ctypes.c_uint32.from_buffer(limits, FLAGS_AT).value = flags
        size = 144 if ctypes.sizeof(ctypes.c_void_p) == 8 else 112
        self._kernel.SetInformationJobObject(self._handle, EXTENDED_LIMITS, limits, size)
