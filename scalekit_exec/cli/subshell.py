"""A launch without a command: the shell that the user is in, or an error that says what is missing.

And what a launch says of a command that came without the value it was to have.
"""

from __future__ import annotations

import os
import sys

from scalekit_exec.cli import terminal
from scalekit_exec.errors import ScalekitExecError, UsageError, nearest, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalekit_exec.cli.sources import Sources
    from scalekit_exec.cli.terminal import Speaker
    from scalekit_exec.cli.words import Words
    from scalekit_exec.run import Ready

__all__ = ["announce", "shell", "warn_of_expansion"]

WINDOWS = sys.platform == "win32"
USAGE = "scalekit-exec SERVICE... -- COMMAND [ARG...]"


def shell(parsed: Words, environ: Mapping[str, str], sources: Sources) -> tuple[str, ...]:
    """Return the words that start the user's shell, where a person looks on and all is plain.

    Raises UsageError `usage`, which names the missing `--` or command and the word that is no
    service, where stdin, stdout or stderr is no terminal, in CI, or where a word is no service.
    """
    if parsed.command is not None:
        raise UsageError("usage", "no command stands after --", f"usage: {USAGE}")
    names = _names(sources)
    why_not = _why_no_shell(environ)
    if not parsed.on("--sandbox"):
        _refuse_other_program(parsed.services, names or ())
    services, slips, command = _taken_apart(parsed.services, names, environ.get("PATH"))
    again = sources.again() + (" --sandbox" if parsed.on("--sandbox") else "")
    if slips:
        raise _slips(services, slips, command, again, opens=not why_not)
    if command:
        raise _no_dashes(services, command, again)
    if why_not:
        raise UsageError(
            "usage",
            'no command: there is no "--" with a command behind it',
            f"{_line(services, (), again)}; {why_not}",
        )
    from scalekit_exec.shells import detect

    return detect.find(environ).argv


def _refuse_other_program(words: Sequence[str], names: Sequence[str]) -> None:
    """Refuse what is a command of the other program and no service. Raises UsageError `usage`."""
    from scalekit_exec.cli.commands import COMMANDS

    if words[0] in names:
        return
    if words[0] in COMMANDS:
        meant = f"scalekit-auth {' '.join(map(terminal.quoted, words))}"
    elif words[0] == "help":
        meant = "scalekit-exec --help"
    else:
        return
    raise UsageError(
        "usage",
        f'no "--" with a command behind it; "{words[0]}" is no service; did you mean {meant}?',
        f"usage: {USAGE}",
    )


def _why_no_shell(environ: Mapping[str, str]) -> str:
    """Return why no shell can be opened here; an empty string where one can."""
    if not all(map(os.isatty, (0, 1, 2))):
        return "a shell is opened at a terminal only"
    return "" if terminal.is_watched(environ) else "no shell is opened where CI is set"


def _names(sources: Sources) -> tuple[str, ...] | None:
    """Return the services and groups of the map; None where any name may be one."""
    if sources.takes_any_name():
        return None
    try:
        found = sources.read_map()
    except ScalekitExecError:
        return None
    return (*found.services, *found.groups)


def _taken_apart(
    words: Sequence[str], names: Sequence[str] | None, path: str | None
) -> tuple[list[str], dict[str, str], list[str]]:
    """Return the services as they were meant, the slips among them, and the words behind them.

    A slip is no command on PATH and near a name of the map; it comes with that name.
    """
    from scalekit_exec import config

    services: list[str] = []
    slips: dict[str, str] = {}
    for at, word in enumerate(words):
        if not config.is_word(word):
            return services, slips, list(words[at:])
        name = config.parse_word(word).name
        if names is None or name in names:
            services.append(word)
            continue
        meant = nearest(name, names)
        if meant is None or _is_command(word, path):
            return services, slips, list(words[at:])
        slips[name] = meant
        services.append(meant + word.removeprefix(name))
    return services, slips, []


def _is_command(word: str, path: str | None) -> bool:
    from shutil import which

    return which(word, path=path) is not None


def _line(
    services: Sequence[str], command: Sequence[str], again: str, *, opens: bool = False
) -> str:
    """Return the launch to type, with its options; `opens` where it is one without a command."""
    words = [*map(terminal.quoted, services or ("SERVICE",))]
    if command:
        words += ["--", *map(terminal.quoted, command)]
    elif not opens:
        words += ["--", "COMMAND", "[ARG...]"]
    hint = f"scalekit-exec{again} {' '.join(words)}"
    if WINDOWS and command:
        hint += "\nPowerShell may swallow the first --; write it in quotes: '--'"
    return hint


def _slips(
    services: Sequence[str],
    slips: Mapping[str, str],
    command: Sequence[str],
    again: str,
    *,
    opens: bool,
) -> UsageError:
    names = " and ".join(f'"{shown(name, 60)}"' for name in slips)
    told = f"{names} {'are no services' if len(slips) > 1 else 'is no service'}"
    meant = " and ".join(slips.values())
    return UsageError(
        "usage",
        f'no "--" with a command behind it; {told}; did you mean {meant}?',
        _line(services, command, again, opens=opens),
    )


def _no_dashes(services: Sequence[str], command: Sequence[str], again: str) -> UsageError:
    return UsageError(
        "usage",
        f'no "--" between the services and the command; "{shown(command[0])}" is no service',
        _line(services, command, again),
    )


def announce(speaker: Speaker, ready: Ready, *, serve_only: bool) -> None:
    """Say which shell is opened with which variables; its prompt is left as it is."""
    names = [name for service in ready.filled for name in service.values]
    if serve_only:
        names = ["SCALEKIT_EXEC_URL", "SCALEKIT_EXEC_AUTH"]
    name = os.path.basename(ready.request.command[0])
    speaker.note(f"opening {shown(name)} with {', '.join(names)}; exit leaves it")


def warn_of_expansion(speaker: Speaker, ready: Ready) -> None:
    """Say once where the caller's shell filled in a variable that it did not have yet."""
    from scalekit_exec.shells import expansion

    place = expansion.empty_place(ready.request.command)
    if place is None:
        return
    variables = [variable for service in ready.wanted for variable in service.variables]
    tokens = [variable.name for variable in variables if variable.is_token]
    name = (tokens or [variable.name for variable in variables] or ["NAME_TOKEN"])[0]
    gap = "" if place.endswith(("=", " ")) else " "
    filled = f'"{shown(place)}{gap}{"$env:" if WINDOWS else "$"}{name}"'
    inner = "powershell -Command" if WINDOWS else "sh -c"
    speaker.note(
        f'"{shown(place)}" has nothing behind it: your shell filled in the variable before it was '
        f"set; let one inside do it: {inner} '{shown(ready.request.command[0])} … {filled} …'"
    )
