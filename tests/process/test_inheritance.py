"""What the child finds is what it would have found without us: compared with a direct start."""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import (
    DIRECT,
    FUNCTIONS,
    NULL,
    RESET,
    Launcher,
    Seen,
    Start,
    probe,
    run,
    signal_state,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

PATH = os.environ["PATH"]
ODD = os.fsdecode(b"\xff\xfe=\xc3\xa9 \xe9\n\x80")
COMMON = {"PATH": PATH, "LANG": "C.UTF-8", "ODD": ODD, "\udcff\udce9": "name", "EMPTY": ""}
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "utf-8": {**COMMON},
    "nothing at all": {"PATH": PATH},
    "LC_ALL=C": {**COMMON, "LC_ALL": "C"},
    "C without UTF-8 mode": {
        **COMMON,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    },
    "LC_CTYPE of the caller's own": {"PATH": PATH, "LC_CTYPE": "C.UTF-8"},
    "LC_CTYPE that the interpreter replaces": {"PATH": PATH, "LC_CTYPE": "C", "Z": "1"},
    "a locale that is not installed": {**COMMON, "LANG": "xx_YY"},
    "Python's own variables": {**COMMON, "PYTHONFAULTHANDLER": "1", "PYTHONUNBUFFERED": "1"},
}


def _both(launcher: Launcher, start: Start, folder: Path, *words: str) -> tuple[Seen, Seen]:
    report = folder / "report"
    return probe(DIRECT, start, report, *words), probe(launcher, start, report, *words)


def test_the_child_has_the_pid_that_was_started(launcher: Launcher, tmp_path: Path) -> None:
    seen = probe(launcher, Start(), tmp_path / "report")
    assert seen.pid == seen.started


SIGNALS = {
    "nothing special": Start(),
    "nohup": Start(ignored=frozenset({signal.SIGHUP})),
    "a background job of sh": Start(ignored=frozenset({signal.SIGINT, signal.SIGQUIT})),
    "blocked": Start(blocked=frozenset({signal.SIGUSR1, signal.SIGINT, signal.SIGTERM})),
    "ignored and blocked": Start(
        ignored=frozenset({signal.SIGCHLD, signal.SIGTSTP, signal.SIGRTMIN}),
        blocked=frozenset({signal.SIGHUP, signal.SIGPIPE, signal.SIGRTMAX}),
    ),
    "faulthandler over an ignored SIGSEGV": Start(
        ignored=frozenset({signal.SIGSEGV}), environ={"PATH": PATH, "PYTHONFAULTHANDLER": "1"}
    ),
}


@pytest.mark.parametrize("start", SIGNALS.values(), ids=SIGNALS.keys())
def test_signals_are_as_the_caller_had_them(launcher: Launcher, start: Start) -> None:
    direct = signal_state(DIRECT, start)
    assert direct["SigIgn"] == set(start.ignored)
    assert signal_state(launcher, start) == direct


def test_sigpipe_and_sigxfsz_go_back_to_the_default_even_if_ignored(launcher: Launcher) -> None:
    start = Start(ignored=frozenset(RESET | {signal.SIGHUP}))
    assert signal_state(launcher, start)["SigIgn"] == {signal.SIGHUP}


def test_the_child_s_pipe_ends_as_it_does_without_us(launcher: Launcher) -> None:
    line = '"$@" yes 2>&1 | head -n 1; echo "${PIPESTATUS[0]}"'
    done = run(["bash", "-c", line, "bash", *launcher.prefix])
    assert done.stdout == f"y\n{128 + signal.SIGPIPE}\n".encode()


@pytest.mark.parametrize(
    "closed",
    [(), (0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)],
    ids=lambda closed: f"without {closed}",
)
def test_descriptors_are_the_caller_s(
    launcher: Launcher, tmp_path: Path, closed: tuple[int, ...]
) -> None:
    reading, writing = os.pipe()
    with closing(os.fdopen(reading, "rb")), closing(os.fdopen(writing, "wb")):
        high = os.dup2(reading, 77)
        start = Start(closed=frozenset(closed), open=(reading, writing, high))
        direct, ours = _both(launcher, start, tmp_path)
        os.close(high)
    own = f"/proc/{direct.pid}/fd", f"/proc/{ours.pid}/fd"  # the probe's look at itself
    ours_now = {n: t for n, t in ours.descriptors.items() if t != own[1]}
    assert ours_now == {n: t for n, t in direct.descriptors.items() if t != own[0]}
    assert {reading, writing, 77} <= ours_now.keys()
    assert not ours_now.keys() & set(closed)


def test_closed_descriptors_are_on_dev_null_in_our_own_time(
    tmp_path: Path,
) -> None:
    """With them closed, the file that we open next would become the child's stdin."""
    ready = tmp_path / "ready"
    start = Start(closed=frozenset({0, 1, 2}), environ={"PATH": PATH, "SLOW": str(ready)})
    with start.popen(FUNCTIONS.words("true")) as process:
        wait_for(ready, process)
        targets = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in (0, 1, 2)]
        process.kill()
    assert targets == [NULL] * 3


INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((INFINITE, INFINITE), (1, INFINITE)),
        ((0, INFINITE), (1, INFINITE)),
        ((4096, 8192), (1, 8192)),
        ((1, 1), (1, 1)),
        ((0, 0), (0, 0)),
    ],
)
def test_the_core_limit_is_1_where_it_may_be_and_the_hard_one_is_left(
    launcher: Launcher, tmp_path: Path, limits: tuple[int, int], expected: tuple[int, int]
) -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if hard != INFINITE and (limits[1] == INFINITE or limits[1] > hard):
        pytest.skip("the hard limit is lower here")
    start = Start(core=limits)
    assert probe(launcher, start, tmp_path / "report").core == expected


def test_a_child_s_stdin_is_untouched_byte_by_byte(launcher: Launcher) -> None:
    data = bytes(range(256)) * 5000
    assert run(launcher.words("cat"), stdin=data).stdout == data


def test_a_file_on_stdin_goes_on_where_the_caller_stopped(
    launcher: Launcher, tmp_path: Path
) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"one\ntwo\nthree\n")
    line = 'exec < "$0"; read first; "$@" head -n 1; echo "rest of $first"'
    done = run(["bash", "-c", line, str(file), *launcher.prefix])
    assert done.stdout == b"two\nrest of one\n"


@pytest.mark.parametrize("environ", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_environment_and_argv_pass_to_the_byte(
    launcher: Launcher, tmp_path: Path, environ: Mapping[str, str]
) -> None:
    words = ("", "\udcff\udc80", "é", "--", "a\nb", "$HOME", "%PATH%", "'\"")
    direct, ours = _both(launcher, Start(environ=environ), tmp_path, *words)
    assert ours.argv == direct.argv
    assert ours.argv[-3:] == (b"$HOME", b"%PATH%", b"'\"")
    added = {name for name in ours.environ if os.fsdecode(name) in launcher.adds}
    assert {n: v for n, v in ours.environ.items() if n not in added} == direct.environ


def test_a_variable_without_a_name_does_not_break_the_launch(launcher: Launcher) -> None:
    done = run(["env", "-i", f"PATH={PATH}", "=nameless", "A=1", *launcher.words("env")])
    assert done.returncode == 0
    assert b"A=1\n" in done.stdout


def test_argv_0_is_the_word_as_typed(launcher: Launcher) -> None:
    done = run(launcher.words("cat", "/proc/self/cmdline"))
    assert done.stdout == b"cat\0/proc/self/cmdline\0"
