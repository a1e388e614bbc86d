"""`scalekit-auth export`: a launch's variables for the shell that one is in, or for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scalekit_exec import environment
from scalekit_exec.cli.auth import handover
from scalekit_exec.cli.auth.session import WINDOWS, common
from scalekit_exec.errors import nearest, shown
from scalekit_exec.shells import github
from scalekit_exec.shells.export import FORMATS, script
from scalekit_exec.variables import expiry_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.cli.auth.session import Session
    from scalekit_exec.environment import Filled
    from scalekit_exec.model import Wanted

__all__ = ["command"]

# What says where or when, and not with what: masking it would hide half of a job's log.
_PLAIN_FIELDS = frozenset(("domain", "identifier", "expires_at"))

# Shells that people know by name, and that read the form of sh.
_AS_SH = ("bash", "zsh", "dash", "ksh", "ash", "yash")


class _Format(click.Choice[str]):
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if value in _AS_SH:
            self.fail(f"{value} reads that of sh: --format sh", param, ctx)
        if value not in FORMATS and (near := nearest(str(value), FORMATS)):
            told = shown(value, 40)
            self.fail(f"there is no {told}; did you mean {near}?", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@click.option(
    "--format",
    "form",
    type=_Format(FORMATS),
    default="sh",
    metavar="FORMAT",
    help=f"{', '.join(FORMATS)}; sh if not given.",
)
@handover.options
@common
def command(
    session: Session,
    services: tuple[str, ...],
    form: str,
    min_ttl: float | None,
    *,
    show: bool,
) -> int:
    """Print what sets a launch's variables, quoted for a shell.

    As in a launch, it is all services or none. With --format github, masks are printed and the
    variables are appended to the file that GITHUB_ENV names. --json is for failures here.

    In a POSIX shell: eval "$(scalekit-auth export gmail)"

    Variables of a shell are seen by everything that it starts from then on, and do not become
    fresh again: where there is a command to run, scalekit-exec gmail -- COMMAND is better.
    """
    handover.refuse_terminal("the tokens", show=show)
    if form == "github":
        github.check(session.environ)
    service_map = session.service_map()
    wanted = session.select(service_map, services, sets_variables=True)
    filled = handover.resolve(session, service_map, wanted, min_ttl)
    # Out of nothing, so that what is there is what a launch sets.
    policy = environment.Policy(windows=WINDOWS)
    variables = environment.build({}, wanted, filled, policy)
    variables.pop(environment.MARK, None)  # a shell is no launch: it goes on when tokens have ended
    if form == "github":
        handover.hand_out(github.masks(_secret_values(filled, variables)))
        github.append(session.environ, github.entries(variables))
        return 0
    stale = [name for name in _owned(wanted) if name not in variables]
    handover.hand_out(script(form, variables, stale))
    return 0


def _owned(wanted: Sequence[Wanted]) -> list[str]:
    """Return all that these services may set, of which some may not be set now."""
    names = []
    for service in wanted:
        for variable in service.variables:
            names.append(variable.name)
            if variable.is_token:
                names.append(expiry_name(variable.name))
    return list(dict.fromkeys(names))


def _secret_values(filled: Sequence[Filled], variables: dict[str, str]) -> list[str]:
    return [
        variables[variable.name]
        for service in filled
        for variable in service.wanted.variables
        if not _PLAIN_FIELDS.issuperset(variable.template.names)
    ]
