"""`scalekit-auth redact`: a filter that hides the secrets of services in what it is given."""

from __future__ import annotations

import os
import signal
import sys

import click

from scalekit_exec.cli.auth import handover
from scalekit_exec.cli.auth.session import Session, common
from scalekit_exec.errors import ConfigurationError, UsageError, shown, typed
from scalekit_exec.redaction import Redactor, secrets_of, too_short

__all__ = ["command"]


@click.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@common
def command(session: Session, services: tuple[str, ...]) -> int:
    """Copy stdin to stdout with the secrets of services hidden.

    The secrets are those of now; a token that has been replaced since is not known. Nothing is
    copied unless all of them could be read.
    """
    if sys.stdin is None or sys.stdin.isatty():
        what = "closed" if sys.stdin is None else "a terminal"
        hint = f"COMMAND 2>&1 | scalekit-auth redact {' '.join(map(typed, services))}"
        raise UsageError("usage", f"stdin is {what}: there is nothing to hide in it", hint)
    if sys.stdout is None:  # closed by the caller: 1 may be any file of ours by now
        raise ConfigurationError("config-invalid", "stdout is closed", "let something read it")
    service_map = session.service_map()
    wanted = session.select(service_map, services)
    secrets: list[bytes] = []
    for filled in handover.resolve(session, service_map, wanted, min_ttl=0.0):
        of_service = list(secrets_of(filled.fields or filled.values))
        secrets += of_service
        if any(map(too_short, of_service)):
            name = shown(filled.wanted.service.name)
            session.speaker.note(f"{name}: a value of under 8 characters is not hidden")
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # from here on a filter like any other
    _copy(Redactor(secrets))
    return 0


def _copy(redactor: Redactor) -> None:
    if sys.platform == "win32":
        _copy_without_a_clock(redactor)
    else:
        from scalekit_exec.launch.outlet import pass_through

        pass_through(0, 1, redactor)


def _copy_without_a_clock(redactor: Redactor) -> None:
    """Copy on Windows, where nothing waits for a pipe and the time at once."""
    out = sys.stdout.buffer
    while data := os.read(0, 65536):
        out.write(redactor.feed(data))
        out.flush()
    out.write(redactor.close())
    out.flush()
