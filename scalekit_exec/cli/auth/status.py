"""`scalekit-auth status`: the state of every account, without a look at any credential."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scalekit_exec import survey
from scalekit_exec.cli.auth import handover
from scalekit_exec.cli.auth.session import (
    AUTHORIZATION_REQUIRED,
    FAILURE,
    WINDOWS,
    Result,
    common,
)
from scalekit_exec.cli.terminal import table
from scalekit_exec.clock import format_rfc3339
from scalekit_exec.errors import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.cli.auth.session import Session
    from scalekit_exec.errors import Failure
    from scalekit_exec.model import ServiceMap, Wanted
    from scalekit_exec.survey import State

__all__ = ["command"]

_HEADER = ("SERVICE", "CONNECTION", "IDENTIFIER", "STATUS", "EXPIRES")
# A state of the account, which is what was asked for; all else is a failure to tell it.
_STATES = ("authorization-required", "account-not-found")


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--check", is_flag=True, help="Status 4 if a person is needed, 1 for other failures.")
@common
def command(session: Session, services: tuple[str, ...], *, check: bool) -> int:
    """Show the state of services, of all in the map without words.

    No credential is read for it. Without --check the status is 0 if all states could be told.
    """
    service_map = session.service_map()
    wanted, failures = survey.chosen(service_map, services, session.identifier, windows=WINDOWS)
    states = _look(session, service_map, wanted) if wanted else []
    told = [failure for _, failure in states if failure is not None] + failures
    rows = [_row(state, failure) for state, failure in states]
    rows += [_failed_row(service_map, failure) for failure in failures]
    if not session.as_json:
        _tell(session, told)
    needed = [f for f in told if service_map.services[f.service].required]
    if check:
        person = any(failure.code in _STATES for failure in needed)
        status = AUTHORIZATION_REQUIRED if person else FAILURE if needed else 0
    else:
        status = FAILURE if any(failure.code not in _STATES for failure in told) else 0
    cells = [_cells(state) for state, _ in states]
    cells += [(f.service, shown(f.connection_name), "none", f.code, "") for f in failures]
    lines = table(_HEADER, cells) or ["no services yet: scalekit-auth config NAME CONNECTION_NAME"]
    return session.answer(Result("services", rows, lines, status))


def _look(
    session: Session, service_map: ServiceMap, wanted: Sequence[Wanted]
) -> list[tuple[State, Failure | None]]:
    client = session.client(service_map)
    deadline = session.deadline()
    vault = session.vault(service_map, client, deadline)
    try:
        states = survey.survey(wanted, vault, deadline)
    finally:
        vault.close()
    again = session.again()
    failing = [failure for state in states if (failure := state.failure(again)) is not None]
    explained = iter(handover.explained(session, service_map, client, failing))
    return [(state, None if state.is_active else next(explained)) for state in states]


def _row(state: State, failure: Failure | None) -> dict[str, object]:
    wanted, account = state.wanted, state.account
    expires_at = account.expires_at if account is not None else None
    return {
        "service": wanted.service.name,
        "connection_name": wanted.service.connection_name,
        "identifier": wanted.identifier,
        "required": wanted.service.required,
        "status": account.status if account is not None else None,
        "expires_at": None if expires_at is None else format_rfc3339(expires_at),
        "code": None if failure is None else failure.code,
        "message": None if failure is None else failure.message,
    }


def _failed_row(service_map: ServiceMap, failure: Failure) -> dict[str, object]:
    return {
        "service": failure.service,
        "connection_name": failure.connection_name,
        "identifier": None,
        "required": service_map.services[failure.service].required,
        "status": None,
        "expires_at": None,
        "code": failure.code,
        "message": failure.message,
    }


def _cells(state: State) -> tuple[str, ...]:
    service, account = state.wanted.service, state.account
    return (
        shown(service.name) + ("" if service.required else " (optional)"),
        shown(service.connection_name),
        shown(state.wanted.identifier),
        account.status if account is not None else state.error.code if state.error else "",
        survey.remaining_life(account) if state.is_active and account is not None else "",
    )


def _tell(session: Session, failures: Sequence[Failure]) -> None:
    """Say on stderr what is wrong, what is wrong with all of them alike only once."""
    said = set()
    for failure in failures:
        words = (failure.code, failure.message, failure.hint)
        if words not in said:
            said.add(words)
            session.speaker.warning(failure)
