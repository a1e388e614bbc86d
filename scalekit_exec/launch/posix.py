"""Becoming the child on POSIX: look up, put our traces away, `execve`."""

from __future__ import annotations

import errno
import os
import stat
import sys

from scalekit_exec.launch.status import die_by_signal, flush

assert sys.platform != "win32"  # noqa: S101 - how mypy is told that a module is of one platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from types import FrameType
    from typing import NoReturn
else:
    import _signal as signal  # `signal` imports enum, which the launch has no time for

__all__ = [
    "IGNORED_BY_PYTHON",
    "SHELL",
    "begin",
    "caller_environment",
    "check",
    "find",
    "is_binary",
    "limit_core",
    "replace",
    "to_bytes",
]

SHELL = "/bin/sh"
# What PEP 538 may have put into the environment, in the interpreter's own order.
COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
# CPython ignores these two from its start on and hides what they were.
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
# A bare name goes on to the next folder after these (glibc's execvp).
ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENODEV, errno.ETIMEDOUT)


def begin() -> None:
    """Make our own time safe; the first thing that a launch does.

    Closed standard descriptors are opened on /dev/null, so that no socket of ours becomes the
    child's stdout; they are close-on-exec, and the child finds them closed again. SIGINT ends us
    as it would the child, without Python's KeyboardInterrupt. A crash of ours, or SIGQUIT,
    leaves no core file with a token in it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if os.getpid() == 1:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            # The default action would not end pid 1. execve resets handlers by itself.
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, _leave)
    limit_core()


def _leave(signum: int, _: FrameType | None) -> None:
    die_by_signal(signum)


def limit_core() -> None:
    """Lower the soft limit of core files; the hard one is left, so that the child may raise it.

    Linux takes 0 for "no file" and still feeds a core_pattern that is a pipe; it is 1 that stops
    both (core(5)).
    """
    import resource

    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    soft = 1 if sys.platform == "linux" and hard != 0 else 0
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def caller_environment() -> dict[str, str]:
    """Return the environment as the caller had it; call it before anything changes `os.environ`.

    Bytes that the locale cannot read are lone surrogates and become the same bytes in `replace`.
    In a C locale the interpreter may have set LC_CTYPE for itself (PEP 538), which the caller did
    not do. A variable without a name is left out: nobody could ask for it, and Python's execve
    refuses it.
    """
    environ = {name: value for name, value in os.environ.items() if name}
    if environ.get("LC_CTYPE") in COERCED and not environ.get("LC_ALL"):
        try:
            _restore_ctype(environ, _first_environment())
        except OSError:  # no /proc: not Linux, or a bare chroot
            _guess_ctype(environ)
    return environ


def _first_environment() -> list[bytes]:
    if sys.platform != "linux":
        raise FileNotFoundError(errno.ENOENT, "only Linux keeps it")
    with open("/proc/self/environ", "rb") as file:
        return file.read().split(b"\0")


def _restore_ctype(environ: dict[str, str], first: list[bytes]) -> None:
    """Put LC_CTYPE back to what the process was started with."""
    prefix = b"LC_CTYPE="
    for entry in first:
        if entry.startswith(prefix):
            environ["LC_CTYPE"] = os.fsdecode(entry[len(prefix) :])
            return
    del environ["LC_CTYPE"]


def _guess_ctype(environ: dict[str, str]) -> None:
    """Drop LC_CTYPE where it was most likely the interpreter that set it.

    setenv appends, so only a last LC_CTYPE can be the interpreter's, and it is set only where the
    locale would be C without it. A shell's own last variable is `_`.
    """
    if next(reversed(environ)) == "LC_CTYPE" and environ.get("LANG", "") in ("", "C", "POSIX"):
        del environ["LC_CTYPE"]


def find(command: str, environ: Mapping[str, str]) -> str:
    """Return the path that `replace` is to run: the word itself, or where the child's PATH has it.

    A word with a slash is taken as it is. An empty entry of PATH is the working folder; without
    PATH the system's own is used, as by execvp.

    Raises CommandError `not-found`, or `not-executable` where only a folder or a file that we may
    not run has the name.
    """
    from scalekit_exec.launch import refusal

    if "/" in command:
        problem = _problem(command)
        if problem == 0:
            return command
        if problem == errno.ENOENT:
            raise refusal.not_found(command, ())
        raise refusal.not_executable(command, command, problem)
    folders = _search_path(environ).split(":")
    refused = None
    if command:
        for folder in folders:
            path = os.path.join(folder or ".", command)
            problem = _problem(path)
            if problem == 0:
                return path
            if problem not in ABSENT and refused is None:
                refused = (path, problem)
    if refused is not None:
        raise refusal.not_executable(command, *refused)
    raise refusal.not_found(command, folders)


def _search_path(environ: Mapping[str, str]) -> str:
    path = environ.get("PATH")
    return (os.confstr("CS_PATH") or os.defpath) if path is None else path


def _problem(path: str) -> int:
    """Return 0 where we may run the file, else the errno that says why not."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return errno.EISDIR
        if not stat.S_ISREG(mode):
            return errno.EACCES
        effective = os.access in os.supports_effective_ids
        return 0 if os.access(path, os.X_OK, effective_ids=effective) else errno.EACCES
    except OSError as error:
        return error.errno or errno.EIO
    except ValueError:  # a NUL: there is no such file
        return errno.ENOENT


def check(path: str, argv: Sequence[str]) -> None:
    """Accept every argument: the child gets them as they are.

    On Windows there are reasons to refuse.
    """


def replace(path: str, argv: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become the command; `argv[0]` is the word as the user typed it.

    Signal dispositions and mask are left as the caller had them, but for the two that CPython
    changed; its own handlers go with it. Call it on the main thread.

    Raises CommandError where the system refuses; then this process is as it was before.
    """
    arguments = [to_bytes(argument) for argument in argv]
    variables = {to_bytes(name): to_bytes(value) for name, value in environ.items()}
    limit_core()
    if "faulthandler" in sys.modules:
        import faulthandler

        faulthandler.disable()  # puts back a SIGSEGV that the caller ignored
    flush()
    before = [(number, signal.signal(number, signal.SIG_DFL)) for number in IGNORED_BY_PYTHON]
    try:
        _execute(path, arguments, variables)
    except OSError as error:
        from scalekit_exec.launch import refusal

        for number, handler in before:
            signal.signal(number, handler)
        raise refusal.by_system(argv[0], path, error, arguments, variables) from error


def _execute(path: str, arguments: list[bytes], variables: dict[bytes, bytes]) -> NoReturn:
    try:
        os.execve(path, arguments, variables)  # noqa: S606 - the user named the program
    except OSError as error:
        if error.errno != errno.ENOEXEC or is_binary(path):
            raise
    # A script without a first line that says who reads it: the shell does, as execvp has it.
    words = [os.fsencode(SHELL), os.fsencode(path), *arguments[1:]]
    os.execve(SHELL, words, variables)  # noqa: S606 - likewise


def is_binary(path: str) -> bool:
    """Tell a program for another machine from a script: only the former has a NUL up front."""
    try:
        with open(path, "rb") as file:
            return b"\0" in file.read(80)
    except OSError:
        return False  # a script that we may run and not read: the shell says so


def to_bytes(text: str) -> bytes:
    """Encode as the locale has it, and as UTF-8 what the locale cannot hold.

    Undoes exactly what Python did to argv and environment, and gives a credential with an umlaut
    to the child even in a C locale without UTF-8 mode.
    """
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
