"""Seals every test: its own home and working folder, no settings of the machine, no network."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.certificates import Authority, authority
from tests.support.launches import Folder
from tests.support.refusals import SECRET
from tests.support.sandboxes import SandboxHandle, running_sandbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# A loaded machine must not fail a law; the cases are the same in every run.
settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("house")

IN_CI = bool(os.environ.get("CI"))
FOREIGN = ("SCALEKIT_", "TOOL_", "XDG_", "PYTHON", "SSL_CERT_", "GRPC_", "REQUESTS_", "CURL_")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the test its own home and working folder, and none of the caller's settings."""
    home, work = tmp_path / "home", tmp_path / "home" / "work"
    work.mkdir(parents=True)
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.lower() in PROXIES or name in ("CI", "NETRC"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(work)
    yield
    assert Path(os.environ["HOME"]) == home


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that skipped anything: there, what a test needs is installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure() -> None:
    """Have signals as a terminal's shell gives them, and refuse connections beyond the machine.

    Whoever starts the tests in the background or under nohup has Ctrl-C and the like ignored, and
    all children would have it so.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            restored = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, restored)
    connect = socket.socket.connect

    def only_loopback(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host not in ("", "127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2", "::1", "localhost"):
            raise OSError(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    socket.socket.connect = only_loopback  # type: ignore[method-assign, assignment]


@pytest.fixture(scope="session")
def open_sandbox() -> Iterator[SandboxHandle]:
    """Run one sandbox in which every account is there and ACTIVE, for all tests of a process."""
    with running_sandbox() as handle:
        yield handle


@pytest.fixture
def sandbox(open_sandbox: SandboxHandle) -> SandboxHandle:
    """Return that sandbox as it was at its start."""
    open_sandbox.reset()
    return open_sandbox


@pytest.fixture
def folder(sandbox: SandboxHandle, sealed: None) -> Folder:
    """Return a working folder with a map of gmail and slack, and credentials for the sandbox."""
    del sealed
    return Folder(Path.cwd(), sandbox)


@pytest.fixture(scope="session")
def ca() -> Iterator[Authority]:
    """Return an authority for the servers that a test makes itself."""
    with authority() as made:
        yield made


@pytest.fixture
def bare(sealed: None) -> Folder:
    """Return a folder whose credentials lead nowhere yet."""
    environ = {"SCALEKIT_CLIENT_ID": "skc_1", "SCALEKIT_CLIENT_SECRET": SECRET}
    return Folder(Path.cwd(), environ=environ)
