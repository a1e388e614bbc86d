"""Why a command cannot be started, in words that say what to type instead.

Loaded only once it has failed, so it may take its time.
"""

from __future__ import annotations

import errno
import os
import sys

from scalekit_exec.errors import CommandError, nearest, shown, typed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["by_system", "not_executable", "not_found"]

# Words that a shell answers itself and that no file is needed for, by the shell that does: the
# builtins and keywords of POSIX, of bash and of zsh.
SHELL_WORDS = {
    "sh": (
        " . : alias bg case cd command eval exec exit export fg for getopts hash if jobs read"
        " readonly return set shift times trap type ulimit umask unalias unset until wait while "
    ),
    "bash": (
        " [[ bind builtin caller compgen complete declare dirs disown enable fc function history"
        " let local logout mapfile popd pushd select shopt source suspend time typeset "
    ),
    "zsh": " autoload setopt unsetopt ",
}
# The aliases that distributions ship. A shell that is started for one command has none.
ALIASES = " l la ll "
INTERPRETERS = {".py": "python3", ".sh": "sh", ".js": "node", ".rb": "ruby", ".pl": "perl"}
LONGEST_STRING_PAGES = 32  # MAX_ARG_STRLEN in linux/binfmts.h
LINE = 256  # what the kernel reads of a first line (BINPRM_BUF_SIZE)


def not_found(command: str, folders: Iterable[str]) -> CommandError:
    """Say that there is no such command in these folders, or as this path where there are none."""
    folders = list(folders)
    where = " on PATH" if folders else ""
    name, equals, _ = command.partition("=")
    if equals and name.isidentifier():
        word = f"{name}=…"  # the value may be a secret
        hint = f"to set a variable for the command: env {word} COMMAND"
    else:
        word = shown(command)
        hint = _hint(command, folders)
    return CommandError("not-found", f'no command "{word}"{where}', hint)


def _hint(command: str, folders: list[str]) -> str:
    if not command:
        return "the word after -- is empty: a shell variable that is not set?"
    if any(character.isspace() for character in command):
        return f"this is one word; a line for the shell is written {_shell_line(command)}"
    if not folders:
        return "check the path; it counts from the working folder"
    return _hint_for_name(command, folders)


def _hint_for_name(command: str, folders: list[str]) -> str:
    for shell, words in SHELL_WORDS.items():
        if f" {command} " in words:
            return f"{command} is part of the shell: {_shell_line(command + ' …', shell)}"
    if f" {command} " in ALIASES:
        return f"{command} is an alias as a rule, which is not seen here: write what it stands for"
    if os.path.isfile(command):
        return f"there is one in the working folder: {shown(os.path.join('.', command))}"
    alias = "an alias or function of your shell is not seen here: write what it stands for"
    match = nearest(command, _commands(folders))
    return f'did you mean "{shown(match)}"? {alias}' if match else alias


def _shell_line(text: str, shell: str = "sh") -> str:
    if sys.platform == "win32":
        line = f'cmd /c "{shown(text)}"'
    else:
        quoted = shown(text).replace("'", "'\\''")
        line = f"{shell} -c '{quoted}'"
    return line


def _commands(folders: list[str]) -> set[str]:
    names: set[str] = set()
    for folder in folders:
        try:
            names.update(os.listdir(folder or "."))
        except (OSError, ValueError):
            continue
    return names


def not_executable(command: str, path: str, problem: int) -> CommandError:
    """Say why the file that was found for the command is none that can be run."""
    word = shown(command)
    if problem == errno.EISDIR:
        return CommandError(
            "not-executable",
            f'"{word}" is a folder: {shown(path)}',
            "name the program in it",
        )
    if problem == errno.EACCES and os.path.isfile(path):
        interpreter = INTERPRETERS.get(os.path.splitext(path)[1])
        by = f"{interpreter} {typed(path)}, or " if interpreter else ""
        return CommandError(
            "not-executable",
            f'"{word}" is not executable: {shown(path)}',
            f"{by}chmod +x {typed(path)}",
        )
    return CommandError(
        "not-executable",
        f'cannot run "{word}": {os.strerror(problem).lower()}: {shown(path)}',
        "check the path and its permissions",
    )


