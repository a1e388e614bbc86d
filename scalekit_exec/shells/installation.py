"""Where a shell looks for the completion of a command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scalekit_exec.files import HOME

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SHELLS", "advice", "found", "user_file"]

# A completion is found by the name of its file; bash-completion wants the bare command.
_NAMES = {"bash": "scalekit-exec", "zsh": "_scalekit-exec", "fish": "scalekit-exec.fish"}
SHELLS = tuple(_NAMES)
_SYSTEM = {
    "bash": (
        "/usr/share/bash-completion/completions",
        "/usr/local/share/bash-completion/completions",
        "/etc/bash_completion.d",
    ),
    "zsh": (
        "/usr/share/zsh/site-functions",
        "/usr/share/zsh/vendor-completions",
        "/usr/local/share/zsh/site-functions",
    ),
    "fish": (
        "/usr/share/fish/vendor_completions.d",
        "/usr/local/share/fish/vendor_completions.d",
        "/etc/fish/completions",
    ),
}


def _base(environ: Mapping[str, str], variable: str, *default: str) -> str:
    """Return an XDG folder; only an absolute one counts, as its specification says."""
    given = environ.get(variable, "")
    home = environ.get(HOME, "") or os.path.expanduser("~")
    return given if os.path.isabs(given) else os.path.join(home, *default)


def user_file(shell: str, environ: Mapping[str, str]) -> str:
    """Return where the user's own completion of `scalekit-exec` lies; `shell` is of SHELLS."""
    if shell == "fish":
        folder = os.path.join(_base(environ, "XDG_CONFIG_HOME", ".config"), "fish", "completions")
    else:
        data = _base(environ, "XDG_DATA_HOME", ".local", "share")
        if shell == "bash":
            own = environ.get("BASH_COMPLETION_USER_DIR", "").split(":")[0]
            own = own if os.path.isabs(own) else os.path.join(data, "bash-completion")
            folder = os.path.join(own, "completions")
        else:
            folder = os.path.join(data, "zsh", "site-functions")
    return os.path.join(folder, _NAMES[shell])


def found(shell: str, environ: Mapping[str, str]) -> str | None:
    """Return the installed completion script: the user's own, else the system's; None if none."""
    system = (os.path.join(folder, _NAMES[shell]) for folder in _SYSTEM[shell])
    return next(filter(os.path.isfile, (user_file(shell, environ), *system)), None)


def advice(shell: str, path: str) -> str:
    """Return what the shell needs to find a script at this path, for a person to read."""
    if shell == "zsh":
        folder = _word(os.path.dirname(path))
        return f"in ~/.zshrc: fpath=({folder} $fpath); autoload -Uz compinit && compinit"
    if shell == "bash":
        return f"without the bash-completion package, in ~/.bashrc: . {_word(path)}"
    return "fish finds it by itself"


def _word(path: str) -> str:
    from scalekit_exec.shells.quote import sh

    plain = all(character.isalnum() or character in "/._-+" for character in path)
    return path if plain else sh(path)
