"""`scalekit-auth config`: show which files count, or put a service into the map."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
import tomli
from click.core import ParameterSource

from scalekit_exec import config, editing, identity
from scalekit_exec.cli.auth.session import Result, Session, common
from scalekit_exec.cli.terminal import again, quoted, table
from scalekit_exec.config.document import Table
from scalekit_exec.config.services import identifier_fault, read_connections
from scalekit_exec.config.settings import is_plain_name
from scalekit_exec.custody import env_path
from scalekit_exec.errors import ConfigurationError, UsageError, nearest, shown
from scalekit_exec.exposure import exposures
from scalekit_exec.files import displayed, typed_path
from scalekit_exec.variables import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scalekit_exec.editing import Entry, Target

__all__ = ["command"]

_EXAMPLE = "scalekit-auth config gmail gmail_u3134a"


@click.command()
@click.argument("service", required=False, metavar="[SERVICE")
@click.argument("connection_name", required=False, metavar="CONNECTION_NAME]")
@click.option(
    "--env", "variables", metavar="VARIABLE", multiple=True, help="Sets this; may be repeated."
)
@click.option("--remove", is_flag=True, help="Take SERVICE out of the map and its groups.")
@click.option("--project", is_flag=True, help="Write scalekit.toml in this folder.")
@common
def command(
    session: Session,
    service: str | None,
    connection_name: str | None,
    variables: tuple[str, ...],
    *,
    remove: bool,
    project: bool,
) -> int:
    """Put a service into the map, or show which files are read.

    Writes the project's map where one is found, else your own, and prints that file's name.
    SERVICE may be NAME@IDENTIFIER=VARIABLE. Of a service that is there already, only what is given
    changes. --identifier alone sets the identifier of all services without one of their own.
    """
    identifier = _given_identifier(session)
    if service is None and identifier is None:
        if variables or remove or project:
            what = "there is no SERVICE to write"
            raise UsageError("usage", what, f"as in {_EXAMPLE}; scalekit-auth config --help")
        return session.answer(_shown(session))
    cwd = session.folder()
    target = _target(session, cwd, here=project)
    if service is None:
        if variables or remove:
            raise UsageError("usage", "there is no SERVICE to change", f"as in {_EXAMPLE}")
        return _set_default(session, target, identifier or "")
    entry = _entry(service, connection_name, identifier, variables)
    if remove:
        if connection_name is not None or variables:
            raise UsageError(
                "usage",
                "--remove takes only SERVICE",
                f"scalekit-auth config {entry.name} --remove",
            )
        return _remove(session, target, entry.name)
    return _put(session, target, entry)


def _given_identifier(session: Session) -> str | None:
    """Return the option's value; what an agent's environment says is for launches."""
    source = click.get_current_context().get_parameter_source("identifier")
    return session.identifier if source is ParameterSource.COMMANDLINE else None


def _target(session: Session, cwd: str, *, here: bool) -> Target:
    if here and session.config is not None:
        what = "--project and -c name two files"
        hint = "give only one of them; SCALEKIT_EXEC_CONFIG counts as -c"
        raise UsageError("usage", what, hint)
    target = editing.choose(session.config, session.environ, cwd, here=here)
    if target.path.endswith(".json") or (target.connections and not here):
        path = target.connections or target.path
        raise ConfigurationError(
            "config-invalid",
            f"the map here is {displayed(path)}, which is read but not written",
            f"move it over first: scalekit-auth import {typed_path(path)} --project",
        )
    if target.connections and not os.path.exists(target.path):
        session.speaker.note(f"{displayed(target.connections)} is no longer read from here on")
    return target


def _entry(
    service: str, connection_name: str | None, identifier: str | None, variables: tuple[str, ...]
) -> Entry:
    word = config.parse_word(service)
    if word.identifier is not None and identifier not in (None, word.identifier):
        what = f"@{shown(word.identifier, 60)} and --identifier name two users"
        raise UsageError("usage", what, "give only one of them")
    _check(connection_name, word.identifier or identifier)
    if word.variable is not None and variables:
        what = f"={word.variable} and --env both name variables"
        raise UsageError("usage", what, "give only one of them")
    env = (word.variable,) if word.variable is not None else variables
    for name in env:
        why = refusal(name)
        if why:
            raise UsageError("usage", why, "choose another name: --env API_TOKEN")
    named = word.identifier or identifier
    return editing.Entry(word.name, connection_name, named, env or None)


def _check(connection_name: str | None, identifier: str | None) -> None:
    """Hold what was typed to the rules of a map: it is no fault of the file."""
    fault = identifier_fault(identifier) if identifier is not None else ""
    if fault:
        raise UsageError("usage", fault, "check the identifier")
    if connection_name is None:
        return
    try:
        read_connections(Table("", "", {"a": {"connection_name": connection_name}}))
    except ConfigurationError as error:
        fault = error.message.partition("connection_name: ")[2]
        hint = "copy the connection's name from the Scalekit dashboard"
        raise UsageError("usage", f"CONNECTION_NAME: {fault}", hint) from None


def _put(session: Session, target: Target, entry: Entry) -> int:
    proposal: list[identity.Proposal] = []
    missing: list[bool] = []

    def change(text: str) -> str:
        first = text == editing.schema_line()
        there = _table(tomli.loads(text).get("services"), entry.name)
        if entry.connection_name is None and (there is None or not entry.values):
            raise UsageError(
                "usage",
                f"the CONNECTION_NAME for {entry.name} is missing",
                f"scalekit-auth config {entry.name} CONNECTION_NAME, with the connection's name "
                "in the Scalekit dashboard; scalekit-auth connections lists them",
            )
        text = editing.put_service(text, entry)
        values = tomli.loads(text)
        of_service = _table(values.get("services"), entry.name) or {}
        if "identifier" in of_service or "identifier" in values:
            return text
        found = identity.propose(session.environ, session.folder())
        if found is None or not first:
            missing.append(True)
            return text
        proposal.append(found)
        return editing.put_default(text, found.identifier, editing.proposed_by(target, found.path))

    changed = editing.edit(target, change, session.environ)
    for found in proposal:
        session.speaker.note(
            f'identifier = "{found.identifier}" is what {displayed(found.path)} proposes; to '
            f"change it: scalekit-auth config --identifier ID{_repeated(session, target)}"
        )
    if missing:
        session.speaker.note(_without_identifier(session, target, entry.name))
    return _done(session, target, changed=changed, service=entry.name)


def _without_identifier(session: Session, target: Target, name: str) -> str:
    found = identity.propose(session.environ, session.folder())
    identifier = quoted(found.identifier) if found is not None else "ID"
    where = f", as {displayed(found.path)} proposes" if found is not None else ""
    options = _repeated(session, target)
    return (
        f"{name} has no identifier yet{where}: scalekit-auth config --identifier {identifier}"
        f"{options} for all services of the file, or "
        f"scalekit-auth config {name} --identifier ID{options}"
    )


def _repeated(session: Session, target: Target) -> str:
    """Return the option by which a hinted command finds the same file."""
    return again({"-c": session.config}) if target.named else ""


def _set_default(session: Session, target: Target, identifier: str) -> int:
    changed = editing.edit(
        target, lambda text: editing.put_default(text, identifier), session.environ
    )
    return _done(session, target, changed=changed)


def _remove(session: Session, target: Target, name: str) -> int:
    def change(text: str) -> str:
        services = tomli.loads(text).get("services", {})
        if isinstance(services, dict) and name in services:
            return editing.drop_service(text, name)
        raise _unknown(session, target, name, services)

    changed = editing.edit(target, change, session.environ)
    return _done(session, target, changed=changed, service=name)


def _unknown(
    session: Session, target: Target, name: str, services: Iterable[str]
) -> ConfigurationError:
    elsewhere = config.load(session.config, session.environ, session.folder()).services.get(name)
    meant = nearest(name, services)
    hint = f"did you mean {meant}?" if meant else "scalekit-auth list shows those that there are"
    if elsewhere is not None:
        where = elsewhere.origin
        hint = (
            f"it stands in {displayed(where)}: "
            f"scalekit-auth config -c {typed_path(where)} {name} --remove"
        )
    what = f'no service "{shown(name, 60)}" in {displayed(target.path)}'
    return ConfigurationError("unknown-service", what, hint)


def _done(session: Session, target: Target, *, changed: bool, service: str | None = None) -> int:
    """Print the file's name, having warned of a `.env` beside it that is open to others."""
    for line in exposures(os.path.join(os.path.dirname(target.path), ".env")):
        session.speaker.note(line)
    row = {
        "role": "user" if target.is_own else "project",
        "file": target.path,
        "exists": True,
        "changed": changed,
        "service": service,
    }
    if not changed:
        session.speaker.note(f"nothing to change in {displayed(target.path)}")
    return session.answer(Result("files", [row], [shown(target.path, 4096)]))


