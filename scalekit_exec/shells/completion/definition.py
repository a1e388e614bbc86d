"""What a command takes, as far as a completion must know: its options, words and commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ANYTHING",
    "MADE",
    "PATH",
    "SERVICE",
    "VARIABLE",
    "Command",
    "Switch",
    "Value",
    "filled",
]

MADE = "Made by python -m scalekit_exec.cli.auth.completion; change that, not this."
PATH = "path"
VARIABLE = "variable"
SERVICE = "service"
ANYTHING = "anything"


@dataclass(frozen=True, slots=True)
class Value:
    """What can stand in a place: a kind of thing, or one of some words.

    `kind` is PATH, VARIABLE, SERVICE, or ANYTHING for what nobody can know; "" is for `words`.
    """

    kind: str = ANYTHING
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Switch:
    """One option by all its names; `value` is None where it takes none as a word of its own."""

    names: tuple[str, ...]
    text: str
    value: Value | None = None
    repeated: bool = False

    @property
    def long(self) -> str:
        """The name with two dashes."""
        return next(name for name in self.names if name.startswith("--"))

    @property
    def short(self) -> str:
        """The name with one dash, or nothing."""
        return next((name for name in self.names if not name.startswith("--")), "")


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a command of a command.

    `words` is what stands in it besides options; None where nothing does. `runs` says that a `--`
    and another command may follow.
    """

    name: str
    text: str
    switches: tuple[Switch, ...]
    words: Value | None = None
    runs: bool = False
    commands: tuple[Command, ...] = ()

    def each(self) -> Iterator[tuple[str, Command]]:
        """Yield what has switches of interest, by the name that the second word has, or ""."""
        if self.commands:
            for command in self.commands:
                yield command.name, command
        else:
            yield "", self

    @property
    def function(self) -> str:
        """The name as a part of a function's."""
        return self.name.replace("-", "_")


def filled(script: str, **parts: str) -> str:
    """Return a script with each `@PART@` replaced."""
    for name, text in {"made": MADE, **parts}.items():
        script = script.replace(f"@{name.upper()}@", text)
    return script
