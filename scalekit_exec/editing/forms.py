"""Edits of a map's text that keep comments and order; pure, one function for each edit.

TOML has many forms for one thing: tables, dotted keys, inline tables. What an edit must mean is
worked out on plain dictionaries; then the ways to write it are tried, the usual one first, until
one reads as just that. Nothing else is ever returned, so no form can be damaged by a way that does
not fit it. A table is put in and cut out as lines, where tomlkit would tear the comments above the
next table from it; values are changed by tomlkit.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import tomli
import tomlkit

from scalekit_exec.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "PROPOSED",
    "Entry",
    "UneditableError",
    "drop_service",
    "drop_settings",
    "put_default",
    "put_service",
    "put_settings",
]

Data = dict[str, Any]
# How the comment on an identifier begins that nobody has chosen yet.
PROPOSED = "proposed by "


class UneditableError(ValueError):
    """No way fits; `lines` are what a person would write, empty where something is to go."""

    def __init__(self, lines: str) -> None:
        super().__init__("this form cannot be edited")
        self.lines = lines


@record
class Entry:
    """What is to stand in the map for a service; None leaves what is there as it is."""

    name: str
    connection_name: str | None = None
    identifier: str | None = None
    env: tuple[str, ...] | None = None

    @property
    def values(self) -> Data:
        """The keys and values that it sets."""
        env = self.env
        pairs = {
            "connection_name": self.connection_name,
            "identifier": self.identifier,
            "env": None if env is None else env[0] if len(env) == 1 else list(env),
        }
        return {key: value for key, value in pairs.items() if value is not None}


def put_service(text: str, entry: Entry) -> str:
    """Return the text with a service put in or changed; UneditableError where no way fits."""
    return _put(text, ("services", entry.name), entry.values)


def put_settings(text: str, table: Sequence[str], values: Mapping[str, str]) -> str:
    """Return the text with these keys set in `[scalekit]` or `[environments.NAME]`."""
    return _put(text, table, dict(values))


def put_default(text: str, identifier: str, comment: str = "") -> str:
    """Return the text with the file's default identifier set, and a comment behind a new one."""

    def above() -> str:
        # Below what is said of the file itself, above all else.
        lines = text.splitlines(keepends=True)
        at = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
        if at < len(lines) and lines[at].strip():  # that comment is about what follows it
            at = next(i for i, line in enumerate(lines) if not line.startswith("#:"))
        end = _newline(text)
        line = f"identifier = {_value(identifier)}{f'  # {comment}' if comment else ''}{end}"
        rest = "".join(lines[at:])
        gap = "" if not rest or rest.startswith(("\n", "\r\n")) else end
        head = "".join(lines[:at])
        return _ended(head, end) + line + gap + rest

    def changed() -> str:
        def change(document: Any) -> None:  # noqa: ANN401 - tomlkit's types are of no help here
            document["identifier"] = identifier
            trivia = document.item("identifier").trivia
            if trivia.comment.startswith(f"# {PROPOSED}"):  # true of the old value only
                trivia.comment_ws, trivia.comment = "", ""

        return _with_tomlkit(text, change)

    before = tomli.loads(text)
    ways = (changed, above) if "identifier" in before else (above, changed)
    return _first(text, before | {"identifier": identifier}, ways)


def drop_service(text: str, name: str) -> str:
    """Return the text without a service, also in its groups; a group left empty goes too."""
    wanted = tomli.loads(text)
    del wanted["services"][name]
    without = _drop(text, ("services", name), wanted)
    groups = wanted.get("groups")
    for group, members in groups.items() if isinstance(groups, dict) else ():
        if not isinstance(members, list) or name not in members:
            continue
        kept = [member for member in members if member != name]
        wanted = tomli.loads(without)
        if kept:
            wanted["groups"][group] = kept
        else:
            del wanted["groups"][group]
        without = _regroup(without, group, name, wanted)
    return without


def drop_settings(text: str, table: Sequence[str], keys: Sequence[str]) -> str:
    """Return the text without these keys of a table; a table left empty goes too."""
    wanted = tomli.loads(text)
    inner = _at(wanted, table)
    for key in keys:
        inner.pop(key, None)
    if not inner:
        _at(wanted, table[:-1]).pop(table[-1])
        return _drop(text, table, wanted)

    def removed() -> str:
        def change(document: Any) -> None:  # noqa: ANN401 - likewise
            found = _at(document, table)
            for key in keys:
                found.pop(key, None)

        return _with_tomlkit(text, change)

    return _first(text, wanted, (removed,))


def _put(text: str, path: Sequence[str], values: Data) -> str:
    before = tomli.loads(text)
    wanted = deepcopy(before)
    there = _at(before, path)
    target = wanted
    for key in path:
        target = target.setdefault(key, {})
        if not isinstance(target, dict):
            raise UneditableError(_table(path, values, "\n"))
    target.update(values)

    def assigned() -> str:
        def change(document: Any) -> None:  # noqa: ANN401 - likewise
            found = _at(document, path)
            for key, value in values.items():
                if found.get(key) != value:
                    found[key] = value

        return _with_tomlkit(text, change)

    def inserted() -> str:
        return _insert(text, path, _table(path, values, _newline(text)))

    def inlined() -> str:
        def change(document: Any) -> None:  # noqa: ANN401 - likewise
            inline = tomlkit.inline_table()
            inline.update(values)
            _at(document, path[:-1])[path[-1]] = inline

        return _with_tomlkit(text, change)

    ways = (assigned,) if there is not None else (inserted, inlined)
    return _first(text, wanted, ways, _table(path, values, "\n"))


