"""How one service becomes authorized, as a generator that does nothing itself.

It yields what is to be done and is sent what came of it, so that a terminal, an agent without one
and a test can drive the same flow, with or without time passing.
"""

from __future__ import annotations

from scalekit_exec.errors import ScalekitExecError, VaultError
from scalekit_exec.model import ACTIVE, PENDING_VERIFICATION, Account, Link
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import TypeAlias

    from scalekit_exec.model import Wanted

    Event: TypeAlias = "MakeLink | ShowLink | Wait | Ask | Pending | Authorized | Failed"
    Reply: TypeAlias = "Link | Account | ScalekitExecError | Tick | None"

__all__ = [
    "Ask",
    "Authorized",
    "Failed",
    "MakeLink",
    "Pending",
    "ShowLink",
    "Target",
    "Tick",
    "Wait",
    "authorize",
]

RENEWALS = 5
SOONEST, LATEST = 2.0, 5.0
# Troubles that a moment may mend; any other refusal would only be repeated.
PASSING = ("unreachable", "timed-out", "rate-limited")
PASSING_IN_A_ROW = 5


@record
class Target:
    """A service that somebody must authorize; `status` is its account's, "" where there is none.

    `force` says that an ACTIVE account is to be authorized anew: its status tells nothing then, and
    `updated_at` of the account does.
    """

    wanted: Wanted
    status: str = ""
    updated_at: str = ""
    force: bool = False


@record
class MakeLink:
    """Make a link; to be answered with it, or with the error. `number` counts from 1."""

    target: Target
    number: int


@record
class ShowLink:
    """Show this link to whoever can open it. To be answered with a Tick."""

    target: Target
    link: Link
    number: int


@record
class Wait:
    """Let this many seconds pass, or fewer if something happened. To be answered with a Tick."""

    seconds: float


@record
class Tick:
    """The time now, in POSIX seconds, and when the link that was shown ends (None: not known)."""

    now: float
    expires_at: float | None = None


@record
class Ask:
    """Ask for the account's state; to be answered with it, or with the error."""

    target: Target


@record
class Pending:
    """Tell that only the check of who signed in is outstanding."""

    target: Target


@record
class Authorized:
    """The end: the account is ACTIVE."""

    target: Target


@record
class Failed:
    """The end: it will not come to be."""

    target: Target
    error: ScalekitExecError


def authorize(target: Target, jitter: Callable[[], float]) -> Generator[Event, Reply, None]:
    """Drive one service to Authorized or Failed; the last event is one of these.

    `jitter` returns a number from 0 to 1; between two questions it becomes 2 to 5 s. A link that
    has ended is made anew, five times at most.
    """
    watch = _Watch(target, jitter)
    for number in range(1, RENEWALS + 2):
        link = yield MakeLink(target, number)
        if isinstance(link, ScalekitExecError):
            yield Failed(target, link)
            return
        if not isinstance(link, Link):
            raise TypeError("MakeLink is answered with a link or an error")
        tick = yield ShowLink(target, link, number)
        end = yield from watch.until_the_link_ends(tick)
        if end is not None:
            yield end
            return
    error = VaultError(
        "timed-out", f"{RENEWALS + 1} links have ended without being used", "open the next one soon"
    )
    yield Failed(target, error)


class _Watch:
    """What is known of the account from one link to the next."""

    def __init__(self, target: Target, jitter: Callable[[], float]) -> None:
        self._target = target
        self._jitter = jitter
        self._status = target.status
        self._troubles = 0

    def until_the_link_ends(
        self, tick: Reply
    ) -> Generator[Event, Reply, Authorized | Failed | None]:
        """Ask from time to time; return how it ended, None where only the link did.

        A link that seems to have ended before it was shown is waited for once all the same: links
        are not made as fast as they come.
        """
        left: float | None = LATEST
        while left is None or left > 0:
            left = _left(tick)
            seconds = SOONEST + (LATEST - SOONEST) * self._jitter()
            if left is not None and left > 0:
                seconds = min(seconds, max(left, 0.05))
            tick = yield Wait(seconds)
            left = _left(tick)
            found = yield Ask(self._target)
            if isinstance(found, Account):
                self._troubles = 0
                if _is_done(self._target, found):
                    return Authorized(self._target)
                if found.status != self._status and found.status == PENDING_VERIFICATION:
                    yield Pending(self._target)
                self._status = found.status
            elif isinstance(found, ScalekitExecError) and found.code != "account-not-found":
                self._troubles += 1
                if found.code not in PASSING or self._troubles >= PASSING_IN_A_ROW:
                    return Failed(self._target, found)
        return None


def _left(tick: Reply) -> float | None:
    """Return the seconds that the link that was shown lives yet; None where that is not known."""
    if not isinstance(tick, Tick):
        raise TypeError("ShowLink and Wait are answered with a tick")
    return None if tick.expires_at is None else tick.expires_at - tick.now


def _is_done(target: Target, found: Account) -> bool:
    if found.status != ACTIVE:
        return False
    return not target.force or found.updated_at != target.updated_at
