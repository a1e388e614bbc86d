"""A launch's second half where somebody had to authorize first."""

from __future__ import annotations

import time

from scalekit_exec import resolver
from scalekit_exec.authorization import Target
from scalekit_exec.errors import Failure, ScalekitExecError
from scalekit_exec.record import replace
from scalekit_exec.resolver import Outcome, must_authorize
from scalekit_exec.waiting.driver import drive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.clock import Deadline
    from scalekit_exec.environment import Filled
    from scalekit_exec.model import Wanted
    from scalekit_exec.resolver import Rules
    from scalekit_exec.vault import Vault
    from scalekit_exec.waiting.effects import Effects

__all__ = ["can_wait", "nobody_within", "resume", "unopened"]


def can_wait(outcome: Outcome) -> bool:
    """Tell whether people alone stand between this outcome and a launch."""
    return bool(outcome.unauthorized) and len(outcome.unauthorized) == len(outcome.failures)


def resume(
    wanted: Sequence[Wanted],
    outcome: Outcome,
    vault: Vault,
    deadline: Deadline,
    rules: Rules,
    effects: Effects,
    patience: float,
) -> Outcome:
    """Wait for the unauthorized services, then read each once more; the rest is kept.

    Not kept is what has become too old meanwhile: that is read once more too. `patience` is in
    seconds. All or nothing: where one is not authorized, its failure comes back with the last link.
    """
    begun = time.monotonic()
    # Two words for one account need one click.
    by_key = {service.key: Target(service, status) for service, status in outcome.unauthorized}
    targets = list(by_key.values())
    effects.begin(patience, targets)
    failed = drive(targets, effects, patience, timeout=deadline.seconds)
    if failed or effects.waiting_for(targets):
        failures = [
            unopened(target, effects, rules, nobody_within(patience))
            for target in effects.waiting_for(targets)
            if target not in [event.target for event in failed]
        ]
        told = [_told(event.target, event.error, effects, rules) for event in failed]
        return Outcome(outcome.filled, (*told, *failures), outcome.warnings)
    deadline.restart()
    waited = time.monotonic() - begun
    kept = [filled for filled in outcome.filled if not _aged(filled, waited, rules)]
    by_wanted = {filled.wanted: filled for filled in kept}
    opened = {service for service, _ in outcome.unauthorized}
    aged = {filled.wanted for filled in outcome.filled if filled.wanted not in by_wanted}
    again = [service for service in wanted if service in opened | aged]
    more = resolver.resolve(again, vault, deadline, rules)
    by_wanted |= {filled.wanted: filled for filled in more.filled}
    filled = [by_wanted[service] for service in wanted if service in by_wanted]
    # Of what was read anew, only the new reading counts.
    old = {(service.service.name, service.identifier) for service in aged}
    warnings = [each for each in outcome.warnings if (each.service, each.identifier) not in old]
    return Outcome(tuple(filled), more.failures, (*warnings, *more.warnings))


def _aged(filled: Filled, waited: float, rules: Rules) -> bool:
    """Tell whether a credential that was read before the wait has too short a life left now."""
    if filled.expires_at is None:
        return False
    return filled.expires_at - (filled.as_of + waited) < rules.min_ttl


def nobody_within(patience: float) -> str:
    """Say that time was up; `patience` is in seconds."""
    return f"nobody did within {patience:g} s"


def unopened(target: Target, effects: Effects, rules: Rules, why: str) -> Failure:
    """Return the failure of a service whose link nobody opened in time; `why` says what ended."""
    link = effects.links.get(target.wanted.named)
    end = effects.expires_at(target)
    if end is not None and end <= time.time():
        link = None
    failure = must_authorize(target.wanted, rules, target.status, link).failures[0]
    return replace(failure, message=f"{failure.message}; {why}")


def _told(target: Target, error: ScalekitExecError, effects: Effects, rules: Rules) -> Failure:
    if error.code == "timed-out":
        return unopened(target, effects, rules, error.message)
    wanted = target.wanted
    return Failure(
        error.code,
        error.message,
        error.hint,
        wanted.service.name,
        wanted.service.connection_name,
        wanted.identifier,
        target.status or None,
    )