def _drop(text: str, path: Sequence[str], wanted: Data) -> str:
    def cut() -> str:
        return _cut(text, path)

    def deleted() -> str:
        return _with_tomlkit(text, lambda document: _at(document, path[:-1]).pop(path[-1]))

    return _first(text, wanted, (cut, deleted))


def _regroup(text: str, group: str, member: str, wanted: Data) -> str:
    kept = wanted["groups"].get(group)

    def change(document: Any) -> None:  # noqa: ANN401 - likewise
        groups = document["groups"]
        if kept is None:
            del groups[group]
        else:
            while member in groups[group]:
                groups[group].remove(member)

    return _first(text, wanted, (lambda: _with_tomlkit(text, change),))


def _first(text: str, wanted: Data, ways: Sequence[Callable[[], str]], lines: str = "") -> str:
    """Return the first outcome that reads as what is wanted.

    A table without its last entry may be there still or be gone, which means the same.
    """
    if tomli.loads(text) == wanted:
        return text
    wanted = _filled(wanted)
    for way in ways:
        # tomlkit has errors of many kinds for forms that it cannot change.
        try:
            outcome = way()
            if _filled(tomli.loads(outcome)) == wanted:
                return outcome
        except Exception:  # noqa: BLE001, S112 - the next way may do; else it is told
            continue
    raise UneditableError(lines)


def _filled(values: Data) -> Data:
    return {key: value for key, value in values.items() if value != {}}


def _with_tomlkit(text: str, change: Callable[[Any], object]) -> str:
    document = tomlkit.parse(text)
    change(document)
    return tomlkit.dumps(document)


def _at(values: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - of a document or a dictionary
    """Return what stands at this path; None where there is nothing."""
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return None
        values = values[key]
    return values


# --- tables as lines ---


def _table(path: Sequence[str], values: Data, end: str) -> str:
    lines = [f"[{'.'.join(map(_key, path))}]"]
    lines += [f"{key} = {_value(value)}" for key, value in values.items()]
    return end.join(lines) + end


def _key(name: str) -> str:
    plain = name.replace("-", "a").replace("_", "a")
    return name if plain.isascii() and plain.isalnum() else _value(name)


def _value(value: object) -> str:
    return tomlkit.item(value).as_string()


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _ended(text: str, end: str) -> str:
    return text if not text or text.endswith("\n") else text + end


def _headers(lines: Sequence[str]) -> list[tuple[int, tuple[str, ...]]]:
    """Return the lines that are a table's head, with its path.

    A line inside a string or an array may look so too; what stands before it is no document then.
    """
    found = []
    for at, line in enumerate(lines):
        if not line.lstrip().startswith("[") or line.lstrip().startswith("[["):
            continue
        try:
            values: object = tomli.loads(line)
            tomli.loads("".join(lines[:at]))
        except tomli.TOMLDecodeError:
            continue
        path = []
        while isinstance(values, dict) and values:
            key = next(iter(values))
            path.append(key)
            values = values[key]
        found.append((at, tuple(path)))
    return found


def _section_end(lines: Sequence[str], start: int, following: int | None) -> int:
    """Return where the section that begins at `start` ends: above the comment on the next one."""
    at = len(lines) if following is None else following
    while at > start + 1 and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    if following is None and lines[at - 1].strip():
        return len(lines)  # comments that go on without a gap are the section's own
    return at


def _sections(text: str, path: Sequence[str]) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the lines, and the ranges of the sections of this table and those inside it."""
    lines = text.splitlines(keepends=True)
    headers = _headers(lines)
    starts = [at for at, _ in headers]
    ranges = []
    for index, (at, found) in enumerate(headers):
        if found[: len(path)] == tuple(path):
            following = starts[index + 1] if index + 1 < len(starts) else None
            ranges.append((at, _section_end(lines, at, following)))
    return lines, ranges


def _insert(text: str, path: Sequence[str], block: str) -> str:
    """Put a table behind its brothers, or at the end of the file."""
    end = _newline(text)
    lines, ranges = _sections(text, path[:-1]) if len(path) > 1 else ([text], [])
    at = ranges[-1][1] if ranges else len(lines)
    head = _ended("".join(lines[:at]), end)
    tail = "".join(lines[at:])
    gap = "" if not head.strip() or head.endswith(end * 2) else end
    return head + gap + block + (end if tail.strip() else "") + tail


def _cut(text: str, path: Sequence[str]) -> str:
    """Take a table out, with the tables inside it and the comment right above each."""
    lines, ranges = _sections(text, path)
    for start, stop in reversed(ranges):
        above = start
        while above > 0 and lines[above - 1].lstrip().startswith("#"):
            above -= 1
        if above == 0:
            above = start  # what stands at the top is about the file
        del lines[above:stop]
    if ranges and ranges[-1][1] >= len(text.splitlines()):
        while lines and not lines[-1].strip():
            lines.pop()
    return "".join(lines)
