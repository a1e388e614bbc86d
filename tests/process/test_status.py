"""The child's end is the caller's news: statuses, deaths by signal, and what stands for neither."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import DIRECT, FUNCTIONS, Launcher, Start, as_pid_1, run, wait_for

if TYPE_CHECKING:
    from pathlib import Path

DEATHS = [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGHUP]


@pytest.mark.parametrize("status", [0, 1, 2, 42, 125, 255])
def test_a_child_s_status_is_the_launch_s(launcher: Launcher, status: int) -> None:
    assert run(launcher.words("sh", "-c", f"exit {status}")).returncode == status


@pytest.mark.parametrize("number", DEATHS, ids=lambda number: number.name)
def test_a_child_that_dies_by_a_signal_looks_as_started_directly(
    launcher: Launcher, number: int
) -> None:
    words = ("sh", "-c", f"kill -{number} $$")
    assert run(launcher.words(*words)).returncode == -number
    assert run(DIRECT.words(*words)).returncode == -number


@pytest.mark.parametrize("number", DEATHS, ids=lambda number: number.name)
def test_we_die_by_a_signal_even_where_the_caller_blocked_and_ignored_it(number: int) -> None:
    start = Start(
        blocked=frozenset({number}),
        ignored=frozenset({number} - {signal.SIGKILL}),
        environ={"PATH": os.environ["PATH"], "DIE": str(int(number))},
    )
    done = run(FUNCTIONS.words("true"), start)
    assert done.returncode == -number
    assert done.stdout == b"dying\n", "what was printed before is lost"


def test_as_pid_1_a_death_by_signal_becomes_128_and_its_number() -> None:
    start = Start(environ={"PATH": os.environ["PATH"], "DIE": "15"})
    done = run([*as_pid_1(), *FUNCTIONS.words("true")], start)
    assert done.returncode == 128 + 15


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_as_pid_1_a_signal_while_resolving_still_ends_us(tmp_path: Path, number: int) -> None:
    ready = tmp_path / "ready"
    kill = f"while ! [ -e {ready} ]; do sleep 0.02; done; kill -{int(number)} 1"
    script = 'sh -c "$0" & exec "$@"'
    start = Start(environ={"PATH": os.environ["PATH"], "SLOW": str(ready)})
    done = run([*as_pid_1(), "sh", "-c", script, kill, *FUNCTIONS.words("true")], start, seconds=10)
    assert done.returncode == 128 + number
    assert done.stderr == b""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells another's limits")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGQUIT], ids=lambda number: number.name)
def test_a_crash_while_resolving_leaves_no_core(tmp_path: Path, number: int) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    ready = folder / "ready"
    start = Start(
        core=(4096, 4096),
        folder=folder,
        environ={"PATH": os.environ["PATH"], "SLOW": str(ready)},
    )
    with start.popen(FUNCTIONS.words("true")) as process:
        wait_for(ready, process)
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_CORE)
        process.send_signal(number)
        assert process.wait(10) == -number
    assert (soft, hard) == (1, 4096)
    assert os.listdir(folder) == ["ready"]


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name
)
def test_a_signal_while_resolving_ends_us_by_that_signal_at_once(
    tmp_path: Path, number: int
) -> None:
    ready, ran = tmp_path / "ready", tmp_path / "ran"
    start = Start(environ={"PATH": os.environ["PATH"], "SLOW": str(ready)})
    with start.popen(FUNCTIONS.words("touch", str(ran)), stderr=subprocess.PIPE) as process:
        wait_for(ready, process)
        process.send_signal(number)
        _, err = process.communicate(timeout=0.5)
    assert process.returncode == -number
    assert err == b"", "there is a traceback"
    assert not ran.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_that_the_caller_ignored_interrupts_nothing(tmp_path: Path, number: int) -> None:
    ready = tmp_path / "ready"
    start = Start(
        ignored=frozenset({number}), environ={"PATH": os.environ["PATH"], "SLOW": str(ready)}
    )
    with start.popen(FUNCTIONS.words("true")) as process:
        wait_for(ready, process)
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        process.kill()
