"""`scalekit-auth completion`: the script by which a shell completes `scalekit-exec`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from scalekit_exec import files
from scalekit_exec.cli import terminal
from scalekit_exec.cli.auth.session import Result, common
from scalekit_exec.cli.words import OPTIONS
from scalekit_exec.errors import UsageError, shown
from scalekit_exec.shells import completion, installation

if TYPE_CHECKING:
    from scalekit_exec.cli.auth.session import Session

__all__ = ["command", "script"]

_PUBLIC = 0o644


def script(shell: str) -> str:
    """Return the completion script of a shell that we know."""
    return completion.scripts(OPTIONS)[completion.FILES[shell]]


@click.command()
@click.argument("shell", metavar="SHELL")
@click.option("--install", is_flag=True, help="Write it to the shell's folder in your home.")
@common
def command(session: Session, shell: str, *, install: bool) -> int:
    """Print the completion script for a shell: bash, zsh or fish.

    --install writes it where the shell looks; files such as ~/.bashrc are never changed.
    """
    if shell not in installation.SHELLS:
        known = ", ".join(installation.SHELLS)
        raise UsageError("usage", f"there is no completion for {shown(shell, 40)}", f"use {known}")
    path = installation.user_file(shell, session.environ)
    advice = installation.advice(shell, path)
    if not install:
        terminal.answer(script(shell).removesuffix("\n"))
        if os.isatty(2):
            session.speaker.note(f"to install it: scalekit-auth completion {shell} --install")
        return 0
    files.write_atomic(path, script(shell).encode(), mode=_PUBLIC)
    row = {"shell": shell, "path": path, "message": advice}
    lines = [f"wrote {files.displayed(path)}", advice]
    return session.answer(Result("completions", [row], lines))
