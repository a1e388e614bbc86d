"""The result of looking at one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scalekit_exec.errors import ScalekitExecError

__all__ = ["FAILED", "OK", "SKIPPED", "WARNING", "Check", "failed", "skipped"]

OK = "ok"
WARNING = "warning"
FAILED = "failed"
SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, the verdict, what was seen; and what to do about it, in lines."""

    name: str
    verdict: str
    message: str
    remedy: str = ""


def failed(name: str, error: ScalekitExecError) -> Check:
    """Return the check that an error of ours means."""
    return Check(name, FAILED, error.message, error.hint)


def skipped(name: str, needs: str) -> Check:
    """Return a check that cannot be made without what another one did not find."""
    return Check(name, SKIPPED, f"needs {needs}")
