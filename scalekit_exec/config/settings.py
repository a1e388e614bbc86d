"""What only the user's own file may hold: Scalekit's address, and how to get at the secret."""

from __future__ import annotations

import os

from scalekit_exec.errors import nearest, shown
from scalekit_exec.files import HOME
from scalekit_exec.model import DaemonSettings, NotifySettings, ScalekitSettings, UserSettings
from scalekit_exec.variables import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalekit_exec.config.document import Table

__all__ = [
    "SCALEKIT_KEYS",
    "TRANSPORTS",
    "USER_ONLY",
    "host_fault",
    "is_plain_name",
    "normal_url",
    "read_settings",
]

USER_ONLY = ("scalekit", "environments", "allow_variables", "notify", "redact", "daemon")
NOTIFY_KEYS = ("command", "timeout")
LONGEST_NOTIFY = 300.0
DAEMON_KEYS = ("enabled", "cache")
LONGEST_CACHE = 3600.0
SCALEKIT_KEYS = (
    "client_id",
    "env_url",
    "transport",
    "ca_bundle",
    "allow_urls",
    "user_verify_url",
    "client_secret_command",
)
TRANSPORTS = ("auto", "https", "sdk")
_VERIFY_URL_LENGTH = 2048
_NAME_FIRST = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_NAME_LATER = _NAME_FIRST | frozenset("_.-")


def is_plain_name(text: str) -> bool:
    """Tell whether this can name a service, a group or an environment."""
    return bool(text) and text[0] in _NAME_FIRST and _NAME_LATER.issuperset(text)


def normal_url(text: str) -> str:
    """Return Scalekit's address in the one form in which two of them can be compared.

    `https`, a host in lower case, a port unless it is 443; a slash at the end is dropped. Raises
    ValueError that says what is wrong and does not repeat the address, which may hold a password.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() != "https":
        raise ValueError("must begin with https://")
    rest = rest.removesuffix("/")
    if "@" in rest:
        raise ValueError("must not hold a user name or password")
    for mark, what in (("?", "a query"), ("#", "a fragment"), ("/", "a path")):
        if mark in rest:
            raise ValueError(f"must not have {what}")
    host, port = _split_port(rest)
    fault = host_fault(host)
    if fault:
        raise ValueError(fault)
    return f"https://{host.lower()}" + ("" if port in (None, 443) else f":{port}")


def _split_port(text: str) -> tuple[str, int | None]:
    host, separator, port = text.rpartition(":")
    if not separator or text.endswith("]"):  # the colons of an IPv6 address stand in brackets
        return text, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        raise ValueError("must have a port from 1 to 65535 after the colon, or none")
    return host, int(port)


def host_fault(host: str) -> str:
    """Return why this is not a host name or address; an empty string where it is one."""
    if host.startswith("[") and host.endswith("]"):
        import socket

        try:
            socket.inet_pton(socket.AF_INET6, host[1:-1])
        except (OSError, ValueError):
            return "must have an IPv6 address between the brackets"
        return ""
    if not host:
        return "must name a host"
    if not host.isascii():
        return "must name its host in ASCII (xn--…)"
    if len(host) > 253 or any(not _is_label(label) for label in host.split(".")):
        return "must name a host of letters, digits, dots and hyphens"
    return ""


def _is_label(label: str) -> bool:
    plain = label.replace("-", "a").replace("_", "a")
    return 0 < len(label) <= 63 and plain.isalnum() and not (label[0] == "-" or label[-1] == "-")


def read_settings(root: Table, environ: Mapping[str, str]) -> UserSettings:
    """Read the parts of the user's file that no project may have."""
    scalekit = root.table("scalekit")
    environments = root.table("environments")
    named: dict[str, ScalekitSettings] = {}
    for name, table in environments.tables() if environments is not None else ():
        if not is_plain_name(name):
            raise table.error("", "an environment's name is letters, digits, _ . and -")
        named[name] = _scalekit(table, environ)
    allowed = root.texts("allow_variables") or ()
    for name in allowed:
        why = refusal(name, windows=os.name == "nt")
        if why:
            raise root.error("allow_variables", why, "remove it from the list")
    return UserSettings(
        path=root.file,
        scalekit=None if scalekit is None else _scalekit(scalekit, environ),
        environments=named,
        allow_variables=allowed,
        notify=_notify(root),
        redact=root.flag("redact", default=False),
        daemon=_daemon(root),
    )


