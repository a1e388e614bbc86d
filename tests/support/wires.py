"""Clients for a sandbox that runs in this process: plain HTTP and plain gRPC, with its own CA."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import grpc

from scalekit_exec.sandbox import Sandbox, World, start
from scalekit_exec.sandbox.protocol import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Wire", "serving"]

_SERVICE = "scalekit.v1.connected_accounts.ConnectedAccountService"


class Wire:
    """One HTTP connection and one gRPC channel to a sandbox, both with a client token."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.host = urlsplit(sandbox.url).netloc
        self.context = ssl.create_default_context(cadata=sandbox.ca_pem)
        self.context.verify_flags |= ssl.VERIFY_X509_STRICT
        self.http = self.connect()
        self.channel = grpc.secure_channel(
            self.host, grpc.ssl_channel_credentials(sandbox.ca_pem.encode())
        )
        self.token = ""

    def connect(self, timeout: float = 10) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, context=self.context, timeout=timeout)

    def tls(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", int(self.host.rpartition(":")[2])), 10)
        return context.wrap_socket(plain, server_hostname="localhost")

    def close(self) -> None:
        self.http.close()
        self.channel.close()

    def send(
        self, method: str, path: str, body: str | bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request on the one connection; return status, headers and body."""
        self.http.request(method, path, body, headers)
        response = self.http.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return response.status, names, response.read()

    def authenticate(self, secret: str | None = None) -> tuple[int, dict[str, str], bytes]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret.reveal() if secret is None else secret,
        }
        answer = self.send("POST", "/oauth/token", urlencode(form))
        if answer[0] == 200:
            self.token = json.loads(answer[2])["access_token"]
        return answer

    def rest(
        self, verb: str, path: str, body: object = None, **query: str
    ) -> tuple[int, dict[str, Any]]:
        """Call a method over REST with the client token."""
        target = f"/api/v1/{path}" + ("?" + urlencode(query) if query else "")
        data = None if body is None else json.dumps(body)
        status, _, text = self.send(verb, target, data, Authorization=f"Bearer {self.token}")
        answer: dict[str, Any] = json.loads(text)
        return status, answer

    def rpc(self, name: str, request: Any, service: str = _SERVICE, timeout: float = 10) -> Any:
        """Call a method over gRPC with the client token; grpc.RpcError where it fails."""
        from google.protobuf import message_factory
        from google.protobuf.descriptor_pool import Default

        method = Default().FindServiceByName(service).methods_by_name[name]
        stub = self.channel.unary_unary(
            f"/{service}/{name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )
        return stub(request, timeout=timeout, metadata=(("authorization", f"Bearer {self.token}"),))

    def auth(self, connector: str = "gmail", identifier: str = "mess", timeout: float = 10) -> Any:
        """Read a credential over gRPC."""
        request = accounts.GetConnectedAccountByIdentifierRequest(
            connector=connector, identifier=identifier
        )
        return self.rpc("GetConnectedAccountAuth", request, timeout=timeout)


@contextmanager
def serving(world: World) -> Iterator[Wire]:
    """Run a sandbox in this process and give a client that has a token."""
    sandbox = start(world)
    wire = Wire(sandbox)
    try:
        wire.authenticate()
        world.reset()  # the record and the faults are the test's own
        yield wire
    finally:
        wire.close()
        sandbox.close()
