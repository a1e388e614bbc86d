"""The names of `scalekit-auth`'s commands, which both programs know.

Each is a module of cli.auth with a click command named `command`; one whose name is a word of
Python's has a `_` after it.
"""

from __future__ import annotations

__all__ = ["COMMANDS"]

COMMANDS = (
    "authorize",
    "completion",
    "config",
    "connections",
    "daemon",
    "detect",
    "doctor",
    "export",
    "import",
    "list",
    "login",
    "logout",
    "redact",
    "sandbox",
    "status",
    "token",
)