def _daemon(root: Table) -> DaemonSettings:
    table = root.table("daemon")
    if table is None:
        return DaemonSettings()
    table.only(DAEMON_KEYS)
    given = table.values.get("cache", 0)
    seconds = -1.0
    if isinstance(given, int | float) and not isinstance(given, bool):
        seconds = float(given)
    if not 0 <= seconds <= LONGEST_CACHE:
        raise table.error("cache", f"must be seconds, 0 for none, at most {LONGEST_CACHE:g}")
    return DaemonSettings(table.flag("enabled", default=False), seconds)


def _notify(root: Table) -> NotifySettings | None:
    """Read what is to be told of a link."""
    table = root.table("notify")
    if table is None:
        return None
    table.only(NOTIFY_KEYS)
    command = _command(table, "command", '["my-chat", "send"]')
    if command is None:
        raise table.error("command", "is missing", 'as in command = ["my-chat", "send"]')
    given = table.values.get("timeout", 10)
    seconds = float(given) if isinstance(given, int | float) and given is not True else 0.0
    if not 0 < seconds <= LONGEST_NOTIFY:
        raise table.error("timeout", f"must be seconds above 0, at most {LONGEST_NOTIFY:g}")
    return NotifySettings(command, seconds)


def _scalekit(table: Table, environ: Mapping[str, str]) -> ScalekitSettings:
    table.only(SCALEKIT_KEYS)
    transport = table.text("transport")
    if transport is not None and transport not in TRANSPORTS:
        meant = nearest(transport, TRANSPORTS)
        raise table.error(
            "transport",
            f'"{shown(transport, 40)}" is no transport',
            f"{f'did you mean {meant}? ' if meant else ''}one of: {', '.join(TRANSPORTS)}",
        )
    url = table.text("env_url")
    return ScalekitSettings(
        client_id=table.text("client_id"),
        env_url=None if url is None else _url(table, "env_url", url),
        transport=transport,
        ca_bundle=_path(table, "ca_bundle", environ),
        allow_urls=tuple(_url(table, "allow_urls", item) for item in _texts(table, "allow_urls")),
        user_verify_url=_verify_url(table),
        client_secret_command=_command(table),
    )


def _texts(table: Table, key: str) -> tuple[str, ...]:
    return table.texts(key) or ()


def _url(table: Table, key: str, text: str) -> str:
    try:
        return normal_url(text)
    except ValueError as error:
        hint = f'{key} as on the dashboard\'s API credentials page: "https://NAME.scalekit.com"'
        raise table.error(key, str(error), hint) from None


def _path(table: Table, key: str, environ: Mapping[str, str]) -> str | None:
    """Return a path that does not depend on the working folder: `~` is the home, else beside."""
    text = table.text(key)
    if text is None:
        return None
    if "\0" in text:
        raise table.error(key, "a path has no NUL character")
    if text.startswith("~/") and environ.get(HOME):
        text = os.path.join(environ[HOME], text[2:])
    return os.path.join(os.path.dirname(table.file), text)


def _verify_url(table: Table) -> str | None:
    """Return the address that Scalekit sends people to, checked as Scalekit's server checks it."""
    key = "user_verify_url"
    text = table.text(key)
    if text is None:
        return None
    if not text.startswith(("https://", "http://")) or any(not "!" <= c <= "~" for c in text):
        raise table.error(key, "must be an address that begins with https:// or http://")
    if len(text) > _VERIFY_URL_LENGTH:
        raise table.error(key, f"is longer than {_VERIFY_URL_LENGTH} characters")
    return text


def _command(
    table: Table, key: str = "client_secret_command", example: str = '["pass", "show", "scalekit"]'
) -> tuple[str, ...] | None:
    if isinstance(table.values.get(key), str):
        raise table.error(key, "must be an array of strings, not a string", f"as in {example}")
    command = table.texts(key)
    if command is None:
        return None
    if not command:
        raise table.error(key, "is empty", f"as in {example}")
    if any("\0" in word for word in command):
        raise table.error(key, "a command has no NUL character")
    return command
