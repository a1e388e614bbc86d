"""The story of one launch."""

from __future__ import annotations

from scalekit_exec import config, environment, launch, resolver
from scalekit_exec.clock import Deadline
from scalekit_exec.errors import raise_failures
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scalekit_exec.environment import Policy
    from scalekit_exec.errors import Failure
    from scalekit_exec.model import ServiceMap, Wanted
    from scalekit_exec.resolver import Outcome, Rules
    from scalekit_exec.vault import Vault

    Wait = Callable[[Sequence[Wanted], Outcome, Vault, Deadline, Rules], Outcome]
    Connect = Callable[[ServiceMap, Sequence[Wanted], Deadline], tuple[Vault, Rules]]

__all__ = ["Launch", "run"]


@record
class Launch:
    """What one launch is to do: the words, the command, and how."""

    words: tuple[str, ...]
    command: tuple[str, ...]
    environ: Mapping[str, str]
    policy: Policy
    identifier: str | None = None
    timeout: float = 30.0


def run(
    request: Launch,
    load_map: Callable[[], ServiceMap],
    connect: Connect,
    warn: Callable[[Failure], None],
    wait: Wait | None = None,
) -> int:
    """Resolve the services and become the command; return its status where that is not possible.

    `connect` finds the credentials and opens the vault; `wait`, if given, lets a person authorize
    what only lacks that. The command is looked up before anything is sent, so that a typing error
    costs no token. Raises ScalekitExecError; no child was started
    then.
    """
    service_map = load_map()
    wanted = config.select(
        service_map,
        request.words,
        identifier=request.identifier,
        windows=request.policy.windows,
    )
    bare = environment.build(request.environ, wanted, (), request.policy)
    path = launch.find(request.command[0], bare)
    launch.check(path, request.command)
    deadline = Deadline(request.timeout)
    vault, rules = connect(service_map, wanted, deadline)
    try:
        outcome = resolver.resolve(wanted, vault, deadline, rules)
        if wait is not None:
            outcome = wait(wanted, outcome, vault, deadline, rules)
    finally:
        vault.close()
    for warning in outcome.warnings:
        warn(warning)
    raise_failures(outcome.failures)
    child = environment.build(request.environ, wanted, outcome.filled, request.policy)
    return launch.replace(path, request.command, child)
