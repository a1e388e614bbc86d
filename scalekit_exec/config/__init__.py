"""The service map: the user's file and the project's, found, read, checked and put together.

`load` reads both files; `select` answers what the words of a launch want of them. The project's
file may have come with a cloned repository, so it names no server, no command and no variable that
decides which code runs (`services`, `settings`).
"""

from __future__ import annotations

import os

from scalekit_exec.config.discovery import PROJECT_FILE, find_project, user_path
from scalekit_exec.config.document import Table, parse_json, parse_toml
from scalekit_exec.config.selection import Word, is_word, parse_word, select, unknown
from scalekit_exec.config.services import (
    Trust,
    check_groups,
    read_connections,
    read_groups,
    read_services,
    toml_text,
)
from scalekit_exec.config.settings import normal_url, read_settings
from scalekit_exec.errors import ConfigurationError, shown, typed
from scalekit_exec.files import absolute, displayed, read_named, read_trusted, typed_path
from scalekit_exec.model import ServiceMap, UserSettings
from scalekit_exec.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalekit_exec.model import Service

__all__ = [
    "Word",
    "find_project",
    "is_word",
    "load",
    "normal_url",
    "parse_word",
    "select",
    "unknown",
    "user_path",
]

_EXAMPLE = ("gmail", "gmail_u3134a", "me")


@record
class _Part:
    """What one file gives to the map."""

    root: Table
    services: Mapping[str, Service] = {}
    groups: Mapping[str, tuple[str, ...]] = {}
    notes: tuple[str, ...] = ()


def load(
    explicit: str | None, environ: Mapping[str, str], cwd: str, asked: Sequence[str] = ()
) -> ServiceMap:
    """Read the user's file and the project's, and put them together.

    `explicit` is the file that the user named in place of the project's; it is not held to the
    rules of ownership. An empty file to name is the null device. `asked` are the words that the map
    is wanted for, so that a hint can name them. Raises ConfigurationError `config-missing` where
    there is no file at all, `config-invalid` with file, table and key.
    """
    own_path = user_path(environ)
    own, settings = _load_user(own_path, environ)
    path = _project_path(explicit, own_path, environ, cwd)
    trust = Trust(
        project=True,
        user_path=own_path,
        allow_variables=settings.allow_variables,
        services=own.services if own is not None else {},
    )
    project = None if path is None else _load_project(path, explicit, trust)
    if own is None and project is None:
        raise ConfigurationError(
            "config-missing",
            f"no {PROJECT_FILE} here or above, and no {displayed(own_path)}",
            _beginning([parse_word(word) for word in asked if is_word(word)]),
        )
    merged = _merge(own, project, settings)
    if explicit is None or path is None or path.endswith(".json"):
        return merged
    return replace(merged, again=f" --config {typed_path(path)}")


def _beginning(asked: Sequence[Word]) -> str:
    """Return what to type where there is no map yet, for the first of these words."""
    name, connection_name, identifier = _EXAMPLE
    typed_identifier = "ID"
    if asked:
        name, connection_name = asked[0].name, "CONNECTION_NAME"
        identifier = asked[0].identifier or "ID"
        typed_identifier = typed(identifier)
    key = f'"{name}"' if "." in name else name
    entry = f'{{ connection_name = "{connection_name}", identifier = {toml_text(identifier)} }}'
    return (
        f"scalekit-auth config {name} CONNECTION_NAME --identifier {typed_identifier}; "
        f"or write {PROJECT_FILE}: services.{key} = {entry}"
    )


def _load_user(path: str, environ: Mapping[str, str]) -> tuple[_Part | None, UserSettings]:
    try:
        data = read_trusted(path, named_by="")
    except FileNotFoundError:
        return None, UserSettings(path=path)
    root = parse_toml(path, data)
    settings = read_settings(root, environ)
    services = read_services(root, Trust(project=False, user_path=path))
    return _Part(root, services, read_groups(root)), settings


def _project_path(
    explicit: str | None, own_path: str, environ: Mapping[str, str], cwd: str
) -> str | None:
    """Return the file that stands for the project's; None where there is none."""
    if explicit is None:
        return find_project(cwd, environ)
    path = absolute(explicit, cwd)
    # The null device says that there is no project; the user's own file is read anyway, with the
    # rights of a user's file.
    if explicit == os.devnull or os.path.realpath(path) == os.path.realpath(own_path):
        return None
    return path


def _load_project(path: str, explicit: str | None, trust: Trust) -> _Part:
    shown_path = path if explicit is None else explicit
    try:
        data = read_trusted(path) if explicit is None else read_named(path)
    except FileNotFoundError:
        if explicit is None:
            what = f"{displayed(path)} is a link to nothing"
            raise ConfigurationError("config-invalid", what, "remove or mend it") from None
        what = f"there is no file {displayed(shown_path)}"
        hint = "correct -c or SCALEKIT_EXEC_CONFIG, or leave it out"
        raise ConfigurationError("config-missing", what, hint) from None
    if path.endswith(".json"):
        return _load_connections(path, data, found=explicit is None)
    root = parse_toml(path, data)
    return _Part(root, read_services(root, trust), read_groups(root))


