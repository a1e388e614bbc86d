"""Why a credential does not go to an address, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.errors import ConfigurationError, shown
from scalekit_exec.files import displayed
from scalekit_exec.providers.address import HTTPS
from scalekit_exec.providers.matching import by_tenants, claimants, hosts_of, owners
from scalekit_exec.record import replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalekit_exec.model import Service
    from scalekit_exec.providers.address import Address

__all__ = ["ambiguous", "nobodys", "refusal"]

LISTED = 5


def refusal(service: Service, address: Address, user_path: str) -> ConfigurationError:
    """Return why a service's credential does not go to an address, and how to let it go there."""
    name, host = shown(service.name), shown(address.host)
    known = hosts_of(service)
    listed = ", ".join(known[:LISTED]) + (", …" if len(known) > LISTED else "")
    if address.port != HTTPS and service.hosts is None:
        what = f"the credential of {name} goes to port {HTTPS} only, not to {address.port}"
    elif by_tenants(service, address):
        what = f"{host} may be anybody's, and nothing says that it is where {name} is for you"
    elif known:
        what = f"the credential of {name} goes to {shown(listed)} only, not to {host}"
    else:
        what = f"no hosts are known for {name}, so its credential goes nowhere"
    where = f"in [services.{name}] of {displayed(user_path)}"
    if service.origin != user_path:
        where += ", beside its connection_name"
    hint = f'only if {host} is yours or the provider\'s own: hosts = ["{host}"] {where}'
    return ConfigurationError("config-invalid", what, hint)


def ambiguous(address: Address, words: Sequence[str]) -> ConfigurationError:
    """Return the error for an address that several services claim alike; it lists them."""
    listed = ", ".join(shown(word, 60) for word in words)
    what = f"{shown(address.host)} may be any of these services: {listed}"
    hint = f'name one yourself, in Python as ScalekitAuth("{shown(words[0], 60)}")'
    return ConfigurationError("config-invalid", what, hint)


def nobodys(address: Address, services: Mapping[str, Service]) -> ConfigurationError:
    """Return the error for an address that no service of the map claims.

    At another port than https's own it is nobody's unless the user says so by `hosts`, and what is
    known of providers does not help.
    """
    host = shown(address.host)
    if address.port != HTTPS:
        near = claimants(replace(address, port=HTTPS), services)
        what = f"no service of the map is at port {address.port} of {host}"
        table = f"[services.{shown(near[0].partition('@')[0])}]" if near else "its table"
        if near:
            what += f": {shown(near[0])} is there at port {HTTPS} only"
        hint = (
            f'only if that port is its own too: hosts = ["{host}"] in {table} of your config.toml'
        )
        return ConfigurationError("unknown-service", what, hint)
    found = owners(address) or owners(replace(address, path="/"))
    hint = f'if it is one service\'s own: hosts = ["{host}"] in its table of your config.toml'
    if found:
        named = " or ".join(found[:LISTED]) + (" …" if len(found) > LISTED else "")
        hint = f"it looks like {named}: scalekit-auth config {found[0]} CONNECTION_NAME"
    return ConfigurationError("unknown-service", f"no service of the map is at {host}", hint)
