"""A terminal of the child's own for its output, which behaves as the user's does.

stdin stays the user's terminal, and so does the controlling terminal: keys, Ctrl-C and job control
never pass through us. Only what the child asks of its *output* has to be carried over: how large it
is, and the modes that programs set on it, as ncurses does.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import termios
import time
from contextlib import suppress

from scalekit_exec.launch.lines import Lines

assert sys.platform != "win32"  # noqa: S101 - how mypy is told that a module is of one platform

__all__ = ["Terminal"]

NO_SIZE = b"\0" * 8  # struct winsize: four shorts
INPUT, OUTPUT, LOCAL, CHARACTERS = 0, 1, 3, 6  # where tcgetattr has what
# In packet mode a terminal with this flag tells when its modes are changed; Python has no name for
# it before 3.13 or so.
EXTPROC = 0o200000 if sys.platform == "linux" else 0x800
MODES_CHANGED = 0x40  # TIOCPKT_IOCTL
NEVER = float("inf")
# vim does not look at a second SIGWINCH while it answers the first, not before the next key.
AFTER_THE_FIRST = 0.05

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Modes = list[Any]


def _open() -> tuple[int, int]:
    """Return both ends of a pseudo-terminal, ours and the child's, which is for writing only.

    No key ever comes through it. Who tries to read one is told at once, and may look elsewhere.
    """
    if sys.platform == "linux":
        from scalekit_exec.launch.nameless import open_nameless

        with suppress(OSError):
            return open_nameless()
    master, both_ways = os.openpty()
    slave = os.open(os.ttyname(both_ways), os.O_WRONLY | os.O_NOCTTY)
    os.close(both_ways)
    os.fchmod(slave, 0o200)  # not 0: /dev/stderr can be opened
    return master, slave


class Terminal:
    """A pseudo-terminal in place of the one that `real` is.

    Output processing is off: what the child writes comes as it is, and the user's terminal does
    with it what it always does.
    """

    def __init__(self, real: int) -> None:
        self._real = real
        self._size = NO_SIZE
        self.tell_at = NEVER
        self.master, self.slave = _open()
        try:
            self._controlling = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        except OSError:
            self._controlling = -1
        self.child: int | None = None  # set once it runs
        self._modes: Modes = termios.tcgetattr(real)
        self._lines = Lines() if _ends_lines(self._modes) else None
        self._adopt(self._modes)
        fcntl.ioctl(self.master, termios.TIOCPKT, b"\1\0\0\0")
        self.follow_size()

    def read(self, size: int) -> bytes | None:
        """Return what the child wrote, b"" where it only changed modes, None at the end.

        Linux says EIO at the end, when the last descriptor of the other side is closed.
        """
        try:
            data = os.read(self.master, size)
        except OSError:
            return None
        if not data:
            return None
        self.follow_size()  # of a resize only the group in the foreground is told
        if data[0] & MODES_CHANGED:
            self._carry_to_real()
        else:
            self._carry_from_real()
        return b"" if data[0] else data[1:]

    def as_written(self, data: bytes) -> bytes:
        """Return what the user's terminal must be given to show what the child wrote."""
        if not data or self._lines is None:
            return data
        processed = True
        with suppress(OSError, termios.error):
            processed = _ends_lines(termios.tcgetattr(self._real))
        return self._lines.pass_on(data, processed=processed)

    def follow_size(self) -> None:
        """Make it as large as the user's, which may tell a program of its new size before we do."""
        with suppress(OSError):
            size = fcntl.ioctl(self._real, termios.TIOCGWINSZ, NO_SIZE)
            if size != self._size:
                fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)
                if self._size != NO_SIZE:
                    self.tell_at = time.monotonic() + AFTER_THE_FIRST
                self._size = size

    def tell_of_size(self) -> None:
        """Tell who runs there once more of a new size, once it is time."""
        if time.monotonic() >= self.tell_at:
            self.tell_at = NEVER
            with suppress(OSError):
                os.killpg(os.tcgetpgrp(self._controlling), signal.SIGWINCH)

    def _carry_to_real(self) -> None:
        """Let the user's terminal have the modes that the child has just set on this one.

        But for output processing, which is off here whatever it is there; where the child turns it
        on, it goes on there.
        """
        with suppress(OSError, termios.error):
            asked, before = termios.tcgetattr(self.master), self._modes
            wanted = list(before)
            wanted[INPUT], wanted[CHARACTERS] = asked[INPUT], asked[CHARACTERS]
            processing = (asked[OUTPUT] | before[OUTPUT]) & termios.OPOST
            wanted[OUTPUT] = asked[OUTPUT] & ~termios.OPOST | processing
            wanted[LOCAL] = asked[LOCAL] & ~EXTPROC | before[LOCAL] & EXTPROC
            if wanted != before and self._is_ours():
                _set_modes(self._real, wanted)
                self._modes = termios.tcgetattr(self._real)
            if asked[OUTPUT] & termios.OPOST or not asked[LOCAL] & EXTPROC:
                self._adopt(asked)

    def _carry_from_real(self) -> None:
        """Let this terminal show the modes that somebody has set on the user's, as on fd 0."""
        with suppress(OSError, termios.error):
            modes = termios.tcgetattr(self._real)
            if modes != self._modes and self._is_ours():
                self._modes = modes
                self._adopt(modes)

    def _adopt(self, modes: Modes) -> None:
        own = list(modes)
        own[OUTPUT] &= ~termios.OPOST
        own[LOCAL] |= EXTPROC
        _set_modes(self.master, own)

    def _is_ours(self) -> bool:
        """Tell whether one of us has the terminal; else we were sent to the background.

        That is our group, or a job of a child that is a shell and has a group of its own.
        """
        ours = os.getpgrp()
        if os.tcgetpgrp(self._controlling) == ours:
            return True
        return self.child is not None and os.getpgid(self.child) != ours


def _ends_lines(modes: Modes) -> bool:
    """Tell whether a terminal of these modes returns to the left at the end of a line."""
    both = termios.OPOST | termios.ONLCR
    return bool(modes[OUTPUT] & both == both)


def _set_modes(descriptor: int, modes: Modes) -> None:
    """Set them though another group may have the terminal, for which the system would stop us."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
    try:
        termios.tcsetattr(descriptor, termios.TCSANOW, modes)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
