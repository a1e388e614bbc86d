"""What `scalekit-auth doctor` looks at, one thing after the other, as data.

A check that needs what an earlier one did not find is skipped. No message holds a secret, and no
credential of an account is ever read. Each check has the time of `--timeout` for itself.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalekit_exec import __version__, config, connect, credentials, survey
from scalekit_exec.clock import Deadline
from scalekit_exec.errors import ConfigurationError, ScalekitExecError, shown
from scalekit_exec.exposure import exposures
from scalekit_exec.files import displayed
from scalekit_exec.machine import completion, core_dumps, versions
from scalekit_exec.model import ServiceMap, UserSettings
from scalekit_exec.route import Route, proxy_troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from scalekit_exec.errors import Failure
    from scalekit_exec.machine import Check
    from scalekit_exec.model import ClientCredentials, Wanted
