"""The completion scripts of both commands, one module a shell, made from what the commands take.

A script asks `scalekit-exec --list-words` for the services, which reads the map and nothing else:
pressing Tab sends nothing over the network and looks for no credentials. It asks the program on
PATH, never the word as typed, so that Tab runs no `./scalekit-exec` of a repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.shells.completion import (
    bash,
    elvish,
    fish,
    nushell,
    powershell,
    tcsh,
    xonsh,
    yash,
    zsh,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scalekit_exec.shells.completion.definition import Command

__all__ = ["SHELLS", "files", "text"]

# Shells that find a completion by the name of the command have a file for each.
_SINGLE: dict[str, tuple[str, Callable[[Command], str]]] = {
    "bash": ("{}.bash", bash.script),
    "zsh": ("_{}", zsh.script),
    "fish": ("{}.fish", fish.script),
    "yash": ("{}.yash", yash.script),
}
_TOGETHER: dict[str, tuple[str, Callable[[Sequence[Command]], str]]] = {
    "nushell": ("scalekit-exec.nu", nushell.script),
    "elvish": ("scalekit-exec.elv", elvish.script),
    "tcsh": ("scalekit-exec.csh", tcsh.script),
    "xonsh": ("scalekit-exec.xsh", xonsh.script),
    "powershell": ("scalekit-exec.ps1", powershell.script),
}
SHELLS = (*_SINGLE, *_TOGETHER)


def files(shell: str, commands: Sequence[Command]) -> dict[str, str]:
    """Return the scripts of a shell by the names of their files; `shell` is one of SHELLS."""
    if shell in _SINGLE:
        name, one = _SINGLE[shell]
        return {name.format(command.name): one(command) for command in commands}
    name, all_of_them = _TOGETHER[shell]
    return {name: all_of_them(commands)}


def text(shell: str, commands: Sequence[Command]) -> str:
    """Return all scripts of a shell as one, to be evaluated."""
    return "\n".join(files(shell, commands).values())
