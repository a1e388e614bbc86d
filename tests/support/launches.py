"""The installed `scalekit-exec` as a user runs it: a process, a map, a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.sandboxes import SandboxHandle

PROGRAM = str(Path(sys.executable).with_name("scalekit-exec"))
MAP = """\
identifier = "mess"

[services.gmail]
connection_name = "gmail_u3134a"

[services.slack]
connection_name = "slack_x7y9z"
identifier = "ops-bot"
env = "SLACK_BOT_TOKEN"
"""
# The child leaves this behind, so that a test can tell that it never ran.
WITNESS = "child-ran"
CHILD = (
    "import json, os, sys; open(os.environ['WITNESS'], 'w').close(); "
    "json.dump(dict(os.environ), sys.stdout)"
)


@dataclass
class Done:
    """How a launch ended; `child` is its environment, None where it never started."""

    status: int
    out: str
    err: str
    started: bool

    @property
    def child(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.out)
        return found

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Return the JSON lines on stderr."""
        return [json.loads(line) for line in self.err.splitlines()]


@dataclass
class Folder:
    """A working folder with a map, and the environment that launches there get."""

    path: Path
    sandbox: SandboxHandle | None = None
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self.map()

    def map(self, text: str = MAP) -> Path:
        """Write the project's map."""
        file = self.path / "scalekit.toml"
        file.write_text(text)
        return file

    @property
    def witness(self) -> Path:
        return self.path / WITNESS

    def variables(self, extra: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return what a launch is started with; None takes a variable out."""
        base: dict[str, str | None] = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "LANG": "C.UTF-8",
            "WITNESS": str(self.witness),
            **(self.sandbox.environ() if self.sandbox else {}),
            **self.environ,
            **(extra or {}),
        }
        return {name: value for name, value in base.items() if value is not None}

    def start(
        self, *words: str, env: Mapping[str, str | None] | None = None, **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start the program with these words."""
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        given |= {"stderr": subprocess.PIPE, "cwd": self.path, **options}
        return subprocess.Popen([PROGRAM, *words], env=self.variables(env), **given)

    def launch(
        self, *words: str, env: Mapping[str, str | None] | None = None, stdin: bytes = b""
    ) -> Done:
        """Run the program to its end. Without a `--`, the child prints its environment as JSON."""
        self.witness.unlink(missing_ok=True)
        if "--" not in words:
            words = (*words, "--", sys.executable, "-c", CHILD)
        process = self.start(*words, env=env, stdin=subprocess.PIPE)
        out, err = process.communicate(stdin, timeout=60)
        return Done(
            process.returncode,
            out.decode("utf-8", "surrogateescape"),
            err.decode("utf-8", "surrogateescape"),
            self.witness.exists(),
        )
