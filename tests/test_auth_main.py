"""What holds for `scalekit-auth` as a whole, whatever the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.auths import AUTH, auth
from tests.support.launches import PROGRAM

if TYPE_CHECKING:
    from tests.support.launches import Folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no command is named"),
        (["lst"], "did you mean list?"),
        (["--json", "list"], "scalekit-auth list --json"),
        (["-c", "x", "list"], "options come after it: scalekit-auth list -c x"),
        (["export", "--format", "bash", "gmail"], "--format sh"),
        (["list", "--timeout", "soon"], "--timeout 30"),
        (["token", "x", "--min-ttl", "86401"], "--min-ttl 30"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(words: list[str], said: str) -> None:
    done = auth(*words)
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_a_word_that_a_terminal_would_obey_is_shown_harmless() -> None:
    done = auth("-\x1b[31m\u202e", "list")
    assert done.status == 2
    assert "\x1b" not in done.err
    assert "\u202e" not in done.err


@pytest.mark.parametrize(("name", "value"), [("JSON", "maybe"), ("TIMEOUT", "soon")])
def test_a_bad_variable_is_named(name: str, value: str) -> None:
    done = auth("list", env={f"SCALEKIT_EXEC_{name}": value})
    assert done.status == 2
    assert f"SCALEKIT_EXEC_{name}" in done.err


@pytest.mark.parametrize(
    ("program", "words", "status"),
    [
        (PROGRAM, ["--dry-run", "gmail"], 125),
        (PROGRAM, ["--help"], 125),
        (AUTH, ["status"], 1),
        (AUTH, ["list", "--json"], 1),
        (AUTH, ["--help"], 1),
    ],
)
def test_an_answer_that_cannot_be_written_is_a_failure(
    folder: Folder, program: str, words: list[str], status: int
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [program, *words],
            env=folder.variables(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == status
    assert "cannot write to stdout: no space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("command", ["list", "config", "doctor", "import", "status"])
def test_a_working_folder_that_is_gone_is_said_to_be(folder: Folder, command: str) -> None:
    gone = folder.path / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["/bin/sh", "-c", f'rmdir "$PWD"; exec {AUTH} {command}'],
        cwd=gone,
        env=folder.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "error[usage]: the working folder is gone" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("milliseconds", [40, 80, 120, 160])
def test_an_interrupt_while_it_starts_is_no_traceback(folder: Folder, milliseconds: int) -> None:
    process = subprocess.Popen(
        [AUTH, "status"],
        env=folder.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    time.sleep(milliseconds / 1000)
    os.kill(process.pid, signal.SIGINT)
    err = process.communicate(timeout=30)[1].decode()
    if "scalekit_exec" in err:  # before our first line the interpreter has its own say
        assert "Traceback" not in err


def test_a_plan_is_json_whatever_the_encoding_of_stdout(folder: Folder) -> None:
    folder.map('[services.a]\nconnection_name = "1"\nidentifier = "Zoë Ü"\n')
    done = folder.launch(
        "--dry-run",
        "--json",
        "a",
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
    )
    assert json.loads(done.out)["services"][0]["identifier"] == "Zoë Ü"
