"""The states of many accounts at once, by `/details` alone: no credential is ever read for one.

Reading a credential is an event in Scalekit's audit log; looking at a state must not be.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalekit_exec import config
from scalekit_exec.errors import Failure, ScalekitExecError, VaultError, shown
from scalekit_exec.model import ACTIVE, Account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import AccountKey, ServiceMap, Wanted
    from scalekit_exec.vault import Vault

__all__ = ["State", "chosen", "remaining_life", "survey"]

# All at once, within what a process may have open.
READERS = 64
DAY, HOUR, MINUTE = 86400, 3600, 60


@dataclass(frozen=True, slots=True)
class State:
    """What a look at one service's account came to: the account, or why it could not be seen."""

    wanted: Wanted
    account: Account | None = None
    error: ScalekitExecError | None = None

    @property
    def is_active(self) -> bool:
        """Whether a launch would get a credential of it."""
        return self.account is not None and self.account.status == ACTIVE

    def failure(self, again: str = "") -> Failure | None:
        """Return what is wrong with it, without a link; None if nothing is.

        `again` are the options that a hint must repeat.
        """
        if self.is_active:
            return None
        service, name = self.wanted.service, shown(self.wanted.service.name)
        status = self.account.status if self.account is not None else None
        code, message = "authorization-required", f"{name}: status {status}"
        hint = f"scalekit-auth authorize {shown(self.wanted.named)}{again}"
        if self.error is not None:
            code, message = self.error.code, self.error.message
            hint = self.error.hint or hint
            if code == "account-not-found":
                message = f"{name}: {message}"
        identifier = self.wanted.identifier
        return Failure(
            code, message, hint, service.name, service.connection_name, identifier, status
        )


def chosen(
    service_map: ServiceMap, words: Sequence[str], identifier: str | None, *, windows: bool
) -> tuple[list[Wanted], list[Failure]]:
    """Return what the words name, or all of the map, and what cannot be asked for.

    Unlike those of a launch, two services may set one variable here, and one that has no identifier
    is a failure of its own. Raises ConfigurationError `unknown-service`, UsageError `usage`.
    """
    names = [config.parse_word(word).name for word in words]
    strangers = [name for name in names if name not in (*service_map.services, *service_map.groups)]
    if strangers:
        config.select(service_map, strangers, identifier=identifier, windows=windows)
    found: dict[tuple[str, str], Wanted] = {}
    failures: list[Failure] = []
    for word in words or tuple(service_map.services):
        parsed = config.parse_word(word)
        for name in service_map.groups.get(parsed.name, (parsed.name,)):
            at = "" if parsed.identifier is None else f"@{parsed.identifier}"
            try:
                (one,) = config.select(
                    service_map, [name + at], identifier=identifier, windows=windows
                )
            except ScalekitExecError as error:
                connection_name = service_map.services[name].connection_name
                failure = Failure(error.code, error.message, error.hint, name, connection_name)
                failures.append(failure)
            else:
                found.setdefault((name, one.identifier), one)
    return list(found.values()), failures


def survey(wanted: Sequence[Wanted], vault: Vault, deadline: Deadline) -> tuple[State, ...]:
    """Look at every wanted service's account, all at the same time; never raises for one of them.

    Two services of one account cost one look.
    """
    todo = list(dict.fromkeys(service.key for service in wanted))
    results: dict[AccountKey, Account | BaseException] = {}
    changed = threading.Condition()
    total = len(todo)

    def work() -> None:
        while True:
            with changed:
                if not todo:
                    return
                key = todo.pop(0)
            found: Account | BaseException
            try:
                found = vault.account(key)
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
                found = error
            with changed:
                results[key] = found
                changed.notify()

    for _ in range(min(READERS, total)):
        threading.Thread(target=work, daemon=True).start()
    with changed:
        while len(results) < total and (left := deadline.remaining()) > 0:
            changed.wait(left)
        seen = dict(results)
    return tuple(_state(service, seen.get(service.key), deadline) for service in wanted)


def _state(wanted: Wanted, found: Account | BaseException | None, deadline: Deadline) -> State:
    if isinstance(found, Account):
        return State(wanted, account=found)
    if isinstance(found, ScalekitExecError):
        return State(wanted, error=found)
    if found is not None:
        raise found
    late = VaultError(
        "timed-out",
        f"no answer for {shown(wanted.service.name)} within {deadline.seconds:g} s",
        "check the network, or give it longer with --timeout SECONDS",
    )
    return State(wanted, error=late)


def remaining_life(account: Account) -> str:
    """Say how long an account's token lives yet, by the server's clock, in words.

    A token that is past its end is no fault of an ACTIVE account: Scalekit refreshes it when it is
    read next.
    """
    if account.expires_at is None:
        return "no expiry"
    left = int(account.expires_at - account.as_of)
    if left > 0:
        return f"in {_words(left)}"
    note = ", refreshed when it is read" if account.status == ACTIVE else ""
    return f"{_words(-left)} ago{note}"


def _words(seconds: int) -> str:
    if seconds >= 2 * DAY:
        return f"{seconds // DAY} days"
    if seconds >= HOUR:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE} min"
    if seconds >= MINUTE:
        return f"{seconds // MINUTE} min"
    return f"{seconds} s"
