"""`scalekit-auth redact`: a filter that hides the secrets of services in what it is given."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from scalekit_exec import resolver
from scalekit_exec.cli.auth.session import WINDOWS, Session, common
from scalekit_exec.environment import longest_value
from scalekit_exec.errors import UsageError, raise_failures, shown
from scalekit_exec.redaction import Redactor, secrets_of, too_short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.resolver import Outcome

__all__ = ["command"]


@click.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@common
def command(session: Session, services: tuple[str, ...]) -> int:
    """Copy stdin to stdout with the secrets of services hidden.

    The secrets are those of now: of a token that was another one when the log was written nothing
    is known. Nothing is shown where one cannot be read.
    """
    if sys.stdin is None or sys.stdin.isatty():
        hint = f"tail -f LOG | scalekit-auth redact {' '.join(map(shown, services))}"
        raise UsageError("usage", "stdin is a terminal: there is nothing to hide in it", hint)
    secrets: list[bytes] = []
    for filled in _resolved(session, services).filled:
        of_service = list(secrets_of(filled.fields or filled.values))
        secrets += of_service
        if any(map(too_short, of_service)):
            name = shown(filled.wanted.service.name)
            session.speaker.note(f"{name}: a value of under 8 characters is not hidden")
    _copy(Redactor(secrets))
    return 0


def _resolved(session: Session, services: Sequence[str]) -> Outcome:
    """Read the services as a launch does, but for what only a child's life depends on."""
    service_map = session.service_map()
    wanted = session.select(service_map, services)
    client = session.client(service_map)
    deadline = session.deadline()
    rules = resolver.Rules(
        min_ttl=0.0,
        again=session.again(),
        host=client.env_url.removeprefix("https://"),
        links=False,
        longest=longest_value(sys.platform),
    )
    vault = session.vault(service_map, client, deadline)
    try:
        outcome = resolver.resolve(wanted, vault, deadline, rules)
    finally:
        vault.close()
    for warning in outcome.warnings:
        session.speaker.warning(warning)
    raise_failures(outcome.failures)
    return outcome


def _copy(redactor: Redactor) -> None:
    if WINDOWS:
        _copy_at_once(redactor)
        return
    from scalekit_exec.launch.outlet import pass_through

    pass_through(0, 1, redactor)


def _copy_at_once(redactor: Redactor) -> None:
    """Copy without a clock: Windows cannot wait for a pipe and the time at once."""
    out = sys.stdout.buffer
    while data := sys.stdin.buffer.raw.read(65536):
        out.write(redactor.feed(data))
        out.flush()
    out.write(redactor.close())
    out.flush()
