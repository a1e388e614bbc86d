"""An answer that is an error: one gRPC code with Scalekit's ErrorInfo, whatever the transport."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf import json_format

from scalekit_exec.sandbox import protocol

if TYPE_CHECKING:
    from scalekit_exec.sandbox.protocol import Message

__all__ = ["HTTP_STATUSES", "Refusal", "grpc_code", "refusal_for_status"]

CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED = 1, 2, 3, 4
NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 5, 6, 7, 8
FAILED_PRECONDITION, UNIMPLEMENTED, INTERNAL, UNAVAILABLE = 9, 12, 13, 14
UNAUTHENTICATED = 16

# gRPC code -> HTTP status, as grpc-gateway's runtime.HTTPStatusFromCode has them.
HTTP_STATUSES = {
    0: 200, 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429,
    9: 400, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401,
}  # fmt: skip

_CODES = {
    400: INVALID_ARGUMENT,
    401: UNAUTHENTICATED,
    403: PERMISSION_DENIED,
    404: NOT_FOUND,
    405: UNIMPLEMENTED,
    409: ALREADY_EXISTS,
    429: RESOURCE_EXHAUSTED,
    499: CANCELLED,
    500: INTERNAL,
    501: UNIMPLEMENTED,
    502: UNAVAILABLE,
    503: UNAVAILABLE,
    504: UNAVAILABLE,
}

_ERROR_CODES = {
    INVALID_ARGUMENT: "INVALID_REQUEST",
    UNAUTHENTICATED: "UNAUTHENTICATED",
    PERMISSION_DENIED: "PERMISSION_DENIED",
    NOT_FOUND: "RESOURCE_NOT_FOUND",
    ALREADY_EXISTS: "RESOURCE_ALREADY_EXISTS",
    RESOURCE_EXHAUSTED: "RATE_LIMITED",
    UNIMPLEMENTED: "UNIMPLEMENTED",
    UNAVAILABLE: "SERVICE_UNAVAILABLE",
}


def grpc_code(status: int) -> int:
    """Return the gRPC code for an HTTP status; UNKNOWN for one without a counterpart."""
    return _CODES.get(status, UNKNOWN)


@dataclass
class Refusal(Exception):  # noqa: N818 - an answer to a client, no failure of ours
    """A request that is answered with an error.

    `violations` are pairs of field and description. `http_status` is the code's own unless a fault
    asks for another; `error_info` False leaves the details away, as an answer that does not come
    from Scalekit's own code would.
    """

    code: int
    message: str
    error_code: str = ""
    permissions: tuple[str, ...] = ()
    violations: tuple[tuple[str, str], ...] = ()
    error_info: bool = True
    http_status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    request_id: str = field(default_factory=lambda: "req_" + secrets.token_hex(8))

    def __post_init__(self) -> None:
        self.http_status = self.http_status or HTTP_STATUSES[self.code]
        self.error_code = self.error_code or _ERROR_CODES.get(self.code, "INTERNAL")

    def details(self) -> Message:
        """Return the ErrorInfo message, or None where this answer carries none."""
        if not self.error_info:
            return None
        info = protocol.errors.ErrorInfo(error_code=self.error_code)
        info.request_info.request_id = self.request_id
        if self.permissions:
            info.resource_info.required_permissions.extend(self.permissions)
        for name, description in self.violations:
            info.validation_error_info.field_violations.add(
                field=name, description=description, constraint="buf.validate"
            )
        return info

    def json(self) -> bytes:
        """Return the body that grpc-gateway would send."""
        details: list[dict[str, object]] = []
        if (info := self.details()) is not None:
            name = f"type.googleapis.com/{info.DESCRIPTOR.full_name}"
            fields = json_format.MessageToDict(info, preserving_proto_field_name=True)
            details.append({"@type": name, **fields})
        return json.dumps({"code": self.code, "message": self.message, "details": details}).encode()


def refusal_for_status(
    status: int,
    *,
    permission: str = "",
    error_info: bool = True,
    headers: tuple[tuple[str, str], ...] = (),
) -> Refusal:
    """Return the error that an HTTP status of a fault stands for, on either transport."""
    return Refusal(
        grpc_code(status),
        f"the sandbox was told to answer {status}",
        permissions=(permission,) if permission else (),
        error_info=error_info,
        http_status=status,
        headers=headers,
    )
