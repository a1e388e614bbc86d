"""What both commands take, read from their own parsers, for the completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scalekit_exec.cli.words import OPTIONS
from scalekit_exec.shells.completion import SHELLS
from scalekit_exec.shells.completion.definition import (
    ANYTHING,
    PATH,
    SERVICE,
    VARIABLE,
    Command,
    Switch,
    Value,
)

if TYPE_CHECKING:
    from scalekit_exec.cli.words import Option

__all__ = ["commands"]

# What a parser calls a value tells of what kind it is.
_KINDS = {"PATH": PATH, "FILE": PATH, "[connections.json]": PATH, "VARIABLE": VARIABLE}
_HELP = Switch(("-h", "--help"), "say this")


def commands() -> tuple[Command, Command]:
    """Return both commands, without what is hidden."""
    from scalekit_exec.cli.auth import _scalekit_auth as group
    from scalekit_exec.cli.commands import COMMANDS

    switches = tuple(_launcher_switch(option) for option in OPTIONS if not option.hidden)
    launcher = Command(
        "scalekit-exec", "run a command with fresh tokens", switches, Value(SERVICE), runs=True
    )
    context = click.Context(group)
    listed = []
    for name in COMMANDS:
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            listed.append(_command(name, command))
    own = (*_switches(group), _HELP)
    return launcher, Command("scalekit-auth", _text(group.help), own, commands=tuple(listed))


def _launcher_switch(option: Option) -> Switch:
    names = (option.short, option.long) if option.short else (option.long,)
    value = None
    if option.value and not option.optional:
        kind = VARIABLE if option.long == "--pass" else _KINDS.get(option.value, ANYTHING)
        value = Value(kind)
    return Switch(names, option.text, value, option.repeated)


def _command(name: str, command: click.Command) -> Command:
    if isinstance(command, click.Group):  # its own commands are its words; no more is told of them
        context = click.Context(command)
        names = tuple(command.list_commands(context))
        switches = {
            switch.names: switch
            for each in names
            if (inner := command.get_command(context, each)) is not None
            for switch in _switches(inner)
        }
        switches |= {switch.names: switch for switch in (*_switches(command), _HELP)}
        return Command(name, _text(command.help), tuple(switches.values()), Value("", names))
    arguments = [given for given in command.params if isinstance(given, click.Argument)]
    words = _words(arguments[0]) if arguments else None
    runs = "-- COMMAND" in " ".join(command.collect_usage_pieces(click.Context(command)))
    return Command(name, _text(command.help), (*_switches(command), _HELP), words, runs)


def _words(argument: click.Argument) -> Value | None:
    name = argument.metavar or ""
    if "SERVICE" in name:
        return Value(SERVICE)
    if "SHELL" in name:
        return Value("", SHELLS)
    return Value(_KINDS[name]) if name in _KINDS else None


def _switches(command: click.Command) -> tuple[Switch, ...]:
    return tuple(
        _switch(given)
        for given in command.params
        if isinstance(given, click.Option) and not given.hidden
    )


def _switch(option: click.Option) -> Switch:
    name = option.metavar or ""
    value = None
    if isinstance(option.type, click.Choice):
        value = Value("", tuple(option.type.choices))
    elif not (option.is_flag or option.count or name.startswith("[=")):
        value = Value(_KINDS.get(name, ANYTHING))
    return Switch(tuple(option.opts), _text(option.help), value, option.multiple)


def _text(help_text: str | None) -> str:
    return (help_text or "").strip().split("\n")[0].rstrip(".")
