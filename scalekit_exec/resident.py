"""The end of a launch that stays: it serves a broker, hides secrets in the output, or both.

Only launches that were asked to stay import this room.
"""

from __future__ import annotations

from contextlib import ExitStack

from scalekit_exec import environment, launch
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scalekit_exec.broker.server import Broker
    from scalekit_exec.run import Ready

    Serve = Callable[[Ready, Callable[[bytes], None]], Broker]

__all__ = ["Stay", "stay"]


@record
class Stay:
    """Why a launch stays.

    `serve` opens its broker, and is handed what to tell of every secret that the broker reads
    later; `only` gives the child no token but the broker.
    """

    serve: Serve | None = None
    only: bool = False


def stay(ready: Ready, why: Stay) -> int:
    """Start the command and stay until its end; return its status, or die by its signal.

    Raises CommandError where it cannot be started, OSError where there is no port for a broker.
    """
    request = ready.request
    with ExitStack() as ends:
        served = None
        if why.serve is not None:
            broker = why.serve(ready, _ignore)
            ends.callback(broker.close)
            served = broker.served
        child = environment.build(
            request.environ,
            ready.wanted,
            () if why.only else ready.filled,
            request.policy,
            served=served,
            around=ready.around,
        )
        returncode = launch.supervise(ready.path, request.command, child)
    return launch.finish(returncode)


def _ignore(secret: bytes) -> None:
    del secret
