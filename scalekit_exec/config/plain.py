"""TOML as nearly every map is written, read without the parser, whose import costs a launch 6 ms.

What is plain: bare keys, one to a line; headers of bare keys; strings on one line without escapes;
true, false and small whole numbers; arrays of strings and inline tables of such values that end on
their line. For all else, and for everything that is wrong, `read` has no answer: tomli has, and the
error too. A law holds the two against each other (tests/test_plain.py).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    Values = dict[str, object]

__all__ = ["read"]

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_DIGITS = frozenset("0123456789")
_WORDS = {"true": True, "false": False}
_LONGEST_NUMBER = 9
# What follows is quadratic in a line's length and recursive in its depth; tomli bounds both.
_LONGEST_LINE = 1000
_DEEPEST = 8


class _NotPlainError(Exception):
    """What only a parser can tell."""


def read(text: str) -> dict[str, object] | None:
    """Return the values of a plain document, as tomli has them; None for any other document."""
    document = _Document()
    try:
        for line in text.replace("\r\n", "\n").split("\n"):
            document.add(line.strip(" \t"))
    except _NotPlainError:
        return None
    return document.values


class _Document:
    """The tables so far: those that have a header of their own, and those that were closed."""

    def __init__(self) -> None:
        self.values: Values = {}
        self._table = self.values
        self._headers: set[tuple[str, ...]] = set()
        # An inline table is never added to; what is here is a table that may be.
        self._tables = {id(self.values)}

    def add(self, line: str) -> None:
        if not line:
            return
        if len(line) > _LONGEST_LINE:
            raise _NotPlainError
        if line[0] == "#":
            _comment(line)
        elif line[0] == "[":
            self._header(line)
        else:
            key, equals, rest = line.partition("=")
            key = key.rstrip(" \t")
            if not equals or not _is_bare(key) or key in self._table:
                raise _NotPlainError
            self._table[key], rest = _value(rest.lstrip(" \t"))
            _comment(rest.lstrip(" \t"))

    def _header(self, line: str) -> None:
        inner, bracket, rest = line[1:].partition("]")
        path = tuple([part.strip(" \t") for part in inner.split(".")])
        bare = len(path) <= _DEEPEST and all(map(_is_bare, path))
        if not bracket or path in self._headers or not bare:
            raise _NotPlainError
        _comment(rest.lstrip(" \t"))
        self._headers.add(path)
        table = self.values
        for key in path:
            if key not in table:
                new: Values = {}
                table[key] = new
                self._tables.add(id(new))
            inside = table[key]
            if not isinstance(inside, dict) or id(inside) not in self._tables:
                raise _NotPlainError
            table = inside
        self._table = table


def _is_bare(key: str) -> bool:
    return bool(key) and _BARE.issuperset(key)


def _comment(rest: str) -> None:
    """Accept nothing, or a comment without anything that could be a control character."""
    if rest and (rest[0] != "#" or not rest.replace("\t", " ").isprintable()):
        raise _NotPlainError


def _value(text: str, depth: int = 0) -> tuple[object, str]:
    """Read a value; return it and what stands after it."""
    first = text[:1]
    if first in ('"', "'"):
        return _string(text)
    if first == "[":
        return _strings(text)
    if first == "{":
        return _inline(text, depth + 1)
    end = 0
    while text[end : end + 1].isalnum():
        end += 1
    word, rest = text[:end], text[end:]
    if word in _WORDS:
        return _WORDS[word], rest
    leads = len(word) > 1 and word[0] == "0"
    if not word or leads or len(word) > _LONGEST_NUMBER or not _DIGITS.issuperset(word):
        raise _NotPlainError
    return int(word), rest


def _string(text: str) -> tuple[str, str]:
    value, end, rest = text[1:].partition(text[:1])
    # Three quotes begin a string of many lines; here that is an empty one and something after it.
    if not end or "\\" in value or not value.isprintable():
        raise _NotPlainError
    return value, rest


def _strings(text: str) -> tuple[list[object], str]:
    found: list[object] = []
    rest = text[1:].lstrip(" \t")
    while rest[:1] != "]":
        if rest[:1] not in ('"', "'"):
            raise _NotPlainError
        value, rest = _string(rest)
        found.append(value)
        rest = _after(rest, "]")
    return found, rest[1:]


def _inline(text: str, depth: int) -> tuple[Values, str]:
    found: Values = {}
    rest = text[1:].lstrip(" \t")
    while rest[:1] != "}":
        key, _, rest = rest.partition("=")
        key = key.rstrip(" \t")
        if not _is_bare(key) or key in found:
            raise _NotPlainError
        if depth > _DEEPEST:
            raise _NotPlainError
        found[key], rest = _value(rest.lstrip(" \t"), depth)
        rest = _after(rest, "}")
    return found, rest[1:]


def _after(rest: str, end: str) -> str:
    """Return what follows the comma after an item, or the end of all of them."""
    rest = rest.lstrip(" \t")
    if rest[:1] == ",":
        return rest[1:].lstrip(" \t")
    if rest[:1] != end:
        raise _NotPlainError
    return rest
