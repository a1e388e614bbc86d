"""Becoming the child: argv and environment are known here, services are not.

The two platforms are sibling modules with the same functions, chosen here and nowhere else.
"""

from __future__ import annotations

import sys

from scalekit_exec.launch.status import die_by_signal

if sys.platform == "win32":
    from scalekit_exec.launch.windows import begin, caller_environment, check, find, replace
else:
    from scalekit_exec.launch.posix import begin, caller_environment, check, find, replace

__all__ = ["begin", "caller_environment", "check", "die_by_signal", "find", "replace"]
