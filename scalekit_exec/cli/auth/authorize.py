"""`scalekit-auth authorize`: let a person authorize services, as a launch would wait for it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from scalekit_exec.authorization import Target
from scalekit_exec.cli import patience, terminal, words
from scalekit_exec.cli.auth import handover
from scalekit_exec.cli.auth.session import AUTHORIZATION_REQUIRED, FAILURE, Result, Session, common
from scalekit_exec.cli.words import FALSE_WORDS, PATIENCE, TRUE_WORDS
from scalekit_exec.errors import Failure, ScalekitExecError, UsageError, shown
from scalekit_exec.model import ACTIVE
from scalekit_exec.record import replace
from scalekit_exec.resolver import Rules, must_authorize
from scalekit_exec.waiting import Options, drive, nobody_within, unopened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import Account, Wanted
    from scalekit_exec.vault import Vault
    from scalekit_exec.waiting import Effects

__all__ = ["command"]

_AGAIN = "once they have clicked, run this again"
_DONE = "once they have clicked, it is done"


def _patience(
    text: str | None, *, no_wait: bool, opens: bool, watched: bool, from_variable: bool
) -> float:
    """Return the seconds to wait, 0 for not at all.

    `--open` needs a wait, as its page does; an option must not say otherwise, and a variable, which
    may be set for other commands, does not count then.
    """
    if no_wait:
        if opens:
            raise UsageError("usage", "--open means nothing with --no-wait", "drop one of them")
        return 0.0
    if text is None:
        return PATIENCE if watched or opens else 0.0
    if from_variable and text.lower() in (*TRUE_WORDS[1:], *FALSE_WORDS):
        text = f"{PATIENCE:.0f}" if text.lower() in TRUE_WORDS else "0"
    given = {"--wait": text}
    seconds = words.seconds(given, "--wait", above_zero=False, typed=not from_variable) or 0.0
    if opens and seconds == 0:
        if from_variable:
            return PATIENCE
        raise UsageError("usage", "--open means nothing with --wait=0", "drop one of them")
    return seconds


class _OptionalValue(click.Command):
    """A command whose `--wait` takes a value only with `=`, as the launcher's does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words.refuse_blank(args)
        spelt_out = [f"--wait={PATIENCE:.0f}" if word == "--wait" else word for word in args]
        return super().parse_args(ctx, spelt_out)


