"""`scalekit-auth import`: move what the earlier scalekit-auth skill left over to a map."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click
import tomli

from scalekit_exec import credentials, custody, editing, identity, moving
from scalekit_exec.cli.auth.session import Result, Session, common
from scalekit_exec.errors import ConfigurationError, UsageError, shown
from scalekit_exec.files import displayed, typed_path
from scalekit_exec.model import ServiceMap, UserSettings
from scalekit_exec.record import replace

if TYPE_CHECKING:
    from scalekit_exec.editing import Target
    from scalekit_exec.model import ClientCredentials
    from scalekit_exec.moving import Change, Source

__all__ = ["command"]


@click.command("import")
@click.argument("path", required=False, metavar="[connections.json]")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--project", is_flag=True, help="Write scalekit.toml in this folder.")
@click.option("--force", is_flag=True, help="Replace services that the map has already.")
@click.option("--credentials", "trusted", is_flag=True, help="Copy a .env of this folder, too.")
@common
def command(
    session: Session,
    path: str | None,
    *,
    dry_run: bool,
    project: bool,
    force: bool,
    trusted: bool,
) -> int:
    """Move connections.json and .env of the earlier scalekit-auth skill over.

    Without a path: of this folder or above, else of the folder in which an agent keeps that skill.
    Identifiers are taken exactly as they stand. The old files stay where they are.
    """
    cwd = session.folder()
    if project and session.config is not None:
        what = "--project and -c name two files"
        hint = "give only one of them; SCALEKIT_EXEC_CONFIG counts as -c"
        raise UsageError("usage", what, hint)
    source = moving.find(path, session.environ, cwd)
    source = replace(source, is_users=source.is_users or trusted)
    target = editing.choose(session.config, session.environ, cwd, here=project)
    if target.path.endswith(".json"):
        what = f"{displayed(target.path)} is no TOML file to write a map into"
        raise ConfigurationError("config-invalid", what, "name another with -c, or leave -c away")
    changes: list[Change] = []

    def change(text: str) -> str:
        text, found = moving.merge(text, source.services, force=force)
        changes[:] = found
        return _with_identifier(session, target, text)

    if dry_run:
        editing.preview(target, change, session.environ)
    else:
        editing.edit(target, change, session.environ)
    changes += [moving.Change(moving.PASSED_OVER, name) for name in source.unusable]
    env_row, env_line = _move_env(session, source, target, dry_run=dry_run)
    lines = [
        f"{displayed(source.path)} -> {displayed(target.path)}",
        *(_said(each, dry_run=dry_run) for each in changes),
        env_line,
        *_afterwards(source, target),
        *(["this was a dry run: nothing has been written"] if dry_run else []),
    ]
    for each in changes:
        if each.is_odd:
            session.speaker.note(_odd(each))
    rows = [*(_row(each, target) for each in changes), env_row]
    return session.answer(Result("changes", rows, lines))


def _with_identifier(session: Session, target: Target, text: str) -> str:
    """Put what IDENTITY.md proposes into a map with a service that has no identifier."""
    values = tomli.loads(text)
    services = values.get("services", {})
    bare = [
        name for name, of in services.items() if isinstance(of, dict) and "identifier" not in of
    ]
    if not bare or "identifier" in values:
        return text
    found = identity.propose(session.environ, session.folder())
    if found is None:
        # Where the old file still goes first, or one was named, the map is not found by itself.
        found_otherwise = target.named or (target.is_own and target.connections is not None)
        where = f" -c {typed_path(target.path)}" if found_otherwise else ""
        names = shown(", ".join(bare))
        session.speaker.note(
            f"no identifier for {names}: scalekit-auth config --identifier ID{where}"
        )
        return text
    session.speaker.note(f'identifier = "{found.identifier}" is what {displayed(found.path)} says')
    return editing.put_default(text, found.identifier, editing.proposed_by(target, found.path))


def _row(change: Change, target: Target) -> dict[str, object]:
    return {
        "change": change.what,
        "service": change.name,
        "connection_name": change.connection_name or None,
        "identifier": change.identifier,
        "file": target.path,
    }


def _said(change: Change, *, dry_run: bool) -> str:
    account = f"{shown(change.connection_name, 80)}, identifier {_quoted(change.identifier)}"
    there = f"{shown(change.there, 80)}, identifier {_quoted(change.identifier_there)}"
    would = "would be " if dry_run else ""
    name = shown(change.name, 60)
    return {
        moving.ADDED: f"{name}: {would}added: {account}",
        moving.REPLACED: f"{name}: {would}replaced: {account}; it was {there}",
        moving.KEPT: f"{name}: kept as it is in the map: {there}; --force replaces it: {account}",
        moving.SAME: f"{name}: in the map already",
        moving.PASSED_OVER: f'"{name}": passed over: it cannot be named in a launch; letters, '
        "digits, _ . and - only",
    }[change.what]


def _quoted(identifier: str | None) -> str:
    return "none" if identifier is None else f'"{shown(identifier)}"'


def _odd(change: Change) -> str:
    return (
        f"{change.name}: the identifier {_quoted(change.identifier)} is odd, and right: the "
        "account at Scalekit is under that name; do not correct it, or it must be authorized anew"
    )


def _move_env(
    session: Session, source: Source, target: Target, *, dry_run: bool
) -> tuple[dict[str, object], str]:
    """Copy the old `.env` to the user's, unless there is one or it is found where it is.

    Whoever writes that file chooses the server that all later launches ask, so one that may have
    come with a repository is copied only on the user's word.
    """
    old, own = source.env_file, custody.env_path(session.environ)
    name, host = displayed(old), None
    change, line = _obstacle(session, old, own, target)
    if not change:
        try:
            bare = ServiceMap({}, {}, UserSettings(own))
            client = credentials.find(credentials.Request({}, bare, old), session.speaker.note)
        except ConfigurationError as error:
            change, line = moving.PASSED_OVER, f"{name} is not copied: {error.message}"
        else:
            host = client.env_url.removeprefix("https://")
            change, line = _copy(source, own, client, dry_run=dry_run)
    return {"change": change, "service": None, "file": old, "host": host}, line


def _copy(source: Source, own: str, client: ClientCredentials, *, dry_run: bool) -> tuple[str, str]:
    name = f"{displayed(source.env_file)}, for {shown(client.env_url.removeprefix('https://'))},"
    if not source.is_users:
        why = "it may have come with this folder; if that is your Scalekit: add --credentials"
        return moving.PASSED_OVER, f"{name} is not copied: {why}"
    if not dry_run:
        custody.keep_in_env(own, client)
    said = "would be" if dry_run else "is"
    return moving.ADDED, f"{name} {said} copied to {displayed(own)}, mode 0600"


def _obstacle(session: Session, old: str, own: str, target: Target) -> tuple[str, str]:
    """Return why the old `.env` is not to be copied; empty strings where it is."""
    name = displayed(old)
    real = os.path.realpath
    if not os.path.lexists(old):
        return "absent", f"there is no {name}; to store credentials: scalekit-auth login"
    if real(old) == real(own):
        return moving.SAME, f"{name} is yours already"
    mine = _mine(session, own)
    if mine:
        return moving.KEPT, f"{name} is not copied: {mine}"
    if not target.is_own and real(os.path.dirname(target.path)) == os.path.dirname(real(old)):
        return moving.KEPT, f"{name} is left where it is: it is read beside the map"
    return "", ""


def _mine(session: Session, own: str) -> str:
    """Say where the user has credentials already; an empty string where they have none."""
    if os.path.lexists(own):
        return f"{displayed(own)} is there already"
    given = [name for name in credentials.NAMES if session.environ.get(name, "").strip()]
    if given:
        return f"you have {given[0]} in the environment"
    settings = editing.user_settings(session.environ)
    if settings.scalekit is not None and settings.scalekit.client_id:
        return f"you have [scalekit] in {displayed(settings.path)}"
    return ""


def _afterwards(source: Source, target: Target) -> list[str]:
    """Say where the old file goes on counting: it stands for a project's map."""
    if target.is_own and target.connections is not None:
        name = displayed(source.path)
        return [f"{name} still goes before {displayed(target.path)} here, until you remove it"]
    return []
