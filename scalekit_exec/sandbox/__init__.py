"""An emulator of Scalekit's connected accounts, on one TLS port of this machine.

`start(World.for_services(asked))` is all that a launch needs; `load_scenario` reads the states and
faults of a test from TOML. Nothing in here is real: not the tokens, not the certificate authority,
and no real credential is ever read. docs/sandbox.md is its manual.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scalekit_exec.sandbox.scenario import load_scenario
    from scalekit_exec.sandbox.wire import Sandbox, start
    from scalekit_exec.sandbox.world import World

__all__ = ["Sandbox", "World", "load_scenario", "start"]

_ROOMS = {"Sandbox": "wire", "World": "world", "load_scenario": "scenario", "start": "wire"}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for, as the package above does."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
