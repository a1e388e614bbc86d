"""What a completion may offer: `--list-words`, and `--list-words gmail@` for identifiers.

It reads the map and nothing else, and is told nothing but names. Whoever presses Tab waits for it,
so the usual map is read without importing a TOML parser, which would take longer than all the rest.
A map that is written in other ways, or that is wrong, goes the way that a launch takes.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Names", "main", "names_of"]

_CONFIG = "--config="
_LONGEST = 100
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class Names:
    """What a map has that can be typed.

    `connections` and `identifiers` are by service, `groups` have the names of their services.
    """

    __slots__ = ("connections", "groups", "identifiers")

    def __init__(self) -> None:
        self.connections: dict[str, str] = {}
        self.identifiers: dict[str, str] = {}
        self.groups: dict[str, list[str]] = {}

    def merge(self, other: Names) -> None:
        """Let another map's entries stand for those of the same name."""
        for name in other.connections:
            self.identifiers.pop(name, None)
        self.connections |= other.connections
        self.identifiers |= other.identifiers
        self.groups |= other.groups


def main(argv: Sequence[str]) -> int:
    """Print candidates, each with a tab and its description; nothing where something is wrong."""
    path = os.environ.get("SCALEKIT_EXEC_CONFIG") or None
    word = before = ""
    for given in argv:
        if before in ("-c", "--config"):
            path = given
        elif given.startswith(_CONFIG):
            path = given[len(_CONFIG) :]
        elif "@" in given and not given.startswith("-"):
            word = given
        before = given
    try:
        names = _load(path, os.environ, os.getcwd())
        _print(_identifiers(names, word) if word else _words(names))
    except Exception:  # noqa: BLE001 - a Tab is answered or it is not, and never with an error
        return 0
    return 0


def _print(lines: Sequence[tuple[str, str]]) -> None:
    """Print lines of a word, a tab and a text, in UTF-8 whatever the locale is.

    A word that a terminal would not show as it is, is left out; a text is made harmless.
    """
    data = ""
    for word, text in lines:
        if word.isprintable() and "\ufffd" not in word:
            plain = "".join(c if c.isprintable() else " " for c in text[:_LONGEST])
            data += f"{word}\t{plain}\n"
    os.write(1, data.encode("utf-8", "replace"))


def _words(names: Names) -> list[tuple[str, str]]:
    found = list(names.connections.items())
    return found + [(name, f"group: {', '.join(of)}") for name, of in names.groups.items()]


def _identifiers(names: Names, word: str) -> list[tuple[str, str]]:
    """Return the word with each identifier that the map has, the service's own first."""
    service = word.partition("@")[0]
    if service not in names.connections and service not in names.groups:
        return []
    users: dict[str, list[str]] = {}
    if service in names.identifiers:
        users[names.identifiers[service]] = []
    for name in names.connections:
        if name in names.identifiers:
            users.setdefault(names.identifiers[name], []).append(name)
    return [
        (f"{service}@{identifier}", f"identifier of {', '.join(of)}")
        for identifier, of in users.items()
    ]


def _load(explicit: str | None, environ: Mapping[str, str], cwd: str) -> Names:
    from scalekit_exec.config import discovery
    from scalekit_exec.files import read_named, read_trusted

    own = discovery.user_path(environ)
    project = explicit if explicit is not None else discovery.find_project(cwd, environ)
    found = Names()
    for path in (own, project):
        if path is None or (path is own and not os.path.lexists(path)):
            continue
        data = read_named(path) if path is explicit else read_trusted(path)
        names = None if path.endswith(".json") else names_of(data)
        if names is None:
            return _load_slowly(explicit, environ, cwd)
        found.merge(names)
    return found


def _load_slowly(explicit: str | None, environ: Mapping[str, str], cwd: str) -> Names:
    from scalekit_exec import config

    found = config.load(explicit, environ, cwd)
    names = Names()
    for name, service in found.services.items():
        names.connections[name] = service.connection_name
        if service.identifier is not None:
            names.identifiers[name] = service.identifier
    names.groups = {name: list(of) for name, of in found.groups.items()}
    return names


def names_of(data: bytes) -> Names | None:
    """Read the names out of a plain map: one key a line, strings without escapes, bare names.

    Returns None for all else; a parser must read that. What stands in other tables is passed over
    as long as it is sure where it ends.
    """
    names = Names()
    default = ""
    table: tuple[str, ...] | None = ()
    for line in data.decode().split("\n"):
        text = line.strip(" \t\r")
        if not text or text[0] == "#":
            continue
        if text[0] == "[":
            table = _header(text)
            match table:
                case None | ("services", _, _, *_) | ("groups", _, *_):
                    return None
                case ("services", name):
                    names.connections.setdefault(name, "")
            continue
        key, _, value = text.partition("=")
        key = key.rstrip(" \t")
        read = _value(value.strip(" \t"))
        if table is None or read is None or not _is_bare(key):
            return None
        if (*table, key) == ("identifier",):
            default = str(read)
        elif not _keep(names, (*table, key), read):
            return None
    for name in names.connections if default else ():
        names.identifiers.setdefault(name, default)
    return names


def _keep(names: Names, place: tuple[str, ...], value: str | list[str]) -> bool:
    """Keep a value that stands at a place of interest; False where it should have been a table."""
    match place:
        case ("services",) | ("groups",) | ("services", _):
            return False
        case ("services", name, "connection_name"):
            names.connections[name] = str(value)
        case ("services", name, "identifier"):
            names.identifiers[name] = str(value)
        case ("groups", name):
            names.groups[name] = value if isinstance(value, list) else []
    return True


def _header(text: str) -> tuple[str, ...] | None:
    inner, bracket, rest = text[1:].partition("]")
    rest = rest.strip(" \t")
    parts = tuple(part.strip(" \t") for part in inner.split("."))
    if not bracket or (rest and rest[0] != "#") or not all(map(_is_bare, parts)):
        return None
    return parts


def _is_bare(name: str) -> bool:
    return bool(name) and _BARE.issuperset(name)


def _value(text: str) -> str | list[str] | None:
    """Return a value that ends on its line: a string, a list of strings, or "" for a plain word."""
    value: str | list[str] | None = ""
    if text[:1] in ('"', "'"):
        value, rest = _string(text)
    elif text[:1] == "[":
        value, rest = _list(text)
    else:  # true, false, a number, a date
        rest = text.lstrip("abcdefghijklmnopqrstuvwxyz0123456789+-_.:TZ")
        if rest == text:
            return None
    rest = rest.lstrip(" \t")
    return None if rest and rest[0] != "#" else value


def _string(text: str) -> tuple[str | None, str]:
    quote = text[0]
    value, end, rest = text[1:].partition(quote)
    plain = end and "\\" not in value and value.isprintable()
    return (value, rest) if plain else (None, "?")


def _list(text: str) -> tuple[list[str] | None, str]:
    found: list[str] = []
    rest = text[1:].lstrip(" \t")
    while rest[:1] != "]":
        if rest[:1] not in ('"', "'"):
            return None, "?"
        value, rest = _string(rest)
        if value is None:
            return None, "?"
        found.append(value)
        rest = rest.lstrip(" \t")
        if rest[:1] == ",":
            rest = rest[1:].lstrip(" \t")
        elif rest[:1] != "]":
            return None, "?"
    return found, rest[1:]
