"""`scalekit-auth token`: one service's bare token on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scalekit_exec import config
from scalekit_exec.cli.auth import handover
from scalekit_exec.cli.auth.session import common
from scalekit_exec.errors import UsageError, shown
from scalekit_exec.record import replace
from scalekit_exec.variables import TOKEN, Variable

if TYPE_CHECKING:
    from scalekit_exec.cli.auth.session import Session
    from scalekit_exec.model import ServiceMap, Wanted

__all__ = ["command"]

_VARIABLE = Variable("TOKEN", TOKEN)


@click.command()
@click.argument("service", metavar="SERVICE")
@handover.options
@common
def command(session: Session, service: str, min_ttl: float | None, *, show: bool) -> int:
    """Print the bare token of a service, fresh from Scalekit.

    Nothing else is on stdout, with --json too, which is for failures here. scalekit-exec is the
    better way where there is a command to run: it keeps the token out of variables of your shell.
    """
    handover.refuse_terminal("the token", show=show)
    service_map = session.service_map()
    wanted = _bare(session, service_map, service)
    (filled,) = handover.resolve(session, service_map, [wanted], min_ttl)
    handover.hand_out(filled.values[_VARIABLE.name].reveal() + "\n")
    return 0


def _bare(session: Session, service_map: ServiceMap, word: str) -> Wanted:
    """Want the bare token, whatever variables the map fills from it; and want it for certain."""
    parsed = config.parse_word(word)
    if parsed.variable is not None or parsed.name in service_map.groups:
        raise UsageError(
            "usage",
            f'"{shown(word)}" is not one service',
            "ask for NAME or NAME@IDENTIFIER; scalekit-auth export takes several",
        )
    (wanted,) = session.select(service_map, [word])
    return replace(wanted, variables=(_VARIABLE,), service=replace(wanted.service, required=True))
