"""Without a command, a launch opens the shell that the user is in, at a terminal only."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.consoles import Console
from tests.support.shells import LANGUAGES, Language, Place, needs, place

if TYPE_CHECKING:
    from tests.support.sandboxes import SandboxHandle

PROGRAMS = str(Path(sys.executable).parent)
# By the file that a process runs, since it may be called what it likes.
PROGRAM_NAMES = {"nushell": "nu", "xonsh": "python", "ksh": "ksh"}
SCRIPT = (
    'echo "$GMAIL_TOKEN $SCALEKIT_EXEC" $(basename $(readlink /proc/$PPID/exe)) >part; mv part seen'
)


@pytest.fixture
def at(sandbox: SandboxHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("PATH", PROGRAMS, prepend=os.pathsep)
    return place(tmp_path, sandbox.environ())


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=str)
def test_the_shell_that_the_user_is_in_is_opened_and_its_status_is_ours(
    language: Language, at: Place
) -> None:
    needs(language)
    console = at.console(language)
    try:
        first, *then = language.status.format(language.launch("gmail")).split("\n")
        console.send(first + "\r")
        console.wait_for(r"opening \S+ with GMAIL_TOKEN; exit leaves it")
        console.settle()
        console.send(language.line("sh", "-c", SCRIPT) + "\r")
        token, mark, program = console.wait_for_file(at.folder / "seen").split()
        console.seen = ""
        console.send(f"{language.leave}\r")
        console.settle()
        for line in then:
            console.send(line + "\r")
        assert console.wait_for(r"status=(-?\d+)") == "7"
    finally:
        console.close()
    assert token.startswith("sandbox-")
    assert mark == "gmail=GMAIL_TOKEN"
    assert program.startswith(PROGRAM_NAMES.get(language.name, language.name))


def test_a_shell_that_runs_a_command_is_not_the_one_that_the_user_is_in(at: Place) -> None:
    needs(LANGUAGES["fish"])
    (at.folder / "start").write_text("sh -c 'true; bash start-again; true'\n")
    (at.folder / "start-again").write_text("scalekit-exec slack gmail; echo sta''tus=$?\n")
    console = at.console(LANGUAGES["fish"])
    try:
        console.send("sh start\r")
        console.wait_for("opening fish with SLACK_TOKEN, GMAIL_TOKEN; exit leaves it")
        console.settle()
        console.send("exit 7\r")
        assert console.wait_for(r"status=(\d+)") == "7"
    finally:
        console.close()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("scalekit-exec gmail < /dev/null", "a shell is opened at a terminal only"),
        ("scalekit-exec gmail | cat", "a shell is opened at a terminal only"),
        ("scalekit-exec gmail 2>&1 | cat", "a shell is opened at a terminal only"),
        ("CI=true scalekit-exec gmail", "no shell is opened where CI is set"),
        ("scalekit-exec gmail slak", '"slak" is no service; did you mean slack?'),
        ("scalekit-exec gmial@me slak", "scalekit-exec gmail@me slack\r\n"),
        ("scalekit-exec -c scalekit.toml gmial", "--config scalekit.toml gmail\r\n"),
        ("scalekit-exec gmail bash", 'no "--" between the services and the command; "bash" is no'),
        ("scalekit-exec gmail --", "no command stands after --"),
        ("scalekit-exec notion", '"notion" is no service'),
    ],
)
def test_no_shell_is_opened_where_nobody_types_or_a_word_is_no_service(
    at: Place, line: str, said: str
) -> None:
    console = at.console(LANGUAGES["dash"])
    try:
        console.send(f"{line}\r")
        console.wait_for(re.escape(said))
        console.settle(first=0.2)
        assert "opening" not in console.seen
    finally:
        console.close()


def test_without_a_shell_above_us_it_is_the_one_of_the_variable(at: Place) -> None:
    environ = {**at.environ, "SHELL": "/bin/dash"}
    words = (sys.executable, "-c", "import os; os.system('exec scalekit-exec -q gmail')")
    console = Console(words, environ, at.folder)
    try:
        console.send("readlink /proc/$$/exe; echo $GMAIL_TOKEN\r")
        console.wait_for("/dash\r\n")
        console.wait_for("sandbox-")
        assert "opening" not in console.seen
    finally:
        console.close()


def test_the_prompt_is_left_as_it_is(at: Place) -> None:
    console = Console(("dash",), {**at.environ, "PS1": "my[$SCALEKIT_EXEC]> "}, at.folder)
    try:
        console.send("scalekit-exec gmail\r")
        console.wait_for(r"exit leaves it\r\n")
        console.wait_for(re.escape("my[gmail=GMAIL_TOKEN]> "))
    finally:
        console.close()
