"""The emulator as a process of its own, near or far away; it ends when its standard input closes.

    python -m bench.emulator [--address 10.77.0.2]

Prints one JSON object with the four variables of a client.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NEAR = "127.0.0.1"


def serve(address: str) -> None:
    """Serve until standard input closes; clients know us by this address."""
    from scalekit_exec.sandbox import World, certificates, start

    # The way there swaps addresses (bench/distance.py), so the one that clients connect to is none
    # that could be listened on; the certificate must name it all the same.
    certificates._LOOPBACK = ipaddress.IPv4Address(address)  # noqa: SLF001 - no option for this
    host = NEAR if address == NEAR else "0.0.0.0"  # in a network namespace of its own
    sandbox = start(World(is_open=True), host=host)
    port = sandbox.url.rpartition(":")[2]
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(sandbox.ca_pem)
        file.flush()
        told = {
            "SCALEKIT_ENV_URL": f"https://{address}:{port}",
            "SCALEKIT_CLIENT_ID": sandbox.client_id,
            "SCALEKIT_CLIENT_SECRET": sandbox.client_secret.reveal(),
            "SCALEKIT_CA_BUNDLE": file.name,
        }
        print(json.dumps(told), flush=True)
        sys.stdin.read()
    sandbox.close()


@contextmanager
def running(address: str = NEAR) -> Iterator[dict[str, str]]:
    """Run an emulator; yield the variables that its clients need."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.emulator", "--address", address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the emulator did not start: status {process.wait()}")
        told: dict[str, str] = json.loads(line)
        try:
            yield told
        finally:
            process.stdin.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default=NEAR)
    serve(parser.parse_args().address)
