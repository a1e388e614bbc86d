"""Start real processes under chosen conditions and look at them from the inside.

A scenario takes a `Launcher`, the words that stand before a command: none for a direct start, our
own functions, or the installed program. What it sees of the child must be the same for all.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HERE = Path(__file__).parent
PROBE = HERE / "probe.py"
# What CPython ignores by itself and we put back to the default, whatever it was.
RESET = {signal.SIGPIPE, signal.SIGXFSZ}
NULL = "/dev/null"


@dataclass(frozen=True, slots=True)
class Launcher:
    """The words before a command, and the names of the variables that the launch adds."""

    name: str
    prefix: tuple[str, ...] = ()
    adds: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.name

    def words(self, *command: str) -> list[str]:
        """Return the whole argv of a start of this command."""
        return [*self.prefix, *command]


DIRECT = Launcher("direct")
FUNCTIONS = Launcher("functions", (sys.executable, "-P", str(HERE / "launcher.py")))


@dataclass(frozen=True, slots=True)
class Start:
    """The state that a caller hands to the process it starts.

    `ignored` and `blocked` are signals, `closed` standard descriptors, `open` extra descriptors
    that are inherited, `core` soft and hard limit. `environ` None means a small fixed one; bytes
    that are not UTF-8 are lone surrogates, in words too.
    """

    ignored: frozenset[int] = frozenset()
    blocked: frozenset[int] = frozenset()
    closed: frozenset[int] = frozenset()
    open: tuple[int, ...] = ()
    core: tuple[int, int] | None = None
    environ: Mapping[str, str] | None = None
    folder: Path | None = None

    def popen(
        self,
        words: Sequence[str],
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start the words in this state."""
        environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        return subprocess.Popen(
            words,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environ if self.environ is None else self.environ,
            cwd=self.folder,
            pass_fds=self.open,
            restore_signals=False,
            preexec_fn=self._prepare(),  # noqa: PLW1509 - no threads here, and no other way
        )

    def _prepare(self) -> Callable[[], None]:
        def prepare() -> None:
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                ignore = number in self.ignored
                signal.signal(number, signal.SIG_IGN if ignore else signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, self.blocked)
            if self.core is not None:
                resource.setrlimit(resource.RLIMIT_CORE, self.core)
            for descriptor in self.closed:
                os.close(descriptor)

        return prepare


PLAIN = Start()


def run(
    words: Sequence[str], start: Start = PLAIN, *, stdin: bytes = b"", seconds: float = 30
) -> subprocess.CompletedProcess[bytes]:
    """Run the words to their end; `returncode` is -N for a death by signal N."""
    pipe = subprocess.PIPE
    with start.popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            out, err = process.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def wait_for(ready: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has made the file; fail if it ends first."""
    end = time.monotonic() + 10
    while not ready.exists():
        assert process.poll() is None, "the launch ended too early"
        assert time.monotonic() < end, "the launch is late"
        time.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a child saw of itself (Linux only; see probe.py)."""

    pid: int
    started: int
    argv: tuple[bytes, ...]
    environ: dict[bytes, bytes]
    descriptors: dict[int, str]
    core: tuple[int, int]


def probe(launcher: Launcher, start: Start, report: Path, *arguments: str) -> Seen:
    """Start the probe through the launcher and return its report; it must end well."""
    words = launcher.words(sys.executable, "-I", "-S", str(PROBE), str(report), *arguments)
    process = start.popen(words)
    status = process.wait(30)
    assert status == 0, f"{launcher} ended with {status}"
    seen = json.loads(report.read_text())
    report.unlink()
    return Seen(
        pid=seen["pid"],
        started=process.pid,
        argv=tuple(bytes.fromhex(word) for word in seen["argv"]),
        environ={bytes.fromhex(k): bytes.fromhex(v) for k, v in seen["environ"]},
        descriptors={int(number): target for number, target in seen["descriptors"].items()},
        core=(seen["core"][0], seen["core"][1]),
    )


def signal_state(launcher: Launcher, start: Start) -> dict[str, set[int]]:
    """Return the signals that a child without handlers finds blocked, ignored and caught.

    The child is no Python, which would change some itself.
    """
    done = run(launcher.words("cat", "/proc/self/status"), start)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(":\t", 1) for line in done.stdout.decode().splitlines())
    return {
        name: {bit + 1 for bit in range(64) if int(lines[name], 16) >> bit & 1}
        for name in ("SigBlk", "SigIgn", "SigCgt")
    }


def as_pid_1(*more: str) -> list[str]:
    """Return the words that run a command as pid 1 of a namespace; skip where nobody may.

    `more` are other namespaces, such as `--mount`.
    """
    tool = shutil.which("unshare")
    for options in (["-pf"], ["-Urpf"]):
        words = [tool or "false", *options, *more]
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return words
    pytest.skip("no such namespaces here")
