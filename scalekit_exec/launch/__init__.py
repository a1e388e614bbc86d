"""Becoming the child: argv and environment are known here, services are not.

The two platforms are sibling modules with the same functions, chosen here and nowhere else. What
only a launch that stays needs, `shield`, `supervise` and `finish`, is loaded when it is asked for.
"""

from __future__ import annotations

import sys

from scalekit_exec.launch.status import die_by_signal

if sys.platform == "win32":
    from scalekit_exec.launch.windows import (
        begin,
        caller_environment,
        check,
        find,
        limit_core,
        replace,
    )
else:
    from scalekit_exec.launch.posix import (
        begin,
        caller_environment,
        check,
        find,
        limit_core,
        replace,
    )

TYPE_CHECKING = False
if TYPE_CHECKING:
    if sys.platform == "win32":
        from scalekit_exec.launch.resident_windows import finish, shield, supervise
    else:
        from scalekit_exec.launch.resident import finish, shield, supervise

__all__ = [
    "begin",
    "caller_environment",
    "check",
    "die_by_signal",
    "find",
    "finish",
    "limit_core",
    "replace",
    "shield",
    "supervise",
]


def __getattr__(name: str) -> object:
    if name not in ("finish", "shield", "supervise"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if sys.platform == "win32":
        from scalekit_exec.launch import resident_windows as resident
    else:
        from scalekit_exec.launch import resident
    return getattr(resident, name)
