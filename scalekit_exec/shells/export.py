"""The text that gives a shell, or a program, the variables of a launch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.errors import CredentialError
from scalekit_exec.shells import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["FORMATS", "script"]


def _xonsh(name: str, value: str) -> str:
    if name.endswith(("PATH", "DIRS")):
        raise ValueError("it takes a variable of this name for a list of folders")
    return f"${name} = {quote.xonsh(value)}"


# How a format sets a variable, and how it takes one away; None where it has no way to.
_SET: dict[str, Callable[[str, str], str]] = {
    "sh": lambda name, value: f"export {name}={quote.sh(value)}",
    "fish": lambda name, value: f"set -gx {name} {quote.fish(value)}",
    "powershell": lambda name, value: f"$env:{name} = {quote.powershell(value)}",
    "nushell": lambda name, value: f"{name}: {quote.nushell(value)}",
    "elvish": lambda name, value: f"set-env {name} {quote.elvish(value)}",
    "xonsh": _xonsh,
    # tcsh's backquotes make one line of all.
    "tcsh": lambda name, value: f"setenv {name} {quote.tcsh(value)};",
    "cmd": lambda name, value: f'set "{name}={quote.cmd(value)}"',
    "dotenv": lambda name, value: f"{name}={quote.dotenv(value)}",
}
_UNSET: dict[str, Callable[[str], str]] = {
    "sh": lambda name: f"unset {name}",
    "fish": lambda name: f"set -e {name}",
    "powershell": lambda name: f"$env:{name} = $null",
    "elvish": lambda name: f"unset-env {name}",
    "xonsh": lambda name: f"${{...}}.pop('{name}', None)",
    "tcsh": lambda name: f"unsetenv {name};",
    "cmd": lambda name: f'set "{name}="',
}
FORMATS = (
    *("sh", "fish", "powershell", "nushell", "elvish", "xonsh", "tcsh", "cmd"),
    *("json", "dotenv", "github"),
)


def script(shell: str, variables: Mapping[str, str], stale: Iterable[str] = ()) -> str:
    """Return what sets these variables in a shell, ready to be evaluated there.

    `shell` is one of FORMATS but `github`. `stale` are those to be taken away, so that no old value
    stays beside the new ones; a format without a way to do that leaves them out. Raises
    CredentialError `unusable-token` where the shell cannot hold a value.
    """
    if shell == "json":
        import json

        return json.dumps(dict(variables), ensure_ascii=False) + "\n"
    lines = [_UNSET[shell](name) for name in stale] if shell in _UNSET else []
    for name, value in variables.items():
        try:
            lines.append(_SET[shell](name, value))
        except ValueError as reason:
            raise CredentialError(
                "unusable-token",
                f"the value for {name} cannot be written for {shell}: {reason}",
                "run the command under scalekit-exec, which hands every value over as it is, or "
                "read --format json",
            ) from None
    if shell == "nushell":
        return "{" + ", ".join(lines) + "}\n"
    return "".join(f"{line}\n" for line in lines)
