"""One token request, to learn whether client credentials are right before they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scalekit_exec import __version__
from scalekit_exec.transport import trust as anchors
from scalekit_exec.transport.http import Exchange, ServiceToken
from scalekit_exec.transport.sockets import Dialer, find_proxy

if TYPE_CHECKING:
    from scalekit_exec.connect import Line
    from scalekit_exec.model import ClientCredentials

__all__ = ["prove"]


def prove(client: ClientCredentials, line: Line) -> None:
    """Ask for a service token and drop it again.

    Raises VaultError: `credentials-rejected`, or why Scalekit could not be asked;
    ConfigurationError `config-invalid` for a CA file or a proxy that is not right.
    """
    url = urlsplit(client.env_url)
    host, port = url.hostname or "", url.port or 443
    trust = anchors.choose(line.environ, line.settings.ca_bundle if line.settings else None)
    proxy = find_proxy(line.environ, host, port)
    through = f", through the proxy {proxy.host}" if proxy else ""
    line.say(f"asking {host} for a token, trusting {trust.source}{through}")
    dialer = Dialer(host, port, trust.context(), proxy, line.deadline)
    exchange = Exchange(dialer, line.deadline, line.say, f"scalekit-exec/{__version__}")
    token = ServiceToken(exchange, client)
    try:
        token.get()
    finally:
        token.close()
