"""The vault over gRPC, on scalekit-sdk-python with its HTTP taken out.

The SDK's own token request follows redirects with the secret, reads ~/.netrc and trusts another CA
store; the subclass below gives it the token that our request got. Its retries and its facade stay
unused as well: our rules for repeating hold, and an unknown status would raise a bare ValueError
there. Messages are turned into the JSON of REST, so that one reader serves both transports.
"""

from __future__ import annotations

import threading
import time

from scalekit_exec.transport.quiet import grpc  # first, before the SDK imports it

# isort: split

from google.protobuf import json_format
from grpc_status import rpc_status
from scalekit.common.exceptions import GRPC_TO_HTTP
from scalekit.core import CoreClient
from scalekit.v1.connected_accounts.connected_accounts_pb2 import (
    GetConnectedAccountByIdentifierRequest,
    GetMagicLinkForConnectedAccountRequest,
    VerifyConnectedAccountUserRequest,
)
from scalekit.v1.connected_accounts.connected_accounts_pb2_grpc import ConnectedAccountServiceStub
from scalekit.v1.errdetails.errdetails_pb2 import ErrorInfo

from scalekit_exec.errors import ScalekitExecError, VaultError, shown
from scalekit_exec.transport import answers
from scalekit_exec.transport.answers import Answer, without
from scalekit_exec.transport.http import PAUSES, PAUSES_WHEN_LIMITED, TRIES, ServiceToken
from scalekit_exec.transport.https import ACCESS, READ, key_fields
from scalekit_exec.transport.refusals import refusal, request_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import Account, AccountKey, Credential, Link
    from scalekit_exec.secret import Secret

__all__ = ["SdkVault"]

REPEATED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


class _TokenAnswer:
    """What CoreClient reads of a token answer: a status and a JSON body."""

    status_code = 200

    def __init__(self, token: Secret) -> None:
        import json

        self.content = json.dumps({"access_token": token.reveal()}).encode()


class _Client(CoreClient):  # type: ignore[misc]
    """The SDK's client, with a token and trust anchors of ours."""

    grpc_secure_channel: grpc.Channel

    def __init__(
        self, env_url: str, client_id: str, token: Secret, roots: bytes, proxy: Secret | None
    ) -> None:
        self._given = token
        super().__init__(env_url, client_id, "")
        # No connection has been opened yet: channels are lazy. This one trusts what we trust.
        self.grpc_secure_channel.close()
        self.grpc_secure_channel = grpc.secure_channel(
            self.host,
            grpc.composite_channel_credentials(
                grpc.ssl_channel_credentials(root_certificates=roots),
                grpc.access_token_call_credentials(self.access_token),
            ),
            # gRPC reads only lower-case proxy variables; it gets our own reading of them instead.
            # No call is repeated behind our back.
            options=[
                ("grpc.enable_retries", 0),
                ("grpc.http_proxy", proxy.reveal()) if proxy else ("grpc.enable_http_proxy", 0),
            ],
        )

    def authenticate(self, data: object) -> _TokenAnswer:
        """Give the token that we have; the client's secret is never in `data`."""
        del data
        return _TokenAnswer(self._given)


