"""The story of one launch."""

from __future__ import annotations

from scalekit_exec import config, environment, launch
from scalekit_exec.clock import Deadline
from scalekit_exec.errors import raise_failures
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scalekit_exec.broker.inside import Taken
    from scalekit_exec.environment import Filled, Policy
    from scalekit_exec.errors import Failure
    from scalekit_exec.model import ServiceMap, Wanted
    from scalekit_exec.resolver import Outcome, Rules
    from scalekit_exec.vault import Vault

    Wait = Callable[[Sequence[Wanted], Outcome, Vault, Deadline, Rules], Outcome]
    Connect = Callable[[ServiceMap, Sequence[Wanted], Deadline], tuple[Vault, Rules]]
    Become = Callable[["Ready"], int]

__all__ = ["Launch", "Ready", "become", "run", "run_inside"]


@record
class Launch:
    """What one launch is to do: the words, the command, and how."""

    words: tuple[str, ...]
    command: tuple[str, ...]
    environ: Mapping[str, str]
    policy: Policy
    identifier: str | None = None
    timeout: float = 30.0


@record
class Ready:
    """A launch that has all that it needs: the command's file and the services' credentials.

    `around` is set where they came from a broker: the variables of the launch around this one.
    """

    request: Launch
    path: str
    wanted: tuple[Wanted, ...]
    filled: tuple[Filled, ...]
    around: tuple[str, ...] | None = None


def become(ready: Ready) -> int:
    """Become the command. The other way to end a launch is `resident.stay`."""
    request = ready.request
    child = environment.build(
        request.environ, ready.wanted, ready.filled, request.policy, around=ready.around
    )
    return launch.replace(ready.path, request.command, child)


def run(
    request: Launch,
    load_map: Callable[[], ServiceMap],
    connect: Connect,
    warn: Callable[[Failure], None],
    wait: Wait | None = None,
    finish: Become = become,
) -> int:
    """Resolve the services and become the command; return its status where that is not possible.

    `connect` finds the credentials and opens the vault; `wait`, if given, lets a person authorize
    what only lacks that; `finish` starts the command. It is looked up before anything is sent, so
    that a typing error costs no token. Raises ScalekitExecError; no child was started then.
    """
    service_map = load_map()
    wanted = config.select(
        service_map,
        request.words,
        identifier=request.identifier,
        windows=request.policy.windows,
    )
    path = _find(request, wanted)
    deadline = Deadline(request.timeout)
    vault, rules = connect(service_map, wanted, deadline)
    from scalekit_exec import resolver  # threads: not before the map is known to be right

    try:
        outcome = resolver.resolve(wanted, vault, deadline, rules)
        if wait is not None:
            outcome = wait(wanted, outcome, vault, deadline, rules)
    finally:
        vault.close()
    for warning in outcome.warnings:
        warn(warning)
    raise_failures(outcome.failures)
    return finish(Ready(request, path, wanted, outcome.filled))


def run_inside(
    request: Launch,
    take: Callable[[Deadline], Taken],
    warn: Callable[[Failure], None],
    finish: Become = become,
) -> int:
    """Do the same where `take` gets the services from the broker of the launch around this one."""
    path = _find(request, ())
    taken = take(Deadline(request.timeout))
    for warning in taken.warnings:
        warn(warning)
    raise_failures(taken.failures)
    return finish(Ready(request, path, taken.wanted, taken.filled, taken.around))


def _find(request: Launch, wanted: Sequence[Wanted]) -> str:
    """Find the command where the child will look for it."""
    bare = environment.build(request.environ, wanted, (), request.policy)
    path = launch.find(request.command[0], bare)
    launch.check(path, request.command)
    return path
