"""A signal while Scalekit is slow to answer: we end by it, soon, and the child never starts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.support.launches import PROGRAM

if TYPE_CHECKING:
    from tests.support.launches import Folder


def wait_for_read(folder: Folder) -> None:
    """Wait until the launch has sent its read."""
    assert folder.sandbox is not None
    end = time.monotonic() + 20
    while not [c for c in folder.sandbox.requests() if c["operation"] == "auth"]:
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("transport", ["https", "sdk"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_resolution_within_half_a_second(
    folder: Folder, transport: str, number: signal.Signals
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="hang")
    words = ["gmail", "--", "touch", str(folder.witness)]
    # bash gives background jobs SIGINT ignored; a direct start has the default.
    process = folder.start(*words, env={"SCALEKIT_EXEC_TRANSPORT": transport})
    wait_for_read(folder)
    process.send_signal(number)
    out, err = process.communicate(timeout=0.5)
    assert process.returncode == -number
    assert (out, err) == (b"", b"")
    assert not folder.witness.exists()


def test_under_nohup_a_hangup_interrupts_nothing(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="slow", seconds=1)
    process = subprocess.Popen(
        ["nohup", PROGRAM, "gmail", "--", "touch", str(folder.witness)],
        env=folder.variables(),
        cwd=folder.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for_read(folder)
    process.send_signal(signal.SIGHUP)
    err = process.communicate(timeout=20)[1]
    assert process.returncode == 0, err
    assert folder.witness.exists()


def test_ctrl_c_while_resolving_stops_a_bash_loop(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="hang")
    loop = f"for i in 1 2 3; do echo round $i; {PROGRAM} gmail -- true; done; echo all over"
    terminal = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-c", loop],
        env=folder.variables({"TERM": "dumb"}),
        cwd=str(folder.path),
        encoding="utf-8",
        timeout=15,
    )
    terminal.expect_exact("round 1")
    wait_for_read(folder)
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert "round 2" not in terminal.before
    assert "Traceback" not in terminal.before
    assert terminal.signalstatus == signal.SIGINT


def test_an_interrupt_at_any_moment_of_our_start_is_no_traceback(folder: Folder) -> None:
    ends = set()
    for delay in [*range(0, 80, 4), *range(100, 2000, 100)]:
        if delay >= 100 and -signal.SIGINT in ends:
            break  # a busy machine takes longer to reach us
        process = folder.start("gmail", "--", "true")
        time.sleep(delay / 1000)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=20)[1]
        # Before the console script calls us, an interrupt is Python's own affair.
        assert not re.search(rb'/scalekit_exec/[^"]*", line \d+, in (?!<module>)', err), err
        ends.add(process.returncode)
    assert ends <= {0, 1, -signal.SIGINT}
    assert -signal.SIGINT in ends


def test_the_program_is_replaced_and_not_a_parent(folder: Folder) -> None:
    process = folder.start("gmail", "--", "sleep", "30")
    end = time.monotonic() + 20
    while os.readlink(f"/proc/{process.pid}/exe").endswith("sleep") is False:
        assert time.monotonic() < end
        time.sleep(0.02)
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGTERM
