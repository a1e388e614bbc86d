"""Where a shell looks for the completion of a command."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from scalekit_exec.errors import ConfigurationError, shown
from scalekit_exec.files import HOME
from scalekit_exec.shells.quote import powershell, sh

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["SHELLS", "advice", "found", "user_file", "user_files"]

SHELLS = (
    *("bash", "zsh", "fish", "yash"),
    *("nushell", "elvish", "tcsh", "xonsh", "powershell"),
)
# The file of each shell that `completions/` has for scalekit-exec, or for both commands.
_FIRST = {
    "bash": "scalekit-exec.bash",
    "zsh": "_scalekit-exec",
    "fish": "scalekit-exec.fish",
    "yash": "scalekit-exec.yash",
    "nushell": "scalekit-exec.nu",
    "elvish": "scalekit-exec.elv",
    "tcsh": "scalekit-exec.csh",
    "xonsh": "scalekit-exec.xsh",
    "powershell": "scalekit-exec.ps1",
}
CONFIG, DATA = "XDG_CONFIG_HOME", "XDG_DATA_HOME"
# The folder of each shell in the user's home, below what the variable names.
_OWN = {
    "bash": (DATA, "bash-completion", "completions"),
    "zsh": (DATA, "zsh", "site-functions"),
    "fish": (CONFIG, "fish", "completions"),
    "yash": (DATA, "yash", "completion"),
    "nushell": (CONFIG, "nushell", "autoload"),
    "elvish": (CONFIG, "elvish", "lib"),
    "xonsh": (CONFIG, "xonsh", "rc.d"),
    "tcsh": (DATA, "tcsh"),
    "powershell": (CONFIG, "powershell"),
}
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
    return given if os.path.isabs(given) else os.path.join(_home(environ), *default)


def _home(environ: Mapping[str, str]) -> str:
    """Return the home; ConfigurationError `config-invalid` where HOME says none that can be it."""
    home = environ[HOME] if HOME in environ else os.path.expanduser("~")
    if not os.path.isabs(home):
        what = f'{HOME} is "{shown(home, 60)}"' if home else f"{HOME} is empty"
        raise ConfigurationError(
            "config-invalid",
            f"{what}, and so there is no folder for a completion",
            f"set {HOME} to your own folder, the whole path",
        )
    return home


def _folder(shell: str, environ: Mapping[str, str]) -> str:
    """Return the folder of the user's own that a shell looks into, or that its rc file can name."""
    if shell == "bash":
        own = environ.get("BASH_COMPLETION_USER_DIR", "").split(":")[0]
        if os.path.isabs(own):
            return os.path.join(own, "completions")
    variable, *parts = _OWN[shell]
    default = (".config",) if variable == CONFIG else (".local", "share")
    if sys.platform == "win32":
        base = environ.get("APPDATA") or os.path.join(_home(environ), "AppData", "Roaming")
    elif shell == "nushell" and sys.platform == "darwin" and CONFIG not in environ:
        base = os.path.join(_home(environ), "Library", "Application Support")
    else:
        base = _base(environ, variable, *default)
    return os.path.join(base, *parts)


def _name(shell: str, committed: str) -> str:
    """Return the name that a shell finds a file by; bash and yash want the bare command."""
    return os.path.splitext(committed)[0] if shell in ("bash", "yash") else committed


def user_files(shell: str, environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return where each of these files of `completions/` lies, once the user has installed it."""
    folder = _folder(shell, environ)
    return {name: os.path.join(folder, _name(shell, name)) for name in names}


def user_file(shell: str, environ: Mapping[str, str]) -> str:
    """Return where the user's own completion of `scalekit-exec` lies; `shell` is of SHELLS."""
    return os.path.join(_folder(shell, environ), _name(shell, _FIRST[shell]))


def found(shell: str, environ: Mapping[str, str]) -> str | None:
    """Return the installed completion script: the user's own, else the system's; None if none."""
    name = _name(shell, _FIRST[shell])
    paths = [os.path.join(folder, name) for folder in _SYSTEM.get(shell, ())]
    with suppress(ConfigurationError):  # without a home only the system's can be there
        paths.insert(0, user_file(shell, environ))
    return next(filter(os.path.isfile, paths), None)


def advice(shell: str, path: str) -> str:
    """Return what the shell needs to find a script at this path, for a person to read."""
    folder = os.path.dirname(path)
    auth = os.path.join(folder, "scalekit-auth")
    lines = {
        "zsh": f"in ~/.zshrc: fpath=({_word(folder)} $fpath); autoload -Uz compinit && compinit",
        "bash": "without the bash-completion package, in ~/.bashrc: "
        f". {_word(path)}; . {_word(auth)}",
        "yash": f"in ~/.yashrc: YASH_LOADPATH=($YASH_LOADPATH {_word(os.path.dirname(folder))})",
        "elvish": "in ~/.config/elvish/rc.elv: use scalekit-exec",
        "tcsh": f"in ~/.tcshrc: source {_word(path)}",
        "powershell": f"in the file that $PROFILE names: . {powershell(path)}",
    }
    return lines.get(shell, f"{shell} finds it by itself")


def _word(path: str) -> str:
    plain = all(character.isalnum() or character in "/._-+" for character in path)
    return path if plain else sh(path)