def by_system(
    command: str,
    path: str,
    error: OSError,
    argv: Sequence[bytes],
    environ: Mapping[bytes, bytes],
) -> CommandError:
    """Say why execve refused a file that `find` had accepted. No value of `environ` is told."""
    problem = error.errno or errno.EIO
    word = shown(command)
    if problem == errno.E2BIG:
        message, hint = _too_long(argv, environ)
        return CommandError("not-executable", f'cannot run "{word}": {message}', hint)
    if problem == errno.ENOENT:
        return _interpreter_missing(word, path)
    if problem == errno.ENOEXEC:
        return CommandError(
            "not-executable",
            f'"{word}" is a program for another system: {shown(path)}',
            "install the one for this machine",
        )
    if problem == errno.ETXTBSY:
        return CommandError(
            "not-executable",
            f'"{word}" is being written to: {shown(path)}',
            "run this again once the writer is done",
        )
    if problem == errno.EACCES and (interpreter := _interpreter(path)):
        return CommandError(
            "not-executable",
            f'cannot run "{word}": permission denied, perhaps for its {shown(interpreter)}',
            f"check the first line of {shown(path)}",
        )
    return not_executable(command, path, problem)


def _too_long(argv: Sequence[bytes], environ: Mapping[bytes, bytes]) -> tuple[str, str]:
    """Name the one string that is too long for Linux by itself, else the sum of all."""
    if sys.platform == "linux":
        longest = LONGEST_STRING_PAGES * os.sysconf("SC_PAGE_SIZE") - 1  # its closing NUL
        for number, argument in enumerate(argv):
            if len(argument) > longest:
                return (
                    f"argument {number} has {len(argument)} bytes, the system takes {longest}",
                    "hand it over in a file or on stdin",
                )
        for name, value in environ.items():
            if len(name) + 1 + len(value) > longest:
                variable = shown(os.fsdecode(name))
                size = len(name) + 1 + len(value)
                return (
                    f"the variable {variable} has {size} bytes, the system takes {longest}",
                    f"unset {variable}",
                )
    size = sum(len(argument) + 1 for argument in argv)
    size += sum(len(name) + len(value) + 2 for name, value in environ.items())
    return (
        f"arguments and environment are too long together: {size} bytes",
        "hand the arguments over in a file or on stdin, or use --pristine",
    )


def _interpreter(path: str) -> str:
    """Return the program that a script's first line names; empty where there is no such line."""
    try:
        with open(path, "rb") as file:
            start = file.read(LINE)
    except OSError:
        return ""
    if not start.startswith(b"#!"):
        return ""
    words = start[2:].split(b"\n")[0].strip(b" \t").replace(b"\t", b" ").split(b" ")
    return os.fsdecode(words[0])


def _interpreter_missing(word: str, path: str) -> CommandError:
    interpreter = _interpreter(path)
    if not os.path.exists(path):
        return CommandError("not-found", f'"{word}" has gone: {shown(path)}', "run this again")
    if interpreter.endswith("\r"):
        return CommandError(
            "not-found",
            f'"{word}" wants the interpreter {shown(interpreter)}: its lines end as on Windows',
            f"sed -i 's/\\r$//' {typed(path)}",
        )
    if interpreter:
        return CommandError(
            "not-found",
            f'"{word}" wants the interpreter {shown(interpreter)}, which is not there',
            f"install it, or change the first line of {shown(path)}",
        )
    return CommandError(
        "not-found",
        f'"{word}" wants a program loader that is not there: {shown(path)}',
        "it was built for another system; install the one for this machine",
    )
