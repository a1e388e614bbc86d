"""How we end where a signal is the reason, so that the caller sees just that."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import NoReturn
else:
    import _signal as signal  # `signal` imports enum, which the launch has no time for

__all__ = ["die_by_signal", "flush"]

SIGNAL_BASE = 128


def flush() -> None:
    """Write out what our own stdout and stderr still hold; a closed or broken one is no matter."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            pass


def die_by_signal(signum: int) -> NoReturn:
    """End this process by the signal, so that a shell stops its loop as it would for the child.

    Status 128+N instead where no signal can do it: on Windows, and as pid 1, which the kernel
    shields from signals with the default action. Call it on the main thread.
    """
    flush()
    if sys.platform != "win32":
        if signum != signal.SIGKILL:  # which has no other action
            signal.signal(signum, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signum])
        signal.raise_signal(signum)  # to this thread: it has gone before the next line
    os._exit(SIGNAL_BASE + signum)
