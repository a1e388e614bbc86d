"""Waiting for a person, as both commands do it: what the room `waiting` needs of a terminal."""

from __future__ import annotations

import os
import signal

from scalekit_exec.launch import die_by_signal
from scalekit_exec.waiting import Effects, Options, Show, Terminal, can_wait, resume

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.cli.terminal import Speaker
    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import NotifySettings, Wanted
    from scalekit_exec.resolver import Outcome, Rules
    from scalekit_exec.vault import Vault

    Resolution = tuple[Sequence[Wanted], Outcome, Vault, Deadline, Rules]

__all__ = ["make_effects", "wait"]


def make_effects(
    speaker: Speaker,
    vault: Vault,
    deadline: Deadline,
    options: Options,
) -> Effects:
    """Put together what a wait does in the world, for the terminal or program that looks on."""
    watched = os.isatty(2)
    show = Show(
        speaker.line,
        speaker.emit if speaker.as_json else None,
        speaker.raw if watched else None,
    )
    return Effects(vault, deadline, options, show, Terminal(wanted=show.at_terminal))


def wait(
    speaker: Speaker,
    resolution: Resolution,
    *,
    notify: NotifySettings | None,
    open_browser: bool,
    seconds: float,
) -> Outcome:
    """Wait where only people stand between an outcome and a launch; else return it as it is."""
    wanted, outcome, vault, deadline, rules = resolution
    if not can_wait(outcome):
        return outcome
    options = Options(rules.host, open_browser, rules.user_verify_url, notify)
    effects = make_effects(speaker, vault, deadline, options)
    before = _settle_on_interrupt(effects)
    try:
        return resume(wanted, outcome, vault, deadline, rules, effects, seconds)
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
        effects.close()


def _settle_on_interrupt(effects: Effects) -> signal.Handlers | None:
    """Let Ctrl-C take the countdown away before it ends us; return what it did until now.

    None, and nothing is changed, where it would not have ended us: nohup holds.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_DFL:
        return None

    def leave(number: int, _: object) -> None:
        effects.settle()
        die_by_signal(number)

    signal.signal(signal.SIGINT, leave)
    return signal.SIG_DFL
