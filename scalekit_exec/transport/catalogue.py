"""What a Scalekit environment offers: its connections and providers, over gRPC.

Our service token, trust and proxy are what the calls are made with, as in `transport.sdk`. Both
lists are of PREVIEW visibility in Scalekit's API, so what a launch does never depends on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scalekit_exec.transport.sdk import SdkVault  # first: with it gRPC is imported, and quiet

# isort: split

from scalekit.v1.connections import connections_pb2
from scalekit.v1.connections.connections_pb2_grpc import ConnectionServiceStub
from scalekit.v1.providers import providers_pb2
from scalekit.v1.providers.providers_pb2_grpc import ProviderServiceStub

from scalekit_exec import __version__
from scalekit_exec.errors import Failure, VaultError, nearest, shown
from scalekit_exec.record import record, replace
from scalekit_exec.transport import trust as anchors
from scalekit_exec.transport.http import Exchange, ServiceToken
from scalekit_exec.transport.sockets import Dialer, find_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from google.protobuf.message import Message

    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import ClientCredentials
    from scalekit_exec.transport.quiet import grpc

__all__ = ["Catalogue", "Connection", "Provider", "explained", "open_catalogue"]

PERMISSION = "agent_connectors:read"
CONNECTIONS_A_PAGE = 30  # the most that the server's rules allow
PROVIDERS_A_PAGE = 50
MOST_PAGES = 200
HTTPS_PORT = 443
_STUBS = {"ListAppConnections": ConnectionServiceStub, "ListProviders": ProviderServiceStub}


@record
class Connection:
    """A configured connector of the environment; `name` is what a map calls `connection_name`."""

    name: str
    provider: str = ""
    type: str = ""
    status: str = ""
    enabled: bool = False
    auth_mode: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether accounts can be had of it: set up to the end, and switched on."""
        return self.enabled and self.status == "COMPLETED"


@record
class Provider:
    """A connector to make connections of; `url` is where its API is, perhaps a template."""

    identifier: str
    name: str = ""
    url: str = ""


class Catalogue(SdkVault):
    """Lists of what there is. Raises VaultError as the port does."""

    def connections(self) -> tuple[Connection, ...]:
        """Return all connections, page after page, in the server's order."""
        return tuple(
            Connection(
                name=str(row.get("key_id", "")),
                provider=str(row.get("provider_key", "")),
                type=str(row.get("type", "")),
                status=str(row.get("status", "")),
                enabled=bool(row.get("enabled", False)),
                auth_mode=str(row.get("auth_mode", "")),
            )
            for row in self._rows(
                "ListAppConnections",
                "connections",
                lambda page: connections_pb2.ListAppConnectionsRequest(
                    page_size=CONNECTIONS_A_PAGE, page_token=page
                ),
            )
        )

    def providers(self) -> tuple[Provider, ...]:
        """Return all providers, Scalekit's and the environment's own."""
        everything = providers_pb2.ListProvidersRequest.Filter(
            provider_type=providers_pb2.ProviderType.ALL
        )
        return tuple(
            Provider(
                str(row.get("identifier", "")),
                str(row.get("display_name", "")),
                str(row.get("proxy_url", "")),
            )
            for row in self._rows(
                "ListProviders",
                "providers",
                lambda page: providers_pb2.ListProvidersRequest(
                    page_size=PROVIDERS_A_PAGE, page_token=page, filter=everything
                ),
            )
        )

    def _rows(
        self, method: str, field: str, request: Callable[[str], Message]
    ) -> Iterator[Mapping[str, object]]:
        page = ""
        for _ in range(MOST_PAGES):
            body, _as_of = self._call(method, request(page), PERMISSION, None)
            rows = body.get(field)
            yield from rows if isinstance(rows, list) else ()
            following = str(body.get("next_page_token", ""))
            if not following:
                return
            if following == page:
                break
            page = following
        raise VaultError(
            "unexpected-answer",
            f"{shown(self._host)} sends pages of its {field} without an end",
            "run again with -v; if it stays, the tool may be older than Scalekit's API: upgrade it",
        )

    def _stub(self, method: str) -> Callable[[grpc.Channel], object]:
        """Return a stub of the other two services."""
        stub: Callable[[grpc.Channel], object] = _STUBS[method]
        return stub


def open_catalogue(
    client: ClientCredentials,
    environ: Mapping[str, str],
    deadline: Deadline,
    say: Callable[[str], None],
    ca_bundle: str | None = None,
) -> Catalogue:
    """Open the catalogue of the environment that these credentials are for; close it after use.

    Raises ConfigurationError `config-invalid` for a CA file or a proxy that is not right.
    """
    address = urlsplit(client.env_url)
    host, port = address.hostname or "", address.port or HTTPS_PORT
    trust = anchors.choose(environ, ca_bundle)
    proxy = find_proxy(environ, host, port)
    dialer = Dialer(host, port, trust.context(), proxy, deadline)
    exchange = Exchange(dialer, deadline, say, f"scalekit-exec/{__version__}")
    return Catalogue(
        env_url=client.env_url,
        client_id=client.client_id,
        token=ServiceToken(exchange, client),
        roots=trust.roots(),
        proxy=proxy.url if proxy else None,
        deadline=deadline,
        say=say,
    )


def explained(failure: Failure, names: Iterable[str], origin: str = "the map") -> Failure:
    """Return an `account-not-found` that tells whether it is the connection that is missing.

    A read's 404 does not say; `names` are the environment's connections, `origin` the file that
    names this one.
    """
    known = tuple(names)
    wanted = failure.connection_name
    if failure.code != "account-not-found":
        return failure
    if wanted in known:
        message = (
            f'{shown(failure.service)}: no account "{shown(failure.identifier)}" on '
            f"{shown(wanted)} yet"
        )
        return replace(failure, message=message)
    meant = nearest(wanted, known)
    guess = f'did you mean "{shown(meant)}"? ' if meant else ""
    return replace(
        failure,
        message=f'{shown(failure.service)}: no connection "{shown(wanted)}" in this environment',
        hint=f"{guess}correct connection_name in {shown(origin)}\n"
        "scalekit-auth connections lists those that there are",
    )
