"""A launch without a command: the shell that the user is in, or an error that says what is missing.

And what a launch says of a command that came without the value it was to have.
"""

from __future__ import annotations

import os
import sys

from scalekit_exec.cli import terminal
from scalekit_exec.errors import ScalekitExecError, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    known = _known(parsed, environ, sources)
    strangers = [word for word in parsed.services if not known(word)]
    if strangers:
        raise _no_dashes(parsed.services, strangers[0])
    if not (terminal.is_watched(environ) and os.isatty(0) and os.isatty(1)):
        raise UsageError(
            "usage",
            'no command: there is no "--" with a command behind it',
            f"scalekit-exec {' '.join(map(terminal.quoted, parsed.services))} "
            "-- COMMAND [ARG...]; a shell is opened at a terminal only",
        )
    from scalekit_exec.shells import detect

    return detect.find(environ).argv


def _known(parsed: Words, environ: Mapping[str, str], sources: Sources) -> Callable[[str], bool]:
    """Return what tells a service or group of the map from another word."""
    from scalekit_exec import config

    try:
        found = config.load(parsed.value("--config"), environ, sources.working_folder())
    except ScalekitExecError:
        return config.is_word
    return lambda word: (
        config.is_word(word) and (config.parse_word(word).name in (*found.services, *found.groups))
    )


def _no_dashes(given: Sequence[str], stranger: str) -> UsageError:
    at = given.index(stranger)
    services, command = given[:at], given[at:]
    example = [
        *map(terminal.quoted, services or ("SERVICE",)),
        "--",
        *map(terminal.quoted, command),
    ]
    hint = f"scalekit-exec {' '.join(example)}"
    if WINDOWS:
        hint += "\nPowerShell may swallow the first --; write it in quotes: '--'"
    return UsageError(
        "usage",
        f'no "--" between the services and the command; "{shown(stranger)}" is no service',
        hint,
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
