"""Runs the sessions in `transcripts/*.txt` and compares what is said.

A line `$ command` is run by `sh`, lines `> more` go on with it; what follows is its output, stdout
and stderr together. `…` stands for anything within a line, a line of just `…` for any lines, and
`[status N]` at the end for a status that is not 0. All commands of a file share one home. Lines
with `#` at the top say what a file needs:

    # needs: sandbox          the credentials of a running emulator are in the environment
    # account: {"…": …}       an account of the emulator, as in a scenario's [[accounts]]
    # fault: {"…": …}         a fault of the emulator, as in a scenario's [[faults]]
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from scalekit_exec.cli.auth import _scalekit_auth as program

if TYPE_CHECKING:
    from tests.support.sandboxes import SandboxHandle

FOLDER = Path(__file__).parent / "transcripts"
FILES = sorted(FOLDER.glob("*.txt"))


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and the lines that it is to say, the status last."""

    line: int
    command: str
    expected: tuple[str, ...]


def needs(text: str) -> list[tuple[str, str]]:
    """Return the directives at the top of a file."""
    found = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        key, _, value = line.lstrip("# ").partition(":")
        found.append((key, value.strip()))
    return found


def steps(text: str) -> list[Step]:
    """Return the commands of a file in their order."""
    found: list[tuple[int, list[str], list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("$ "):
            found.append((number, [line[2:]], []))
        elif found and line.startswith("> ") and not found[-1][2]:
            found[-1][1].append(line[2:])
        elif found:
            found[-1][2].append(line)
    return [
        Step(number, "\n".join(command), tuple("\n".join(said).rstrip("\n").split("\n")))
        for number, command, said in found
    ]


def matches(expected: tuple[str, ...], said: list[str]) -> bool:
    """Tell whether this is what was to be said."""
    pattern = "".join(
        r"(?:[^\n]*\n)*" if line == "…" else r"[^\n]*".join(map(re.escape, line.split("…"))) + r"\n"
        for line in expected
    )
    return re.fullmatch(pattern, "".join(line + "\n" for line in said)) is not None


def run(command: str, environ: dict[str, str]) -> list[str]:
    """Run a command; return its lines, and the status where it is not 0."""
    done = subprocess.run(
        ["sh", "-c", command],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,  # no terminal to ask on, wherever the tests are run
    )
    said = done.stdout.rstrip("\n").split("\n")
    status = [f"[status {done.returncode}]"] if done.returncode else []
    return said + status if said != [""] or not status else status


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_session_goes_as_it_is_written_down(
    file: Path, request: pytest.FixtureRequest, sealed: None
) -> None:
    del sealed
    text = file.read_text(encoding="utf-8")
    programs = os.path.dirname(sys.executable)
    environ = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": os.environ["HOME"],
        "TMPDIR": os.environ["TMPDIR"],
        "LANG": "C.UTF-8",
        # What keyring this machine has is no matter of a transcript.
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    for key, value in needs(text):
        sandbox: SandboxHandle = request.getfixturevalue("sandbox")
        if key == "needs" and value == "sandbox":
            environ |= sandbox.environ()
        elif key == "account":
            sandbox.set_accounts(json.loads(value))
        elif key == "fault":
            sandbox.add_fault(**json.loads(value))
        else:
            pytest.fail(f"{file.name}: no such directive: {key}")
    for step in steps(text):
        said = run(step.command, environ)
        assert matches(step.expected, said), "\n".join(
            [f"{file.name}:{step.line}: $ {step.command}", *said]
        )


def test_a_transcript_is_held_to_every_line() -> None:
    assert matches(("one", "…", "at … o'clock"), ["one", "two", "three", "at 5 o'clock"])
    assert matches(("…",), ["anything"])
    assert not matches(("one",), ["one", "two"])
    assert not matches(("one", "[status 1]"), ["one"])
    assert not matches(("a.c",), ["abc"])


def every_command() -> list[tuple[str, bool]]:
    """Return each command that can be called, and whether it takes `--json`."""
    found: list[tuple[str, bool]] = []
    waiting: list[tuple[str, click.Group]] = [("scalekit-auth", program)]
    while waiting:
        path, group = waiting.pop()
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if isinstance(command, click.Group):
                waiting.append((f"{path} {name}", command))
            else:
                as_json = any("--json" in option.opts for option in command.params)
                found.append((f"{path} {name}", as_json))
    return sorted(found)


@pytest.mark.parametrize(("command", "as_json"), every_command(), ids=str)
def test_every_command_has_its_success_its_failure_its_help_and_its_json(
    command: str, *, as_json: bool
) -> None:
    of_it = re.compile(rf"(?<![-\w]){re.escape(command)}(?![-\w])")
    seen = [
        step
        for file in FILES
        for step in steps(file.read_text(encoding="utf-8"))
        if of_it.search(step.command)
    ]
    assert [step for step in seen if f"{command} --help" in step.command]
    assert [step for step in seen if is_failure(step)]
    assert [step for step in seen if "--help" not in step.command and not is_failure(step)]
    said = [line for step in seen if " --json" in step.command for line in step.expected]
    assert as_json == any(line.startswith('{"version": 1, ') for line in said)


def is_failure(step: Step) -> bool:
    """Tell whether the last word is a status other than 0."""
    return re.fullmatch(r"\[status \d+\]", step.expected[-1]) is not None


def test_every_transcript_is_run() -> None:
    assert FILES
    assert all(steps(file.read_text(encoding="utf-8")) for file in FILES)
