"""Runs the flows of several services side by side; the effects are handed in."""

from __future__ import annotations

import random
import threading
import time

from scalekit_exec.authorization import (
    Ask,
    Authorized,
    Failed,
    MakeLink,
    Pending,
    ShowLink,
    Target,
    Tick,
    Wait,
    authorize,
)
from scalekit_exec.errors import VaultError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import Protocol

    from scalekit_exec.authorization import Event, Reply
    from scalekit_exec.errors import ScalekitExecError
    from scalekit_exec.model import Account, Link
else:
    Protocol = object

__all__ = ["Doer", "drive"]

AT_ONCE = 8
# A server that takes longer to say how an account is will not say it.
LONGEST_CALL = 10.0


class Doer(Protocol):
    """What a flow cannot do itself."""

    def make_link(self, target: Target, number: int) -> Link | ScalekitExecError:
        """Make a link."""

    def ask(self, target: Target) -> Account | ScalekitExecError:
        """Ask for the account's state."""

    def show(self, target: Target, link: Link, number: int) -> None:
        """Show a link to whoever can open it."""

    def pending(self, target: Target) -> None:
        """Tell that the check of who signed in is outstanding."""

    def authorized(self, target: Target) -> None:
        """Tell that a service is ready."""

    def expires_at(self, target: Target) -> float | None:
        """Tell when the link that was shown ends."""

    def pause(self, seconds: float, waiting: Sequence[Target]) -> bool:
        """Let time pass; True, at once, where something happened that is worth asking about."""

    def stir(self) -> None:
        """End a pause early, from any thread: a call has come back."""


class _Call:
    """A call under way on a thread of its own; one that hangs is given up, and holds nobody."""

    def __init__(self, event: MakeLink | Ask, doer: Doer, seconds: float) -> None:
        self._event = event
        self._doer = doer
        self._seconds = seconds
        self._reply: Link | Account | ScalekitExecError | None = None
        self._broken: BaseException | None = None
        self._done = threading.Event()
        self.until = time.monotonic() + seconds
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        try:
            if isinstance(self._event, MakeLink):
                self._reply = self._doer.make_link(self._event.target, self._event.number)
            else:
                self._reply = self._doer.ask(self._event.target)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self._broken = error
        self._done.set()
        self._doer.stir()

    @property
    def over(self) -> bool:
        """Tell whether there is a reply, or no more hope of one."""
        return self._done.is_set() or time.monotonic() >= self.until

    def reply(self) -> Reply:
        """Return what came back, an error where nothing did in time."""
        if not self._done.is_set():
            return VaultError("timed-out", f"no answer within {self._seconds:.0f} s")
        if self._broken is not None:
            raise self._broken
        return self._reply


class _Run:
    """One flow, the event that it stands at, and when it goes on where that is a Wait."""

    def __init__(self, target: Target, flow: Generator[Event, Reply, None]) -> None:
        self.target = target
        self._flow = flow
        self._news = False
        self._wake = 0.0
        self.event: Event = next(flow)
        self.call: _Call | None = None

    @property
    def wake(self) -> float:
        """The moment at which there is something to do, on the monotonic clock."""
        return self._wake if self.call is None else self.call.until

    def send(self, reply: Reply) -> None:
        """Answer the event."""
        self.event = self._flow.send(reply)
        if isinstance(self.event, Wait):
            self._wake = 0.0 if self._news else time.monotonic() + self.event.seconds
            self._news = False

    def hurry(self) -> None:
        """Ask at once; where a question is under way, which may be too early, once more."""
        self._news = self.call is not None
        self._wake = 0.0


def drive(
    targets: Sequence[Target],
    doer: Doer,
    patience: float,
    *,
    together: bool = True,
    timeout: float = LONGEST_CALL,
    jitter: Callable[[], float] = random.random,
) -> list[Failed]:
    """Wait until every target is authorized; return what failed, none where all are.

    `patience` is in seconds, and so is `timeout`, that of one call. With `together` the first
    failure ends it all, as a launch wants it. A target that is neither authorized nor among the
    failures when time is up was not opened; its call may still be under way then.
    """
    runs = [_Run(target, authorize(target, jitter)) for target in targets]
    failed: list[Failed] = []
    end = time.monotonic() + patience
    while runs:
        longest = min(timeout, LONGEST_CALL, end - time.monotonic())
        runs = _advance(runs, doer, longest, failed)
        left = end - time.monotonic()
        if not runs or left <= 0 or (failed and together):
            break
        wake = min(run.wake for run in runs)
        pause = min(max(wake - time.monotonic(), 0.0), left)
        if doer.pause(pause, [run.target for run in runs]):
            for run in runs:
                run.hurry()
    return failed


def _advance(runs: list[_Run], doer: Doer, longest: float, failed: list[Failed]) -> list[_Run]:
    """Do all that is to be done now; what is left waits for time or for a reply."""
    going = []
    for run in runs:
        free = sum(other.call is not None for other in runs) < AT_ONCE
        _go_on(run, doer, longest, free=free)
        if isinstance(run.event, Failed):
            failed.append(run.event)
        elif isinstance(run.event, Authorized):
            doer.authorized(run.target)
        else:
            going.append(run)
    return going


def _go_on(run: _Run, doer: Doer, longest: float, *, free: bool) -> None:
    """Take one flow as far as it goes now; `free` says whether it may begin a call."""
    while True:
        event = run.event
        if isinstance(event, MakeLink | Ask):
            if run.call is None and free:
                run.call = _Call(event, doer, longest)
            if run.call is None or not run.call.over:
                return
            reply, run.call = run.call.reply(), None
            run.send(reply)
        elif isinstance(event, ShowLink):
            doer.show(event.target, event.link, event.number)
            run.send(_tick(run.target, doer))
        elif isinstance(event, Pending):
            doer.pending(event.target)
            run.send(None)
        elif isinstance(event, Wait) and run.wake <= time.monotonic():
            run.send(_tick(run.target, doer))
        else:
            return


def _tick(target: Target, doer: Doer) -> Tick:
    return Tick(time.time(), doer.expires_at(target))
