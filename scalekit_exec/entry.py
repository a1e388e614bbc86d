"""The console scripts and `get_token.py`: make signals and the import path safe, then hand over.

The import path holds the working folder where PYTHONPATH has an empty entry, and a repository may
hold a `tomli.py`. It must not run beside the client secret, so nothing is imported here before such
entries are gone but what is built into the interpreter; `__future__` is not, for one.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # built in; `signal` itself imports enum

__all__ = ["predecessor", "scalekit_auth", "scalekit_exec"]


OBJECTS_BETWEEN_COLLECTIONS = 100_000


def _trust_only_installed_code() -> None:
    """Take the working folder and what relative entries of PYTHONPATH became out of the path.

    By now `site` has made every entry absolute, so the entries of PYTHONPATH are made absolute in
    the same way and compared. The folder that this package itself was loaded from stays.
    """
    import os  # frozen into the interpreter, like sys

    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    try:
        unsafe = {os.getcwd()}
    except OSError:  # the working folder was removed
        unsafe = set()
    for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        if not os.path.isabs(entry):
            unsafe.add(os.path.abspath(entry) if unsafe else entry)
    sys.path[:] = [
        entry
        for entry in sys.path
        if entry == here or (os.path.isabs(entry) and entry not in unsafe)
    ]


def _end_by_interrupt() -> None:
    """Let Ctrl-C end us as a signal from now on, and not as a traceback out of some import."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _collect_seldom() -> None:
    """Look for unreachable cycles of objects only when there are very many objects.

    A launch ends before there are any; looking among what it imports is 6 % of its instructions.
    What stays for hours (`--serve`, `--redact`, `--wait`) still has its cycles collected.
    """
    import gc  # built in

    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


def scalekit_exec() -> int:
    """Run `scalekit-exec`; return its status where it did not become the child."""
    _collect_seldom()
    if sys.platform != "win32":
        _end_by_interrupt()
    _trust_only_installed_code()
    if "--list-words" in sys.argv and "--" not in sys.argv:
        from scalekit_exec.cli.offer import main as offer  # a Tab is waited for

        return offer(sys.argv[1:])
    from scalekit_exec.cli.exec import main

    return main(sys.argv[1:])


def scalekit_auth() -> int:
    """Run `scalekit-auth`; return its status.

    Its commands clear up after a Ctrl-C, so it is Python's again once there is anything to clear.
    """
    handler = signal.getsignal(signal.SIGINT)
    if sys.platform != "win32":
        _end_by_interrupt()
    _trust_only_installed_code()
    try:
        from scalekit_exec.cli.auth import main
    except ModuleNotFoundError as error:
        return _fail_incomplete(error)
    signal.signal(signal.SIGINT, handler)
    return main(sys.argv[1:])


def _fail_incomplete(error: ModuleNotFoundError) -> int:
    """Say what `scalekit-auth` lacks to be imported at all; return its status for a failure."""
    import os

    from scalekit_exec.cli import terminal, words
    from scalekit_exec.errors import internal

    as_json = words.wants_json(sys.argv[1:], os.environ)
    terminal.Speaker("scalekit-auth", as_json=as_json).error(internal(error))
    return 1


def predecessor(file: str) -> int:
    """Run `get_token.py`, which is `file`; return its status."""
    _trust_only_installed_code()
    from scalekit_exec.predecessor import main

    return main(sys.argv[1:], file)
