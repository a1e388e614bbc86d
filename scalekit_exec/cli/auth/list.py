"""`scalekit-auth list`: the services and groups of the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scalekit_exec import config
from scalekit_exec.cli.auth.session import WINDOWS, Result, Session, common
from scalekit_exec.cli.terminal import table
from scalekit_exec.errors import shown
from scalekit_exec.files import displayed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scalekit_exec.config import Word
    from scalekit_exec.model import Service, ServiceMap

__all__ = ["command"]

_HEADER = ("SERVICE", "CONNECTION", "IDENTIFIER", "VARIABLES", "FILE")


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@common
def command(session: Session, services: tuple[str, ...]) -> int:
    """List the services and groups of the map.

    With words: those only. Nothing is sent, and no credentials are looked for.
    """
    service_map = session.service_map()
    words = [config.parse_word(text) for text in services]
    strangers = [
        word.text
        for word in words
        if word.name not in service_map.services and word.name not in service_map.groups
    ]
    if strangers:
        config.select(service_map, strangers, identifier=None, windows=WINDOWS)
    words = words or [config.Word(name) for name in service_map.services]
    rows = [
        _row(service_map, service, word, session.identifier)
        for word in words
        for service in _services(service_map, word)
    ]
    return session.answer(Result("services", rows, _lines(service_map, rows)))


def _services(service_map: ServiceMap, word: Word) -> Iterator[Service]:
    for name in service_map.groups.get(word.name, (word.name,)):
        yield service_map.services[name]


def _row(
    service_map: ServiceMap, service: Service, word: Word, identifier: str | None
) -> dict[str, object]:
    variables = [variable.name for variable in service.variables]
    return {
        "service": service.name,
        "connection_name": service.connection_name,
        "identifier": word.identifier or identifier or service.identifier,
        "variables": variables if word.variable is None else [word.variable],
        "required": service.required,
        "groups": [name for name, of in service_map.groups.items() if service.name in of],
        "origin": service.origin,
    }


def _lines(service_map: ServiceMap, rows: Sequence[Mapping[str, object]]) -> list[str]:
    if not rows:
        return ["no services yet: scalekit-auth config NAME CONNECTION_NAME"]
    cells = []
    for row in rows:
        variables = row["variables"]
        cells.append(
            (
                f"{row['service']}{'' if row['required'] else ' (optional)'}",
                shown(row["connection_name"]),
                shown(row["identifier"] or "none"),
                ", ".join(variables) if isinstance(variables, list) else "",
                displayed(str(row["origin"])),
            )
        )
    shown_services = {row["service"] for row in rows}
    groups = [
        (name, ", ".join(members))
        for name, members in service_map.groups.items()
        if shown_services.intersection(members)
    ]
    lines = table(_HEADER, cells)
    return [*lines, "", *table(("GROUP", "SERVICES"), groups)] if groups else lines
