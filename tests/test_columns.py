"""What `scalekit-auth` shows at a terminal of 60 columns can be read, and is not coloured.

The commands are those that the program itself lists, so that a new one is held to this as well; one
without a line in `CALLS` fails. Help and tables are kept within the width, except for a word that
is longer by itself. Messages are one line each, whole, for the terminal to break: a command in a
hint can be copied then.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from typing import TYPE_CHECKING

import click
import pytest

from scalekit_exec.cli.auth import _scalekit_auth as program
from tests.support.auths import AUTH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.launches import Folder

WIDTH = 60
LONG = "a_connection_with_as_long_a_name_as_somebody_may_have"
MAP = f"""\
identifier = "somebody.with.a.long.name@long-company.example"

[services.gmail]
connection_name = "gmail_u3134a"

[services.slack]
connection_name = "{LONG}"
env = ["SLACK_BOT_TOKEN", "SLACK_TOKEN"]

[services.notes]
connection_name = "notion-1"
required = false

[groups]
everything-that-there-is = ["gmail", "slack", "notes"]
"""
# That which wants colour most; NO_COLOR is to win.
COLOURFUL = {"TERM": "xterm-256color", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}
# What these print is for a shell, or one sentence a line, which is left whole as a message is.
SENTENCES = ("completion", "export", "logout", "sandbox")
MESSAGES = ("scalekit-auth: ", "  hint: ")


def every_command() -> list[tuple[str, ...]]:
    """Return the words of each command, those of the groups in it too."""
    found: list[tuple[str, ...]] = []
    waiting: list[tuple[tuple[str, ...], click.Group]] = [((), program)]
    while waiting:
        words, group = waiting.pop()
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            found.append((*words, name))
            if isinstance(command, click.Group):
                waiting.append(((*words, name), command))
    return sorted(found)


COMMANDS = every_command()

# A call of each command, its status, and what is to be seen whole, on one line.
CALLS: dict[str, tuple[str, int, list[str]]] = {
    "authorize": ("gmail", 0, ["scalekit-auth: gmail: authorized already; --force makes a new"]),
    "completion": ("yash --install", 0, ["wrote ~/.local/share/yash/completion/scalekit-exec"]),
    "config": ("", 0, ["~/.config/scalekit-exec/config.toml", "not there"]),
    "connections": ("-q", 0, ["connection      gmail_u3134a", LONG, "in your map as  slack"]),
    "daemon": ("", 2, ["hint: scalekit-auth daemon COMMAND, which is one of start, status, stop"]),
    "daemon start": ("--cache 3601", 2, ["3601.0 is not in the range 0<=x<=3600.0"]),
    "daemon status": ("", 1, ["no daemon runs"]),
    "daemon stop": ("", 0, ["no daemon runs"]),
    "detect": ("https://example.com/", 1, ['hosts = ["example.com"] in its table of your config']),
    "doctor": ("", 0, ["somebody.with.a.long.name@long-company.example", "ok      clock"]),
    "export": ("gmail --show", 0, ["export GMAIL_TOKEN='sandbox-"]),
    "import": ("", 1, ["~/work/skills/scalekit-auth, ~/.openclaw/workspace/skills/scalekit-auth"]),
    "list": ("", 0, [LONG, "SLACK_BOT_TOKEN, SLACK_TOKEN", "notes (optional)"]),
    "login": ("", 1, ["hint: or set client_secret_command in ~/.config/scalekit-exec/config.toml"]),
    "logout": ("", 0, ["nothing in the keyring: there is no [scalekit] in ~/.config"]),
    "redact": ("gmail slack", 2, ["COMMAND 2>&1 | scalekit-auth redact gmail slack"]),
    "sandbox": ("--lifetime 0.1", 0, ["export SCALEKIT_ENV_URL=https://127.0.0.1:"]),
    "status": ("", 0, [LONG, "expires     in ", "notes (optional)", "ACTIVE"]),
    "token": ("gmail --show", 0, ["sandbox-"]),
}


def shown_to_a_person(words: str, environ: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """Run `scalekit-auth` with all it says going to a terminal of 60 columns; return that.

    COLUMNS is not set, as it is not in what a shell starts. There is nobody to ask.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    modes = termios.tcgetattr(theirs)
    modes[1] &= ~termios.OPOST  # a line ends as it was written
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    seen: list[bytes] = []

    def read() -> None:
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the last who had it open has closed it
                return
            seen.append(data)

    process = subprocess.Popen(
        [AUTH, *words.split()],
        env=dict(environ),
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    status = process.wait(60)
    reader.join(20)
    os.close(ours)
    return status, b"".join(seen).decode()


def too_wide(text: str) -> list[str]:
    """Return the lines, messages aside, that could have been kept within the width and were not."""
    return [line for line in text.splitlines() if len(line) > WIDTH and not _is_excused(line)]


def _is_excused(line: str) -> bool:
    """Tell a message, and a line with one word that is too long for the room that it has."""
    if line.startswith(MESSAGES):
        return True
    words = line.split()
    room = WIDTH - (len(line) - len(words[-1]))  # behind an indent, or the name of a column
    return len(words) <= 2 and len(words[-1]) > room


@pytest.fixture
def environ(folder: Folder) -> dict[str, str]:
    """Return the environment of a person who does not want colour, though much asks for it."""
    folder.map(MAP)
    quiet = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    told = folder.variables({**COLOURFUL, **quiet, "NO_COLOR": "1"})
    for name in ("COLUMNS", "LINES", "SHELL"):
        told.pop(name, None)
    return told


@pytest.mark.parametrize("command", [(), *COMMANDS], ids=" ".join)
def test_help_fits_and_is_not_coloured(
    folder: Folder, environ: dict[str, str], command: tuple[str, ...]
) -> None:
    name = " ".join(command)
    status, told = shown_to_a_person(f"{name} --help", environ, folder.path)
    assert status == 0
    assert told.startswith(f"Usage: scalekit-auth {name}".rstrip())
    assert "\x1b" not in told
    assert [line for line in told.splitlines() if len(line) > WIDTH] == []
    # It was broken for this width, and not for a narrower one.
    assert max(map(len, told.splitlines())) > WIDTH - 15


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_a_command_says_can_be_read_and_is_not_coloured(
    folder: Folder, environ: dict[str, str], command: tuple[str, ...]
) -> None:
    name = " ".join(command)
    words, wanted, whole = CALLS[name]
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(
        *({"connection_name": each, "identifier": "x"} for each in (LONG, "gmail_u3134a"))
    )
    if name in ("logout", "import", "login", "config"):
        for variable in ("SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET", "SCALEKIT_ENV_URL"):
            del environ[variable]
    status, told = shown_to_a_person(f"{name} {words}", environ, folder.path)
    assert status == wanted, told
    assert "\x1b" not in told
    for part in whole:
        assert any(part in line for line in told.splitlines()), told
    if name not in SENTENCES:
        assert too_wide(told) == []


@pytest.mark.parametrize("command", [(), *COMMANDS], ids=" ".join)
def test_an_error_and_its_hint_are_said_whole_and_not_coloured(
    folder: Folder, environ: dict[str, str], command: tuple[str, ...]
) -> None:
    name = " ".join(command)
    option = "--an-option-that-is-longer-than-half-of-the-terminal-is-wide"
    status, told = shown_to_a_person(f"{name} {option}", environ, folder.path)
    assert status == 2
    assert told.splitlines() == [
        f"scalekit-auth: error[usage]: no such option '{option}'",
        " ".join(["  hint: scalekit-auth", *command, "--help"]),
    ]


def test_a_new_command_needs_a_call_here() -> None:
    assert {" ".join(command) for command in COMMANDS} == set(CALLS)


def test_a_line_that_is_too_wide_is_found() -> None:
    word = "~/" + "a" * WIDTH
    assert too_wide(f"file  {word}\n{word}\n  {word}\nscalekit-auth: {'a b ' * 30}") == []
    wide = [
        "gmail  gmail_u3134a  mess  GMAIL_TOKEN  ~/work/scalekit.toml  more",
        "-> " + "a b " * 30,
    ]
    assert too_wide("\n".join(["short", *wide])) == wide


def test_a_cell_of_several_words_is_broken_between_them(
    folder: Folder, environ: dict[str, str]
) -> None:
    names = ["A_FIRST_AND_VERY_LONG_TOKEN", "A_SECOND_AND_LONG_TOKEN", "A_THIRD_TOKEN"]
    folder.map(f'identifier = "me"\n[services.a]\nconnection_name = "a_1"\nenv = {names}\n')
    status, told = shown_to_a_person("list", environ, folder.path)
    assert status == 0
    lines = told.splitlines()
    at = lines.index(f"variables   {names[0]},")
    assert lines[at + 1 : at + 2] == [f"            {names[1]}, {names[2]}"]
    assert [line for line in lines if len(line) > WIDTH] == []
