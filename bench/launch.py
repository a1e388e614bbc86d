"""How long a launch takes, against bare Python and against one SDK client per service.

    python bench/launch.py [--runs 15] [--services 2]

All are timed in turns in one run, on an emulator in a process of its own, so that the ratios hold
even where the machine is busy. Medians in milliseconds, with the spread of the middle half.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(sys.executable).parent
CLIENT = """
import os, sys
import scalekit
client = scalekit.ScalekitClient(
    os.environ["SCALEKIT_ENV_URL"],
    os.environ["SCALEKIT_CLIENT_ID"],
    os.environ["SCALEKIT_CLIENT_SECRET"],
)
found = client.connected_accounts.get_connected_account_by_identifier(sys.argv[1], "bench")
assert found[0].connected_account.authorization_details.oauth_token.access_token
os._exit(0)
"""


def main() -> None:
    """Time everything and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--services", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        emulator = subprocess.Popen(
            [HERE / "scalekit-auth", "sandbox", "--json", "--lifetime", "600"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert emulator.stdout is not None
        assert emulator.stdin is not None
        told = json.loads(emulator.stdout.readline())
        try:
            measure(Path(folder), told, options.runs, options.services)
        finally:
            emulator.stdin.close()
            emulator.wait()
            emulator.stdout.close()


def measure(folder: Path, told: dict[str, str], runs: int, services: int) -> None:
    names = [f"s{number}" for number in range(services)]
    tables = (f'[services.{name}]\nconnection_name = "{name}"\n' for name in names)
    (folder / "scalekit.toml").write_text('identifier = "bench"\n' + "".join(tables))
    told = {name: value for name, value in told.items() if name.startswith("SCALEKIT_")}
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), **told}
    environ |= {
        "REQUESTS_CA_BUNDLE": told["SCALEKIT_CA_BUNDLE"],
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": told["SCALEKIT_CA_BUNDLE"],
    }
    launcher = str(HERE / "scalekit-exec")
    commands: dict[str, list[list[str]]] = {
        "bare python": [[sys.executable, "-c", "pass"]],
        "scalekit-exec --help": [[launcher, "--help"]],
        "scalekit-exec, https": [[launcher, *names, "--", "true"]],
        "one SDK client per service": [[sys.executable, "-c", CLIENT, name] for name in names],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, lines in commands.items():
            started = time.perf_counter()
            for line in lines:
                subprocess.run(line, env=environ, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            times[name].append((time.perf_counter() - started) * 1000)
    report({name: values[1:] for name, values in times.items()}, services)


def report(times: dict[str, list[float]], services: int) -> None:
    base = statistics.median(times["bare python"])
    print(f"{services} services, Python {platform.python_version()}, {platform.machine()}")
    print(f"{'':28} {'median':>8} {'quartiles':>17} {'x python':>9}")
    for name, values in times.items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"{name:28} {middle:8.1f} {low:8.1f}-{high:8.1f} {middle / base:9.2f}")
    ours = statistics.median(times["scalekit-exec, https"])
    theirs = statistics.median(times["one SDK client per service"])
    print(f"faster than one SDK client per service by {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
