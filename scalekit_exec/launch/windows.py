"""Becoming the child on Windows, which has no execve: spawn, wait, give its status back."""

from __future__ import annotations

import os
import sys

from scalekit_exec.errors import CommandError, UsageError, shown
from scalekit_exec.launch.status import SIGNAL_BASE, flush

assert sys.platform == "win32"  # noqa: S101 - how mypy is told that a module is of one platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

__all__ = [
    "begin",
    "caller_environment",
    "check",
    "find",
    "limit_core",
    "replace",
    "signed",
    "start",
]

BATCH = (".bat", ".cmd")
# cmd.exe would expand or reinterpret these in a batch file's arguments, quoted or not.
UNSAFE = frozenset('"%!^&|<>\r\n')
# All others but these are put between quotes, as Rust's standard library does since
# CVE-2024-24576.
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789#$*+-./:?@\\_")
PATHEXT = ".COM;.EXE;.BAT;.CMD"
SCRIPTS = {".js": "node", ".cjs": "node", ".mjs": "node", ".py": "python", ".exe": ""}
NUMBER_OF = {0: 2, 1: 21}  # CTRL_C_EVENT is SIGINT, CTRL_BREAK_EVENT is SIGBREAK
HINTS = {
    193: "it is no program; name the interpreter first: python FILE, node FILE",
    206: "hand the arguments over in a file or on stdin",
    740: "it wants an administrator; start the shell as one",
}


class _Console:
    """Who answers Ctrl-C: we until the child is there, the child from then on.

    A handler of the console's runs on a thread of its own, so it ends us at once where Python's
    SIGINT would wait until a read from the network returns.
    """

    waiting = False
    handler: object = None  # kept alive for as long as the console may call it

    @classmethod
    def answer(cls, event: int) -> bool:
        """Tell whether the event is settled; does not return where it ends us."""
        if event not in NUMBER_OF:
            return False  # the window was closed, the user logs off: Windows' own way
        if not cls.waiting:
            os._exit(SIGNAL_BASE + NUMBER_OF[event])
        return True


def begin() -> None:
    """Make Ctrl-C end us without Python's KeyboardInterrupt; the first thing that a launch does.

    Where the caller had Ctrl-C ignored, the console does not call anybody.
    """
    import ctypes

    _Console.handler = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_ulong)(_Console.answer)
    ctypes.windll.kernel32.SetConsoleCtrlHandler(_Console.handler, 1)


def limit_core() -> None:
    """Do nothing: there is no such limit here (SECURITY.md)."""


def caller_environment() -> dict[str, str]:
    """Return the environment as the caller had it; call it before anything changes `os.environ`.

    Names are in upper case, as Python has them; to Windows they are the same.
    """
    return dict(os.environ)


def find(command: str, environ: Mapping[str, str]) -> str:
    """Return the absolute path of the command by the child's PATH and PATHEXT.

    `shutil.which` is not asked: it takes PATHEXT from our own environment, and looks into the
    working folder first, where a repository may hold a `git.exe`. Relative entries of PATH are
    passed over for the same reason. A name without one of PATHEXT's endings is looked for with
    them only, since npm puts a shell script `npx` beside its `npx.cmd`.

    Raises CommandError `not-found`, or `not-executable` for a folder.
    """
    from scalekit_exec.launch import refusal

    endings = [ending for ending in _value(environ, "PATHEXT", PATHEXT).split(";") if ending]
    lowered = command.lower()
    complete = any(lowered.endswith(ending.lower()) for ending in endings)
    with_folder = os.path.dirname(command) != "" or os.path.splitdrive(command)[0] != ""
    names = [command] if complete else []
    names += [command + ending for ending in endings]
    if with_folder:
        folders = [""]
        names += [] if complete else [command]
    else:
        entries = _value(environ, "PATH", "").split(";")
        folders = [entry.strip('"') for entry in entries if os.path.isabs(entry.strip('"'))]
    for folder in folders if command else ():
        for name in names:
            path = os.path.abspath(os.path.join(folder, name))
            if os.path.isfile(path):
                return path
    if with_folder and os.path.isdir(command):
        raise CommandError(
            "not-executable", f'"{shown(command)}" is a folder', "name the program in it"
        )
    raise refusal.not_found(command, () if with_folder else folders)


def _value(environ: Mapping[str, str], wanted: str, default: str) -> str:
    for name, value in environ.items():
        if name.upper() == wanted:
            return value
    return default


