"""Which shells a person types into, by the words that they were started with."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scalekit_exec.shells import detect

if TYPE_CHECKING:
    from pathlib import Path

TYPED_INTO = [
    "bash",
    "bash -i",
    "bash --norc --rcfile x -O extglob",
    "bash -s one two",
    "bash -l",
    "dash -E",
    "zsh -f -o noglob",
    "ksh -o vi",
    "fish --no-config -C 'echo hello'",
    "nushell -n -e 'echo'",
    "nushell --config c.nu",
    "elvish -norc",
    "elvish -rc file",
    "xonsh --no-rc -D A=b",
    "tcsh -l",
    "yash --norcfile",
    "cmd /k init.bat",
    "cmd",
    "powershell -NoLogo -NoExit -Command x",
    "powershell -NoProfile -ExecutionPolicy Bypass",
]
RUNNING = [
    "bash -c x",
    "bash -lc x",
    "bash script.sh",
    "bash --norc script.sh one",
    "bash -- script.sh",
    "dash -ec x",
    "zsh -f script",
    "ksh -c x",
    "fish -c x",
    "fish --command=x",
    "nushell -c x",
    "nushell --commands x",
    "nushell script.nu",
    "elvish -c x",
    "elvish script.elv",
    "xonsh -c x",
    "tcsh -fc x",
    "cmd /c x",
    "cmd /d /s /c x",
    "powershell -Command x",
    "powershell -NoProfile -File x.ps1",
    "powershell -EncodedCommand x",
    "powershell x.ps1",
]


@pytest.mark.parametrize("line", TYPED_INTO)
def test_a_shell_without_script_or_command_is_typed_into(line: str) -> None:
    name, *arguments = shlex.split(line)
    assert detect.is_typed_into(name, arguments)


@pytest.mark.parametrize("line", RUNNING)
def test_a_shell_that_runs_something_is_not(line: str) -> None:
    name, *arguments = line.split(" ")
    assert not detect.is_typed_into(name, arguments)


def _found(environ: dict[str, str]) -> str:
    code = (
        "import os; from scalekit_exec.shells import detect; "
        "found = detect.find(os.environ); print(found.name, *found.argv, found.found)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,  # no terminal, so no shell of a person's
    )
    return done.stdout.strip()


def test_without_a_terminal_it_is_the_shell_of_the_variable(tmp_path: Path) -> None:
    assert _found({"SHELL": "/bin/bash"}) == "bash /bin/bash False"
    own = tmp_path / "mysh"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert _found({"SHELL": str(own)}) == f"mysh {own} False"


@pytest.mark.parametrize("value", ["", "bash", "/no/such/shell", "./sh"])
def test_a_variable_that_names_no_program_is_passed_over(value: str) -> None:
    assert _found({"SHELL": value}) == "sh /bin/sh False"
