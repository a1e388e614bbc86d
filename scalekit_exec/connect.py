"""Composition: credentials, trust, proxy and transport become a vault."""

from __future__ import annotations

import os
import sys

from scalekit_exec.errors import ConfigurationError, reason, shown
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import AccountKey, ClientCredentials, DaemonSettings, ScalekitSettings
    from scalekit_exec.transport.trust import Trust
    from scalekit_exec.vault import Vault

__all__ = ["TRANSPORTS", "Line", "choose_transport", "sandbox", "scalekit", "warm"]

TRANSPORTS = ("auto", "https", "sdk")
HTTPS_PORT = 443


@record
class Line:
    """How to speak with Scalekit: what is common to every call of one launch."""

    environ: Mapping[str, str]
    deadline: Deadline
    say: Callable[[str], None]
    settings: ScalekitSettings | None = None
    transport: str = "auto"


def choose_transport(environ: Mapping[str, str], settings: ScalekitSettings | None) -> str:
    """Return the transport that SCALEKIT_EXEC_TRANSPORT or the user's file asks for.

    Raises ConfigurationError `config-invalid` for a word that is none.
    """
    asked = environ.get("SCALEKIT_EXEC_TRANSPORT") or (settings and settings.transport) or "auto"
    if asked not in TRANSPORTS:
        raise ConfigurationError(
            "config-invalid",
            f"SCALEKIT_EXEC_TRANSPORT is {shown(asked, 40)}, which is no transport",
            f"set it to one of {', '.join(TRANSPORTS)}, or unset it",
        )
    return asked


def scalekit(client: ClientCredentials, line: Line, trust: Trust | None = None) -> Vault:
    """Make the vault that asks Scalekit; nothing is sent before its first call.

    Raises ConfigurationError `config-invalid` for a CA file or a proxy that is not right.
    """
    from scalekit_exec import __version__
    from scalekit_exec.transport import trust as anchors
    from scalekit_exec.transport.http import Exchange, ServiceToken
    from scalekit_exec.transport.https import HttpsVault
    from scalekit_exec.transport.sockets import Dialer, find_proxy

    host, port = _address(client.env_url)
    if trust is None:
        ca_bundle = line.settings.ca_bundle if line.settings else None
        trust = anchors.choose(line.environ, ca_bundle)
    chosen = trust
    proxy = find_proxy(line.environ, host, port)
    line.say(
        f"asking {host} by {line.transport}, trusting {chosen.source}"
        + (f", through the proxy {proxy.host}" if proxy else "")
    )
    dialer = Dialer(host, port, chosen.context(), proxy, line.deadline)
    exchange = Exchange(dialer, line.deadline, line.say, f"scalekit-exec/{__version__}")
    token = ServiceToken(exchange, client)

    def over_grpc() -> Vault:
        from scalekit_exec.transport.sdk import SdkVault

        return SdkVault(
            env_url=client.env_url,
            client_id=client.client_id,
            token=token,
            roots=chosen.roots(),
            proxy=proxy.url if proxy else None,
            deadline=line.deadline,
            say=line.say,
        )

    if line.transport == "sdk":
        vault = over_grpc()
        line.deadline.restart()  # nothing was sent yet: it took that long to import the SDK
        return vault
    over_rest = HttpsVault(exchange, token)
    if line.transport == "https":
        return over_rest
    from scalekit_exec.transport.fallback import FallbackVault

    return FallbackVault(over_rest, over_grpc, line.say)


def warm(
    client: ClientCredentials, line: Line, daemon: DaemonSettings, min_ttl: float = 60.0
) -> Vault:
    """Make the vault that asks the user's daemon, where one runs, and Scalekit where none answers.

    The daemon is started for the launches to come where the user wants that and there is none.
    `min_ttl` is in seconds: a token that the daemon remembers must live that long yet. Raises as
    `scalekit` does.
    """
    if sys.platform == "win32" or line.transport == "sdk":
        return scalekit(client, line)
    from scalekit_exec.daemon import place

    folder = place.folder(line.environ)
    is_there = folder is not None and os.path.lexists(os.path.join(folder, place.SOCKET))
    if folder is None or not (is_there or daemon.enabled):
        return scalekit(client, line)
    from scalekit_exec.daemon.client import (
        AbsentError,
        Caller,
        Connection,
        DaemonVault,
        PassedOverError,
    )

    ca_bundle = line.settings.ca_bundle if line.settings else None
    caller = Caller(client, line.environ, line.deadline, line.say, ca_bundle, min_ttl)
    host = _address(client.env_url)[0]
    try:
        first = Connection(folder)
    except AbsentError:
        _start_daemon(folder, line, daemon)
        return scalekit(client, line)
    except PassedOverError as error:
        line.say(f"the daemon is passed over: {error}")
        return scalekit(client, line)
    line.say(f"asking {host} through the daemon, pid {first.pid}")
    return DaemonVault(
        first, lambda: Connection(folder), caller, host, lambda: scalekit(client, line)
    )


def _start_daemon(folder: str, line: Line, daemon: DaemonSettings) -> None:
    """Start a daemon for the launches to come; never in CI, and never as the child of pid 1."""
    in_ci = line.environ.get("CI", "").lower() not in ("", "0", "false")
    if not daemon.enabled or in_ci or os.getpid() == 1 or sys.platform == "win32":
        return
    from scalekit_exec.daemon import process

    try:
        process.start(folder, cache=daemon.cache)
    except OSError as error:
        line.say(f"no daemon can be started: {reason(error) if error.strerror else shown(error)}")
    else:
        line.say("started a daemon for the launches to come")


def sandbox(
    asked: Mapping[AccountKey, Sequence[Collection[str]]], announce: Callable[[str], None]
) -> tuple[Callable[[Line], Vault], str]:
    """Start the emulator in this process; return what opens a vault that asks it, and its address.

    `asked` are the accounts, each with the fields that the launch's services want of it.

    It ends with the process image: at the latest when the launch becomes the child.
    """
    from scalekit_exec.model import ClientCredentials
    from scalekit_exec.record import replace
    from scalekit_exec.sandbox import World, start
    from scalekit_exec.transport.trust import Trust

    running = start(World.for_services(asked))
    announce(f"sandbox: an emulator at {running.url} answers instead of Scalekit")
    client = ClientCredentials(running.client_id, running.client_secret, running.url, "the sandbox")
    trust = Trust(pem=running.ca_pem, source="the sandbox")

    def open_vault(line: Line) -> Vault:
        return scalekit(client, replace(line, environ={}, settings=None), trust)

    return open_vault, running.url


def _address(url: str) -> tuple[str, int]:
    """Split an https URL that `config.normal_url` has passed into host and port."""
    host, colon, port = url.removeprefix("https://").rpartition(":")
    if colon and port.isdigit():
        return host.strip("[]"), int(port)
    return url.removeprefix("https://").strip("[]"), HTTPS_PORT
