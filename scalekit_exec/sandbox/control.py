"""The paths by which a test, or a person, steers a running sandbox.

They are on the same port, and need the sandbox's own client secret as a bearer: a web page that
guesses the port must not be able to read or to change anything.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scalekit_exec.errors import ConfigurationError
from scalekit_exec.sandbox.http1 import Answer, Request
from scalekit_exec.sandbox.scenario import read_account, read_fault

if TYPE_CHECKING:
    from scalekit_exec.sandbox.world import World

__all__ = ["PATH", "answer"]

PATH = "/_sandbox/"


def _json(status: int, values: object) -> Answer:
    return Answer(status, json.dumps(values).encode())


def _entries(body: bytes, name: str) -> list[object]:
    """Return the entries of `{name: [...]}`, of a bare list, or the one entry that the body is."""
    values = json.loads(body)
    if isinstance(values, dict) and name in values:
        values = values[name]
    return values if isinstance(values, list) else [values]


def answer(world: World, request: Request) -> Answer:
    """Answer a control request whose bearer has been checked."""
    action = (request.method, request.path.removeprefix(PATH))
    try:
        if action == ("GET", "requests"):
            return _json(200, {"requests": world.requests()})
        if action == ("POST", "accounts"):
            accounts = [
                read_account(entry, "request", f"accounts[{number}]")
                for number, entry in enumerate(_entries(request.body, "accounts"), 1)
            ]
            for account in accounts:
                world.put(account)
        elif action == ("POST", "faults"):
            faults = [
                read_fault(entry, "request", f"faults[{number}]")
                for number, entry in enumerate(_entries(request.body, "faults"), 1)
            ]
            for fault in faults:
                world.faults.add(fault)
        elif action == ("POST", "revoke"):
            world.revoke()
        elif action == ("POST", "reset"):
            world.reset()
        else:
            return _json(404, {"message": "no such control path"})
    except ConfigurationError as error:
        return _json(400, {"message": error.message, "hint": error.hint})
    except ValueError:
        return _json(400, {"message": "the body is not JSON"})
    return _json(200, {})
