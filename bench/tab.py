"""What a Tab costs, against bare Python: `scalekit-exec --list-words` in a folder with a map.

    python bench/tab.py [--runs 40]

Both are timed in turns in one run, so that the ratio holds even where the machine is busy. Medians
in milliseconds. It may be at most 1.8; the status is 1 where it is more.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("scalekit-exec")
LIMIT = 1.8
MAP = "".join(
    f'[services.service{number}]\nconnection_name = "connection_{number}"\nidentifier = "me"\n'
    for number in range(20)
)


def timed(words: list[str], folder: str) -> float:
    environ = {"PATH": os.environ["PATH"], "HOME": folder}
    begun = time.perf_counter()
    subprocess.run(words, cwd=folder, env=environ, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begun) * 1000


def main() -> int:
    """Time both and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    runs = parser.parse_args().runs
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "tab": [str(PROGRAM), "--list-words"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "scalekit.toml").write_text(MAP)
        for run in range(runs + 3):
            for name, words in commands.items():
                spent = timed(words, folder)
                if run >= 3:  # the first ones fill the caches
                    taken[name].append(spent)
    python, tab = (statistics.median(taken[name]) for name in commands)
    print(
        f"bare Python {python:.1f} ms, a Tab {tab:.1f} ms: {tab / python:.2f} times (at most 1.8)"
    )
    return 0 if tab / python <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
