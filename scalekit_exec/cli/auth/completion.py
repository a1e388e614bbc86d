"""`scalekit-auth completion`: the script by which a shell completes both commands.

`python -m scalekit_exec.cli.auth.completion` writes all of them to `completions/` of the source
tree, where a test compares them with what is made here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from scalekit_exec import files
from scalekit_exec.cli import terminal
from scalekit_exec.cli.auth.session import Result, common
from scalekit_exec.errors import UsageError, shown
from scalekit_exec.shells import completion, installation

if TYPE_CHECKING:
    from scalekit_exec.cli.auth.session import Session

__all__ = ["command", "main", "script", "scripts"]

_PUBLIC = 0o644


def scripts(shell: str) -> dict[str, str]:
    """Return the scripts of a shell that we know, by the names of their files."""
    from scalekit_exec.cli.auth.definitions import commands

    return completion.files(shell, commands())


def script(shell: str) -> str:
    """Return the script of a shell that completes `scalekit-exec`."""
    return next(iter(scripts(shell).values()))


@click.command()
@click.argument("shell", required=False, metavar="[SHELL]")
@click.option("--install", is_flag=True, help="Write it to the shell's folder in your home.")
@common
def command(session: Session, shell: str | None, *, install: bool) -> int:
    """Print the completion of both commands for a shell, the one you are in if none is named.

    For bash, zsh, fish, yash, nushell, elvish, tcsh, xonsh and powershell. --install writes it
    where the shell looks, or says what else it needs; files such as ~/.bashrc are never changed.
    """
    if shell is None:
        from scalekit_exec.shells import detect

        shell = detect.find(session.environ).name
    if shell not in installation.SHELLS:
        known = ", ".join(installation.SHELLS)
        raise UsageError("usage", f"there is no completion for {shown(shell, 40)}", f"use {known}")
    made = scripts(shell)
    if not install:
        terminal.answer("\n".join(made.values()).removesuffix("\n"))
        if os.isatty(2):
            session.speaker.note(f"to install it: scalekit-auth completion {shell} --install")
        return 0
    rows, lines = [], []
    paths = installation.user_files(shell, session.environ, made)
    advice = installation.advice(shell, next(iter(paths.values())))
    for name, path in paths.items():
        files.write_atomic(path, made[name].encode(), mode=_PUBLIC)
        rows.append({"shell": shell, "path": path, "message": advice})
        lines.append(f"wrote {files.displayed(path)}")
    return session.answer(Result("completions", rows, [*lines, advice]))


def main() -> None:
    """Write all scripts to `completions/` of the source tree that this module is part of."""
    root = os.path.abspath(__file__)
    for _ in range(4):
        root = os.path.dirname(root)
    for shell in completion.SHELLS:
        for name, text in scripts(shell).items():
            with open(os.path.join(root, "completions", name), "w", encoding="utf-8") as file:
                file.write(text)


if __name__ == "__main__":
    main()
