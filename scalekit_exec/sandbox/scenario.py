"""A scenario file: TOML that says which accounts the sandbox has and what shall go wrong.

The same tables, as JSON, are what the sandbox's control paths take. A key that is not known is an
error that names file, table and key: a misspelt `expires_in` must not make a test pass.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from scalekit_exec.clock import parse_rfc3339
from scalekit_exec.errors import ConfigurationError, nearest, reason, shown
from scalekit_exec.model import ACTIVE, AccountKey
from scalekit_exec.sandbox import protocol
from scalekit_exec.sandbox.account import (
    CREDENTIAL_KINDS,
    SandboxAccount,
    credential_for,
    static_type,
)
from scalekit_exec.sandbox.faults import KINDS, OPERATIONS, Fault
from scalekit_exec.sandbox.world import CUSTOM, SCALEKIT_USERS, World, provider_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["load_scenario", "read_account", "read_fault"]

_NUMBER = (int, float)
_TOP: dict[str, Any] = {
    "open": bool,
    "verification": str,
    "link_lifetime": _NUMBER,
    "accounts": list,
    "connections": list,
    "providers": list,
    "faults": list,
}
_ACCOUNT: dict[str, Any] = {
    "connection_name": str,
    "identifier": str,
    "organization_id": str,
    "user_id": str,
    "status": str,
    "authorization_type": str,
    "provider": str,
    "expires_in": (int, float, str, list),
    "expires_at": (str, datetime),
    "rotate": bool,
    "org_wide": bool,
    "no_credential": bool,
    "api_config": dict,
    **dict.fromkeys(CREDENTIAL_KINDS, dict),
}
_CONNECTION: dict[str, Any] = {
    "name": str,
    "provider": str,
    "type": str,
    "status": str,
    "enabled": bool,
    "auth_mode": str,
}
_FAULT: dict[str, Any] = {
    "kind": str,
    "on": str,
    "connection": str,
    "transport": str,
    "times": int,
    "status": int,
    "retry_after": (int, float, str),
    "permission": str,
    "body": str,
    "error_info": bool,
    "seconds": _NUMBER,
    "location": str,
    "value": (int, str),
}


class _Reader:
    """One table of one file: its values by name, and errors that say where."""

    def __init__(self, source: str, table: str, values: object, known: Mapping[str, Any]) -> None:
        self.source = source
        self.table = table
        if not isinstance(values, dict):
            raise self.error("", "is not a table")
        for key, value in values.items():
            if key not in known:
                meant = nearest(key, known)
                hint = f'did you mean "{meant}"?' if meant else f"known keys: {', '.join(known)}"
                raise self.error(key, "is not a key that the sandbox knows", hint)
            if not isinstance(value, known[key]) or (
                isinstance(value, bool) and known[key] is not bool
            ):
                raise self.error(key, "has a value of the wrong type")
        self.values: dict[str, Any] = values

    def error(self, key: str, what: str, hint: str = "") -> ConfigurationError:
        place = ": ".join(shown(part) for part in (self.source, self.table, key) if part)
        return ConfigurationError(
            "config-invalid", f"{place} {what}", hint or f"correct it in {shown(self.source)}"
        )

    def text(self, key: str, default: str | None = None) -> str:
        if key in self.values:
            return str(self.values[key])
        if default is None:
            raise self.error(key, "is missing")
        return default

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(key, default)
        if value not in choices:
            meant = nearest(value, choices)
            hint = f'did you mean "{meant}"?' if meant else f"one of: {', '.join(choices)}"
            raise self.error(key, f'cannot be "{shown(value)}"', hint)
        return value


def _enum(name: str) -> tuple[str, ...]:
    return tuple(protocol.accounts.DESCRIPTOR.enum_types_by_name[name].values_by_name)


def _lifetimes(reader: _Reader, default: tuple[float, ...]) -> tuple[float, ...]:
    value = reader.values.get("expires_in")
    if value is None:
        return default
    if value == "never":
        return ()
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(isinstance(n, _NUMBER) and not isinstance(n, bool) for n in numbers):
        raise reader.error("expires_in", 'is neither seconds, nor a list of such, nor "never"')
    return tuple(float(number) for number in numbers)


def _expires_at(reader: _Reader) -> float | None:
    value = reader.values.get("expires_at")
    if value is None:
        return None
    if "expires_in" in reader.values:
        raise reader.error("expires_at", "cannot stand beside expires_in")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise reader.error("expires_at", "has no time zone", 'end it with "Z"')
        return value.timestamp()
    try:
        return parse_rfc3339(value)
    except ValueError:
        raise reader.error("expires_at", "is not an RFC 3339 time") from None


def _credential_type(kind: str, values: Mapping[str, object]) -> str:
    if kind == "static_auth":
        return static_type(values)
    return {"google_dwd": "GOOGLE_DWD", "trusted_idp": "TRUSTED_IDP"}.get(kind, "OAUTH")


def _credential(reader: _Reader) -> tuple[str, dict[str, Any]]:
    """Return the authorization type and the credential; a missing one is made up."""
    given = [kind for kind in CREDENTIAL_KINDS if kind in reader.values]
    if len(given) + bool(reader.values.get("no_credential")) > 1:
        raise reader.error(given[-1], "is one credential too many")
    types = _enum("ConnectorType")
    if not given:
        wanted = reader.choice("authorization_type", "OAUTH", types)
        empty = reader.values.get("no_credential", False)
        return wanted, {} if empty else credential_for(wanted)
    kind = given[0]
    values = reader.values[kind]
    message = protocol.accounts.AuthorizationDetails.DESCRIPTOR.fields_by_name[kind].message_type
    if kind != "static_auth":
        lists = {field.name: list if field.is_repeated else str for field in message.fields}
        times = {"token_expires_at", "expiry"}  # those follow from expires_in and expires_at
        _Reader(
            reader.source,
            f"{reader.table}: {kind}",
            values,
            {name: kind_of for name, kind_of in lists.items() if name not in times},
        )
    return reader.choice("authorization_type", _credential_type(kind, values), types), {
        kind: dict(values)
    }


def read_account(values: object, source: str, table: str) -> SandboxAccount:
    """Read one `[[accounts]]` table; ConfigurationError `config-invalid` if it makes no sense."""
    reader = _Reader(source, table, values, _ACCOUNT)
    authorization_type, credential = _credential(reader)
    expires_at = _expires_at(reader)
    static = expires_at is not None or "static_auth" in credential or not credential
    name = reader.text("connection_name")
    return SandboxAccount(
        AccountKey(
            name,
            reader.text("identifier"),
            reader.values.get("organization_id"),
            reader.values.get("user_id"),
        ),
        status=reader.choice("status", ACTIVE, _enum("ConnectorStatus")),
        authorization_type=authorization_type,
        provider=reader.text("provider", provider_of(name)),
        credential=credential,
        lifetimes=_lifetimes(reader, () if static else (3600.0,)),
        expires_at=expires_at,
        rotate=reader.values.get("rotate", False),
        api_config=reader.values.get("api_config", {}),
        org_wide=reader.values.get("org_wide", False),
    )


def read_fault(values: object, source: str, table: str) -> Fault:
    """Read one `[[faults]]` table; ConfigurationError `config-invalid` if it makes no sense."""
    reader = _Reader(source, table, values, _FAULT)
    kind = reader.choice("kind", "", KINDS)
    reader.choice("on", "any", OPERATIONS)
    if "transport" in reader.values:
        reader.choice("transport", "", ("rest", "grpc"))
    if kind == "status" and "status" not in reader.values:
        raise reader.error("status", "is missing")
    if kind == "redirect" and "location" not in reader.values:
        raise reader.error("location", "is missing")
    fields = dict(reader.values)
    if "retry_after" in fields:
        fields["retry_after"] = str(fields["retry_after"])
    return Fault(**fields)


def _tables(top: _Reader, name: str) -> list[tuple[object, str]]:
    entries = top.values.get(name, [])
    return [(entry, f"{name}[{number}]") for number, entry in enumerate(entries, 1)]


def _connection(values: object, source: str, table: str) -> dict[str, Any]:
    reader = _Reader(source, table, values, _CONNECTION)
    reader.text("name")
    for key, enum in (
        ("type", "ConnectionType"),
        ("status", "ConnectionStatus"),
        ("auth_mode", "ConnectionAuthMode"),
    ):
        if key in reader.values:
            known = protocol.connections.DESCRIPTOR.enum_types_by_name[enum].values_by_name
            reader.choice(key, "", tuple(known))
    return reader.values


def _provider(values: object, source: str, table: str) -> dict[str, Any]:
    kinds = {"categories": list, "auth_patterns": list, "metadata": dict, "display_priority": int}
    flags = ("coming_soon", "proxy_enabled", "is_custom", "is_custom_mcp")
    names = protocol.providers.Provider.DESCRIPTOR.fields_by_name
    known = {name: kinds.get(name, bool if name in flags else str) for name in names}
    reader = _Reader(source, table, values, known)
    reader.text("identifier")
    return reader.values


def load_scenario(path: str) -> World:
    """Read a scenario file.

    Raises ConfigurationError `config-invalid`, which names the file, the table and the key, or the
    line where the file is no TOML; `config-missing` where it cannot be read.
    """
    import tomli

    try:
        with open(path, "rb") as file:
            parsed = tomli.load(file)
    except OSError as error:
        raise ConfigurationError(
            "config-missing",
            f"{shown(path)} cannot be read: {reason(error)}",
            "name a scenario file that exists; docs/sandbox.md shows one",
        ) from None
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "config-invalid", f"{shown(path)}: {shown(error)}", f"correct it in {shown(path)}"
        ) from None
    top = _Reader(path, "", parsed, _TOP)
    accounts = [read_account(entry, path, table) for entry, table in _tables(top, "accounts")]
    return World(
        accounts,
        faults=[read_fault(entry, path, table) for entry, table in _tables(top, "faults")],
        connections=[_connection(entry, path, t) for entry, t in _tables(top, "connections")],
        providers=[_provider(entry, path, table) for entry, table in _tables(top, "providers")],
        verification=top.choice("verification", SCALEKIT_USERS, (SCALEKIT_USERS, CUSTOM)),
        link_lifetime=float(top.values.get("link_lifetime", 60)),
        is_open=top.values.get("open", False),
    )
