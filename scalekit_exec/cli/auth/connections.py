"""`scalekit-auth connections`: what the Scalekit environment offers, and what of it the map has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scalekit_exec import config
from scalekit_exec.cli.auth.session import Result, common
from scalekit_exec.cli.terminal import table
from scalekit_exec.errors import ConfigurationError, Failure, nearest, shown
from scalekit_exec.files import displayed
from scalekit_exec.model import ServiceMap, UserSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalekit_exec.cli.auth.session import Session
    from scalekit_exec.transport.catalogue import Connection

__all__ = ["command"]

_HEADER = ("CONNECTION", "PROVIDER", "TYPE", "STATE", "IN YOUR MAP AS")


@click.command()
@click.option("--provider", metavar="NAME", help="Only those of one provider, such as GMAIL.")
@common
def command(session: Session, provider: str | None) -> int:
    """List the connections of the Scalekit environment.

    Those that the map has are marked with the names of its services; for one that it lacks, type
    scalekit-auth config NAME CONNECTION_NAME.
    """
    service_map = _map_or_none(session)
    known = _connections(session, service_map)
    services: dict[str, list[str]] = {}
    for name, service in service_map.services.items():
        services.setdefault(service.connection_name, []).append(name)
    _tell_strangers(session, service_map, [connection.name for connection in known])
    found = [
        connection
        for connection in known
        if provider is None or connection.provider.lower() == provider.lower()
    ]
    rows = [_row(connection, services.get(connection.name, [])) for connection in found]
    return session.answer(Result("connections", rows, _lines(found, services, provider)))


def _map_or_none(session: Session) -> ServiceMap:
    """Load the map; an empty one where there is none yet, since this helps to write it."""
    try:
        return session.service_map()
    except ConfigurationError as error:
        if error.code != "config-missing" or session.config is not None:
            raise
        return ServiceMap({}, {}, UserSettings(config.user_path(session.environ)))


def _connections(session: Session, service_map: ServiceMap) -> Sequence[Connection]:
    from scalekit_exec.transport.catalogue import open_catalogue  # brings the SDK, 0.3 s

    client = session.client(service_map)
    settings = session.settings(service_map)
    catalogue = open_catalogue(
        client,
        session.environ,
        session.deadline(),
        session.speaker.verbose,
        settings.ca_bundle if settings else None,
    )
    try:
        return catalogue.connections()
    finally:
        catalogue.close()


def _tell_strangers(session: Session, service_map: ServiceMap, known: Sequence[str]) -> None:
    """Warn of services whose connection the environment does not have."""
    for name, service in service_map.services.items():
        if service.connection_name in known:
            continue
        meant = nearest(service.connection_name, known)
        session.speaker.warning(
            Failure(
                "account-not-found",
                f'{name}: no connection "{shown(service.connection_name)}" in this environment',
                (f'did you mean "{shown(meant)}"? ' if meant else "")
                + f"correct connection_name in {displayed(service.origin)}",
                name,
                service.connection_name,
            )
        )


def _row(connection: Connection, services: Sequence[str]) -> dict[str, object]:
    return {
        "connection_name": connection.name,
        "provider": connection.provider,
        "type": connection.type,
        "status": connection.status,
        "enabled": connection.enabled,
        "auth_mode": connection.auth_mode,
        "services": list(services),
    }


def _lines(
    found: Sequence[Connection], services: Mapping[str, Sequence[str]], provider: str | None
) -> list[str]:
    cells = [
        (
            shown(connection.name),
            shown(connection.provider),
            shown(connection.type),
            _state(connection),
            ", ".join(services.get(connection.name, ())),
        )
        for connection in found
    ]
    of = f" of the provider {shown(provider)}" if provider else ""
    return table(_HEADER, cells) or [
        f"no connections{of} in this environment: create one in the Scalekit dashboard"
    ]


def _state(connection: Connection) -> str:
    if connection.is_usable:
        return "ready"
    return "switched off" if connection.status == "COMPLETED" else shown(connection.status).lower()
