"""Tells `[notify] command` of a link, for people who are not at this terminal."""

from __future__ import annotations

import json
import subprocess

from scalekit_exec.clock import format_rfc3339
from scalekit_exec.errors import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scalekit_exec.model import Link, NotifySettings, Wanted

__all__ = ["notify"]


def notify(settings: NotifySettings, wanted: Wanted, link: Link, host: str) -> str:
    """Give the command one JSON object on its stdin; return what went wrong, "" if nothing did.

    A token is never in it: there is none yet. The command is stopped after the settings' time; its
    output is not ours to show.
    """
    told = {
        "version": 1,
        "event": "authorize",
        "service": wanted.service.name,
        "connection_name": wanted.service.connection_name,
        "identifier": wanted.identifier,
        "host": host,
        "link": link.url,
        "expires_at": None if link.expires_at is None else format_rfc3339(link.expires_at),
    }
    name = shown(settings.command[0], 80)
    try:
        done = subprocess.run(
            settings.command,
            input=json.dumps(told).encode() + b"\n",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=settings.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"[notify] command {name} did not end within {settings.timeout:g} s"
    except OSError as error:
        return f"[notify] command {name} cannot be started: {error.strerror}"
    except ValueError:
        return f"[notify] command {name} cannot be started"
    if done.returncode:
        return f"[notify] command {name} ended with {done.returncode}"
    return ""
