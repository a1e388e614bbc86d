"""The tables of a map as services and groups, checked by the rules of Scalekit's server."""

from __future__ import annotations

import os

from scalekit_exec.config.settings import USER_ONLY, host_fault, is_plain_name
from scalekit_exec.errors import ConfigurationError, nearest, shown
from scalekit_exec.files import displayed
from scalekit_exec.model import Service
from scalekit_exec.record import record
from scalekit_exec.variables import (
    TOKEN,
    Variable,
    default_variable,
    key_of,
    names_server,
    parse_template,
    project_refusal,
    project_template_refusal,
    refusal,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalekit_exec.config.document import Table

__all__ = [
    "CONNECTION_LENGTH",
    "IDENTIFIER_LENGTH",
    "PROJECT_KEYS",
    "SCOPE_LENGTH",
    "SERVICE_KEYS",
    "USER_KEYS",
    "Trust",
    "identifier_fault",
    "read_connections",
    "read_groups",
    "read_services",
    "toml_text",
]

PROJECT_KEYS = ("identifier", "services", "groups")
USER_KEYS = (*PROJECT_KEYS, *USER_ONLY)
PROJECT_SERVICE_KEYS = (
    "connection_name",
    "identifier",
    "env",
    "required",
    "organization_id",
    "user_id",
    "hosts",
)
SERVICE_KEYS = (*PROJECT_SERVICE_KEYS, "provider")
# The server's own limits, in characters.
CONNECTION_LENGTH = 400
IDENTIFIER_LENGTH = 100
SCOPE_LENGTH = 32
_WINDOWS = os.name == "nt"


@record
class Trust:
    """Whose file is being read, and what the user's own file grants to a project's.

    `services` are the user's own, by whose `hosts` a project's are bound.
    """

    project: bool
    user_path: str
    allow_variables: tuple[str, ...] = ()
    services: Mapping[str, Service] = {}


def identifier_fault(text: str) -> str:
    """Return why Scalekit would refuse this identifier; an empty string where it is fine."""
    if not text:
        return "an identifier is not empty"
    if len(text) > IDENTIFIER_LENGTH:
        return f"an identifier has at most {IDENTIFIER_LENGTH} characters, not {len(text)}"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "an identifier is UTF-8 text"
    return ""


def read_services(root: Table, trust: Trust) -> dict[str, Service]:
    """Read the top of a map: its services, with the file's default identifier folded in."""
    _refuse_foreign_keys(root, trust)
    root.only(PROJECT_KEYS if trust.project else USER_KEYS)
    default = _identifier(root)
    table = root.table("services")
    if table is None:
        return {}
    found = {}
    for name, value in table.values.items():
        if isinstance(value, str) and is_plain_name(name):
            hint = f"[services.{name}] and below it: connection_name = {toml_text(value)}"
            raise table.error(name, "must be a table, not a string", hint)
        inner = table.table(name)
        if inner is not None:
            found[name] = _service(name, inner, default, trust)
    return found


def _refuse_foreign_keys(root: Table, trust: Trust) -> None:
    """Refuse what a cloned repository could turn against the user."""
    if not trust.project:
        return
    for key in USER_ONLY:
        if key in root.values:
            where = f"[{key}]" if isinstance(root.values[key], dict) else key
            raise ConfigurationError(
                "config-invalid",
                f"{displayed(root.file)}: {where} may stand only in the user's own file",
                f"move {where} to {displayed(trust.user_path)}",
            )


def _service(name: str, table: Table, default: str | None, trust: Trust) -> Service:
    if not is_plain_name(name):
        what = "a service's name is letters, digits, _ . and -, a letter or digit first"
        raise table.error("", what, "rename the table")
    if trust.project and "provider" in table.values:
        hint = f"move it to {displayed(trust.user_path)}, {table.place}"
        raise table.error("provider", "may stand only in the user's own file", hint)
    table.only(PROJECT_SERVICE_KEYS if trust.project else SERVICE_KEYS)
    return Service(
        name=name,
        connection_name=_connection_name(table),
        variables=_variables(name, table, trust),
        identifier=_identifier(table) or default,
        required=table.flag("required", default=True),
        organization_id=_scope(table, "organization_id"),
        user_id=_scope(table, "user_id"),
        provider=table.text("provider"),
        hosts=_hosts(name, table, trust),
        origin=table.file,
    )


def _connection_name(table: Table) -> str:
    key = "connection_name"
    text = table.text(key)
    if text is None:
        raise table.error(key, "is missing", "set it to the connection's name on the dashboard")
    if len(text) > CONNECTION_LENGTH:
        raise table.error(key, f"is longer than {CONNECTION_LENGTH} characters")
    if any(not (c.isascii() and (c.isalnum() or c in "_: -")) for c in text):
        what = f'"{shown(text, 60)}" is not one: letters, digits, _ : - and spaces'
        raise table.error(key, what, "copy the connection's name from the Scalekit dashboard")
    return text


def _identifier(table: Table) -> str | None:
    text = table.text("identifier")
    fault = "" if text is None else identifier_fault(text)
    if fault:
        raise table.error("identifier", fault)
    return text


def _scope(table: Table, key: str) -> str | None:
    text = table.text(key)
    if text is not None and len(text) > SCOPE_LENGTH:
        raise table.error(key, f"has at most {SCOPE_LENGTH} characters, not {len(text)}")
    return text


def _variables(name: str, table: Table, trust: Trust) -> tuple[Variable, ...]:
    value = table.values.get("env")
    if value is None:
        variables = [Variable(default_variable(name), TOKEN)]
    elif isinstance(value, dict):
        variables = _filled(table)
    elif isinstance(value, list):
        variables = [Variable(item, TOKEN) for item in table.texts("env") or ()]
    elif isinstance(value, str):
        variables = [Variable(value, TOKEN)]
    else:
        table.wrong("env", "a name, an array of names or a table of templates")
    if not variables:
        raise table.error("env", "names no variable", f'as in env = "{default_variable(name)}"')
    seen: set[str] = set()
    for variable in variables:
        key = key_of(variable.name, _WINDOWS)
        if key in seen:
            raise table.error("env", f"{shown(variable.name, 60)} stands there twice")
        seen.add(key)
        _check_variable(variable, table, trust)
    return tuple(variables)


def _filled(table: Table) -> list[Variable]:
    env = table.table("env")
    variables = []
    for name, text in env.values.items() if env is not None else ():
        if not isinstance(text, str):
            raise table.error("env", f"{shown(name, 60)} must be a template in quotes")
        try:
            variables.append(Variable(name, parse_template(text)))
        except ValueError as error:
            raise table.error("env", f"{shown(name, 60)}: {error}") from None
    return variables


def _check_variable(variable: Variable, table: Table, trust: Trust) -> None:
    name = variable.name
    why = refusal(name, windows=_WINDOWS)
    if why:
        raise table.error("env", why, 'choose another name, as in env = "API_TOKEN"')
    if not trust.project:
        return
    why = project_refusal(name, trust.allow_variables)
    # Clients build from these where they send the credential (SNOWFLAKE_ACCOUNT), and a project
    # names no server.
    template = variable.template
    plain = (
        len(template.names) == 1 and not template.has_text and "identifier" not in template.names
    )
    if not why and names_server(name) and not plain and name not in trust.allow_variables:
        why = f"in a project's map {name} is one field such as {{domain}}, without any text"
    if not why and name not in trust.allow_variables:
        # A text of the project's could name a file or a server, be it around a token.
        why = project_template_refusal(variable)
    if why:
        allowed = ", ".join(toml_text(item) for item in (*trust.allow_variables, name))
        hint = f"allow_variables = [{allowed}] in {displayed(trust.user_path)}"
        raise table.error("env", why, hint)


def _hosts(name: str, table: Table, trust: Trust) -> tuple[str, ...] | None:
    hosts = table.texts("hosts")
    if hosts is None:
        return None
    for host in hosts:
        fault = host_fault(host.removeprefix("*."))
        if fault or host.startswith("["):
            what = f'"{shown(host, 60)}" is not a host name, or *. and a host name'
            raise table.error("hosts", what, 'as in hosts = ["api.example.com"]')
    lowered = tuple(host.lower() for host in hosts)
    if trust.project:
        own = trust.services.get(name)
        within = own.hosts if own is not None and own.hosts is not None else ()
        for host in lowered:
            if not any(_covers(pattern, host) for pattern in within):
                what = f"a project's hosts may only narrow your own, and {host} is not among them"
                hint = f"add it to hosts of {table.place} in {displayed(trust.user_path)}"
                raise table.error("hosts", what, hint)
    return lowered


def _covers(pattern: str, host: str) -> bool:
    return host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def read_groups(root: Table) -> dict[str, tuple[str, ...]]:
    """Read the groups of a map, whose members are not looked up yet."""
    table = root.table("groups")
    if table is None:
        return {}
    groups = {}
    for name in table.values:
        if not is_plain_name(name):
            raise table.error(name, "a group's name is letters, digits, _ . and -")
        members = table.texts(name) or ()
        if not members:
            raise table.error(name, "a group has at least one service")
        groups[name] = tuple(dict.fromkeys(members))
    return groups


def check_groups(
    root: Table, groups: Mapping[str, Sequence[str]], services: Mapping[str, Service]
) -> None:
    """Hold one file's groups against the services of both files."""
    for name, members in groups.items():
        table = root.table("groups") or root
        if name in services:
            other = displayed(services[name].origin)
            what = f"a group has the name of a service in {other}"
            raise table.error(name, what, "rename one of them")
        for member in members:
            if member not in services:
                meant = nearest(member, services)
                hint = f"did you mean {meant}?" if meant else "a group's members are services"
                raise table.error(name, f'there is no service "{shown(member, 60)}"', hint)


def read_connections(root: Table) -> tuple[dict[str, Service], list[str]]:
    """Read the `connections.json` of the earlier scalekit-auth skill, identifiers verbatim.

    Returns also the names that cannot be words of a launch; they are passed over.
    """
    services = {}
    unusable = []
    for name, table in root.tables():
        if not is_plain_name(name):
            unusable.append(name)
            continue
        variable = Variable(default_variable(name), TOKEN)
        why = refusal(variable.name)
        if why:
            raise table.error("", why, "give it another name")
        services[name] = Service(
            name=name,
            connection_name=_connection_name(table),
            variables=(variable,),
            identifier=_identifier(table),
            origin=root.file,
        )
    return services, unusable


def toml_text(text: str) -> str:
    """Write a string for a hint, to be pasted into a map."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown(escaped, 80)}"'
