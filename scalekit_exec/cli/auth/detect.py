"""`scalekit-auth detect`: which service of the map an address belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scalekit_exec import providers
from scalekit_exec.cli.auth.session import Result, common
from scalekit_exec.errors import shown

if TYPE_CHECKING:
    from scalekit_exec.cli.auth.session import Session

__all__ = ["command"]


@click.command()
@click.argument("url", metavar="URL")
@common
def command(session: Session, url: str) -> int:
    """Tell which service of the map an https address belongs to.

    The name alone is on stdout, to be used as a SERVICE word. Nothing is sent.
    """
    address = providers.read_address(url)
    service_map = session.service_map()
    names = providers.claimants(address, service_map.services)
    if not names:
        raise providers.nobodys(address, service_map.services)
    if len(names) > 1:
        raise providers.ambiguous(address, names)
    service = service_map.services[names[0]]
    provider = providers.provider_of(service)
    session.speaker.verbose(f"{service.name}: its provider is {provider or 'not known'}")
    if not providers.allows(service, address):
        error = providers.refusal(service, address, service_map.settings.path)
        session.speaker.note(f"ScalekitAuth sends nothing there yet: {error.message}; {error.hint}")
    row = {
        "service": service.name,
        "connection_name": service.connection_name,
        "identifier": session.identifier or service.identifier,
        "provider": provider,
        "hosts": list(providers.hosts_of(service)),
        "allowed": providers.allows(service, address),
    }
    return session.answer(Result("services", [row], [shown(service.name)]))
