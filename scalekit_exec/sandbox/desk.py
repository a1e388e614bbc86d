"""Where both transports bring their calls: record, token, rules, answer, faults."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalekit_exec.sandbox.refusal import (
    INVALID_ARGUMENT,
    UNAUTHENTICATED,
    UNIMPLEMENTED,
    Refusal,
    refusal_for_status,
)
from scalekit_exec.sandbox.rules import violations
from scalekit_exec.sandbox.services import AccountService, ConnectionService, ProviderService
from scalekit_exec.sandbox.world import RequestRecord, World

if TYPE_CHECKING:
    from threading import Event

    from scalekit_exec.sandbox.faults import Fault
    from scalekit_exec.sandbox.protocol import Descriptor, Message

__all__ = ["Call", "Desk"]

_OPERATIONS = {
    "GetConnectedAccountAuth": "auth",
    "GetConnectedAccountDetails": "details",
    "GetMagicLinkForConnectedAccount": "link",
    "VerifyConnectedAccountUser": "verify",
}
# Field 9999, a string: a field that some later version of Scalekit might add.
_LATER_FIELD = b"\xfa\xf0\x04\x05later"


@dataclass(frozen=True, slots=True)
class Call:
    """What is around a request: the transport, the connection's number, and who is calling."""

    transport: str
    connection: int
    method: str
    path: str
    user_agent: str = ""
    authorization: str = ""


class Desk:
    """One sandbox's services; `closed` is set when it ends, so that nothing waits on."""

    def __init__(self, world: World, closed: Event, base_url: str) -> None:
        self.world = world
        self.closed = closed
        self.services = (
            AccountService(world, base_url),
            ConnectionService(world),
            ProviderService(world),
        )
        self._by_name = {service.descriptor.full_name: service for service in self.services}

    def receive(self, method: Descriptor, request: Message, call: Call) -> Fault | None:
        """Note a request; return what shall go wrong with it."""
        operation = _OPERATIONS.get(method.name, "other")
        connector = getattr(request, "connector", "")
        self.note(operation, call, connector, getattr(request, "identifier", ""))
        return self.world.faults.take(operation, connector, call.transport)

    def note(self, operation: str, call: Call, connector: str = "", identifier: str = "") -> None:
        """Put a request on the record."""
        self.world.note(
            RequestRecord(
                operation,
                call.method,
                call.path,
                call.transport,
                call.connection,
                call.user_agent,
                connector,
                identifier,
            )
        )

    def answer(
        self, method: Descriptor, request: Message, call: Call, fault: Fault | None
    ) -> Message:
        """Return the response message of a method; Refusal where the answer is an error."""
        if fault is not None:
            self.before(fault)
        scheme, _, token = call.authorization.partition(" ")
        if scheme.lower() != "bearer" or not self.world.accepts(token):
            message = "Token invalid" if token else "Token empty"
            raise Refusal(UNAUTHENTICATED, message)
        handler = getattr(
            self._by_name[method.containing_service.full_name], _snake_case(method.name), None
        )
        if handler is None:
            raise Refusal(UNIMPLEMENTED, f"the sandbox does not answer {method.name}")
        if found := violations(request):
            raise Refusal(
                INVALID_ARGUMENT,
                "validation error: " + "; ".join(f"{name}: {text}" for name, text in found),
                violations=tuple(found),
            )
        response = handler(request)
        return response if fault is None else _spoiled(response, fault)

    def before(self, fault: Fault) -> None:
        """Do what a fault does in place of an answer, or before one."""
        if fault.kind == "slow":
            self.closed.wait(fault.seconds)
        elif fault.kind == "status" and fault.status >= 400:
            headers = (("Retry-After", fault.retry_after),) if fault.retry_after else ()
            raise refusal_for_status(
                fault.status,
                permission=fault.permission,
                error_info=fault.error_info,
                headers=headers,
            )


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _spoiled(response: Message, fault: Fault) -> Message:
    """Return a response with what the fault changes in it."""
    if fault.kind == "unknown_fields":
        response.MergeFromString(_LATER_FIELD)
        if "connected_account" in response.DESCRIPTOR.fields_by_name:
            response.connected_account.MergeFromString(_LATER_FIELD)
    elif fault.kind == "status_value" and hasattr(response, "connected_account"):
        response.connected_account.status = fault.value if isinstance(fault.value, int) else 9
    elif fault.kind == "bad_link" and hasattr(response, "link"):
        response.link = "http://" + response.link.partition("://")[2]
    elif fault.kind in ("empty", "null"):
        response.Clear()
    return response
