"""The credentials that a broker holds: from memory while they live, else one read for all who ask.

Without threads and sockets of its own; every method is safe to call from several threads.
"""

from __future__ import annotations

import threading
import time

from scalekit_exec import environment
from scalekit_exec.broker.messages import PASSING
from scalekit_exec.broker.wire import RefusedError
from scalekit_exec.config.settings import is_plain_name
from scalekit_exec.errors import Failure, shown
from scalekit_exec.record import record, replace
from scalekit_exec.redaction import secrets_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scalekit_exec.environment import Filled
    from scalekit_exec.model import Wanted
    from scalekit_exec.resolver import Outcome

    Read = Callable[[Sequence[Wanted]], Outcome]

__all__ = ["Entry", "Memory", "Terms"]

# How soon after a read the next may come.
PAUSE = 1.0
# Failures of the way to Scalekit: the token in memory is as good as before.
OF_THE_WAY = ("unreachable", "timed-out", "rate-limited")


@record
class Terms:
    """How the broker gets and judges tokens.

    `read` asks Scalekit for the accounts of some services and never raises for one of them;
    `on_secret` is told of every secret that it brings, before anybody gets it. `min_ttl` is in
    seconds, and `strict` makes a shorter life a failure. `unknown_life` is for how many seconds a
    token counts as fresh where nobody knows its end. `again` are the options of the launch that a
    hint must repeat.
    """

    read: Read
    on_secret: Callable[[bytes], None]
    min_ttl: float = 60.0
    strict: bool = False
    unknown_life: float = 60.0
    again: str = ""


@record
class _Kept:
    """What one read brought.

    Its age is by the clock that moved on further: the monotonic one may stand still while a machine
    sleeps, the other may be set.
    """

    filled: tuple[Filled, ...]
    life: float | None
    read_at: float
    wall: float

    @property
    def age(self) -> float:
        """The seconds since it was read."""
        return max(0.0, time.monotonic() - self.read_at, time.time() - self.wall)

    @property
    def left(self) -> float | None:
        """The seconds that it lives yet; None where nobody knows."""
        return None if self.life is None else self.life - self.age


class Entry:
    """One account of the launch, and all that the launch maps of it."""

    def __init__(self, wanted: Sequence[Wanted], filled: Sequence[Filled], terms: Terms) -> None:
        self.wanted = tuple(wanted)
        self._terms = terms
        self._changed = threading.Condition()
        self._reading = False
        self._failed: tuple[Failure, float] | None = None
        self._kept: _Kept | None = None
        if len(filled) == len(self.wanted):
            self._kept = _keep(filled, now=time.time())

    @property
    def service(self) -> str:
        """The service's name in the map."""
        return self.wanted[0].service.name

    def credential(self) -> tuple[Filled, ...]:
        """Return what the account yields, for each wanted service that is of it.

        From memory while it lives long enough, else from one read that all wait for who ask at
        that time. Raises RefusedError 502 or 503 with the code word of the failure.
        """
        with self._changed:
            while True:
                found = self._usable()
                if found is not None:
                    return found
                if not self._reading:
                    break
                self._changed.wait()
            self._reading = True
        kept, failure = None, None
        try:
            kept, failure = self._read()
        finally:
            with self._changed:
                self._reading = False
                self._settle(kept, failure)
                self._changed.notify_all()
        with self._changed:
            found = self._usable()
        if found is None:  # its life was over before we looked
            raise _refused(_expired(self.wanted[0]), self._terms.again)
        return found

    def _usable(self) -> tuple[Filled, ...] | None:
        """Return what can be handed out without a read; None where one is needed."""
        kept, failed = self._kept, self._failed
        paused = failed is not None and time.monotonic() - failed[1] < PAUSE
        if kept is not None:
            age, left = kept.age, kept.left
            if age < self._terms.unknown_life if left is None else left >= self._terms.min_ttl:
                return kept.filled
            # Short as it is, it is the newest there is, or the best while Scalekit is away.
            newest = left is not None and age < PAUSE and not self._terms.strict
            if (newest or paused) and (left is None or left > 0):
                return kept.filled
        if failed is not None and paused:
            raise _refused(failed[0], self._terms.again)
        return None

    def _settle(self, kept: _Kept | None, failure: Failure | None) -> None:
        if kept is not None:
            self._kept, self._failed = kept, None
            return
        if failure is None:
            failure = Failure("internal", "the broker could not read the credential")
        self._failed = (failure, time.monotonic())
        if failure.code not in OF_THE_WAY or self._terms.strict:
            self._kept = None

    def _read(self) -> tuple[_Kept | None, Failure | None]:
        started, wall = time.monotonic(), time.time()
        outcome = self._terms.read(self.wanted)
        if len(outcome.filled) < len(self.wanted):
            told = (*outcome.failures, *outcome.warnings)
            return None, told[0] if told else None
        for filled in outcome.filled:
            for secret in secrets_of(filled.fields):
                self._terms.on_secret(secret)
        return replace(_keep(outcome.filled), read_at=started, wall=wall), None


