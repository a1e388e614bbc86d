"""Times commands in turns, and tells how much memory one takes at its peak."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NULL = "/dev/null"
# ru_maxrss also counts what a process was before execve, and between vfork and execve that is its
# parent. A parent that has imported nothing is no larger than the smallest thing measured.
ALONE = """
import os, sys
child = os.fork()
if not child:
    os.execve(sys.argv[1], sys.argv[1:], os.environ)
print(os.wait4(child, 0)[2].ru_maxrss)
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start: the first word is its whole path. It must end with this status."""

    words: Sequence[str]
    environ: Mapping[str, str]
    folder: str
    status: int = 0


@dataclass(slots=True)
class Row:
    """What is timed as one: commands that run one after another.

    `seconds` are wall time, `cpu` what the processes themselves used, both one value a round.
    """

    key: str
    label: str
    commands: Sequence[Command]
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Figure:
    """A median with the quartiles around it."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(low, middle, high)


def run(command: Command, errors: str) -> tuple[float, float]:
    """Run one command; return its wall time and CPU time in seconds.

    Raises RuntimeError with what it said where it ended otherwise than expected.
    """
    os.chdir(command.folder)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, NULL, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, NULL, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    started = time.perf_counter()
    process = os.posix_spawn(
        command.words[0], list(command.words), command.environ, file_actions=actions
    )
    _, status, used = os.wait4(process, 0)
    seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) != command.status:
        with open(errors, encoding="utf-8", errors="replace") as file:
            said = file.read()
        code = os.waitstatus_to_exitcode(status)
        raise RuntimeError(f"{command.words}: status {code}, not {command.status}:\n{said}")
    return seconds, used.ru_utime + used.ru_stime


def take_turns(rows: Sequence[Row], rounds: int, errors: str) -> None:
    """Time every row once a round, each round beginning with another; the first one only warms.

    What else the machine does meanwhile so meets all rows alike.
    """
    home = os.getcwd()
    try:
        for number in range(-1, rounds):
            at = max(number, 0) % len(rows)
            for row in (*rows[at:], *rows[:at]):
                seconds, cpu = map(
                    sum, zip(*(run(each, errors) for each in row.commands), strict=True)
                )
                if number >= 0:
                    row.seconds.append(seconds)
                    row.cpu.append(cpu)
    finally:
        os.chdir(home)


def peak_memory(row: Row, runs: int = 3) -> float:
    """Return the memory in MB (10^6 bytes) that the largest command of a row takes at its peak."""
    peaks = []
    for command in row.commands:
        for _ in range(runs):
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", ALONE, *command.words],
                env=dict(command.environ),
                cwd=command.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            peaks.append(int(done.stdout.split()[-1]) * 1024 / 1e6)
    return max(peaks)
