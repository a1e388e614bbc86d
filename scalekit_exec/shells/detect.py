"""Which shell the user is in: the nearest one above us that a person types into.

A shell that runs a script or a `-c`, as make's does, is not it. psutil tells who is above us; it is
imported here only, and only when the question is asked.
"""

from __future__ import annotations

import os
import sys

from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import psutil

__all__ = ["KNOWN", "Shell", "find", "is_typed_into"]

WINDOWS = sys.platform == "win32"
# The names of programs, and what we call the shell that they are.
KNOWN = {
    **{name: name for name in ("bash", "dash", "zsh", "fish", "mksh", "yash", "tcsh", "elvish")},
    **{name: name for name in ("sh", "ash", "xonsh", "csh", "cmd", "powershell", "ksh")},
    "ksh93": "ksh",
    "lksh": "mksh",
    "oksh": "ksh",
    "bsd-csh": "csh",
    "nu": "nushell",
    "pwsh": "powershell",
}
# Options whose next word is a value; with it a shell is typed into as much as without.
_VALUES = {
    "bash": ("--rcfile", "--init-file", "-o", "-O", "+o", "+O"),
    "zsh": ("-o", "+o", "--emulate"),
    "fish": ("-C", "--init-command", "-d", "--debug", "-o", "--debug-output", "-f", "--features"),
    "nushell": (
        *("-e", "--execute", "--config", "--env-config", "--plugin-config", "--plugins"),
        *("-I", "--include-path", "-m", "--table-mode", "--error-style", "--log-level"),
        *("--log-target", "--log-include", "--log-exclude", "--experimental-options"),
    ),
    "elvish": ("-rc", "-db", "-sock", "-log"),
    "xonsh": ("--rc", "-D", "--shell-type", "--config-path"),
    "yash": ("-o", "+o", "--rcfile", "--profile"),
    "powershell": (
        *("-executionpolicy", "-ep", "-ex", "-workingdirectory", "-wd", "-windowstyle", "-w"),
        *(
            "-version",
            "-v",
            "-psconsolefile",
            "-configurationname",
            "-settingsfile",
            "-custompipename",
        ),
    ),
}
_POSIX_VALUES = ("-o", "+o")


@record
class Shell:
    """A shell: what we call it, and the words that start it. `found` is False for a guess."""

    name: str
    argv: tuple[str, ...]
    found: bool = True


def find(environ: Mapping[str, str]) -> Shell:
    """Return the shell that the user is in; by SHELL or COMSPEC where it cannot be seen."""
    try:
        shell = next(_above(environ), None)
    except Exception:  # noqa: BLE001 - whatever a process table may do, there is still a guess
        shell = None
    return shell or _guess(environ)


def _guess(environ: Mapping[str, str]) -> Shell:
    names = ("COMSPEC",) if WINDOWS else ("SHELL",)
    for name in names:
        path = environ.get(name, "")
        if os.path.isabs(path) and os.access(path, os.X_OK):
            return Shell(_called(path) or os.path.basename(path), (path,), found=False)
    path = r"C:\Windows\System32\cmd.exe" if WINDOWS else "/bin/sh"
    return Shell(_called(path) or "sh", (path,), found=False)


def _called(word: str) -> str | None:
    name = word.replace("\\", "/").rsplit("/", 1)[-1].lstrip("-")
    if name.lower().endswith(".exe"):
        name = name[:-4].lower()
    return KNOWN.get(name)


def _above(environ: Mapping[str, str]) -> Iterator[Shell]:
    import psutil

    here = psutil.Process()
    terminal = None if WINDOWS else here.terminal()
    for process in here.parents():
        try:
            if not WINDOWS and (terminal is None or process.terminal() != terminal):
                continue
            shell = _shell(process, environ)
        except psutil.Error:  # another user's, or gone by now
            continue
        if shell is not None:
            yield shell


def _shell(process: psutil.Process, environ: Mapping[str, str]) -> Shell | None:
    """Return the shell that a process is, if a person types into it."""
    words = process.cmdline()
    if not words:
        return None
    program = process.exe()
    at = _program_at(words, program)
    name = _called(words[at]) if at is not None else None
    if at is None or name is None or not is_typed_into(name, words[at + 1 :]):
        return None
    return Shell(name, _start(words[: at + 1], program, environ))


def _program_at(words: Sequence[str], program: str) -> int | None:
    """Return which word names the shell: the first, or the one behind an interpreter's."""
    if os.path.basename(program) == "busybox":
        at = int(os.path.basename(words[0]) == "busybox")  # `busybox sh`, or a link named sh
        return at if words[at:] and _called(words[at]) == "sh" else None
    if _called(words[0]):
        return 0
    if not os.path.basename(program).lower().startswith("python"):
        return None
    # xonsh is a script of Python's, or a module: python [-OPTION...] /usr/bin/xonsh, or -m xonsh
    for at, word in enumerate(words[1:], 1):
        if word == "-m" or (word.startswith("-") and len(word) > 1):
            continue
        return at if _called(word) == "xonsh" else None
    return None


def _start(words: Sequence[str], program: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that start another shell of this kind.

    The name by which it was started goes before the file that it is: bash as `sh` is another shell.
    """
    import shutil

    name = os.path.basename(words[-1]).lstrip("-")
    if os.path.isabs(words[-1]) and os.access(words[-1], os.X_OK):
        path: str | None = words[-1]
    else:
        path = shutil.which(name, path=environ.get("PATH"))
    if _called(words[-1]) == "xonsh":
        if path is not None:
            return (path,)
        return (program, "-m", "xonsh")
    if path is not None and os.path.exists(program) and os.path.samefile(path, program):
        return (path,)
    if os.path.basename(program) == "busybox":
        return (program, "sh")
    return (program,) if os.path.exists(program) else (path or name,)


def is_typed_into(name: str, arguments: Sequence[str]) -> bool:
    """Tell whether a shell with these arguments has neither a script nor a command to run."""
    if name == "cmd":
        return not any(word[:2].lower() in ("/c", "/r") for word in arguments)
    lower = name == "powershell"
    values = _VALUES.get(name, _POSIX_VALUES)
    rest = iter(arguments)
    for given in rest:
        word = given.lower() if lower else given
        if word in ("-", "--"):
            return next(rest, None) is None
        if lower and word.startswith(("-noe",)):
            return True  # -NoExit: it stays, whatever it runs first
        if word in values:
            next(rest, None)
        elif not word.startswith(("-", "+")) or word.startswith(("--command=", "--commands=")):
            return False  # a script, or what stands behind -c
        elif word == "-s":
            return True  # it reads what is typed; the rest are its parameters
    return True
