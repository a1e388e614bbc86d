r"""Staying beside the child on POSIX: start it, pass signals on, take its output, tell its end.

The child stays in our session and process group. So a terminal's Ctrl-C, Ctrl-\ and Ctrl-Z reach
it by themselves and are nothing to us; we stop when it stops, so that the shell sees it, and not
before: a program may keep Ctrl-Z for itself.
"""

from __future__ import annotations

import errno
import os
import select
import sys
import time
from contextlib import suppress

from scalekit_exec.launch.status import die_by_signal, flush

if sys.platform != "win32":
    from scalekit_exec.launch.posix import (
        IGNORED_BY_PYTHON,
        SHELL,
        is_binary,
        limit_core,
        to_bytes,
    )

assert sys.platform != "win32"  # noqa: S101 - how mypy is told that a module is of one platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType
    from typing import Any

    from scalekit_exec.launch.outlet import Outlet
    from scalekit_exec.redaction import Redactor

    Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
else:
    import _signal as signal  # `signal` imports enum, which the launch has no time for

__all__ = ["finish", "shield", "supervise"]

# What somebody sends to the launch is meant for the command. The two that a keyboard can send come
# to the command by themselves where it does.
FORWARDED = (
    *(signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT),
)
FROM_THE_KEYBOARD = (signal.SIGINT, signal.SIGQUIT)
# Those that only wake us. A terminal sends the last two to the whole group, and the child may mean
# to go on.
WAKING = (signal.SIGCHLD, signal.SIGWINCH, signal.SIGTSTP, signal.SIGTTIN)
STOPS_OF_A_TERMINAL = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
PATIENCE_WITH_TERM = 10.0
# A child that is stopped and goes on at once, as when both come from one script, is not followed.
STOPPED_FOR_GOOD = 0.02
# By then a child has gone on if the signal was for all of its group.
CONTINUED_WITH_US = 0.02
NEVER = float("inf")
PR_SET_DUMPABLE = 4


