"""How many instructions a launch takes: a figure that does not vary with what else runs.

    python -m bench.instructions            counts, and compares with bench/instructions.json
    python -m bench.instructions --write    commits to what it counts, for this build of Python

Counted is what a launch adds to `python -c pass` in the same environment, so that a virtual
environment with more or fewer packages makes no difference, and up to its execve, so that what it
becomes does not count. Two counts of a launch over TLS, threads and all, differ by less than 0.02 %
(of `--help` not at all): the hash seed is fixed, the compiled files are there, and valgrind gives
every run the same addresses. Two builds of one Python differ by 15 %, hence a figure for each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = Path(__file__).parent / "instructions.json"
TOLERANCE = 0.03
BETWEEN_BUILDS = 1.4
# Not the console script: what pip writes into that differs from version to version.
START = "import sys; from scalekit_exec.entry import scalekit_exec; sys.exit(scalekit_exec())"
MAP = """\
identifier = "mess"

[services.gmail]
connection_name = "gmail_u3134a"

[services.slack]
connection_name = "slack_x7y9z"
"""
CASES = {
    "--help": ("--help",),
    "--dry-run of two services": ("--dry-run", "gmail", "slack"),
    # valgrind takes fifty times as long: the deadline must not be what ends it
    "a launch of two services": ("--timeout", "300", "gmail", "slack", "--", "true"),
}


def build() -> str:
    """Return what tells this build of Python from others."""
    return f"{platform.python_version()}, {platform.python_compiler()}"


def read() -> dict[str, dict[str, int]]:
    """Return the figures that were committed to, by build and case."""
    found: dict[str, dict[str, int]] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def count(words: tuple[str, ...] | None, folder: Path, told: Mapping[str, str]) -> int:
    """Count one command's instructions up to its execve or end; None stands for bare Python.

    `folder` is private to this count, and `told` names the emulator. Raises RuntimeError where
    the command fails.
    """
    (folder / "scalekit.toml").write_text(MAP, encoding="utf-8")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        **told,
    }
    line = [sys.executable, "-c", "pass"] if words is None else [sys.executable, "-c", START]
    line += words or ()
    out = folder / "counted"
    valgrind = ["valgrind", "--tool=callgrind", "--dump-before=execve"]
    # The first run compiles what is not compiled yet.
    for before in ([], [*valgrind, f"--callgrind-out-file={out}"]):
        done = subprocess.run(
            [*before, *line], env=environ, cwd=folder, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode(errors="replace"))
    # The second file is what came after the first dump, where there was one.
    first = out.with_name("counted.1")
    text = (first if first.exists() else out).read_text(encoding="utf-8", errors="replace")
    for each in (first, out):
        each.unlink(missing_ok=True)
    totals = [row for row in text.splitlines() if row.startswith(("totals:", "summary:"))]
    return int(totals[-1].split()[1])


def count_all(folder: Path, told: Mapping[str, str]) -> dict[str, int]:
    """Return for every case what it adds to bare Python."""
    bare = count(None, folder, told)
    return {case: count(words, folder, told) - bare for case, words in CASES.items()}


def main() -> int:
    """Count, print, and compare or commit."""
    from bench import emulator

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("valgrind is not installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, emulator.running() as told:
        found = count_all(Path(folder), told)
    kept = read()
    status = 0
    for case, value in found.items():
        committed = kept.get(build(), {}).get(case)
        change = f"{value / committed - 1:+.2%}" if committed else "no figure yet"
        status |= bool(committed and abs(value / committed - 1) > TOLERANCE)
        print(f"{case:28} {value / 1e6:8.2f} M  {change}")
    if options.write:
        kept[build()] = found
        KEPT.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
