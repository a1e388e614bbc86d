"""What the sandbox does wrong on purpose, and when."""

from __future__ import annotations

import threading
from dataclasses import dataclass

__all__ = ["KINDS", "OPERATIONS", "Fault", "Faults"]

OPERATIONS = ("token", "auth", "details", "link", "verify", "any")

KINDS = (
    "status",
    "html",
    "truncated",
    "empty",
    "null",
    "garbage",
    "drop",
    "hang",
    "slow",
    "drip",
    "redirect",
    "huge",
    "status_value",
    "unknown_fields",
    "bad_link",
    "rest_absent",
    "bad_header",
)

# The rest is about HTTP/1.1 as such and has no counterpart in a gRPC answer.
_OVER_GRPC = frozenset(
    (
        "status",
        "empty",
        "null",
        "drop",
        "hang",
        "slow",
        "status_value",
        "unknown_fields",
        "bad_link",
    )
)

# These change a field that only some answers have.
_ONLY_ON = {"bad_link": ("link",), "status_value": ("auth", "details")}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to do wrong.

    `on` is the operation, `connection` and `transport` ("rest", "grpc") narrow it, `times` is how
    often it happens (None: always). The other fields belong to some kinds, see docs/sandbox.md.
    """

    kind: str
    on: str = "any"
    connection: str | None = None
    transport: str | None = None
    times: int | None = None
    status: int = 0
    retry_after: str = ""
    permission: str = ""
    body: str | None = None
    error_info: bool = True
    seconds: float = 0.0
    location: str = ""
    value: int | str = 9

    def applies(self, operation: str, connection: str, transport: str) -> bool:
        """Tell whether this fault is meant for such a request."""
        if self.on not in (operation, "any"):
            return False
        if self.kind == "rest_absent" and operation == "token" and self.on == "any":
            return False  # a server without the REST surface still issues tokens over HTTP
        if operation not in _ONLY_ON.get(self.kind, (operation,)):
            return False
        if self.kind not in _OVER_GRPC and transport == "grpc":
            return False
        return self.connection in (None, connection) and self.transport in (None, transport)


@dataclass(slots=True)
class _Left:
    fault: Fault
    times: int | None


class Faults:
    """The faults that are still to happen, first come first served; safe for many threads."""

    def __init__(self, faults: list[Fault]) -> None:
        self._lock = threading.Lock()
        self._left = [_Left(fault, fault.times) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Put a fault behind those that are there."""
        with self._lock:
            self._left.append(_Left(fault, fault.times))

    def take(self, operation: str, connection: str, transport: str) -> Fault | None:
        """Return the fault for this request and count it; None where all shall go well."""
        with self._lock:
            for left in self._left:
                if left.times == 0 or not left.fault.applies(operation, connection, transport):
                    continue
                if left.times is not None:
                    left.times -= 1
                return left.fault
        return None
