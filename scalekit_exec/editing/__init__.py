"""Edits of a map's file: under a lock, checked by the loader itself, written beside and renamed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scalekit_exec import config
from scalekit_exec.config.discovery import CONNECTIONS, PROJECT_FILE
from scalekit_exec.config.document import parse_json, parse_toml
from scalekit_exec.config.services import (
    Trust,
    check_groups,
    read_connections,
    read_groups,
    read_services,
)
from scalekit_exec.config.settings import read_settings
from scalekit_exec.editing.forms import (
    PROPOSED,
    Entry,
    UneditableError,
    drop_service,
    drop_settings,
    put_default,
    put_service,
    put_settings,
)
from scalekit_exec.editing.lock import locked
from scalekit_exec.errors import ConfigurationError
from scalekit_exec.files import absolute, displayed, read_named, read_trusted, write_atomic
from scalekit_exec.model import UserSettings
from scalekit_exec.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scalekit_exec.config.document import Table
    from scalekit_exec.model import Service

__all__ = [
    "Entry",
    "Target",
    "UneditableError",
    "choose",
    "drop_service",
    "drop_settings",
    "edit",
    "preview",
    "proposed_by",
    "put_default",
    "put_service",
    "put_settings",
    "read",
    "schema_line",
    "user_settings",
    "user_target",
]


@record
class Target:
    """The file to edit, and the other one, with which it must load.

    `project` is the project's file where there is one, be it the target or not; `named` says that
    the user named it. `own` is the user's file, whether or not it exists. `connections` is the
    `connections.json` that would be the project's map if the target were not.
    """

    path: str
    own: str
    project: str | None = None
    named: bool = False
    connections: str | None = None

    @property
    def is_own(self) -> bool:
        """Whether the file to edit is the user's own."""
        return self.path == self.own


def proposed_by(target: Target, path: str) -> str:
    """Return the comment on an identifier that a file proposed.

    A project's map is for others too: there it names no folder of this machine but the home.
    """
    name = displayed(path)
    if not target.is_own and not name.startswith("~"):
        name = os.path.basename(path)
    return f"{PROPOSED}{name}"


def choose(explicit: str | None, environ: Mapping[str, str], cwd: str, *, here: bool) -> Target:
    """Return the file that an edit is for: the project's where one is found, else the user's.

    `explicit` stands for the project's; `here` asks for one in `cwd`, whatever is above. Raises
    ConfigurationError `config-invalid` for a link to nothing: a repository would choose by it where
    a file comes into being.
    """
    own = config.user_path(environ)
    found = config.find_project(cwd, environ)
    if explicit is None:
        _refuse_dangling(os.path.join(cwd, PROJECT_FILE) if here else found)
    connections = found if found is not None and found.endswith(CONNECTIONS) else None
    if here:
        path = os.path.join(cwd, PROJECT_FILE)
        return Target(path, own, path, connections=connections)
    if explicit is not None:
        path = absolute(explicit, cwd)
        if explicit == os.devnull or os.path.realpath(path) == os.path.realpath(own):
            return Target(own, own)
        _refuse_dangling(path)
        return Target(path, own, path, named=True)
    if found is None or connections is not None:
        return Target(own, own, found, connections=connections)
    return Target(found, own, found)


def _refuse_dangling(path: str | None) -> None:
    if path is not None and os.path.islink(path) and not os.path.exists(path):
        what = f"{displayed(path)} is a link to nothing"
        raise ConfigurationError("config-invalid", what, "remove or mend it")


def user_settings(environ: Mapping[str, str]) -> UserSettings:
    """Return what the user's own file says of Scalekit; empty settings where there is no file.

    Raises ConfigurationError `config-invalid` for a file that does not load.
    """
    try:
        return config.load(os.devnull, environ, os.curdir).settings
    except ConfigurationError as error:
        if error.code != "config-missing":
            raise
        return UserSettings(path=config.user_path(environ))


def user_target(environ: Mapping[str, str]) -> Target:
    """Return the user's own file as what is to be edited, by itself: no project matters."""
    own = config.user_path(environ)
    return Target(own, own)


