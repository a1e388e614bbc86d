"""Times launches at a distance; `measure` starts this module again inside `bench.distance`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

from bench import contestants, emulator
from bench.distance import THERE
from bench.timing import Row, take_turns

SERVICES = (1, 2, 8, 16)
NO_DISTANCE = 77


def measure(rtt: int, rounds: int) -> list[Row] | None:
    """Time everything at this round trip in milliseconds; None where no distance can be made."""
    inside = [sys.executable, "-m", "bench.far", str(rounds)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.distance", "--rtt", str(rtt), "--", *inside],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == NO_DISTANCE:
        return None
    if done.returncode != 0:
        raise RuntimeError(f"the measuring at {rtt} ms ended with status {done.returncode}")
    return [Row(**row, commands=()) for row in json.loads(done.stdout)]


def main(rounds: int) -> None:
    """Time in turns against an emulator that is as far away as this namespace makes it."""
    with tempfile.TemporaryDirectory() as folder, emulator.running(THERE) as told:
        ground = contestants.Ground(folder, told)
        with contestants.daemon(ground, (2,)) as warm:
            rows = [
                contestants.bare(ground),
                *(contestants.launch(ground, number) for number in SERVICES),
                *contestants.curl(ground),
                contestants.sdk(ground, 1),
                *warm,
            ]
            take_turns(rows, rounds, ground.errors)
    found = [
        {"key": row.key, "label": row.label, "seconds": row.seconds, "cpu": row.cpu} for row in rows
    ]
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