def _keep(filled: Sequence[Filled], now: float | None = None) -> _Kept:
    """Keep what was read; `now`, if given, is our own clock's doubt of the server's."""
    first = filled[0]
    life = None
    if first.expires_at is not None:
        life = first.expires_at - first.as_of
        if now is not None:  # read some time ago, perhaps before a person was waited for
            life = min(life, first.expires_at - now)
    return _Kept(tuple(filled), life, time.monotonic(), time.time())


def _refused(failure: Failure, again: str) -> RefusedError:
    if failure.code in ("authorization-required", "account-not-found"):
        # No client credentials here, and nobody to wait for: it is done where the launch is.
        word = shown(f"{failure.service}@{failure.identifier}")
        hint = (
            "outside this launch, where the client credentials are: "
            f"scalekit-auth authorize {word}{again}\nthen ask again; do not retry in a loop"
        )
        failure = replace(failure, hint=hint)
    status = 503 if failure.code in PASSING else 502
    return RefusedError(status, failure.message, failure=failure)


def _expired(wanted: Wanted) -> Failure:
    return Failure(
        "token-expiring",
        f"{shown(wanted.service.name)}: the token has expired",
        "run again in a minute, when Scalekit has refreshed it",
        wanted.service.name,
        wanted.service.connection_name,
        wanted.identifier,
    )


class Memory:
    """The launch's accounts, found by the words that a client may ask with."""

    def __init__(self, wanted: Sequence[Wanted], filled: Sequence[Filled], terms: Terms) -> None:
        groups: dict[object, list[Wanted]] = {}
        for service in wanted:
            groups.setdefault((service.service.name, service.key), []).append(service)
        self.owned = tuple(
            dict.fromkeys(name for service in wanted for name in environment.owned(service))
        )
        self._entries = [
            Entry(group, [each for each in filled if each.wanted in group], terms)
            for group in groups.values()
        ]

    @property
    def served(self) -> list[Wanted]:
        """Each account, as the launch wants it first."""
        return [entry.wanted[0] for entry in self._entries]

    def find(self, text: str) -> Entry:
        """Return the account for `NAME` or `NAME@IDENTIFIER`.

        Raises RefusedError: 404 for what the launch does not have, 409 for a bare name that stands
        for several users.
        """
        name, at, identifier = text.partition("@")  # no =VARIABLE here: an identifier may look so
        if not is_plain_name(name) or (at and not identifier):
            what = f'"{shown(text, 80)}" is neither NAME nor NAME@IDENTIFIER'
            raise RefusedError(404, what, "usage", "=VARIABLE means nothing here")
        named = [entry for entry in self._entries if entry.service == name]
        if at:
            found = [e for e in named if identifier == e.wanted[0].identifier]
        else:
            found = [e for e in named if name in [each.named for each in e.wanted]] or named
        if len(found) == 1:
            return found[0]
        if found:
            words = ", ".join(shown(f"{e.service}@{e.wanted[0].identifier}", 80) for e in found)
            raise RefusedError(
                409, f"{name} stands for several users", "usage", f"ask for one of: {words}"
            )
        raise self._unknown(text)

    def _unknown(self, text: str) -> RefusedError:
        known = ", ".join(
            shown(f"{entry.service}@{entry.wanted[0].identifier}", 80) for entry in self._entries
        )
        return RefusedError(
            404,
            f'the launch that serves has no service "{shown(text, 80)}"; it has {known}',
            "unknown-service",
            f"name it there too: scalekit-exec --serve … {shown(text, 80)} -- COMMAND",
        )