def check(path: str, argv: Sequence[str]) -> None:
    """Refuse what cmd.exe would make of a batch file's arguments; call it before any token is read.

    No quoting is safe there: `%GMAIL_TOKEN%` would be replaced by the token, in an argv.

    Raises UsageError `usage`; the hint names the program behind the batch file where it can.
    """
    if not path.lower().endswith(BATCH):
        return
    for number, argument in enumerate((path, *argv[1:])):
        # The path is always between quotes, and there `%` is the only danger that a name can hold.
        for character in sorted(UNSAFE & set(argument) if number else {"%"} & set(path)):
            where = f"argument {number}" if number else "the path"
            raise UsageError(
                "usage",
                f"{where} of {shown(os.path.basename(path))} has {shown(repr(character))},"
                " which cmd.exe would reinterpret",
                f"batch files take no such arguments; {_behind(path)}",
            )


def _behind(path: str) -> str:
    """Say how to go without the batch file: name the program or script that it starts."""
    stem = os.path.splitext(path)[0]
    if os.path.isfile(stem + ".exe"):
        return f"run {shown(stem + '.exe')}"
    try:
        with open(path, "rb") as file:
            text = os.fsdecode(file.read(8192))
    except OSError:
        text = ""
    found: dict[str, str] = {}
    for word in text.replace('"', "\n").split("\n"):
        for mark in ("%~dp0", "%dp0%"):  # the batch file's own folder, as pip and npm write it
            ending = os.path.splitext(word)[1].lower()
            if not word.startswith(mark) or ending not in SCRIPTS:
                continue
            rest = word.removeprefix(mark).lstrip("\\")
            target = os.path.normpath(os.path.join(os.path.dirname(path), rest))
            if os.path.isfile(target):
                found.setdefault(ending, f"{SCRIPTS[ending]} {shown(target)}".strip())
    for ending in SCRIPTS:  # a script before the .exe, which may be no more than its interpreter
        if ending in found:
            return f"run {found[ending]}"
    return "run the .exe or the script that it starts"


def replace(path: str, argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command and return its status, as a signed 32-bit number for `sys.exit`.

    `sys.exit` cannot take 0xC0000005 as it is; as -1073741819 the same 32 bits come out. Ctrl-C
    reaches the child by itself and is nothing to us while we wait.

    Raises UsageError as `check` does, and CommandError where the system refuses.
    """
    return signed(start(path, argv, environ).wait())


def signed(status: int) -> int:
    """Return a status as `sys.exit` takes it."""
    return status - 2**32 if status >= 2**31 else status


def start(
    path: str,
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    stdout: int | None = None,
    stderr: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start the command; its outputs are ours, or what `subprocess` takes them for.

    Raises UsageError as `check` does, and CommandError where the system refuses.
    """
    check(path, argv)
    import subprocess

    flush()
    command: str | list[str] = list(argv)
    program = path
    if path.lower().endswith(BATCH):
        program, command = _batch_line(path, argv[1:])
    _Console.waiting = True
    try:
        return subprocess.Popen(
            command, executable=program, env=dict(environ), stdout=stdout, stderr=stderr
        )
    except OSError as error:
        _Console.waiting = False
        raise _refused(argv[0], path, error) from error


def _batch_line(path: str, arguments: Sequence[str]) -> tuple[str, str]:
    """Return cmd.exe and its line for a batch file.

    /d leaves AutoRun commands out, /v:off keeps `!` plain; /c takes off the outer quotes only.
    """
    import ctypes

    buffer = ctypes.create_unicode_buffer(32768)
    ctypes.windll.kernel32.GetSystemDirectoryW(buffer, len(buffer))
    shell = os.path.join(buffer.value, "cmd.exe")
    words = [f'"{path}"', *(_quoted(argument) for argument in arguments)]
    return shell, f'"{shell}" /e:on /v:off /d /c "{" ".join(words)}"'


def _quoted(argument: str) -> str:
    if argument and PLAIN.issuperset(argument):
        return argument
    slashes = argument[len(argument.rstrip("\\")) :]  # would else escape the closing quote
    return f'"{argument}{slashes}"'


def _refused(command: str, path: str, error: OSError) -> CommandError:
    """Say why CreateProcess would not, by Windows' own number."""
    number = error.winerror or 0
    code = "not-found" if number in (2, 3) else "not-executable"
    reason = shown((error.strerror or "unknown reason").rstrip(".").lower())
    return CommandError(
        code,
        f'cannot run "{shown(command)}": {reason}: {shown(path)}',
        HINTS.get(number, "check the path and its permissions"),
    )
