"""gRPC, told to be quiet before it is imported: who needs it takes it from here, and first.

So are Python's warnings about the code of others, which PYTHONWARNINGS can make errors.

It reads these variables as it is imported. GRPC_TRACE would print the service token and every
credential, whatever somebody set it for, and log lines would stand among our own on stderr.
"""

from __future__ import annotations

import os
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_given", "grpc"]

_NAMES = ("GRPC_VERBOSITY", "GRPC_TRACE", "GRPC_ENABLE_FORK_SUPPORT")
_GIVEN = {name: os.environ[name] for name in _NAMES if name in os.environ}

# A launch took the environment for its child before this.
os.environ["GRPC_VERBOSITY"] = "NONE"
os.environ.pop("GRPC_TRACE", None)
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

warnings.simplefilter("ignore")

import grpc  # noqa: E402 - it reads them now


def as_given(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with gRPC's variables as our caller had them, for a child."""
    return {name: value for name, value in environ.items() if name not in _NAMES} | _GIVEN
