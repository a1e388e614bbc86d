"""The bytes of a map as tables, and tables that complain with file, table and key.

Nothing here knows what a map may hold. `Table` reads a value of the type that is wanted; whatever
is wrong becomes one ConfigurationError `config-invalid` that says where.
"""

from __future__ import annotations

from scalekit_exec.config import plain
from scalekit_exec.errors import ConfigurationError, nearest, shown
from scalekit_exec.files import displayed
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import NoReturn

__all__ = ["Table", "parse_json", "parse_toml"]

_KEPT_OUT = (
    "a secret does not belong in the map: put it into a .env file as SCALEKIT_CLIENT_SECRET, into "
    "the system's keyring, or let client_secret_command in your own [scalekit] print it"
)
_UNCLOSED = "the text has no closing quote"
# What tomli says in its own words, where ours are plainer.
_PLAINER = {
    "cannot overwrite a value": "this key stands there twice",
    "invalid value": "this is not a value; text needs quotes",
    "illegal character '\\n'": _UNCLOSED,
    "found invalid character '\\n'": _UNCLOSED,
    "unterminated string": _UNCLOSED,
    'expected "\'"': _UNCLOSED,
    "expected \"'''\"": _UNCLOSED,
}


@record
class Table:
    """One table of a file; `place` is how TOML writes it, such as `[services.gmail]`.

    `values` come from a parser, so their keys are strings.
    """

    file: str
    place: str
    values: Mapping[str, object]

    def error(self, key: str, message: str, hint: str = "") -> ConfigurationError:
        """Return the error that names this file, this table and the key, if it is about one.

        Without a hint of its own it has the plain one: the key to change.
        """
        where = " ".join(part for part in (self.place, shown(key, 80)) if part)
        text = f"{displayed(self.file)}: {where + ': ' if where else ''}{message}"
        hint = hint or f"correct {where or 'it'} in {displayed(self.file)}"
        return ConfigurationError("config-invalid", text, hint)

    def only(self, known: Sequence[str]) -> None:
        """Refuse keys that are not known, with the one that was probably meant."""
        for key in self.values:
            if key not in known:
                meant = nearest(key, known)
                guess = f"did you mean {meant}? " if meant else ""
                raise self.error(key, "unknown key", f"{guess}known here: {', '.join(known)}")

    def wrong(self, key: str, wanted: str) -> NoReturn:
        """Raise the error for a value of another type than the one wanted."""
        raise self.error(key, f"must be {wanted}, not {_type(self.values.get(key))}")

    def text(self, key: str) -> str | None:
        """Return a string that is not empty; None where the key is absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong(key, "a string")
        if not value:
            raise self.error(key, "is empty", f"give {shown(key, 80)} a value or remove the line")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return an array of strings, none of them empty; None where the key is absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            self.wrong(key, "an array of strings")
        for item in value:
            if not isinstance(item, str):
                raise self.error(key, f"must be an array of strings, not of {_type(item)}")
            if not item:
                raise self.error(key, "has an empty string in it")
        return tuple(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self.wrong(key, "true or false")
        return value

    def table(self, key: str) -> Table | None:
        """Return the table under this key; None where the key is absent."""
        if key not in self.values:
            return None
        value = self.values[key]
        if not isinstance(value, dict):
            self.wrong(key, "a table")
        inside = self.place.strip("[]")
        name = _quoted(key)
        return Table(self.file, f"[{inside}.{name}]" if inside else f"[{name}]", value)

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Go through the values, each of which must be a table."""
        for key in self.values:
            table = self.table(key)
            if table is not None:
                yield key, table


def parse_toml(file: str, data: bytes) -> Table:
    """Read a TOML file; ConfigurationError with line and column where it is none."""
    text = _decode(file, data)
    values = plain.read(text)
    if values is None:
        values = _parse(file, text)
    table = Table(file, "", values)
    _refuse_secrets(table)
    return table


def _parse(file: str, text: str) -> dict[str, object]:
    import tomli

    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:]
        what = _PLAINER.get(what, what)
        if what.startswith("cannot declare ("):
            what = f"the table {_declared(what)} stands there twice"
        where = f"line {error.lineno}, column {error.colno}"
        hint = 'close it, as in "text"' if what == _UNCLOSED else "correct that line"
        raise _malformed(file, f"{where}: {shown(what)}", hint) from None
    except (ValueError, RecursionError):
        # A number of thousands of digits, or tables nested hundreds deep.
        raise _malformed(file, "a value too large or nested too deeply", "simplify it") from None


def _declared(what: str) -> str:
    """Return the table that tomli speaks of, as TOML writes it; it shows a tuple of the keys."""
    from ast import literal_eval

    keys = literal_eval(what.partition("(")[1] + what.partition("(")[2].rpartition(")")[0] + ")")
    return f"[{'.'.join(_quoted(key) for key in keys)}]"


def parse_json(file: str, data: bytes) -> Table:
    """Read a JSON file that holds an object; ConfigurationError with line and column if it fails.

    A key that stands twice is refused as TOML does it, since JSON would drop the first silently.
    """
    import json

    text = _decode(file, data)
    try:
        values = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        what = f"{where}: {shown(error.msg[:1].lower() + error.msg[1:])}"
        raise _malformed(file, what, "correct that line") from None
    except (ValueError, RecursionError) as error:
        what = shown(error) if isinstance(error, _TwiceError) else "a value that cannot be read"
        raise _malformed(file, what, "correct the file") from None
    if not isinstance(values, dict):
        hint = 'as in {"gmail": {"connection_name": "gmail_u3134a", "identifier": "me"}}'
        raise _malformed(file, f"must be an object, not {_type(values)}", hint)
    table = Table(file, "", values)
    _refuse_secrets(table)
    return table


class _TwiceError(ValueError):
    """A key that stands twice in one JSON object."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            raise _TwiceError(f"{key} stands there twice")
        values[key] = value
    return values


def _decode(file: str, data: bytes) -> str:
    hint = "save the file as UTF-8 without a byte-order mark"
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _malformed(file, "line 1: the file begins with a byte-order mark", hint)
    if not data.strip():
        raise _malformed(file, "the file is empty", "write a map into it or delete it")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _malformed(file, f"line {line}: not UTF-8", hint) from None


def _malformed(file: str, message: str, hint: str) -> ConfigurationError:
    return ConfigurationError("config-invalid", f"{displayed(file)}: {message}", hint)


def _refuse_secrets(table: Table) -> None:
    """Refuse a client secret wherever it stands, without showing it.

    Names of variables are not keys of ours, so `env` may speak of a CLIENT_SECRET.
    """
    for key, value in table.values.items():
        if isinstance(value, dict):
            inner = table.table(key)
            if key != "env" and inner is not None:
                _refuse_secrets(inner)
        elif key.lower().replace("-", "_").removeprefix("scalekit_") in _SECRET_KEYS:
            raise table.error(key, "a client secret stands in the map", _KEPT_OUT)


_SECRET_KEYS = ("client_secret", "clientsecret")


def _quoted(key: str) -> str:
    """Write a key as TOML does: bare where it can be."""
    bare = key.replace("-", "a").replace("_", "a")
    plain = bare.isascii() and bare.isalnum() and len(key) <= 80
    return key if plain else '"' + shown(key, 80) + '"'


def _type(value: object) -> str:
    names = (
        (bool, "a boolean"),
        (str, "a string"),
        (int, "an integer"),
        (float, "a number"),
        (list, "an array"),
        (dict, "a table"),
        (type(None), "null"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "a date or time")
