"""`scalekit-auth logout`: remove the client secret, and tell what is left."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from scalekit_exec import config, credentials, custody, editing
from scalekit_exec.cli.auth.login import place
from scalekit_exec.cli.auth.session import Result, Session, common
from scalekit_exec.errors import ConfigurationError
from scalekit_exec.files import displayed

if TYPE_CHECKING:
    from scalekit_exec.cli.auth.login import Place

__all__ = ["command"]

REMOVED = "removed"
ABSENT = "absent"
KEPT = "kept"


@click.command()
@click.option(
    "--purge", is_flag=True, help="Remove the credentials in your own .env and config.toml, too."
)
@common
def command(session: Session, *, purge: bool) -> int:
    """Remove the client secret from the system's keyring, and tell what else is left.

    With --environment: that of [environments.NAME]. What Scalekit itself knows does not change: to
    make a secret worthless, revoke it in the dashboard.
    """
    where = place(session)
    if where.environment is not None and where.current is None:
        known = ", ".join(where.settings.environments)
        hint = f"one of: {known}" if known else "it has none"
        raise credentials.unknown_environment(where.environment, where.settings, hint)
    problem: ConfigurationError | None = None
    found = []
    try:
        found += [_keyring(where, session)]
    except ConfigurationError as error:
        problem = error
    if where.environment is None:
        found += [_own_env(session, purge=purge)]
    # Without id and URL, nobody would find the secret in a keyring that could not be asked now.
    found += [_settings(where, session, purge=purge and problem is None)]
    if where.environment is None:
        found += _elsewhere(session)
    told = [(row, line) for row, line in found if line]
    result = Result("credentials", [row for row, _ in told], [line for _, line in told])
    status = session.answer(result)
    if problem is not None:
        raise problem
    return status


def _outcome(place: str, name: str | None, state: str, line: str) -> tuple[dict[str, object], str]:
    return {"place": place, "name": name, "state": state}, line


def _keyring(where: Place, session: Session) -> tuple[dict[str, object], str]:
    current = where.current
    if current is None or not current.client_id or not current.env_url:
        line = f"nothing in the keyring: there is no {where.name}"
        if custody.has_credentials(custody.env_path(session.environ)):
            line = ""  # then it is the .env that keeps them
        return _outcome("keyring", None, ABSENT, line)
    user = f"{current.client_id} at {current.env_url.removeprefix('https://')}"
    if current.client_secret_command:
        line = f"nothing in the keyring: the secret of {user} comes from client_secret_command"
        return _outcome("keyring", user, ABSENT, line)
    if custody.forget_in_keyring(current.client_id, current.env_url):
        line = f"the secret of {user} is removed from the keyring"
        return _outcome("keyring", user, REMOVED, line)
    return _outcome("keyring", user, ABSENT, f"the keyring holds no secret of {user}")


def _own_env(session: Session, *, purge: bool) -> tuple[dict[str, object], str]:
    path = custody.env_path(session.environ)
    name = displayed(path)
    if not custody.has_credentials(path):
        return _outcome("file", path, ABSENT, "")
    if purge:
        custody.forget_env(path)
        return _outcome("file", path, REMOVED, f"the credentials in {name} are removed")
    line = f"still there: {name}; scalekit-auth logout --purge removes what it has of them"
    return _outcome("file", path, KEPT, line)


def _settings(where: Place, session: Session, *, purge: bool) -> tuple[dict[str, object], str]:
    path = where.settings.path
    current = where.current
    # All that makes it a source: a half one would stop every launch.
    names = ("client_id", "env_url", "client_secret_command")
    keys = [key for key in names if current and getattr(current, key)]
    if not keys:
        return _outcome("file", path, ABSENT, "")
    what = f"{', '.join(keys)} of {where.name}"
    if not purge:
        return _outcome("file", path, KEPT, f"still there: {what}; none is secret")
    editing.edit(
        editing.user_target(session.environ),
        lambda text: editing.drop_settings(text, where.table, keys),
        session.environ,
    )
    return _outcome("file", path, REMOVED, f"removed: {what}")


def _elsewhere(session: Session) -> list[tuple[dict[str, object], str]]:
    """Tell of credentials that are not ours to remove."""
    found = [
        _outcome("environment", name, KEPT, f"still set: {name} in your environment")
        for name in credentials.NAMES
        if session.environ.get(name, "").strip()
    ]
    project = session.config or config.find_project(session.folder(), session.environ)
    path = os.path.join(os.path.dirname(os.path.abspath(project)), ".env") if project else ""
    own = custody.env_path(session.environ)
    try:
        counts = bool(path) and path != own and custody.has_credentials(path)
    except ConfigurationError:
        counts = True
    if counts:
        found.append(_outcome("file", path, KEPT, f"still there: {displayed(path)}, the project's"))
    return found
