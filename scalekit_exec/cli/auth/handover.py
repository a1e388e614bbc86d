"""What `token` and `export` share: resolving as a launch does, and giving a value out."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from scalekit_exec import resolver
from scalekit_exec.cli import words
from scalekit_exec.cli.auth.session import WINDOWS, is_typed
from scalekit_exec.cli.terminal import unwritten
from scalekit_exec.environment import longest_value
from scalekit_exec.errors import (
    ConfigurationError,
    Failure,
    ScalekitExecError,
    UsageError,
    raise_failures,
)
from scalekit_exec.files import displayed
from scalekit_exec.resolver import Rules
from scalekit_exec.waiting import tell_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scalekit_exec.cli.auth.session import Session
    from scalekit_exec.environment import Filled
    from scalekit_exec.model import ClientCredentials, ServiceMap, Wanted

__all__ = ["explained", "hand_out", "options", "refuse_terminal", "resolve"]

MIN_TTL = 60.0


def _seconds(ctx: click.Context, option: click.Parameter, value: str | None) -> float | None:
    given = {} if value is None else {"--min-ttl": value}
    return words.seconds(given, "--min-ttl", above_zero=False, typed=is_typed(ctx, option))


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the two options of whatever gives out a token."""
    min_ttl = click.option(
        "--min-ttl",
        metavar="SECONDS",
        envvar="SCALEKIT_EXEC_MIN_TTL",
        callback=_seconds,
        help="How long a token must live yet (60; given: or fail).",
    )
    show = click.option("--show", is_flag=True, help="Also to a terminal.")
    return min_ttl(show(function))


def refuse_terminal(what: str, *, show: bool) -> None:
    """Refuse to write what is secret where it stays to be read; UsageError `usage`."""
    if not show and os.isatty(1):
        raise UsageError(
            "usage",
            f"stdout is a terminal, where {what} would stay to be read",
            "let another program read it, or add --show",
        )


def resolve(
    session: Session, service_map: ServiceMap, wanted: Sequence[Wanted], min_ttl: float | None
) -> tuple[Filled, ...]:
    """Read the credentials as a launch does, all or nothing, and tell its warnings.

    Raises as a launch does; an account that was not found is told with what Scalekit's environment
    has instead.
    """
    client = session.client(service_map)
    settings = session.settings(service_map)
    deadline = session.deadline()
    vault = session.vault(service_map, client, deadline)
    rules = Rules(
        min_ttl=MIN_TTL if min_ttl is None else min_ttl,
        strict=min_ttl is not None,
        again=session.again(),
        host=client.env_url.removeprefix("https://"),
        user_verify_url=(settings.user_verify_url if settings else None) or "",
        longest=longest_value("win32" if WINDOWS else sys.platform),
    )
    try:
        outcome = resolver.resolve(wanted, vault, deadline, rules)
    finally:
        vault.close()
    for warning in outcome.warnings:
        session.speaker.warning(warning)
    notify = service_map.settings.notify
    told = tell_all(notify, wanted, outcome.failures, rules.host, session.speaker.note)
    session.speaker.afterwards(told.end)
    raise_failures(explained(session, service_map, client, outcome.failures))
    return outcome.filled


def explained(
    session: Session,
    service_map: ServiceMap,
    client: ClientCredentials,
    failures: Sequence[Failure],
) -> list[Failure]:
    """Tell a missing account from a missing connection, where Scalekit lets us see its list.

    Only where an account was not found is anything asked.
    """
    if not any(failure.code == "account-not-found" for failure in failures):
        return list(failures)
    from scalekit_exec.transport import catalogue  # brings the SDK, 0.3 s

    settings = session.settings(service_map)
    ca_bundle = settings.ca_bundle if settings else None
    say = session.speaker.verbose
    try:
        opened = catalogue.open_catalogue(
            client, session.environ, session.deadline(), say, ca_bundle
        )
        try:
            names = [connection.name for connection in opened.connections()]
        finally:
            opened.close()
    except ScalekitExecError as error:
        say(f"the connections cannot be listed: {error.message}")
        return list(failures)
    origins = {name: service.origin for name, service in service_map.services.items()}
    return [
        catalogue.explained(failure, names, displayed(origins.get(failure.service, "the map")))
        for failure in failures
    ]


def hand_out(text: str) -> None:
    """Write to stdout in UTF-8, whatever the locale is: what is read back must be the same bytes.

    Raises ConfigurationError `config-invalid` where it cannot be written, as on a full disk, and
    BrokenPipeError where nobody reads.
    """
    if sys.stdout is None:  # closed by the caller: 1 may be any file of ours by now
        raise ConfigurationError("config-invalid", "stdout is closed", "let something read it")
    data = text.encode()
    try:
        while data:
            data = data[os.write(1, data) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritten(error) from None
