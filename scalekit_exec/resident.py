"""The end of a launch that stays: it serves a broker, hides secrets in the output, or both.

Only launches that were asked to stay import this room.
"""

from __future__ import annotations

from contextlib import ExitStack

from scalekit_exec import environment, launch
from scalekit_exec.errors import shown
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scalekit_exec.broker.server import Broker
    from scalekit_exec.redaction import Redactor
    from scalekit_exec.run import Ready

    Serve = Callable[[Ready, Callable[[bytes], None]], Broker]

__all__ = ["Stay", "stay"]

# What else the child may have that is not of its services: the secret of `--keep-credentials`, and
# the bearer of its broker, be it ours or that of the launch around this one.
OTHER_SECRETS = ("SCALEKIT_CLIENT_SECRET", "TOOL_CLIENT_SECRET", environment.AUTH)


@record
class Stay:
    """Why a launch stays.

    `serve` opens its broker, and is handed what to tell of every secret that the broker reads
    later; `only` gives the child no token but the broker. `redact` hides secrets in the output, and
    `note` says what cannot be hidden.
    """

    serve: Serve | None = None
    only: bool = False
    redact: bool = False
    note: Callable[[str], None] | None = None


def stay(ready: Ready, why: Stay) -> int:
    """Start the command and stay until its end; return its status, or die by its signal.

    Raises CommandError where it cannot be started, OSError where there is no port for a broker.
    """
    request = ready.request
    hiding = _Hiding(ready, why) if why.redact else None
    with ExitStack() as ends:
        served = None
        if why.serve is not None:
            broker = why.serve(ready, hiding.add if hiding else _ignore)
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
        returncode = launch.supervise(
            ready.path,
            request.command,
            child,
            redactors=hiding.redactors(child) if hiding else None,
            stopped=ends.close,
        )
    return launch.finish(returncode)


def _ignore(secret: bytes) -> None:
    del secret


class _Hiding:
    """The redactors of one launch: for stdout and for stderr, with the same secrets."""

    def __init__(self, ready: Ready, why: Stay) -> None:
        from scalekit_exec.redaction import Redactor, secrets_of, too_short

        secrets: list[bytes] = []
        for filled in ready.filled:
            of_service = list(secrets_of(filled.fields or filled.values))
            secrets += of_service
            if why.note is not None and any(map(too_short, of_service)):
                name = shown(filled.wanted.service.name)
                why.note(f"{name}: a value of under 8 characters is not hidden in the output")
        self._both: tuple[Redactor, Redactor] = Redactor(secrets), Redactor(secrets)

    def add(self, secret: bytes) -> None:
        """Hide one more from now on, in both."""
        for redactor in self._both:
            redactor.add(secret)

    def redactors(self, child: Mapping[str, str]) -> tuple[Redactor, Redactor]:
        """Return them, with what else there is to hide of this environment."""
        from scalekit_exec.redaction import encoded

        # Launches around this one have said which variables hold a token of theirs.
        marked = (word.rpartition("=") for word in child.get(environment.MARK, "").split(","))
        for name in (*OTHER_SECRETS, *(variable for word, _, variable in marked if word)):
            for secret in encoded(child.get(name, "")):
                self.add(secret)
        return self._both
