"""Many services at once: one read each, in parallel, under one deadline; all failures together."""

from __future__ import annotations

import _thread  # `threading` brings collections and functools: a tenth of a warm launch
import time

from scalekit_exec import environment
from scalekit_exec.clock import format_rfc3339
from scalekit_exec.errors import (
    AuthorizationError,
    CredentialError,
    Failure,
    ScalekitExecError,
    VaultError,
    shown,
    typed,
)
from scalekit_exec.model import PENDING_VERIFICATION, Account, AccountKey, Credential
from scalekit_exec.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.clock import Deadline
    from scalekit_exec.environment import Filled
    from scalekit_exec.model import Link, Wanted
    from scalekit_exec.vault import Vault

__all__ = ["Outcome", "Rules", "left", "local_time", "must_authorize", "resolve"]

READERS = 8
PAUSE_BEFORE_SECOND_READ = 1.0


@record
class Rules:
    """How to judge what comes back.

    `min_ttl` is in seconds, and `strict` makes a shorter life an error instead of a warning.
    `again` are the options that a hint must repeat, `host` Scalekit's, for lines that ask a person
    to authorize; `links` whether a link is made for an account that is not ACTIVE.
    """

    min_ttl: float = 60.0
    strict: bool = False
    again: str = ""
    host: str = ""
    user_verify_url: str = ""
    links: bool = True
    links_for_missing: bool = False
    longest: int = 131072