def shield() -> None:
    """Let nobody of the same user read our memory; the first thing of a launch that stays.

    Linux only: /proc/PID/mem and environ, ptrace and core files. It is gone with execve, so the
    child is as any other.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def supervise(
    path: str,
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    redactors: tuple[Redactor, Redactor] | None = None,
    stopped: Callable[[], None] | None = None,
) -> int:
    """Run the command and stay until its end; return its status, -N where signal N ended it.

    With `redactors`, for stdout and stderr, its output goes through us. `stopped` is called at the
    child's end, before the last of its output is written. Call it on the main thread.

    Raises CommandError where the system refuses, ScalekitExecError `interrupted` where the output
    of a command that ended well could not be written.
    """
    outlets: tuple[Outlet, ...] = ()
    if redactors is not None:
        from scalekit_exec.launch.outlet import open_outlets

        outlets = open_outlets(redactors)
    watch = _Watch(outlets)
    try:
        child = watch.start(path, argv, environ)
        for outlet in outlets:
            outlet.start(child)
        status = watch.wait()
        if stopped is not None:
            stopped()
        for outlet in outlets:
            outlet.finish()
    finally:
        watch.close()
        for outlet in outlets:
            outlet.close()
    if status == 0:
        for outlet in outlets:
            outlet.complain()
    return status


def finish(returncode: int) -> int:
    """Return the status of a launch whose child ended so, or die by the signal that ended it."""
    if returncode < 0:
        die_by_signal(-returncode)
    return returncode


class _Watch:
    """The child's process and the signals that have to do with it."""

    def __init__(self, outlets: Sequence[Outlet]) -> None:
        self._outlets = outlets
        self._child: int | None = None
        self._early: list[int] = []  # came before there was a child
        self._last_term = float("-inf")
        self._kill = False
        self._halted = False
        self._stopped_by = 0
        self._stopped_at = 0.0
        self._continue_at = NEVER
        self._before: list[tuple[int, Handler]] = []
        self._wake, self._waker = os.pipe()
        for end in (self._wake, self._waker):
            os.set_blocking(end, False)
        try:
            self._terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        except OSError:
            self._terminal = -1
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        self._wakeup_before = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in FORWARDED:
            self._handle(number, self._forward)
        for number in WAKING:
            self._handle(number, _nothing)

    def _handle(self, number: int, handler: Callable[[int, FrameType | None], None]) -> None:
        """Take a signal; one that the caller ignored stays so for us and the child.

        But for SIGCHLD: who ignores it is not told how a child ended.
        """
        before = signal.getsignal(number)
        if before != signal.SIG_IGN or number == signal.SIGCHLD:
            self._before.append((number, before))
            signal.signal(number, handler)

    def start(self, path: str, argv: Sequence[str], environ: Mapping[str, str]) -> int:
        """Start the child and return its pid.

        It finds signals, mask and descriptors as `replace` would leave them.
        """
        limit_core()
        if "faulthandler" in sys.modules:
            import faulthandler

            faulthandler.disable()  # puts back a SIGSEGV that the caller ignored
        flush()
        arguments = [to_bytes(argument) for argument in argv]
        variables = {to_bytes(name): to_bytes(value) for name, value in environ.items()}
        try:
            child = self._spawn(path, arguments, variables)
        except OSError as error:
            from scalekit_exec.launch import refusal

            raise refusal.by_system(argv[0], path, error, arguments, variables) from error
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        self._child = child
        for number in self._early:
            os.kill(child, number)
        return child

    def _spawn(self, path: str, arguments: list[bytes], variables: dict[bytes, bytes]) -> int:
        # posix_spawn and not fork: other threads may run, and hold locks.
        actions = [
            (os.POSIX_SPAWN_DUP2, outlet.entrance, target)
            for outlet in self._outlets
            for target in outlet.targets
        ]

        def spawn(program: str, words: list[bytes]) -> int:
            return os.posix_spawn(
                program,
                words,
                variables,
                file_actions=actions,
                setsigmask=self._mask,
                setsigdef=IGNORED_BY_PYTHON,
            )

        try:
            return spawn(path, arguments)
        except OSError as error:
            if error.errno != errno.ENOEXEC or is_binary(path):
                raise
        return spawn(SHELL, [os.fsencode(SHELL), os.fsencode(path), *arguments[1:]])

    def _forward(self, number: int, _: FrameType | None) -> None:
        """Pass a signal on; the second SIGTERM within ten seconds is meant in earnest."""
        if self._child is None:
            self._early.append(number)
            return
        if number in FROM_THE_KEYBOARD and self._in_foreground():
            return
        if number == signal.SIGTERM:
            now = time.monotonic()
            if now - self._last_term < PATIENCE_WITH_TERM:
                self._kill = True
                return
            self._last_term = now
        if number == signal.SIGCONT and self._halted:
            self._continue_at = time.monotonic() + CONTINUED_WITH_US
            return
        with suppress(ProcessLookupError, PermissionError):  # gone, or it changed its user
            os.kill(self._child, number)

    def _in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:
            return False

    def wait(self) -> int:
        """Return the child's status once it has ended, -N for a signal."""
        ready = select.poll()
        ready.register(self._wake, select.POLLIN)
        while True:
            status = self._reap()
            if status is not None:
                break
            if self._kill:
                self._kill = False
                self._kill_tree()
            for outlet in self._outlets:
                outlet.follow_size()
            ready.poll(self._pause())
            with suppress(BlockingIOError):
                os.read(self._wake, 4096)
        # From now on a signal is for us: whoever takes our output may never do so.
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == self._forward:
                signal.signal(number, signal.SIG_DFL)
        return status

    def _reap(self) -> int | None:
        """Look what became of the child; as pid 1, of all that were left to us too."""
        assert self._child is not None  # noqa: S101 - for mypy; `start` came before
        which = -1 if os.getpid() == 1 else self._child
        while True:
            pid, status = os.waitpid(which, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid == 0:
                return None
            if pid != self._child:
                continue
            if os.WIFSTOPPED(status):
                self._halted = True
                self._stopped_by = os.WSTOPSIG(status)
                self._stopped_at = time.monotonic()
            elif os.WIFCONTINUED(status):
                self._halted = False
                self._stopped_by = 0
            else:
                return os.waitstatus_to_exitcode(status)

    def _pause(self) -> float | None:
        """Return the milliseconds until there is something to do; stop where the child stopped."""
        if self._continue_at < NEVER:
            return self._continue()
        if not self._stopped_by:
            return None
        left = self._stopped_at + STOPPED_FOR_GOOD - time.monotonic()
        if left > 0:
            return left * 1000 + 1
        number, self._stopped_by = self._stopped_by, 0
        if number in STOPS_OF_A_TERMINAL or self._in_foreground():
            self._stop(number)
        return 0

    def _continue(self) -> float:
        """Let the child go on with us, unless whoever sent that signal has sent it one as well.

        `fg` does, and an editor that gets a second one draws into what it is drawing.
        """
        assert self._child is not None  # noqa: S101 - for mypy; `start` came before
        left = self._continue_at - time.monotonic()
        if left > 0:
            return left * 1000 + 1
        self._continue_at = NEVER
        if self._halted:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self._child, signal.SIGCONT)
        return 0

    def _stop(self, number: int) -> None:
        """Stop as the child did, so that the shell takes the terminal and offers `fg`."""
        if self._terminal < 0:
            return  # no shell that looks on: whoever stopped the child will let it go on
        handler = signal.getsignal(number)
        if number != signal.SIGSTOP:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
        signal.raise_signal(number)  # until SIGCONT
        if number != signal.SIGSTOP:
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask - {signal.SIGCHLD})

    def _kill_tree(self) -> None:
        assert self._child is not None  # noqa: S101 - for mypy; `start` came before
        import psutil

        with suppress(psutil.Error):
            for process in psutil.Process(self._child).children(recursive=True):
                with suppress(psutil.Error):
                    process.kill()
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self._child, signal.SIGKILL)

    def close(self) -> None:
        """Give the signals back."""
        self._child = None
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before:
            signal.signal(number, handler)
        for descriptor in (self._wake, self._waker, self._terminal):
            if descriptor >= 0:
                os.close(descriptor)


def _nothing(number: int, _: FrameType | None) -> None:
    """Be woken, and nothing else."""
