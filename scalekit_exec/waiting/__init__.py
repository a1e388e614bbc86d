"""Waiting for a person: links shown, accounts asked for, until all are ACTIVE or time is up.

A launch and `scalekit-auth authorize` wait by the same code and speak the same words.
"""

from __future__ import annotations

from scalekit_exec.waiting.driver import drive
from scalekit_exec.waiting.effects import Effects, Options
from scalekit_exec.waiting.notify import tell_all
from scalekit_exec.waiting.resume import can_wait, nobody_within, resume, unopened
from scalekit_exec.waiting.show import Show
from scalekit_exec.waiting.terminal import Terminal

__all__ = [
    "Effects",
    "Options",
    "Show",
    "Terminal",
    "can_wait",
    "drive",
    "nobody_within",
    "resume",
    "tell_all",
    "unopened",
]
