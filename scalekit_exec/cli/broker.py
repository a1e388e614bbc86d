"""The launcher's two dealings with a broker: to be one, and to take services from one."""

from __future__ import annotations

from scalekit_exec import resolver
from scalekit_exec.clock import Deadline
from scalekit_exec.errors import (
    ConfigurationError,
    Failure,
    NoCredentialsError,
    ScalekitExecError,
    reason,
)
from scalekit_exec.record import replace
from scalekit_exec.resolver import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scalekit_exec.broker.inside import Taken
    from scalekit_exec.broker.server import Broker
    from scalekit_exec.model import Wanted
    from scalekit_exec.resolver import Rules
    from scalekit_exec.run import Ready
    from scalekit_exec.vault import Vault

__all__ = ["is_needed", "refuse_to_serve", "serve", "take"]


def serve(
    ready: Ready,
    on_secret: Callable[[bytes], None],
    reopen: Callable[[Deadline], Vault],
    rules: Rules,
    *,
    unknown_life: float = 60.0,
) -> Broker:
    """Open the launch's broker; `unknown_life` as in its terms.

    Raises ScalekitExecError `broker` where this machine has no port for it.

    Every later read opens a vault anew: hours may lie between two of them, in which connections
    die and networks change. Nobody is asked to authorize, and no link is made.
    """
    from scalekit_exec.broker.memory import Terms
    from scalekit_exec.broker.server import Broker

    judged = replace(rules, links=False, links_for_missing=False)
    if not rules.strict:  # the broker itself reads again what lives too short
        judged = replace(judged, min_ttl=0.0)

    def read(wanted: Sequence[Wanted]) -> Outcome:
        deadline = Deadline(ready.request.timeout)
        try:
            vault = reopen(deadline)
        except ScalekitExecError as error:  # a CA file that is gone by now
            return Outcome((), (Failure(error.code, error.message, error.hint),), ())
        try:
            return resolver.resolve(wanted, vault, deadline, judged)
        finally:
            vault.close()

    terms = Terms(read, on_secret, rules.min_ttl, rules.strict, unknown_life, rules.again)
    try:
        return Broker(ready.wanted, ready.filled, terms)
    except OSError as error:
        raise ScalekitExecError(
            "broker",
            f"no broker can be opened on 127.0.0.1: {reason(error)}",
            "without --serve the launch needs no port",
        ) from None


def is_needed(environ: Mapping[str, str], find_credentials: Callable[[], object]) -> bool:
    """Tell whether this launch has a broker around it and no client credentials of its own."""
    from scalekit_exec.broker import client

    if client.find(environ) is None:
        return False
    try:
        find_credentials()
    except NoCredentialsError:
        return True
    return False


def take(words: Sequence[str], environ: Mapping[str, str], **how: object) -> Taken:
    """Take services from the broker that `is_needed` found; keywords and errors as `inside.take`.

    A launch cannot serve what it was served itself: the outer broker is there for that.
    """
    from scalekit_exec.broker import client, inside

    to = client.find(environ)
    if to is None:
        raise ScalekitExecError("broker", "there is no broker around this launch")
    return inside.take(words, inside.Inside(to, **how))  # type: ignore[arg-type]


def refuse_to_serve() -> ConfigurationError:
    """Return the error for `--serve` where the tokens come from another broker."""
    return ConfigurationError(
        "credentials-missing",
        "--serve needs client credentials, and this launch takes its services from a broker",
        "let the command have that broker: --pass 'SCALEKIT_EXEC_*' instead of --serve",
    )