def read(target: Target) -> str:
    """Return the text of the file to edit; empty where it does not exist or is blank.

    Raises ConfigurationError `config-invalid` for one that is not to be trusted or not TOML.
    """
    try:
        data = _bytes(target, target.path)
    except FileNotFoundError:
        return ""
    if not data.strip():
        return ""
    parse_toml(target.path, data)
    return data.decode()


def preview(target: Target, change: Callable[[str], str], environ: Mapping[str, str]) -> None:
    """Do all of an edit but the writing; raises what `edit` would raise."""
    _prepare(target, change, environ)


def edit(target: Target, change: Callable[[str], str], environ: Mapping[str, str]) -> bool:
    """Let `change` make the file's new text of the old, and put it in place; tell if it differs.

    The file is read under a lock, so edits at one time lose nothing. A new file begins with the
    line by which editors find the schema. Raises ConfigurationError `config-invalid` where the
    outcome would not load, or a form of TOML is met that cannot be edited; nothing has changed
    then.
    """
    with locked(target.path):
        data = _prepare(target, change, environ)
        if data is not None:
            write_atomic(target.path, data, mode=0o600 if target.is_own else _shared_mode())
    return data is not None


def _prepare(
    target: Target, change: Callable[[str], str], environ: Mapping[str, str]
) -> bytes | None:
    """Return what is to be written, which loads; None where nothing changes."""
    before = read(target)
    try:
        after = change(before or schema_line())
    except UneditableError as error:
        _check(target, before.encode(), environ)  # what is wrong already is the better reason
        where = displayed(target.path)
        what = f"{where}: its form of TOML cannot be edited without losing something"
        lines = error.lines.strip().replace("\n", "; ")
        hint = f"write into {where} by hand: {lines}" if lines else f"edit {where} by hand"
        raise ConfigurationError("config-invalid", what, hint) from None
    if not after.strip():
        after = schema_line()
    if after == before:
        return None
    data = after.encode()
    _check(target, data, environ)
    return data


def schema_line() -> str:
    """Return the line that tells editors what may stand in a map (Taplo's `#:schema`)."""
    from pathlib import Path

    path = Path(__file__).absolute().parent.parent / "scalekit.schema.json"
    return f"#:schema {path.as_uri()}\n"


def _shared_mode() -> int:
    """Return the mode of a new file that others may read, as far as the umask lets them."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o644 & ~mask


def _bytes(target: Target, path: str) -> bytes:
    if path == target.own:
        return read_trusted(path, named_by="")
    return read_named(path) if target.named else read_trusted(path)


def _check(target: Target, data: bytes, environ: Mapping[str, str]) -> None:
    """Load both files as a launch would, with this content for the one to edit."""
    own, settings = _own_part(target, data, environ)
    own_services = read_services(own, Trust(project=False, user_path=target.own)) if own else {}
    project = _project_part(target, data)
    services: dict[str, Service] = dict(own_services)
    if project is not None and project.file.endswith(".json"):
        services |= read_connections(project)[0]
        project = None
    elif project is not None:
        trust = Trust(
            project=True,
            user_path=target.own,
            allow_variables=settings.allow_variables,
            services=own_services,
        )
        services |= read_services(project, trust)
    groups = {} if project is None else read_groups(project)
    if project is not None:
        check_groups(project, groups, services)
    if own is not None:
        # A group of the project's replaces the user's, whatever is in it.
        rest = {name: of for name, of in read_groups(own).items() if name not in groups}
        check_groups(own, rest, services)


def _own_part(
    target: Target, data: bytes, environ: Mapping[str, str]
) -> tuple[Table | None, UserSettings]:
    if not target.is_own:
        try:
            data = _bytes(target, target.own)
        except FileNotFoundError:
            return None, UserSettings(path=target.own)
    root = parse_toml(target.own, data)
    return root, read_settings(root, environ)


def _project_part(target: Target, data: bytes) -> Table | None:
    if target.project is None:
        return None
    if target.project != target.path:
        try:
            data = _bytes(target, target.project)
        except FileNotFoundError:
            return None
    parse = parse_json if target.project.endswith(".json") else parse_toml
    return parse(target.project, data)