class _Patience(click.Option):
    """`--wait[=SECONDS]`, without the blank that its value must not have."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return record and (record[0].replace(" [=", "[="), record[1])


@click.command(cls=_OptionalValue)
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@click.option("--open", "opens", is_flag=True, help="Open the link in the browser.")
@click.option("--force", is_flag=True, help="Authorize anew what is ACTIVE, for other scopes.")
@click.option(
    "--wait",
    "seconds",
    cls=_Patience,
    metavar="[=SECONDS]",
    envvar="SCALEKIT_EXEC_WAIT",
    help="For the person (300).",
)
@click.option("--no-wait", is_flag=True, help="Show the link and end.")
@common
def command(
    session: Session,
    services: tuple[str, ...],
    seconds: str | None,
    *,
    opens: bool,
    force: bool,
    no_wait: bool,
) -> int:
    """Let a person authorize services.

    Without a terminal the link is shown once and the command ends with status 4; the person may
    open the link until it ends. ACTIVE services are left alone.
    """
    watched = terminal.is_watched(session.environ)
    source = click.get_current_context().get_parameter_source("seconds")
    wait = _patience(
        seconds,
        no_wait=no_wait,
        opens=opens,
        watched=watched,
        from_variable=source is ParameterSource.ENVIRONMENT,
    )
    service_map = session.service_map()
    wanted = session.select(service_map, services)
    client = session.client(service_map)
    settings = session.settings(service_map)
    rules = Rules(
        host=client.env_url.removeprefix("https://"),
        again=session.again() + (" --force" if force else ""),
        user_verify_url=(settings.user_verify_url if settings else None) or "",
    )
    deadline = session.deadline()
    vault = session.vault(service_map, client, deadline)
    notify = service_map.settings.notify
    options = Options(rules.host, opens, rules.user_verify_url, notify, waits=wait > 0)
    effects = patience.make_effects(session.speaker, vault, deadline, options)

    def explain(failures: Sequence[Failure]) -> list[Failure]:
        return handover.explained(session, service_map, client, failures)

    try:
        call = _Call(session, vault, deadline, rules, effects)
        return call.run(wanted, wait, explain, force=force)
    finally:
        effects.close()
        vault.close()


class _Call:
    """One call of the command, and the row that each service comes to."""

    def __init__(
        self, session: Session, vault: Vault, deadline: Deadline, rules: Rules, effects: Effects
    ) -> None:
        self._session = session
        self._vault = vault
        self._deadline = deadline
        self._rules = rules
        self._effects = effects
        self._force = False
        self._order: dict[tuple[str, str], int] = {}
        self._rows: list[dict[str, object]] = []
        self._failures: list[Failure] = []

    def run(
        self,
        wanted: Sequence[Wanted],
        wait: float,
        explain: Callable[[Sequence[Failure]], list[Failure]],
        *,
        force: bool,
    ) -> int:
        self._force = force
        for service in wanted:
            self._order.setdefault((service.service.name, service.identifier), len(self._order))
        targets = []
        for service in dict.fromkeys(wanted):
            account = self._state(service)
            if isinstance(account, Failure):
                self._fail(account)
            elif account is not None and account.status == ACTIVE and not force:
                self._done(service, "authorized already; --force makes a new link")
            else:
                status, mark = (account.status, account.updated_at) if account else ("", "")
                again = force and status == ACTIVE
                targets.append(Target(service, status, mark, again))
        if wait > 0:
            self._wait(targets, wait)
        else:
            for target in targets:
                self._hand_over(target)
        failures = sorted(self._failures, key=lambda each: self._at(each.service, each.identifier))
        self._failures = _named(explain(failures))
        return self._end()

    def _state(self, wanted: Wanted) -> Account | Failure | None:
        """Return the account, None where there is none yet, or why it cannot be told."""
        try:
            return self._vault.account(wanted.key)
        except ScalekitExecError as error:
            return None if error.code == "account-not-found" else _failure(wanted, error)

    def _wait(self, targets: Sequence[Target], wait: float) -> None:
        if not targets:
            return
        self._effects.begin(wait, targets)
        failed = {
            event.target: event.error
            for event in drive(
                targets, self._effects, wait, together=False, timeout=self._deadline.seconds
            )
        }
        waiting = self._effects.waiting_for(targets)
        for target in targets:
            error = failed.get(target)
            if target not in waiting:
                self._done(target.wanted, "authorized")
            elif error is None or error.code == "timed-out":
                why = nobody_within(wait) if error is None else error.message
                self._fail(unopened(target, self._effects, self._rules, why))
            else:
                self._fail(_failure(target.wanted, error))

    def _hand_over(self, target: Target) -> None:
        """Show the link once: who gets it decides when to come back."""
        self._deadline.restart()
        verify = self._rules.user_verify_url
        try:
            link = self._vault.link(target.wanted.key, user_verify_url=verify)
        except ScalekitExecError as error:
            self._fail(_failure(target.wanted, error))
            return
        told = must_authorize(target.wanted, self._rules, target.status, link)
        self._effects.tell(target, link)
        self._fail(told.failures[0])

    def _done(self, wanted: Wanted, what: str) -> None:
        self._rows.append(_row(wanted, ACTIVE, ""))
        if not self._session.as_json and what != "authorized":
            self._session.speaker.note(f"{shown(wanted.named)}: {what}")

    def _fail(self, failure: Failure) -> None:
        # With --force, to run this again would be to ask for it all once more.
        hint = failure.hint.replace(_AGAIN, _DONE) if self._force else failure.hint
        self._failures.append(replace(failure, hint=hint))

    def _at(self, service: str, identifier: str) -> int:
        """Return where a service stands among those that were named."""
        return self._order.get((service, identifier), len(self._order))

    def _end(self) -> int:
        from scalekit_exec.errors import raise_failures

        if self._failures and not self._session.as_json:
            raise_failures(self._failures)
        rows = self._rows + [terminal.failure_as_json(failure) for failure in self._failures]
        rows.sort(key=lambda row: self._at(str(row["service"]), str(row["identifier"])))
        codes = {failure.code for failure in self._failures}
        status = 0 if not codes else FAILURE
        if codes == {"authorization-required"}:
            status = AUTHORIZATION_REQUIRED
        return self._session.answer(Result("services", rows, [], status))


def _row(wanted: Wanted, status: str, code: str) -> dict[str, object]:
    return {
        "service": wanted.service.name,
        "connection_name": wanted.service.connection_name,
        "identifier": wanted.identifier,
        "code": code or None,
        "status": status,
        "link": None,
        "expires_at": None,
        "message": "",
    }


def _failure(wanted: Wanted, error: ScalekitExecError) -> Failure:
    service = wanted.service
    return Failure(
        error.code,
        error.message,
        error.hint,
        service.name,
        service.connection_name,
        wanted.identifier,
    )


def _named(failures: Sequence[Failure]) -> list[Failure]:
    """Begin each message with its service, except what is the same for several, and said once."""
    told = Counter((failure.code, failure.message, failure.hint) for failure in failures)
    named = []
    for failure in failures:
        name, message = shown(failure.service), failure.message
        alone = told[failure.code, message, failure.hint] == 1
        if alone and not message.startswith(f"{name}:"):
            message = f"{name}: {message}"
        named.append(replace(failure, message=message))
    return named
