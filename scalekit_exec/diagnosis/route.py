"""Checks of the way to Scalekit: proxy, DNS, TLS, the token request and the clocks."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scalekit_exec import __version__
from scalekit_exec.clock import Deadline
from scalekit_exec.diagnosis.check import FAILED, OK, SKIPPED, WARNING, Check, failed, skipped
from scalekit_exec.errors import ScalekitExecError, VaultError, shown
from scalekit_exec.transport import trust
from scalekit_exec.transport.http import Exchange, ServiceToken
from scalekit_exec.transport.sockets import Dialer, find_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from ssl import SSLSocket

    from scalekit_exec.model import ClientCredentials
    from scalekit_exec.transport.sockets import Proxy
    from scalekit_exec.transport.trust import Trust

__all__ = ["NAMES", "Route"]

NAMES = ("proxy", "DNS", "TLS", "token request", "clock")
HTTPS_PORT = 443
# The child compares expiries with its own clock; a minute is what a token has to live at least.
CLOCK_TOLERANCE = 10.0
# Variables that other programs take a proxy or a CA from, and we do not; by what we take it from.
UNREAD = {
    "REQUESTS_CA_BUNDLE": "SCALEKIT_CA_BUNDLE",
    "CURL_CA_BUNDLE": "SCALEKIT_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": "SCALEKIT_CA_BUNDLE",
    "ALL_PROXY": "HTTPS_PROXY",
    "all_proxy": "HTTPS_PROXY",
    "grpc_proxy": "HTTPS_PROXY",
    "no_grpc_proxy": "NO_PROXY",
}


class Route:
    """The way from here to one Scalekit environment, looked at step by step."""

    def __init__(
        self,
        client: ClientCredentials,
        environ: Mapping[str, str],
        ca_bundle: str | None,
        timeout: float,
        say: Callable[[str], None],
    ) -> None:
        address = urlsplit(client.env_url)
        self.host, self.port = address.hostname or "", address.port or HTTPS_PORT
        self._client = client
        self._environ = environ
        self._ca_bundle = ca_bundle
        self._timeout = timeout
        self._say = say
        self._proxy: Proxy | None = None

    def checks(self) -> Iterator[Check]:
        """Look at each step; those behind one that failed are skipped.

        Whoever reads all of them knows by the check of the token request whether Scalekit answers.
        """
        steps = (self._look_up, self._handshake, self._token)
        yield (proxy := self._proxies())
        blocked = proxy.name if proxy.verdict == FAILED else ""
        for name, step in zip(NAMES[1:4], steps, strict=True):
            if blocked:
                yield skipped(name, blocked)
                continue
            try:
                found = list(step())
            except ScalekitExecError as error:
                found, blocked = [failed(name, error)], name
            yield from found
        if blocked:
            yield skipped(NAMES[4], blocked)

    def _proxies(self) -> Check:
        try:
            self._proxy = find_proxy(self._environ, self.host, self.port)
        except ScalekitExecError as error:
            return failed("proxy", error)
        told = "none"
        if self._proxy is not None:
            told = f"through {shown(self._proxy.host)}:{self._proxy.port}"
        troubles = list(self._troubles())
        if not troubles:
            return Check("proxy", OK, told)
        return Check(
            "proxy",
            WARNING,
            "; ".join([told, *(what for what, _ in troubles)]),
            "\n".join(dict.fromkeys(remedy for _, remedy in troubles)),
        )

    def _troubles(self) -> Iterator[tuple[str, str]]:
        """Tell what makes REST, gRPC and other programs go different ways; never a value.

        We read both cases for both transports. gRPC by itself, as in Scalekit's SDK, reads only the
        lower one, and neither reads the other's variable for a CA.
        """
        for lower in ("https_proxy", "no_proxy"):
            upper = lower.upper()
            small, large = self._environ.get(lower), self._environ.get(upper)
            if small and large and small != large:
                yield f"{lower} and {upper} differ, {lower} holds here", f"unset {upper}"
            elif large and not small:
                remedy = f'export {lower}="${upper}"'
                yield f"gRPC in other programs does not read {upper}, only {lower}", remedy
        for name, ours in UNREAD.items():
            given = self._environ.get(name)
            if given and not self._environ.get(ours) and not self._environ.get(ours.lower()):
                yield f"{name} is set, which is not read here", f'export {ours}="${name}"'

    def _look_up(self) -> Iterator[Check]:
        host, port = self.host, self.port
        if self._proxy is not None:
            host, port = self._proxy.host, self._proxy.port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "not a host name"
            where = "SCALEKIT_ENV_URL" if self._proxy is None else "HTTPS_PROXY"
            raise VaultError(
                "unreachable",
                f"{shown(host)}: {shown(why).lower()}",
                f"check {where} for a typing error, and the network's DNS",
            ) from None
        addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
        whose = "the proxy " if self._proxy is not None else ""
        yield Check("DNS", OK, f"{whose}{shown(host)} is {', '.join(addresses)}")

    def _dialer(self, chosen: Trust) -> tuple[Dialer, Deadline]:
        deadline = Deadline(self._timeout)
        return Dialer(self.host, self.port, chosen.context(), self._proxy, deadline), deadline

    def _handshake(self) -> Iterator[Check]:
        chosen = trust.choose(self._environ, self._ca_bundle)
        store = chosen.source
        if chosen.file or chosen.folder:
            store += f" ({shown(chosen.file or chosen.folder)})"
        connection: SSLSocket = self._dialer(chosen)[0].dial()
        with connection:
            version = connection.version() or "TLS"
        chosen.roots()  # gRPC's list, which is read in another way
        yield Check("TLS", OK, f"{version} with {shown(self.host)}, trusting {store}")

    def _token(self) -> Iterator[Check]:
        dialer, deadline = self._dialer(trust.choose(self._environ, self._ca_bundle))
        exchange = Exchange(dialer, deadline, self._say, f"scalekit-exec/{__version__}")
        token = ServiceToken(exchange, self._client)
        began = time.monotonic()
        try:
            token.get()
        finally:
            token.close()
        took = time.monotonic() - began
        yield Check("token request", OK, f"granted in {took * 1000:.0f} ms")
        yield _clock(token.offset)


def _clock(offset: float) -> Check:
    """Judge how far the server's clock is ahead of ours, by its Date header of whole seconds."""
    if offset == 0.0:  # taken to the microsecond, so this is an answer that had no Date
        return Check("clock", SKIPPED, "needs a Date header in Scalekit's answer, which had none")
    if abs(offset) <= CLOCK_TOLERANCE:
        return Check("clock", OK, "within a few seconds of Scalekit's")
    way = "behind" if offset > 0 else "ahead of"
    return Check(
        "clock",
        WARNING,
        f"{abs(offset):.0f} s {way} Scalekit's: expiries mean another time here",
        "let the system set its clock: timedatectl set-ntp true, or your system's way",
    )
