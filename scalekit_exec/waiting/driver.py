"""Runs the flows of several services side by side; the effects are handed in."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

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


class _Run:
    """One flow, the event that it stands at, and when it goes on where that is a Wait."""

    def __init__(self, target: Target, flow: Generator[Event, Reply, None]) -> None:
        self.target = target
        self._flow = flow
        self.event: Event = next(flow)
        self.wake = 0.0

    def send(self, reply: Reply) -> None:
        self.event = self._flow.send(reply)
        if isinstance(self.event, Wait):
            self.wake = time.monotonic() + self.event.seconds


def drive(
    targets: Sequence[Target],
    doer: Doer,
    patience: float,
    *,
    together: bool = True,
    jitter: Callable[[], float] = random.random,
) -> list[Failed]:
    """Wait until every target is authorized; return what failed, none where all are.

    `patience` is in seconds. With `together` the first failure ends it all, as a launch wants it.
    A target that is neither authorized nor among the failures when time is up was not opened.
    """
    runs = [_Run(target, authorize(target, jitter)) for target in targets]
    failed: list[Failed] = []
    end = time.monotonic() + patience
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while runs:
            runs = _advance(runs, doer, pool, failed)
            left = end - time.monotonic()
            if not runs or left <= 0 or (failed and together):
                break
            wake = min(run.wake for run in runs)
            pause = min(max(wake - time.monotonic(), 0.0), left)
            if doer.pause(pause, [run.target for run in runs]):
                for run in runs:
                    run.wake = 0.0
    return failed


def _advance(
    runs: list[_Run], doer: Doer, pool: ThreadPoolExecutor, failed: list[Failed]
) -> list[_Run]:
    """Do all that is to be done now; what is left only waits."""
    going = list(runs)
    while True:
        now = time.monotonic()
        calls = [run for run in going if isinstance(run.event, MakeLink | Ask)]
        for run, reply in zip(calls, pool.map(lambda run: _call(run, doer), calls), strict=True):
            run.send(reply)
        busy = bool(calls)
        for run in list(going):
            event = run.event
            if isinstance(event, Authorized | Failed):
                going.remove(run)
                if isinstance(event, Failed):
                    failed.append(event)
                else:
                    doer.authorized(run.target)
            elif isinstance(event, ShowLink):
                doer.show(event.target, event.link, event.number)
                run.send(_tick(run.target, doer))
                busy = True
            elif isinstance(event, Pending):
                doer.pending(event.target)
                run.send(None)
                busy = True
            elif isinstance(event, Wait) and run.wake <= now:
                run.send(_tick(run.target, doer))
                busy = True
        if not busy:
            return going


def _tick(target: Target, doer: Doer) -> Tick:
    return Tick(time.time(), doer.expires_at(target))


def _call(run: _Run, doer: Doer) -> Reply:
    if isinstance(run.event, MakeLink):
        return doer.make_link(run.event.target, run.event.number)
    return doer.ask(run.target)
