"""The gRPC side: the SDK's generated servicers on a plain loopback port behind the TLS port.

grpc ends no TLS itself here, since one port has to serve both protocols: `wire` relays to it.
"""

from __future__ import annotations

import threading
from concurrent import futures
from importlib import import_module
from typing import TYPE_CHECKING, Any

from scalekit_exec.transport.quiet import grpc  # first, before others import it

# isort: split

from google.protobuf import any_pb2
from google.rpc import status_pb2
from grpc_status import rpc_status

from scalekit_exec.sandbox.desk import Call
from scalekit_exec.sandbox.refusal import UNAVAILABLE, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from scalekit_exec.sandbox.desk import Desk
    from scalekit_exec.sandbox.faults import Fault
    from scalekit_exec.sandbox.protocol import Descriptor, Message

    Context = grpc.ServicerContext
    Server = grpc.Server

__all__ = ["Peers", "start"]

# Scalekit's own server takes a ping every 30 s; grpc's default would end the SDK's idle channel.
_OPTIONS = (
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.so_reuseport", 0),
)


class Peers:
    """Which TLS connection stands behind a relayed one, by the relay's own local port."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, tuple[int, Callable[[], None]]] = {}

    def add(self, port: int, number: int, drop: Callable[[], None]) -> None:
        """Remember a connection's number and how to end it."""
        with self._lock:
            self._known[port] = (number, drop)

    def remove(self, port: int) -> None:
        """Forget a connection."""
        with self._lock:
            self._known.pop(port, None)

    def find(self, peer: str) -> tuple[int, Callable[[], None]]:
        """Return both for grpc's name of a peer, such as `ipv4:127.0.0.1:40000`."""
        port = peer.rpartition(":")[2]
        with self._lock:
            return self._known.get(int(port) if port.isdigit() else 0, (0, lambda: None))


class _Threads(futures.ThreadPoolExecutor):
    """One daemon thread per call.

    The base class's are joined when the interpreter ends: a call that hangs on purpose would
    keep the process.
    """

    def submit(
        self,
        fn: Callable[..., Any],
        /,
        *args: object,
        **kwargs: object,
    ) -> futures.Future[Any]:
        """Run a function in a thread of its own."""
        future: futures.Future[Any] = futures.Future()

        def run() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - a Future passes on whatever it was
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return future


def _refuse(context: Context, refusal: Refusal) -> None:
    status = status_pb2.Status(code=refusal.code, message=refusal.message)
    if (info := refusal.details()) is not None:
        packed = any_pb2.Any()
        packed.Pack(info)
        status.details.append(packed)
    context.abort_with_status(rpc_status.to_status(status))


def _misbehave(context: Context, desk: Desk, fault: Fault, drop: Callable[[], None]) -> None:
    """Do what cannot be said with an answer."""
    if fault.kind == "drop":
        drop()
        _refuse(context, Refusal(UNAVAILABLE, "dropped", error_info=False))
    if fault.kind == "hang":
        ended = threading.Event()
        if context.add_callback(ended.set):
            while not (ended.wait(0.1) or desk.closed.is_set()):
                pass
        _refuse(context, Refusal(UNAVAILABLE, "closed", error_info=False))


def _method(method: Descriptor, desk: Desk, peers: Peers) -> Callable[..., Any]:
    path = f"/{method.containing_service.full_name}/{method.name}"

    def answer(_self: object, request: Message, context: Context) -> Message:
        number, drop = peers.find(context.peer())
        metadata = dict(context.invocation_metadata())
        call = Call(
            "grpc",
            number,
            "POST",
            path,
            str(metadata.get("user-agent", "")),
            str(metadata.get("authorization", "")),
        )
        fault = desk.receive(method, request, call)
        if fault is not None:
            _misbehave(context, desk, fault, drop)
        try:
            return desk.answer(method, request, call, fault)
        except Refusal as refusal:
            return _refuse(context, refusal)

    return answer


def start(desk: Desk, peers: Peers) -> tuple[Server, int]:
    """Start a gRPC server for all services of a desk; return it and its port on 127.0.0.1."""
    server = grpc.server(_Threads(), options=_OPTIONS)
    for service in desk.services:
        descriptor = service.descriptor
        # Not a `from` import: that would end in importing `scalekit` itself (see `protocol`).
        path = descriptor.file.name.removesuffix(".proto").replace("/", ".")
        generated = import_module(path + "_pb2_grpc")
        base = getattr(generated, descriptor.name + "Servicer")
        methods = {method.name: _method(method, desk, peers) for method in descriptor.methods}
        servicer = type(descriptor.name, (base,), methods)()
        getattr(generated, f"add_{descriptor.name}Servicer_to_server")(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