def _load_connections(path: str, data: bytes, *, found: bool) -> _Part:
    try:
        root = parse_json(path, data)
        services, unusable = read_connections(root)
    except ConfigurationError as error:
        if not found:
            raise
        # The name is a common one: this may be the file of quite another program.
        hint = f"{error.hint}; if this is another program's file: SCALEKIT_EXEC_CONFIG=MAP"
        raise ConfigurationError(error.code, error.message, hint) from None
    name = displayed(path)
    notes = [f"{name} is read; to move to {PROJECT_FILE}: scalekit-auth import {typed_path(path)}"]
    notes += [
        f'{name}: "{shown(service, 60)}" cannot be named in a launch and is passed over'
        for service in unusable
    ]
    return _Part(root, services, notes=tuple(notes))


def _merge(own: _Part | None, project: _Part | None, settings: UserSettings) -> ServiceMap:
    parts = [part for part in (own, project) if part is not None]
    services: dict[str, Service] = dict(own.services) if own is not None else {}
    groups: dict[str, tuple[str, ...]] = {}
    notes: list[str] = []
    for part in parts:
        groups |= part.groups
        notes += part.notes
    for name, service in project.services.items() if project is not None else ():
        if name in services:
            notes += _replacement(services[name], service)
            service = _keep_hosts(services[name], service)  # noqa: PLW2901 - it is that service
        services[name] = service
    if own is not None and project is not None:
        notes += _regrouping(own, project)
    for part in parts:
        current = {
            name: part.groups[name] for name in part.groups if groups[name] is part.groups[name]
        }
        check_groups(part.root, current, services)
    return ServiceMap(
        services=services,
        groups=groups,
        settings=settings,
        project=project.root.file if project is not None else None,
        files=tuple(part.root.file for part in parts),
        notes=tuple(notes),
    )


def _regrouping(own: _Part, project: _Part) -> list[str]:
    """Say that a project names other services by a group of the user's; refuse a wider one.

    Whoever types `inbox` means their own group, and a cloned repository must not add their bank to
    it, under whatever name. Services that the project brings itself are its own affair.
    """
    notes = []
    for name, members in project.groups.items():
        before = own.groups.get(name)
        if before is None or set(before) == set(members):
            continue
        new = [member for member in members if member not in before]
        added = [found for member in new if (found := _added(member, before, own, project))]
        if added:
            raise ConfigurationError(
                "config-invalid",
                f"{displayed(project.root.file)}: the group {name} is yours, and would get "
                f"{', '.join(added)} as well",
                f"rename the project's group, or widen your own in {displayed(own.root.file)}",
            )
        where = displayed(project.root.file)
        notes.append(f"{where} replaces your own group {name}: {', '.join(members)}")
    return notes


def _added(member: str, before: Sequence[str], own: _Part, project: _Part) -> str:
    """Name the user's own service that a group gets with this member; empty where it gets none."""
    brought = project.services.get(member)
    if brought is None:
        return member if member in own.services else ""

    mine = {n: each.identifier for n, each in own.services.items() if _same_place(each, brought)}
    # `--identifier` stands for all that have none of their own, so it makes those one account.
    if any(name in before and brought.identifier in (None, who) for name, who in mine.items()):
        return ""  # another name for what the group has already
    for name, who in mine.items():
        if name not in before and (None in (brought.identifier, who) or who == brought.identifier):
            return name
    return ""


def _same_place(one: Service, other: Service) -> bool:
    """Tell whether two services differ in their identifier at most."""
    return all(
        getattr(one, key) == getattr(other, key)
        for key in ("connection_name", "organization_id", "user_id")
    )


def _keep_hosts(own: Service, service: Service) -> Service:
    """Keep what only the user may say of a service, where a project's entry replaces it.

    Else a project could widen where a credential may go by leaving `hosts` out.
    """
    hosts = own.hosts if service.hosts is None else service.hosts
    return replace(service, provider=own.provider, hosts=hosts)


def _replacement(own: Service, service: Service) -> list[str]:
    """Say that a project acts for another account than the user's own entry of that name."""
    changes = [
        _change(key, new, old)
        for key, new, old in (
            ("connection_name", service.connection_name, own.connection_name),
            ("identifier", service.identifier, own.identifier),
            ("organization_id", service.organization_id, own.organization_id),
            ("user_id", service.user_id, own.user_id),
        )
        if new != old
    ]
    if not changes:
        return []
    where = displayed(service.origin)
    return [f"{where} replaces your own service {service.name}: {', '.join(changes)}"]


def _change(key: str, new: str | None, old: str | None) -> str:
    if new is None:
        return f"no {key}, where yours has {_said(old)}"
    if old is None:
        return f"{key} {_said(new)}, where yours has none"
    return f"{key} {_said(new)} instead of {_said(old)}"


def _said(value: str | None) -> str:
    return f'"{shown(value, 60)}"'
