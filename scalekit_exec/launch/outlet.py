"""The child's output on its way through us: a pipe or a terminal of its own, hidden, passed on."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import struct
import sys
import termios
import threading
import time
from contextlib import suppress

from scalekit_exec.errors import ScalekitExecError
from scalekit_exec.files import SELECTABLE, readable

assert sys.platform != "win32"  # noqa: S101 - how mypy is told that a module is of one platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scalekit_exec.launch.terminal import Terminal
    from scalekit_exec.redaction import Redactor

__all__ = ["Outlet", "open_outlets", "pass_through"]

AT_ONCE = 262144
A_SCREENFUL = 16384  # more than a terminal has at once
PIPE_SIZE = 1048576  # what Linux lets everybody have; fewer, larger turns
HELD_AT_MOST = 0.05
DRAIN = 0.2
NEVER = float("inf")
RESIZED, ENDED = b"r", b"e"
# The reader has gone, or the terminal has: the child is to find that out itself.
GONE = (errno.EPIPE, errno.EIO, errno.ECONNRESET)


def open_outlets(redactors: tuple[Redactor, Redactor]) -> tuple[Outlet, ...]:
    """Open what the child is to have for stdout and stderr.

    Where both are the same file they stay one, so that what is written to them stays in order; the
    first redactor sees both then. A descriptor that the caller had closed stays closed, and what
    goes to /dev/null is left to it.
    """
    outlets: list[Outlet] = []
    places: list[os.stat_result] = []
    for target, redactor in zip((1, 2), redactors, strict=True):
        place = os.fstat(target)
        if not os.get_inheritable(target) or _is_null(place):
            continue
        if places and os.path.samestat(place, places[0]):
            outlets[0].targets += (target,)
            continue
        outlets.append(Outlet(target, redactor))
        places.append(place)
    return tuple(outlets)


def _is_null(place: os.stat_result) -> bool:
    return stat.S_ISCHR(place.st_mode) and place.st_rdev == os.stat(os.devnull).st_rdev


class Outlet:
    """One way out of the child: `entrance` is what the child gets as its `targets`.

    It has a thread of its own. A reader who does not read holds up this stream and nothing else.
    """

    def __init__(self, target: int, redactor: Redactor) -> None:
        self.targets: tuple[int, ...] = (target,)
        self._sink = target
        self._redactor = redactor
        self._terminal: Terminal | None = None
        self._problem: OSError | None = None
        self._news, self._teller = os.pipe()  # how the main thread speaks to ours
        self._let_go_at = self._drained_at = NEVER
        self._owed = 0
        if os.isatty(target):
            from scalekit_exec.launch.terminal import Terminal

            with suppress(OSError):  # a bare chroot has no terminals to give
                self._terminal = Terminal(target)
        if self._terminal is not None:
            self._source, self.entrance = self._terminal.master, self._terminal.slave
        else:
            self._source, self.entrance = os.pipe()
            if sys.platform == "linux":
                with suppress(OSError):  # the user has as many as he may
                    fcntl.fcntl(self._source, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, child: int) -> None:
        """Begin to pass on; the child has its own end by now."""
        if self._terminal is not None:
            self._terminal.child = child
        os.close(self.entrance)
        self.entrance = -1
        self._thread.start()

    def follow_size(self) -> None:
        """Let the child's terminal be as large as the user's."""
        if self._terminal is not None:
            os.write(self._teller, RESIZED)

    def finish(self) -> None:
        """Write what the child has left, and wait a moment for what it left running."""
        os.write(self._teller, ENDED)
        self._thread.join()

    def close(self) -> None:
        """Let go of the descriptors."""
        if self._thread.is_alive():
            return  # only after an exception; the process is about to end
        for descriptor in (self._source, self.entrance, self._news, self._teller):
            if descriptor >= 0:
                with suppress(OSError):
                    os.close(descriptor)
        self._source = self.entrance = self._news = self._teller = -1

    def complain(self) -> None:
        """Raise ScalekitExecError where the output could not be written, a full disk for one."""
        if self._problem is not None:
            name = "stdout" if self._sink == 1 else "stderr"
            reason = os.strerror(self._problem.errno or errno.EIO).lower()
            raise ScalekitExecError(
                "interrupted",
                f"the command ended well, but its {name} could not be written: {reason}",
                "make room or write it elsewhere, and run this again",
            )

    def _run(self) -> None:
        try:
            self._pass_on()
            self._write(self._redactor.close())
        except OSError as error:
            if error.errno not in GONE:
                self._problem = error
        source, self._source = self._source, -1
        os.close(source)  # a child that still writes is told by SIGPIPE, as without us

    def _pass_on(self) -> None:
        ready = select.poll()
        ready.register(self._source, select.POLLIN)
        ready.register(self._news, select.POLLIN)
        # However slow the reader is, it gets all that was written before the child's end.
        while self._owed > 0 or time.monotonic() < self._drained_at:
            tell_at = NEVER if self._terminal is None else self._terminal.tell_at
            pause = min(self._let_go_at, self._drained_at, tell_at) - time.monotonic()
            events = dict(ready.poll(None if pause == NEVER else max(0.0, pause) * 1000 + 1))
            if self._news in events:
                self._hear()
            if self._terminal is not None:
                self._terminal.tell_of_size()
            if self._source in events:
                data = self._read()
                if data is None:
                    return
                self._owed -= len(data)
                self._write(self._redactor.feed(data))
                self._let_go_at = time.monotonic() + HELD_AT_MOST if self._redactor.held else NEVER
            elif time.monotonic() >= self._let_go_at:
                self._let_go_at = NEVER
                self._write(self._redactor.release())

    def _write(self, data: bytes) -> None:
        _write(self._sink, data if self._terminal is None else self._terminal.as_written(data))

    def _hear(self) -> None:
        """Take what the main thread says."""
        news = os.read(self._news, 4096)
        if ENDED in news:
            self._drained_at = time.monotonic() + DRAIN
            self._owed = _waiting_bytes(self._source)
        if self._terminal is not None:
            self._terminal.follow_size()

    def _read(self) -> bytes | None:
        """Return what came, None at the end."""
        if self._terminal is not None:
            return self._terminal.read(A_SCREENFUL)
        return os.read(self._source, AT_ONCE) or None


def _waiting_bytes(descriptor: int) -> int:
    count: int = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))[0]
    return count


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it, also where somebody made the descriptor a non-blocking one."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            if descriptor < SELECTABLE:
                select.select([], [descriptor], [])
            else:
                time.sleep(HELD_AT_MOST)


def pass_through(source: int, sink: int, redactor: Redactor) -> None:
    """Pass a whole stream on, with what is to be hidden hidden; for a filter.

    Raises OSError where reading or writing fails.
    """
    while True:
        if redactor.held and not readable([source], HELD_AT_MOST):
            _write(sink, redactor.release())
        data = os.read(source, AT_ONCE)
        if not data:
            break
        _write(sink, redactor.feed(data))
    _write(sink, redactor.close())
