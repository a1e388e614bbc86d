"""The SDK's protobuf modules, without the SDK's client.

`import scalekit.v1...` would first run `scalekit/__init__.py`, which loads the whole client with
pydantic and requests: 0.3 s that a launch with `--sandbox` would wait for nothing. So an empty
package stands in for it while its generated modules are imported, and is gone again afterwards:
who imports `scalekit` later gets the real one.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = [
    "Descriptor",
    "Message",
    "accounts",
    "connections",
    "errors",
    "http_extension",
    "providers",
    "rules_extension",
]

# The generated modules say nothing about types, so these names only tell a reader what is meant.
Message = Any
Descriptor = Any


def _stand_in() -> ModuleType | None:
    if "scalekit" in sys.modules:
        return None
    spec = find_spec("scalekit")
    if spec is None or spec.submodule_search_locations is None:
        return None  # the import below says what is missing
    package = ModuleType("scalekit")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["scalekit"] = package
    return package


_package = _stand_in()
try:
    from buf.validate import validate_pb2
    from google.api import annotations_pb2
    from scalekit.v1.connected_accounts import connected_accounts_pb2 as accounts
    from scalekit.v1.connections import connections_pb2 as connections
    from scalekit.v1.errdetails import errdetails_pb2 as errors
    from scalekit.v1.providers import providers_pb2 as providers
finally:
    if _package is not None and sys.modules.get("scalekit") is _package:
        del sys.modules["scalekit"]

http_extension = annotations_pb2.http
rules_extension = validate_pb2.field
