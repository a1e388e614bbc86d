"""A TLS connection to Scalekit: addresses raced, a proxy if there is one, one deadline.

Racing follows RFC 8305 (Happy Eyeballs): families alternate, the next address is tried after
250 ms or as soon as one has failed, the first to connect wins.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time

from scalekit_exec.clock import format_rfc3339
from scalekit_exec.errors import ConfigurationError, VaultError, shown
from scalekit_exec.record import record
from scalekit_exec.transport.answers import HIDDEN
from scalekit_exec.transport.trust import SystemContext, takes_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalekit_exec.clock import Deadline
    from scalekit_exec.secret import Secret

__all__ = ["Dialer", "Proxy", "find_proxy"]

ATTEMPT_DELAY = 0.25
PROXY_ANSWER_BYTES = 65536
BLANK_LINE = b"\r\n\r\n"
# What OpenSSL says of a first record that is none.
# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
CERT_NOT_YET_VALID, CERT_HAS_EXPIRED = 9, 10
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")


@record
class Proxy:
    """An HTTP proxy that is asked to CONNECT.

    `authorization` is its Basic header's value, `url` the whole as gRPC takes it, password and all.
    """

    host: str
    port: int
    url: Secret
    authorization: Secret | None = None
    secrets: tuple[Secret, ...] = ()


def _variable(environ: Mapping[str, str], name: str) -> str:
    """Read a proxy variable in either case; the lower one wins, as in curl."""
    return environ.get(name.lower()) or environ.get(name.upper()) or ""


def _bypassed(host: str, port: int, no_proxy: str) -> bool:
    """Tell whether NO_PROXY names the host: itself, a parent domain, a network, or `*`."""
    for raw in no_proxy.replace(",", " ").split():
        entry = raw.lower()
        if entry == "*":
            return True
        if "/" in entry and _in_network(host, entry):
            return True
        name, colon, digits = entry.rpartition(":")
        one_colon = ":" not in name or name.endswith("]")
        if colon and one_colon and digits.isascii() and digits.isdigit():
            if digits.lstrip("0") != str(port):
                continue
            entry = name
        entry = entry.strip("[]").removeprefix("*").lstrip(".")
        if entry and (host == entry or host.endswith("." + entry)):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def find_proxy(environ: Mapping[str, str], host: str, port: int) -> Proxy | None:
    """Return the proxy that HTTPS_PROXY names for this host, if any.

    Raises ConfigurationError `config-invalid` for a proxy that is no http:// URL.
    """
    url = _variable(environ, "https_proxy")
    if not url or _bypassed(host.lower().strip("[]"), port, _variable(environ, "no_proxy")):
        return None
    from urllib.parse import unquote_to_bytes, urlsplit

    from scalekit_exec.secret import Secret

    try:
        url = url if "://" in url else f"http://{url}"
        url.encode()  # bytes that are no text would fail only in gRPC
        parts = urlsplit(url)
        proxy_host, proxy_port = parts.hostname, parts.port or 80
    except ValueError:
        parts, proxy_host, proxy_port = None, None, 0
    if parts is None or parts.scheme != "http" or not proxy_host:
        raise ConfigurationError(
            "config-invalid",
            "HTTPS_PROXY is not the URL of an HTTP proxy",
            "set it to http://HOST:PORT, or add Scalekit's host to NO_PROXY",
        )
    authorization, secrets = None, []
    if parts.username is not None:
        from base64 import b64encode

        pair = b":".join(map(unquote_to_bytes, (parts.username, parts.password or "")))
        encoded = b64encode(pair).decode()
        authorization = Secret("Basic " + encoded)
        given = parts.password or parts.username
        secrets = [encoded, given, unquote_to_bytes(given).decode("latin-1")]
    return Proxy(proxy_host, proxy_port, Secret(url), authorization, tuple(map(Secret, secrets)))


def _plain(host: str) -> str | bytes:
    """Return an ASCII name as bytes: text goes through the codec of international names.

    Importing that costs more than the lookup on a loopback. What it would refuse is left to it.
    """
    labels = host.removesuffix(".").split(".")
    plain = host.isascii() and host.isprintable() and all(0 < len(each) < 64 for each in labels)
    return host.encode("ascii") if plain else host


class Dialer:
    """Opens TLS connections to one host, looking its name up once.

    Every call is bounded by the deadline. Raises VaultError `unreachable`, `untrusted-server` or
    `timed-out`; `final` on the error says that another try would end alike (DNS, TLS).
    """

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext, proxy: Proxy | None, deadline: Deadline
    ) -> None:
        self.host = host
        self.port = port
        self._context = context
        self._proxy = proxy
        self._deadline = deadline
        self._lock = threading.Lock()
        self._addresses: Sequence[tuple[int, str, int]] | VaultError | None = None

    @property
    def authority(self) -> str:
        """The host as a Host header names it (RFC 9112 section 3.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 443 else f"{host}:{self.port}"

    @property
    def _peer(self) -> tuple[str, int]:
        return (self._proxy.host, self._proxy.port) if self._proxy else (self.host, self.port)

    def dial(self) -> ssl.SSLSocket:
        """Open one connection and finish its handshake.

        Once more where only a part of the system's authorities was looked at (see `trust`).
        """
        context = self._context
        if not isinstance(context, SystemContext) or context.whole:
            return self._dial()
        try:
            return self._dial()
        except VaultError as error:
            if error.code != "untrusted-server":
                raise
        context.complete()
        return self._dial()

    def _dial(self) -> ssl.SSLSocket:
        found = self._look_up()
        try:
            raw = self._race(found)
        except OSError as error:  # no descriptor is left
            raise self.failed(error) from None
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._proxy:
                self._tunnel(raw, self._proxy)
            raw.settimeout(self._left())
            name = _plain(self.host) if takes_bytes(self._context) else self.host
            return self._context.wrap_socket(raw, server_hostname=name)
        except ssl.SSLError as error:
            raw.close()
            raise self._untrusted(error) from None
        except (OSError, ValueError) as error:
            raw.close()
            raise self.failed(error) from None
        except BaseException:
            raw.close()
            raise

    def failed(self, error: Exception) -> VaultError:
        """Return what an error of the operating system means here."""
        where = shown(self.host)
        if isinstance(error, TimeoutError):
            return self.late()
        why = getattr(error, "strerror", None) or "the connection was closed"
        if self._proxy:
            where += f" (through the proxy {shown(self._proxy.host)})"
        return VaultError(
            "unreachable",
            f"cannot reach {where}: {shown(why).lower()}",
            "check the network, SCALEKIT_ENV_URL, HTTPS_PROXY and NO_PROXY",
        )

    def late(self) -> VaultError:
        """Return the error for a deadline that is over."""
        return VaultError(
            "timed-out",
            f"no answer from {shown(self.host)} within {self._deadline.seconds:g} s",
            "check the network, or give it longer with --timeout SECONDS",
        )

    def _left(self) -> float:
        left = self._deadline.remaining()
        if left <= 0:
            raise self.late()
        return left

    def _look_up(self) -> Sequence[tuple[int, str, int]]:
        with self._lock:
            if self._addresses is None:
                self._addresses = self._resolve()
            found = self._addresses
        if isinstance(found, VaultError):
            raise found
        return found

    def _resolve(self) -> Sequence[tuple[int, str, int]] | VaultError:
        host, port = self._peer
        try:
            found = socket.getaddrinfo(_plain(host), port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "not a host name"
            what, where = ("host", "SCALEKIT_ENV_URL")
            if self._proxy:
                what, where = ("proxy", "HTTPS_PROXY")
            unknown = VaultError(
                "unreachable",
                f"cannot find the {what} {shown(host)}: {shown(why).lower()}",
                f"check {where} for a typing error, and the network's DNS",
            )
            unknown.final = True
            return unknown
        families: dict[int, list[tuple[int, str, int]]] = {}
        for family, _, _, _, address in found:
            entry = (int(family), str(address[0]), int(address[1]))
            if entry not in families.setdefault(entry[0], []):
                families[entry[0]].append(entry)
        queues = list(families.values())
        longest = max(map(len, queues))
        return [queue[i] for i in range(longest) for queue in queues if i < len(queue)]

    def _race(self, addresses: Sequence[tuple[int, str, int]]) -> socket.socket:
        waiting = list(addresses)
        last: OSError = OSError("no address")
        start_next = 0.0
        with selectors.DefaultSelector() as selector:
            try:
                while waiting or selector.get_map():
                    now = time.monotonic()
                    if waiting and (now >= start_next or not selector.get_map()):
                        problem = self._start(waiting.pop(0), selector)
                        last = problem or last
                        start_next = now if problem else now + ATTEMPT_DELAY
                        continue
                    left = self._left()
                    patience = min(left, start_next - now) if waiting else left
                    for key, _ in selector.select(max(patience, 0.0)):
                        attempt: socket.socket = key.data
                        selector.unregister(attempt)
                        code = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                        if code == 0:
                            attempt.settimeout(None)
                            return attempt
                        attempt.close()
                        last, start_next = _os_error(code), 0.0
            finally:
                for key in list(selector.get_map().values()):
                    key.data.close()
        raise self.failed(last)

    def _start(
        self, address: tuple[int, str, int], selector: selectors.BaseSelector
    ) -> OSError | None:
        """Begin to connect; return the error where that failed at once."""
        family, host, port = address
        attempt = None
        try:
            attempt = socket.socket(family, socket.SOCK_STREAM)
            attempt.settimeout(0)
            code = attempt.connect_ex((host, port))
        except OSError as error:
            if attempt is not None:
                attempt.close()
            return error
        import errno

        if code not in (
            0,
            errno.EINPROGRESS,
            errno.EWOULDBLOCK,
            getattr(errno, "WSAEWOULDBLOCK", 0),
        ):
            attempt.close()
            return _os_error(code)
        selector.register(attempt, selectors.EVENT_WRITE, attempt)
        return None

    def _tunnel(self, raw: socket.socket, proxy: Proxy) -> None:
        """Ask the proxy for a tunnel (RFC 9110 section 9.3.6)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        request = f"CONNECT {host}:{self.port} HTTP/1.1\r\nHost: {host}:{self.port}\r\n"
        if proxy.authorization:
            request += f"Proxy-Authorization: {proxy.authorization.reveal()}\r\n"
        raw.settimeout(self._left())
        raw.sendall(request.encode() + b"\r\n")
        head = b""
        while not head.endswith(BLANK_LINE):
            raw.settimeout(self._left())
            # Only the head is taken: what follows its blank line belongs to TLS.
            seen = head + raw.recv(4096, socket.MSG_PEEK)
            end = seen.find(BLANK_LINE)
            more = raw.recv((len(seen) if end < 0 else end + len(BLANK_LINE)) - len(head))
            if not more or len(head) > PROXY_ANSWER_BYTES:
                raise OSError("the proxy closed the connection")
            head += more
        words = head.split(b"\r\n", 1)[0].split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or words[1][:1] != b"2":
            said = b" ".join(words[1:]).decode("latin-1")
            for secret in proxy.secrets:
                said = said.replace(secret.reveal(), HIDDEN)
            refused = VaultError(
                "unreachable",
                f"the proxy {shown(proxy.host)} refuses a connection to {shown(self.host)}: "
                f"{shown(said, 80)}",
                "check HTTPS_PROXY and its password, or add the host to NO_PROXY",
            )
            refused.final = True
            raise refused

    def _untrusted(self, error: ssl.SSLError) -> VaultError:
        if isinstance(error, ssl.SSLCertVerificationError):
            why = error.verify_message.rstrip(".")
            hint = (
                "if your company inspects TLS, set SCALEKIT_CA_BUNDLE to its CA's PEM file; "
                "if not, do not go on: somebody may be listening"
            )
            if error.verify_code in (CERT_NOT_YET_VALID, CERT_HAS_EXPIRED):
                here = format_rfc3339(time.time())
                hint = f"check this machine's clock, by which it is {here}\n{hint}"
        elif isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return self.failed(ConnectionResetError(104, "the connection was closed"))
        elif error.reason in NO_TLS:
            why = f"no TLS is spoken on port {self.port}"
            hint = "check the port in SCALEKIT_ENV_URL, and what HTTPS_PROXY leads through"
        else:
            why = (error.reason or "handshake failed").replace("_", " ").lower()
            hint = "check that SCALEKIT_ENV_URL is an https address with a current certificate"
        untrusted = VaultError(
            "untrusted-server", f"{shown(self.host)} cannot be trusted: {shown(why)}", hint
        )
        untrusted.final = True
        return untrusted


def _os_error(code: int) -> OSError:
    import os

    return OSError(code, os.strerror(code))
