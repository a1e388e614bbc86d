"""At a terminal, Ctrl-C stops the loop that the launch stands in; under nohup HUP does nothing."""

from __future__ import annotations

import os
import shlex
import signal
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.support.processes import FUNCTIONS, Launcher

if TYPE_CHECKING:
    from pathlib import Path

LOOP = "for i in 1 2 3; do echo round $i; {command}; done; echo all over"


def _loop(command: str, **extra: str) -> pexpect.spawn[str]:
    environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "dumb", **extra}
    words = ["--norc", "--noprofile", "-c", LOOP.format(command=command)]
    return pexpect.spawn("bash", words, env=environ, encoding="utf-8", timeout=15)


def test_ctrl_c_while_the_child_runs_stops_a_bash_loop(launcher: Launcher) -> None:
    terminal = _loop(shlex.join([*launcher.prefix, "cat"]))
    terminal.sendline("hello")
    terminal.expect_exact("hello\r\n")  # the terminal's echo
    terminal.expect_exact("hello\r\n")  # the child's answer
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert "round 2" not in terminal.before
    assert "Traceback" not in terminal.before
    assert terminal.signalstatus == signal.SIGINT


def test_ctrl_c_while_resolving_stops_a_bash_loop(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    watch = f"(until [ -e {ready} ]; do sleep 0.02; done; echo begun) & "
    terminal = _loop(watch + shlex.join([*FUNCTIONS.prefix, "true"]), SLOW=str(ready))
    terminal.expect_exact("begun")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert "round 2" not in terminal.before
    assert "Traceback" not in terminal.before
    assert terminal.signalstatus == signal.SIGINT


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="looks into /proc")
def test_under_nohup_the_child_ignores_hup(launcher: Launcher) -> None:
    words = [*launcher.prefix, "grep", "SigIgn", "/proc/self/status"]
    terminal = _loop("nohup " + shlex.join(words) + " < /dev/null | cat")
    terminal.expect(r"SigIgn:\t([0-9a-f]+)")
    assert int(terminal.match.group(1), 16) == 1 << (signal.SIGHUP - 1)
    terminal.close(force=True)
