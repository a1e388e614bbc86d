"""What the earlier scalekit-auth skill left behind: its `connections.json`, and how it moves over.

Identifiers move exactly as they stand. That skill made odd ones, such as `** mess`, and the
accounts at Scalekit are under those names.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import tomli

from scalekit_exec import config, editing
from scalekit_exec.config.discovery import CONNECTIONS
from scalekit_exec.config.document import parse_json
from scalekit_exec.config.services import read_connections
from scalekit_exec.errors import ConfigurationError, shown
from scalekit_exec.files import HOME, displayed, read_named, read_trusted
from scalekit_exec.record import record, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalekit_exec.model import Service

__all__ = ["ADDED", "KEPT", "PASSED_OVER", "REPLACED", "SAME", "Change", "Source", "find", "merge"]

ADDED = "added"
REPLACED = "replaced"
KEPT = "kept"
SAME = "same"
PASSED_OVER = "passed-over"
_SKILLS = (
    ("skills", "scalekit-auth"),  # of the working folder, which a cloned repository may be
    ("~", ".openclaw", "workspace", "skills", "scalekit-auth"),
    ("~", ".openclaw", "skills", "scalekit-auth"),
)


@record
class Source:
    """A `connections.json` and what is in it; `unusable` are names that no launch can speak.

    `is_users` says that the user named it, or that it lies in a folder of an agent of theirs. What
    was merely found where they work may have come with a repository.
    """

    path: str
    services: Mapping[str, Service]
    unusable: tuple[str, ...] = ()
    is_users: bool = False

    @property
    def env_file(self) -> str:
        """The `.env` beside it, whether or not it exists."""
        return os.path.join(os.path.dirname(os.path.abspath(self.path)), ".env")


@record
class Change:
    """What became of one service.

    `there` and `identifier_there` are the connection and the identifier that the map had for it.
    """

    what: str
    name: str
    connection_name: str = ""
    identifier: str | None = None
    there: str = ""
    identifier_there: str | None = None

    @property
    def is_odd(self) -> bool:
        """Whether the identifier looks like an accident of the earlier skill."""
        identifier = self.identifier or ""
        return identifier != identifier.strip("*_` \t")


def find(explicit: str | None, environ: Mapping[str, str], cwd: str) -> Source:
    """Read the file that was named, else the first of the usual places.

    Those are the working folder and above, then the folders in which agents keep that skill.
    Raises ConfigurationError `config-missing` where there is none, `config-invalid` for one that
    is not what it should be.
    """
    if explicit is not None:
        path = os.path.join(cwd, explicit)
        if os.path.isdir(path):
            path = os.path.join(path, CONNECTIONS)
        return _read(path, named=True)
    above = config.find_project(cwd, environ)
    places = [os.path.join(cwd, CONNECTIONS)]
    places += [above] if above is not None and above.endswith(CONNECTIONS) else []
    for first, *rest in _SKILLS:
        base = environ.get(HOME, "") if first == "~" else os.path.join(cwd, first)
        places.append(os.path.join(base, *rest, CONNECTIONS))
    for path in places:
        if os.path.lexists(path):
            return replace(_read(path, named=False), is_users=_is_agents(path, environ))
    raise ConfigurationError(
        "config-missing",
        f"no {CONNECTIONS} here or in {', '.join(_shown_place(place) for place in places[1:])}",
        f"name it: scalekit-auth import PATH/{CONNECTIONS}",
    )


def merge(text: str, services: Mapping[str, Service], *, force: bool) -> tuple[str, list[Change]]:
    """Put these services into a map's text; return it, and what became of each.

    One that the map has under another connection or identifier is kept, unless `force` replaces
    it.
    """
    document = tomli.loads(text)
    before = document.get("services", {})
    if not isinstance(before, dict):
        raise editing.UneditableError("")
    default = {"identifier": document.get("identifier")}
    changes = []
    for name, service in services.items():
        entry = editing.Entry(name, service.connection_name, service.identifier)
        there = before.get(name)
        what, had, who = ADDED, "", None
        if isinstance(there, dict):
            told = default | there
            alike = all(told.get(key) == value for key, value in entry.values.items())
            what = SAME if alike else REPLACED if force else KEPT
            had = str(there.get("connection_name", ""))
            who = told.get("identifier")
        if what in {ADDED, REPLACED}:
            text = editing.put_service(text, entry)
        changes.append(Change(what, name, service.connection_name, service.identifier, had, who))
    return text, changes


def _read(path: str, *, named: bool) -> Source:
    try:
        data = read_named(path) if named else read_trusted(path)
    except FileNotFoundError:
        what = f"there is no file {displayed(path)}"
        raise ConfigurationError("config-missing", what, "check the path") from None
    services, unusable = read_connections(parse_json(path, data))
    return Source(path, services, tuple(unusable), is_users=named)


def _is_agents(path: str, environ: Mapping[str, str]) -> bool:
    """Tell whether this is the file of an agent's folder in the user's home, by whatever way."""
    home = environ.get(HOME, "")
    folders = [os.path.join(home, *rest) for first, *rest in _SKILLS if first == "~"]
    here = os.path.realpath(os.path.dirname(path))
    return os.path.isabs(home) and here in map(os.path.realpath, folders)


def _shown_place(path: str) -> str:
    return shown(displayed(os.path.dirname(path)), 80)
