"""What the figures were taken on, without a name by which the machine could be found."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import ssl
import subprocess
from datetime import UTC, datetime

from bench.contestants import LAUNCHER


def facts() -> dict[str, str]:
    """Return the date, the machine and the versions of all that was timed."""
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {system}",
        "python": f"{platform.python_version()}, {ssl.OPENSSL_VERSION}",
        "scalekit-exec": importlib.metadata.version("scalekit-exec"),
        "SDK": importlib.metadata.version("scalekit-sdk-python"),
        "curl": _curl(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


def _curl() -> str:
    try:
        done = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    except OSError:
        return "none"
    return done.stdout.split()[1]


def warnings() -> list[str]:
    """Return what would make the figures worse than those of a user."""
    found = []
    with open(LAUNCHER, encoding="utf-8") as file:
        if "import re\n" in file.read():
            found.append(
                "the console script was written by an old pip and imports re (some 4 ms): "
                "upgrade pip and install again"
            )
    load = os.getloadavg()[0]
    if load > 0.5:
        found.append(f"the machine is busy: load {load:.1f}")
    return found
