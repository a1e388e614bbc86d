"""The installed `scalekit-auth` as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AUTH", "Answered", "auth"]

AUTH = str(Path(sys.executable).with_name("scalekit-auth"))


@dataclass
class Answered:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """Return the JSON object on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Return the JSON lines on stderr."""
        return [json.loads(line) for line in self.err.splitlines()]


def auth(
    *words: str,
    env: Mapping[str, str | None] | None = None,
    stdin: str | None = None,
    cwd: Path | None = None,
    seconds: float = 60,
) -> Answered:
    """Run `scalekit-auth` to its end; its stdin is /dev/null, or a pipe with this text.

    `env` is added to a small environment of the sealed home; None takes a variable out.
    """
    base = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    given: dict[str, str | None] = {**base, "LANG": "C.UTF-8", **(env or {})}
    done = subprocess.run(
        [AUTH, *words],
        env={name: value for name, value in given.items() if value is not None},
        cwd=cwd,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Answered(done.returncode, done.stdout, done.stderr)
