"""What the scripts of several shells have in common: a table that their own few lines read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scalekit_exec.shells.completion.definition import Command, Value

__all__ = ["Row", "kind", "rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """One command: its options with their texts, and what completes a value or a word.

    `program` is what is typed first, `name` the second word or "". `offered` are pairs of a word
    and its text, `values` pairs of an option and a kind (`kind`), `words` the kind of the rest.
    """

    program: str
    name: str
    offered: Sequence[tuple[str, str]]
    values: Sequence[tuple[str, str | tuple[str, ...]]]
    words: str | tuple[str, ...]
    runs: bool


def kind(value: Value | None) -> str | tuple[str, ...]:
    """Return the words that a value may be, or what else completes it: "" is for nothing."""
    return "" if value is None else value.words or value.kind


def rows(command: Command) -> Iterator[Row]:
    """Yield a row for the command, or one for each of its commands behind one that lists them."""
    for name, each in command.each():
        offered = [(option, switch.text) for switch in each.switches for option in switch.names]
        if each.runs:
            offered.append(("--", "the command comes next"))
        values = [
            (option, kind(switch.value))
            for switch in each.switches
            for option in switch.names
            if switch.value is not None
        ]
        yield Row(command.name, name, offered, values, kind(each.words), each.runs)
    if command.commands:
        listed = [(each.name, each.text) for each in command.commands]
        listed += [(option, switch.text) for switch in command.switches for option in switch.names]
        yield Row(command.name, "", listed, [], "", runs=False)
