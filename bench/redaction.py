"""How fast output goes through the redactor, alone and in a launch, and how much memory it takes.

    python bench/redaction.py [--megabytes 2048]

All in one run: the redactor fed with three kinds of data, with the secrets of two services in all
their forms; then a launch with `--redact` whose child writes as fast as it can, against the same
child without; and the memory of that launch from its first megabytes to its last.
"""

from __future__ import annotations

import argparse
import base64
import os
import platform
import random
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scalekit_exec.redaction import Redactor, forms

if TYPE_CHECKING:
    from collections.abc import Callable

STAYER = str(Path(__file__).parent.parent / "tests" / "support" / "stayer.py")
CHUNK = 262144
LINE = b'2026-01-01T00:00:00Z INFO GET /v1/users/1234?page=2 200 5123 "Mozilla/5.0 (X11; Linux)"\n'


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2048)
    options = parser.parse_args()
    services = {
        "two OAuth tokens": ["ya29." + secrets.token_urlsafe(160), "xoxb-" + secrets.token_hex(28)],
        "a token and a password of 12": ["ghp_" + secrets.token_hex(18), secrets.token_urlsafe(9)],
        "two passwords of 8": [secrets.token_urlsafe(6), secrets.token_urlsafe(6)],
    }
    kinds = {
        "log lines": (LINE * (CHUNK // len(LINE) + 1))[:CHUNK],
        "base64": base64.b64encode(random.Random(1).randbytes(CHUNK))[:CHUNK],
        "random bytes": random.Random(2).randbytes(CHUNK),
    }
    print(f"Python {platform.python_version()}, {platform.machine()}; MB/s")
    print(f"{'the redactor alone':34}" + "".join(f"{kind:>14}" for kind in kinds))
    for name, values in services.items():
        redactor = Redactor([value.encode() for value in values])
        count = sum(len(forms(value.encode())) for value in values)
        speeds = [feed(redactor, data) for data in kinds.values()]
        label = f"{name} ({count} forms)"
        print(f"{label:34}" + "".join(f"{speed:14.0f}" for speed in speeds))
    whole_launch(options.megabytes)


def feed(redactor: Redactor, data: bytes) -> float:
    """Return the megabytes per second, the median of many turns."""
    times = []
    for _ in range(41):
        began = time.perf_counter()
        redactor.feed(data)
        times.append(time.perf_counter() - began)
    return len(data) / sorted(times)[len(times) // 2] / 1e6


def whole_launch(megabytes: int) -> None:
    writer = (
        "import os, sys\n"
        f"data = {LINE!r} * {CHUNK // len(LINE)}\n"
        f"left = {megabytes * 1_000_000}\n"
        "while left > 0: left -= os.write(1, data)"
    )
    child = [sys.executable, "-c", writer]
    hide = {**os.environ, "HIDE": secrets.token_urlsafe(120)}
    plain = drain(child, None)
    speeds = [("a child alone, its output read and dropped", plain)]
    sizes: list[int] = []
    ours = drain([sys.executable, "-P", STAYER, *child], hide, sizes.append)
    speeds.append(("the same through a launch with --redact", ours))
    print(f"\n{megabytes} MB of log lines")
    for name, (count, seconds) in speeds:
        print(f"{name:48}{count / seconds / 1e6:8.0f} MB/s")
    if sizes:  # none where it was over too soon
        print(f"memory of the launch: {sizes[0]} kB at the start, {max(sizes)} kB at most")


def drain(
    words: list[str], environ: dict[str, str] | None, watch: Callable[[int], None] | None = None
) -> tuple[int, float]:
    """Read all that the command writes; return the bytes and the seconds from the first on."""
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        source = process.stdout.fileno()
        total = len(os.read(source, CHUNK))
        began = last = time.perf_counter()
        while data := os.read(source, CHUNK):
            total += len(data)
            if watch is not None and time.perf_counter() - last > 0.2:
                last = time.perf_counter()
                watch(resident_memory(process.pid))
        return total, time.perf_counter() - began


def resident_memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