class SdkVault:
    """The port, one gRPC call each."""

    def __init__(
        self,
        *,
        env_url: str,
        client_id: str,
        token: ServiceToken,
        roots: bytes,
        proxy: Secret | None,
        deadline: Deadline,
        say: Callable[[str], None],
    ) -> None:
        self._env_url = env_url
        self._client_id = client_id
        self._token = token
        self._roots = roots
        self._proxy = proxy
        self._deadline = deadline
        self._say = say
        self._host = env_url.removeprefix("https://")
        self._lock = threading.Lock()
        self._client: tuple[Secret, _Client] | None = None
        self._closed = threading.Event()

    def credential(self, key: AccountKey) -> Credential | Account:
        """Read the credential; the bare account where it is not ACTIVE."""
        request = GetConnectedAccountByIdentifierRequest(**key_fields(key))
        body, as_of = self._call("GetConnectedAccountAuth", request, ACCESS, key)
        return answers.credential(body, key, self._host, as_of)

    def account(self, key: AccountKey) -> Account:
        """Read the account's state only."""
        request = GetConnectedAccountByIdentifierRequest(**key_fields(key))
        body, as_of = self._call("GetConnectedAccountDetails", request, READ, key)
        return answers.account(body, key, self._host, as_of)

    def link(self, key: AccountKey, *, state: str = "", user_verify_url: str = "") -> Link:
        """Make a magic link."""
        fields = key_fields(key)
        fields |= {"state": state} if state else {}
        fields |= {"user_verify_url": user_verify_url} if user_verify_url else {}
        request = GetMagicLinkForConnectedAccountRequest(**fields)
        body, as_of = self._call("GetMagicLinkForConnectedAccount", request, ACCESS, key)
        return answers.link(body, self._host, as_of)

    def verify(self, auth_request_id: str, identifier: str) -> str:
        """Confirm who authorized."""
        request = VerifyConnectedAccountUserRequest(
            auth_request_id=auth_request_id, identifier=identifier
        )
        body, _ = self._call("VerifyConnectedAccountUser", request, "to verify users", None)
        return answers.verified(body, self._host)

    def close(self) -> None:
        """Close the channel; calls under way end with `timed-out`."""
        self._closed.set()
        self._token.close()
        with self._lock:
            if self._client is not None:
                self._client[1].grpc_secure_channel.close()

    def _connected(self, token: Secret) -> _Client:
        with self._lock:
            if self._client is None or self._client[0] is not token:
                # A new token needs a new channel: the old one goes on sending the old token too.
                self._client = (
                    token,
                    _Client(self._env_url, self._client_id, token, self._roots, self._proxy),
                )
            return self._client[1]

    def _call(
        self, method: str, request: Message, permission: str, key: AccountKey | None
    ) -> tuple[dict[str, object], float]:
        """Call with the service token, once more with a new one where it was refused."""
        token = self._token.get()
        attempt, renewed = 0, False
        while True:
            attempt += 1
            try:
                return self._once(method, request, token), time.time() + self._token.offset
            except grpc.RpcError as error:
                code = error.code()
                refused = self._refusal(error, token, permission, key)
            if code is grpc.StatusCode.UNAUTHENTICATED and not renewed:
                renewed, attempt = True, attempt - 1
                token = self._token.renew(token)
                continue
            limited = code is grpc.StatusCode.RESOURCE_EXHAUSTED
            final = isinstance(refused, VaultError) and refused.final
            if final or not (limited or code in REPEATED):
                raise refused
            self._say(f"{self._host} answered {code.name} to {method}")
            pause = (PAUSES_WHEN_LIMITED if limited else PAUSES)[min(attempt, TRIES - 1) - 1]
            if attempt >= TRIES or pause >= self._deadline.remaining():
                raise refused
            if self._closed.wait(pause):
                raise self._late()

    def _once(self, method: str, request: Message, token: Secret) -> dict[str, object]:
        left = self._deadline.remaining()
        if left <= 0:
            raise self._late()
        client = self._connected(token)
        stub = self._stub(method)(client.grpc_secure_channel)
        # The metadata as the SDK makes it, but for the token: the channel adds that.
        headers = {k: v for k, v in client.get_headers().items() if k != "authorization"}
        try:
            reply = getattr(stub, method)(request, timeout=left, metadata=tuple(headers.items()))
        except ValueError as error:  # the channel was closed in between
            raise self._late() from error
        body: dict[str, object] = json_format.MessageToDict(reply, preserving_proto_field_name=True)
        return body

    def _stub(self, method: str) -> Callable[[grpc.Channel], object]:
        """Return what makes the stub of the service that has this method."""
        del method
        stub: Callable[[grpc.Channel], object] = ConnectedAccountServiceStub
        return stub

    def _refusal(
        self, error: grpc.RpcError, token: Secret, permission: str, key: AccountKey | None
    ) -> ScalekitExecError:
        code = error.code()
        # Some servers repeat in a refusal what they were sent.
        said = Answer(
            int(GRPC_TO_HTTP.get(code, 500)), info=_info(error), message=str(error.details() or "")
        )
        answer = without(said, {token.reveal()})
        if code in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
            return self._late()
        if code is grpc.StatusCode.UNAVAILABLE and answer.info is None:
            return self._unreachable(answer.message)
        request_id(answer, self._say)
        return refusal(answer, self._host, permission, key)

    def _unreachable(self, text: str) -> VaultError:
        """Say why no call came about; gRPC has it in words only."""
        if "CERTIFICATE_VERIFY_FAILED" in text or "handshake" in text.lower():
            refused = VaultError(
                "untrusted-server",
                f"{shown(self._host)} cannot be trusted: {shown(text, 80)}",
                "if your company inspects TLS, set SCALEKIT_CA_BUNDLE to its CA's PEM file; "
                "if not, do not go on: somebody may be listening",
            )
            refused.final = True
        elif "ALPN" in text:
            refused = VaultError(
                "unexpected-answer",
                f"{shown(self._host)} speaks no HTTP/2, and so no gRPC",
                "use SCALEKIT_EXEC_TRANSPORT=https; a proxy that inspects TLS may be the cause",
            )
            refused.final = True
        else:
            refused = VaultError(
                "unreachable",
                f"cannot reach {shown(self._host)} over gRPC: {shown(text, 120)}",
                "check the network; SCALEKIT_EXEC_TRANSPORT=https needs no gRPC",
            )
        return refused

    def _late(self) -> VaultError:
        return VaultError(
            "timed-out",
            f"no answer from {shown(self._host)} within {self._deadline.seconds:g} s",
            "check the network, or give it longer with --timeout SECONDS",
        )


def _info(error: grpc.RpcError) -> dict[str, object] | None:
    """Return Scalekit's ErrorInfo as the JSON of REST has it, if the error carries one."""
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        return None
    for detail in status.details if status else ():
        if detail.Is(ErrorInfo.DESCRIPTOR):
            info = ErrorInfo()
            detail.Unpack(info)
            found: dict[str, object] = json_format.MessageToDict(
                info, preserving_proto_field_name=True
            )
            return found
    return None
