"""A sandbox as a process of its own, for tests that need a real server on a real wire."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SandboxHandle", "running_sandbox"]

# The installed package is what runs, as in a user's shell.
_PROGRAM = (
    "import sys; from scalekit_exec.cli.auth import main; "
    "sys.exit(main(['sandbox', '--json', *sys.argv[1:]]))"
)


@dataclass
class SandboxHandle:
    """A running sandbox and the paths by which it is steered."""

    url: str
    client_id: str
    client_secret: str
    ca_file: str
    process: subprocess.Popen[str]

    def environ(self) -> dict[str, str]:
        """Return the four variables of a client."""
        return {
            "SCALEKIT_ENV_URL": self.url,
            "SCALEKIT_CLIENT_ID": self.client_id,
            "SCALEKIT_CLIENT_SECRET": self.client_secret,
            "SCALEKIT_CA_BUNDLE": self.ca_file,
        }

    def requests(self) -> list[dict[str, Any]]:
        """Return what was asked since the start or the last reset.

        Each has `operation` ("token", "auth", "details", "link", "verify", "consent", "other"),
        `method`, `path`, `transport` ("rest", "grpc"), `connection` (counted from 1), `user_agent`,
        `connector`, `identifier`.
        """
        found: list[dict[str, Any]] = self._control("GET", "requests")["requests"]
        return found

    def set_accounts(self, *accounts: Mapping[str, Any]) -> None:
        """Add accounts, or replace those of the same key; as in a scenario's `[[accounts]]`."""
        self._control("POST", "accounts", {"accounts": [dict(each) for each in accounts]})

    def add_fault(self, **fault: Any) -> None:
        """Add a fault; keys as in a scenario's `[[faults]]`."""
        self._control("POST", "faults", fault)

    def revoke(self) -> None:
        """End all client tokens issued so far: the next call is answered 401."""
        self._control("POST", "revoke", {})

    def reset(self) -> None:
        """Go back to the scenario; the record of requests is empty then."""
        self._control("POST", "reset", {})

    def close(self) -> None:
        """End the sandbox; it ends when its standard input closes."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def connect(self, timeout: float = 20) -> http.client.HTTPSConnection:
        """Return a connection to the sandbox that trusts its certificate."""
        context = ssl.create_default_context(cafile=self.ca_file)
        host = urlsplit(self.url).netloc
        return http.client.HTTPSConnection(host, context=context, timeout=timeout)

    def _control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        connection = self.connect()
        try:
            connection.request(
                method,
                "/_sandbox/" + path,
                None if body is None else json.dumps(body),
                {"Authorization": f"Bearer {self.client_secret}"},
            )
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        assert response.status == 200, answer
        return answer


@contextmanager
def running_sandbox(scenario_text: str | None = None) -> Iterator[SandboxHandle]:
    """Run a sandbox with this scenario (TOML); without one, any account is there and ACTIVE."""
    with tempfile.TemporaryDirectory(prefix="scalekit-test-") as folder:
        options: list[str] = []
        if scenario_text is not None:
            path = os.path.join(folder, "scenario.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(scenario_text)
            options = ["--scenario", path]
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *options, "--lifetime", "7200"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.stdin.close()  # type: ignore[union-attr]
            process.stdout.close()
            raise AssertionError(f"the sandbox did not start: status {process.wait()}")
        told = json.loads(line)
        handle = SandboxHandle(
            told["SCALEKIT_ENV_URL"],
            told["SCALEKIT_CLIENT_ID"],
            told["SCALEKIT_CLIENT_SECRET"],
            told["SCALEKIT_CA_BUNDLE"],
            process,
        )
        try:
            yield handle
        finally:
            handle.close()