@record
class Outcome:
    """What a resolution came to; `warnings` are failures that stop nothing, and short lives.

    `unauthorized` are the required services that only wait for a person, with their account's
    status, "" where there is no account yet; their failures are among the others.
    """

    filled: tuple[Filled, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[Failure, ...]
    unauthorized: tuple[tuple[Wanted, str], ...] = ()


@record
class _Unauthorized:
    """A state that a person must mend, with the link for it or why there is none."""

    status: str
    link: Link | None = None
    problem: str = ""


class _Reads:
    """The reads of one launch: what is still to do, and what each account came to."""

    def __init__(
        self, keys: Sequence[AccountKey], needed: set[AccountKey], vault: Vault, rules: Rules
    ) -> None:
        self._todo = list(reversed(keys))
        self._needed = needed
        self._vault = vault
        self._rules = rules
        self._open = len(keys)
        self._lock = _thread.allocate_lock()
        # Both are held until what they stand for has come.
        self._done = _thread.allocate_lock()
        self._stopped = _thread.allocate_lock()
        self.results: dict[AccountKey, Credential | _Unauthorized | BaseException] = {}

    def run(self, deadline: Deadline) -> None:
        """Read all of them, or as many as the deadline allows."""
        self._done.acquire()
        self._stopped.acquire()
        for number in range(min(READERS, self._open)):
            try:
                _thread.start_new_thread(self._work, (deadline,))
            except RuntimeError:  # the system has no more threads; one reader reads all
                if number == 0:
                    self._work(deadline)
                break
        if self._open:
            self._done.acquire(timeout=max(deadline.remaining(), 0.0))
        self._stopped.release()

    def _work(self, deadline: Deadline) -> None:
        while True:
            with self._lock:
                if not self._todo:
                    return
                key = self._todo.pop()
            result: Credential | _Unauthorized | BaseException
            try:
                result = self._read(key, deadline)
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
                result = error
            with self._lock:
                self.results.setdefault(key, result)
                self._open -= 1
                if not self._open:
                    self._done.release()

    def _read(
        self, key: AccountKey, deadline: Deadline
    ) -> Credential | _Unauthorized | ScalekitExecError:
        try:
            found = self._vault.credential(key)
        except ScalekitExecError as error:
            if error.code != "account-not-found" or not self._rules.links_for_missing:
                return error
            return self._unauthorized(key, "")
        if isinstance(found, Account):
            return self._unauthorized(key, found.status)
        if self._short(found) and deadline.remaining() > PAUSE_BEFORE_SECOND_READ:
            return self._read_again(key, found)
        return found

    def _read_again(self, key: AccountKey, found: Credential) -> Credential:
        """Scalekit refreshes on its own: a moment later there may be a newer token."""
        if self._stopped.acquire(timeout=PAUSE_BEFORE_SECOND_READ):
            self._stopped.release()  # for the next who waits
            return found
        try:
            again = self._vault.credential(key)
        except ScalekitExecError:
            return found
        return found if isinstance(again, Account) else again

    def _short(self, found: Credential) -> bool:
        return left(found) is not None and (left(found) or 0) < self._rules.min_ttl

    def _unauthorized(self, key: AccountKey, status: str) -> _Unauthorized:
        if key not in self._needed or not self._rules.links:
            return _Unauthorized(status)
        try:
            link = self._vault.link(key, user_verify_url=self._rules.user_verify_url)
        except ScalekitExecError as error:
            return _Unauthorized(status, problem=error.message)
        return _Unauthorized(status, link)


def left(credential: Credential) -> float | None:
    """Return the seconds that a credential lives yet by the server's clock; None if not known."""
    if credential.expires_at is None:
        return None
    return credential.expires_at - credential.account.as_of


def resolve(wanted: Sequence[Wanted], vault: Vault, deadline: Deadline, rules: Rules) -> Outcome:
    """Get a credential for every wanted service and fill its variables.

    Never raises for a service: failures are returned, those of services that are not required as
    warnings. Two wanted services of one account cost one read.
    """
    needed = {service.key for service in wanted if service.service.required}
    # The required first, so that slow ones that are not do not hold them up.
    keys = sorted(dict.fromkeys(service.key for service in wanted), key=lambda k: k not in needed)
    reads = _Reads(keys, needed, vault, rules)
    reads.run(deadline)
    filled: list[Filled] = []
    failures: list[Failure] = []
    warnings: list[Failure] = []
    unauthorized: list[tuple[Wanted, str]] = []
    for service in wanted:
        result = reads.results.get(service.key)
        if result is None:
            result = VaultError(
                "timed-out",
                f"no answer from {shown(rules.host)} within {deadline.seconds:g} s",
                "check the network, or give it longer with --timeout SECONDS",
            )
        if isinstance(result, BaseException) and not isinstance(result, ScalekitExecError):
            raise result
        try:
            good, warning = _judge(service, result, rules)
        except ScalekitExecError as error:
            failure = error.failures[0] if error.failures else _failure(service, error, rules)
            (failures if service.service.required else warnings).append(failure)
            waits = failure.code in ("authorization-required", "account-not-found")
            if waits and service.service.required:
                unauthorized.append((service, failure.status or ""))
        else:
            filled.append(good)
            warnings.extend(warning)
    return Outcome(tuple(filled), tuple(failures), tuple(warnings), tuple(unauthorized))


def _judge(
    wanted: Wanted, result: Credential | _Unauthorized | ScalekitExecError, rules: Rules
) -> tuple[Filled, list[Failure]]:
    if isinstance(result, ScalekitExecError):
        raise result
    if isinstance(result, _Unauthorized):
        raise must_authorize(wanted, rules, result.status, result.link, result.problem)
    warnings = _life(wanted, result, rules)
    return environment.fill(wanted, result, longest=rules.longest), warnings


def _life(wanted: Wanted, credential: Credential, rules: Rules) -> list[Failure]:
    """Judge how long the credential lives yet; a warning, or CredentialError `token-expiring`."""
    seconds = left(credential)
    if seconds is None or seconds >= rules.min_ttl:
        return []
    name = shown(wanted.service.name)
    expires_at = credential.expires_at or 0.0
    if seconds <= 0:
        message = f"{name}: the token expired at {format_rfc3339(expires_at)}"
        named = typed(wanted.named)
        hint = f"authorize it again: scalekit-auth authorize {named} --force{rules.again}"
    else:
        message = f"{name}: the token lives only {int(seconds)} s more, less than {rules.min_ttl:g}"
        hint = "run again in a minute, when Scalekit has refreshed it, or ask for less: --min-ttl 0"
    failure = replace(
        _failure(wanted, CredentialError("token-expiring", message, hint), rules),
        status=credential.account.status,
        expires_at=credential.expires_at,
    )
    if seconds <= 0 or rules.strict:
        raise CredentialError("token-expiring", message, hint, failures=[failure])
    return [failure]


def must_authorize(
    wanted: Wanted, rules: Rules, status: str, link: Link | None, problem: str = ""
) -> AuthorizationError:
    """Return the error for an account that a person must authorize first.

    `status` is the account's, "" where there is none; `problem` says why there is no link.
    """
    name = shown(wanted.service.name)
    command = f"scalekit-auth authorize {typed(wanted.named)} --no-wait{rules.again}"
    state = f"status {status}" if status else "no account yet"
    message = (
        f'{name}: "{shown(wanted.identifier)}" must authorize '
        f"{shown(wanted.service.connection_name)} at {shown(rules.host)} ({state})"
    )
    if problem:
        message += f"; no link could be made: {problem}"
        hint = "mend that first; do not retry in a loop"
    elif link is None:
        hint = f"make a link for the user: {command}; do not retry in a loop"
    else:
        until = f", valid until {local_time(link.expires_at)}" if link.expires_at else ""
        hint = (
            f"give the user this link{until}: {link.url}\n"
            "once they have clicked, run this again; "
            f"for a new link {command}; do not retry in a loop"
        )
    if status == PENDING_VERIFICATION:
        hint += "\nthe sign-in is done, only the check of who it was is outstanding"
    failure = Failure(
        "authorization-required",
        message,
        hint,
        wanted.service.name,
        wanted.service.connection_name,
        wanted.identifier,
        status or None,
        link.url if link else None,
        link.expires_at if link else None,
    )
    return AuthorizationError("authorization-required", message, hint, failures=[failure])


def local_time(seconds: float) -> str:
    """Write a time of today as a person's clock shows it."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def _failure(wanted: Wanted, error: ScalekitExecError, rules: Rules) -> Failure:
    message, hint = error.message, error.hint
    if error.code == "account-not-found":
        named = typed(wanted.named)
        hint = (
            f"check the identifier (scalekit-exec --dry-run {named}{rules.again} shows where it "
            f"goes), then scalekit-auth authorize {named}{rules.again}"
        )
    if not message.startswith(shown(wanted.service.name)) and error.code in PER_SERVICE:
        message = f"{shown(wanted.service.name)}: {message}"
    return Failure(
        error.code,
        message,
        hint,
        wanted.service.name,
        wanted.service.connection_name,
        wanted.identifier,
    )


# Failures that are about one account; the others say the same for every service of the launch.
PER_SERVICE = ("account-not-found", "no-credential", "token-expiring", "unusable-token")
