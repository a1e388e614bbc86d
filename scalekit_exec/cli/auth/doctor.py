"""`scalekit-auth doctor`: one thing per line, with a verdict and a remedy."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING

import click

from scalekit_exec import diagnosis
from scalekit_exec.cli import terminal
from scalekit_exec.cli.auth import handover
from scalekit_exec.cli.auth.completion import script
from scalekit_exec.cli.auth.session import FAILURE, WINDOWS, Result, common
from scalekit_exec.shells import installation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scalekit_exec.cli.auth.session import Session
    from scalekit_exec.diagnosis import Check
    from scalekit_exec.errors import Failure
    from scalekit_exec.model import ClientCredentials, ServiceMap

__all__ = ["command"]

_VERDICT_WIDTH = len("warning ")
_HANG = " " * _VERDICT_WIDTH


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@common
def command(session: Session, services: tuple[str, ...]) -> int:
    """Check everything that a launch depends on, one thing per line.

    No secret is in what it prints, so that it can be pasted into a bug report; no credential of an
    account is read. The status is 1 where something failed.
    """

    def explain(
        service_map: ServiceMap, client: ClientCredentials, failures: Sequence[Failure]
    ) -> Sequence[Failure]:
        return handover.explained(session, service_map, client, failures)

    question = diagnosis.Question(
        environ=session.environ,
        folder=session.folder(),
        words=services,
        config=session.config,
        env_file=session.env_file,
        environment=session.environment,
        identifier=session.identifier,
        timeout=session.timeout,
        windows=WINDOWS,
        again=session.again(),
        completions={shell: script(shell) for shell in installation.SHELLS},
        say=session.speaker.verbose,
        explain=explain,
    )
    checks = []
    for check in diagnosis.diagnose(question):
        checks.append(check)
        if not session.as_json:  # at once, since one may take its time
            for line in _lines(check):
                terminal.answer(line)
    status = FAILURE if any(check.verdict == diagnosis.FAILED for check in checks) else 0
    rows = [
        {
            "name": check.name,
            "verdict": check.verdict,
            "message": check.message,
            "remedy": check.remedy or None,
        }
        for check in checks
    ]
    return session.answer(Result("checks", rows, [], status))


def _lines(check: Check) -> Iterator[str]:
    told = f"{check.verdict:<{_VERDICT_WIDTH}}{check.name}: {check.message}"
    yield from _wrapped(told)
    for line in check.remedy.splitlines():
        yield from _wrapped(f"{_HANG}-> {line}")


def _wrapped(text: str) -> list[str]:
    """Break a line at the width of the terminal, but never a word, which may be to be copied."""
    width = shutil.get_terminal_size((0, 0)).columns  # that of stdout, or COLUMNS; 0: no terminal
    if len(text) <= width or not width:
        return [text]
    return textwrap.wrap(
        text,
        max(width, 2 * _VERDICT_WIDTH),
        subsequent_indent=_HANG,
        break_long_words=False,
        break_on_hyphens=False,
    )