def _table(services: object, name: str) -> dict[str, object] | None:
    found = services.get(name) if isinstance(services, dict) and is_plain_name(name) else None
    return found if isinstance(found, dict) else None


# --- without words ---


def _shown(session: Session) -> Result:
    cwd = session.folder()
    target = editing.choose(session.config, session.environ, cwd, here=False)
    own_env = env_path(session.environ)
    places = [
        ("project", target.project),
        ("user", target.own),
        ("project-env", _beside(target.project)),
        ("user-env", own_env),
    ]
    rows: list[dict[str, object]] = [
        {"role": role, "file": path, "exists": os.path.lexists(path)}
        for role, path in places
        if path is not None and (role != "project-env" or path != own_env)
    ]
    for row in rows:
        if str(row["role"]).endswith("env"):
            for line in exposures(str(row["file"])):
                session.speaker.note(line)
    proposal = identity.propose(session.environ, cwd)
    lines = table(("WHAT", "FILE", "STATE"), [_cells(row) for row in rows])
    if target.project is None:
        lines += ["", "no scalekit.toml here or above"]
    elif target.project.endswith(".json"):
        lines += [
            "",
            f"to move to scalekit.toml: scalekit-auth import {typed_path(target.project)}",
        ]
    own = _identifier_in(target)
    for row in rows:
        if row["file"] == target.path:
            row["identifier"] = own
    lines += ["", *_of_identifier(own, proposal)]
    if proposal is not None:
        path = proposal.path
        rows.append(
            {"role": "identity", "file": path, "exists": True, "identifier": proposal.identifier}
        )
    return Result("files", rows, lines)


def _of_identifier(own: str | None, proposal: identity.Proposal | None) -> list[str]:
    """Say which identifier holds for the file that is written, or how to set one."""
    command = "scalekit-auth config --identifier"
    if own is not None:
        return [f'identifier: "{shown(own)}"', f"to change it: {command} ID"]
    if proposal is None:
        return [f"to set the identifier: {command} ID"]
    return [
        f'{displayed(proposal.path)} proposes the identifier "{proposal.identifier}"',
        f"to set it: {command} {quoted(proposal.identifier)}",
    ]


def _identifier_in(target: Target) -> str | None:
    """Return a file's default identifier; None where it has none, or is not to be read."""
    try:
        found = tomli.loads(editing.read(target)).get("identifier")
    except ConfigurationError:
        return None
    return found if isinstance(found, str) and found else None


def _beside(project: str | None) -> str | None:
    return None if project is None else os.path.join(os.path.dirname(project), ".env")


_NAMES = {
    "project": "project's map",
    "user": "your own map",
    "project-env": "credentials",
    "user-env": "your credentials",
}


def _cells(row: dict[str, object]) -> tuple[str, str, str]:
    there = "there" if row["exists"] else "not there"
    return _NAMES[str(row["role"])], displayed(str(row["file"])), there
