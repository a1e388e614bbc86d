"""A real daemon process for a test, in a folder of its own, and a vault that asks only that one."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalekit_exec.clock import Deadline
from scalekit_exec.daemon import place, process
from scalekit_exec.daemon.client import Caller, Connection, DaemonVault, PassedOverError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scalekit_exec.model import ClientCredentials
    from scalekit_exec.vault import Vault

__all__ = ["Running", "ask", "reached", "running", "runtime", "until", "vault"]

RUNTIME = "XDG_RUNTIME_DIR"


@dataclass(frozen=True)
class Running:
    """A daemon that answers; `folder` is where its socket lies."""

    folder: str
    pid: int

    @property
    def socket(self) -> str:
        return os.path.join(self.folder, place.SOCKET)

    def status(self) -> dict[str, object]:
        return ask(self.folder, {"call": "status"})


def until(true: Callable[[], object], seconds: float = 10) -> None:
    """Wait until this is so; fail where it takes too long."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.005)


def ask(folder: str, request: dict[str, object], seconds: float = 5) -> dict[str, object]:
    """Send one request as a launch would, and return the answer."""
    connection = Connection(folder, patience=10)
    try:
        return connection.ask(request, seconds)
    finally:
        connection.close()


def reached(folder: str) -> int:
    """Return the pid of the daemon that answers in this folder, 0 where none does."""
    try:
        connection = Connection(folder)
    except PassedOverError:
        return 0
    connection.close()
    return connection.pid


def runtime(folder: Path) -> Path:
    """Make this test's XDG_RUNTIME_DIR."""
    made = folder / "run"
    made.mkdir(mode=0o700, exist_ok=True)
    os.environ[RUNTIME] = str(made)
    return made


@contextmanager
def running(folder: Path, *, cache: float = 0, idle: float = 60) -> Iterator[Running]:
    """Run a daemon for this test's launches; at the end it is told to leave."""
    before = os.environ.get(RUNTIME)
    path = str(runtime(folder) / "scalekit-exec")
    process.start(path, cache=cache, idle=idle)
    until(lambda: reached(path))
    daemon = Running(path, reached(path))
    try:
        yield daemon
    finally:
        os.environ.pop(RUNTIME)
        if before is not None:
            os.environ[RUNTIME] = before
        with suppress(ProcessLookupError):
            os.kill(daemon.pid, signal.SIGTERM)
            os.kill(daemon.pid, signal.SIGCONT)
        until(lambda: not os.path.exists(daemon.socket) or not reached(path))


def vault(client: ClientCredentials, ca_file: str, seconds: float = 20) -> Vault:
    """Return a vault that asks this test's daemon and fails where that one has no answer."""

    def nobody() -> Vault:
        raise AssertionError("the daemon had no answer")

    folder = place.folder(os.environ)
    assert folder is not None
    environ = {"SCALEKIT_CA_BUNDLE": ca_file}
    caller = Caller(client, environ, Deadline(seconds), lambda _: None)

    def reach() -> Connection:
        return Connection(folder, patience=10)  # this machine may be busy

    return DaemonVault(reach(), reach, caller, "127.0.0.1", nobody)
