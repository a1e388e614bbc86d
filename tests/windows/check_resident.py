"""A launch that stays, on Windows: statuses, output by pipes, and an end together."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

assert sys.platform == "win32"

STAYER = [sys.executable, str(Path(__file__).parents[1] / "support" / "stayer.py")]
SECRET = "hush-hush-0123456789"


def start(
    code: str, *, hide: bool = True, seconds: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """Run Python code through a launch that stays, all streams as pipes."""
    environ = {**os.environ, **({"HIDE": SECRET} if hide else {})}
    return subprocess.run(
        [*STAYER, sys.executable, "-c", code],
        env=environ,
        input=b"",
        capture_output=True,
        timeout=seconds,
        check=False,
    )


def check_a_status_is_passed_on(_: Path) -> None:
    for status in (0, 1, 42, 0xC0000005):
        for hide in (False, True):
            code = f"import ctypes; ctypes.windll.kernel32.ExitProcess({status})"
            done = start(code, hide=hide)
            assert done.returncode & 0xFFFFFFFF == status, done


def check_both_outputs_are_hidden_and_stay_apart(_: Path) -> None:
    code = f"import sys; print('a', '{SECRET}'); print('b', '{SECRET}', file=sys.stderr)"
    done = start(code)
    assert done.stdout.split() == [b"a", b"[REDACTED]"], done
    assert done.stderr.split() == [b"b", b"[REDACTED]"], done


def check_much_output_arrives_whole(_: Path) -> None:
    done = start("import sys; sys.stdout.write('x' * 900_000)")
    assert done.stdout == b"x" * 900_000, len(done.stdout)


def check_a_beginning_is_let_go_and_the_rest_is_hidden(_: Path) -> None:
    code = (
        f"import os, time; os.write(1, b'{SECRET[:12]}'); time.sleep(1);"
        f"os.write(1, b'{SECRET[12:]}')"
    )
    assert start(code).stdout == SECRET[:12].encode() + b"[REDACTED]"


def check_the_child_ends_with_us_should_we_be_ended(folder: Path) -> None:
    told = folder / "pid"
    code = f"import os, time; open(r'{told}', 'w').write(str(os.getpid())); time.sleep(60)"
    process = subprocess.Popen(
        [*STAYER, sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not (told.exists() and told.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    handle = ctypes.windll.kernel32.OpenProcess(0x100000, 0, int(told.read_text()))
    assert handle
    process.kill()
    process.communicate()
    assert ctypes.windll.kernel32.WaitForSingleObject(handle, 10_000) == 0


def check_what_the_child_leaves_running_does_not_hold_us(_: Path) -> None:
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', "
        "'import time; time.sleep(8)']); print(p.pid)"
    )
    began = time.monotonic()
    process = subprocess.Popen(
        [*STAYER, sys.executable, "-c", code],
        env={**os.environ, "HIDE": SECRET},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert process.wait(30) == 0
    assert time.monotonic() - began < 7
    handle = ctypes.windll.kernel32.OpenProcess(0x100000, 0, pid)
    assert handle
    assert ctypes.windll.kernel32.WaitForSingleObject(handle, 0) == 258, "it was ended with us"
