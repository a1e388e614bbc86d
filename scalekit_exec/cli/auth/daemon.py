"""`scalekit-auth daemon`: start, stop and look at the process that makes launches faster."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import click

from scalekit_exec import config
from scalekit_exec.cli import terminal
from scalekit_exec.cli.auth.session import FAILURE, Commands, common
from scalekit_exec.config.settings import LONGEST_CACHE
from scalekit_exec.errors import ConfigurationError, ScalekitExecError, UsageError, reason, shown
from scalekit_exec.files import displayed, typed_path
from scalekit_exec.model import DaemonSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalekit_exec.cli.auth.session import Session

__all__ = ["command"]

# A daemon has to import what it asks Scalekit with before it can be spoken to.
PATIENCE = 10.0
ABSENT: dict[str, object] = {"pid": None, "since": None, "served": 0, "connections": 0}


class _Seconds(click.FloatRange):
    name = "number of seconds"


@click.group(cls=Commands)
def command() -> None:
    """Keep the way to Scalekit warm between launches.

    The daemon is one process per user. It keeps connections to Scalekit and the token by which we
    speak to it; every launch sends its own client credentials along. Idle for 15 minutes, it ends.
    """


@command.command()
@click.option(
    "--cache",
    type=_Seconds(0, LONGEST_CACHE),
    metavar="SECONDS",
    help="Remember credentials that long, in memory. Default: what [daemon] says, else not at all.",
)
@common
def start(session: Session, *, cache: float | None) -> int:
    """Start the daemon, unless it runs already."""
    folder = _folder(session.environ)
    found = _find(folder)
    if found is not None:
        told = found.told or _refuse(found, folder)
        session.speaker.note(f"the daemon runs already, pid {found.pid}")
        if cache is not None:
            what = "--cache is for a daemon that starts"
            session.speaker.note(f"{what}: scalekit-auth daemon stop, then start it again")
        return _answer(session, told)
    _start(folder, _settings(session).cache if cache is None else cache)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = _find(folder)
        if found is not None and found.told is not None:
            return _answer(session, found.told)
        time.sleep(0.01)
    raise ScalekitExecError(
        "broker", "the daemon did not start", "launches work without it, only slower"
    )


@command.command()
@common
def stop(session: Session) -> int:
    """Stop the daemon, of whichever version it is."""
    folder = _folder(session.environ)
    found = _find(folder)
    if found is None:
        return _answer(session, ABSENT)
    if found.pid <= 0:
        _refuse(found, folder)
    os.kill(found.pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        again = _find(folder)
        if again is None or again.pid != found.pid:
            return _answer(session, ABSENT, f"the daemon is stopped, pid {found.pid}")
        time.sleep(0.01)
    raise ScalekitExecError(
        "broker", f"the daemon does not end, pid {found.pid}", f"kill -9 {found.pid}"
    )


@command.command()
@common
def status(session: Session) -> int:
    """Tell whether the daemon runs: status 0, or 1 where it does not."""
    folder = _folder(session.environ)
    found = _find(folder)
    if found is None:
        _answer(session, ABSENT)
        return FAILURE
    return _answer(session, found.told or _refuse(found, folder))


def _answer(session: Session, told: Mapping[str, object], absent: str = "no daemon runs") -> int:
    if session.as_json:
        terminal.answer_json({name: told.get(name) for name in ABSENT})
    elif told is ABSENT:
        terminal.answer(absent)
    else:
        terminal.answer(
            f"the daemon runs, pid {told['pid']}, since {shown(told['since'])}; "
            f"calls served: {told['served']}, connections open: {told['connections']}"
        )
    return 0


def _settings(session: Session) -> DaemonSettings:
    """Return what the user's file says; the defaults where there is no map at all."""
    try:
        return session.service_map().settings.daemon
    except ConfigurationError as error:
        if error.code != "config-missing":
            raise
        return DaemonSettings()


def _folder(environ: Mapping[str, str]) -> str:
    if sys.platform == "win32":
        raise UsageError(
            "usage",
            "the daemon is not supported on Windows",
            "launches work without it, only slower",
        )
    from scalekit_exec.daemon import place

    folder = place.folder(environ)
    if folder is None:
        where = displayed(config.user_path(environ))
        raise ConfigurationError(
            "config-invalid",
            f"there is no home to keep the daemon's socket in, nor {where}",
            "set HOME or XDG_RUNTIME_DIR to a folder of yours",
        )
    return folder


def _start(folder: str, cache: float) -> None:
    """Start the daemon; ConfigurationError `config-invalid` for a folder that is not ours."""
    if sys.platform == "win32":
        return
    from scalekit_exec.daemon import process

    try:
        process.start(folder, cache=cache)
    except OSError as error:
        raise _unfit(folder, error) from None


def _unfit(folder: str, error: OSError) -> ConfigurationError:
    name = displayed(folder)
    why = f"cannot be used: {reason(error)}" if error.strerror else shown(error)
    return ConfigurationError(
        "config-invalid",
        f"the daemon's folder {name} {why}",
        f"it must be a folder of yours, mode 0700, and no link: ls -ld {typed_path(folder)}",
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """A daemon; `told` is None where it is one that launches pass over, `why` says for what."""

    pid: int
    told: Mapping[str, object] | None = None
    why: str = ""


def _find(folder: str) -> _Found | None:
    """Return the daemon of this folder; None where there is none."""
    if sys.platform == "win32":
        return None
    from scalekit_exec.daemon import place
    from scalekit_exec.daemon.client import AbsentError, Connection, PassedOverError

    try:
        os.close(place.open_folder(folder))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unfit(folder, error) from None

    try:
        connection = Connection(folder)
        try:
            return _Found(connection.pid, connection.ask({"call": "status"}, PATIENCE))
        finally:
            connection.close()
    except AbsentError:
        return None
    except PassedOverError as error:
        return _Found(error.pid, why=str(error))
    except TimeoutError:
        return _Found(connection.pid, why="it does not answer")


def _refuse(found: _Found, folder: str) -> NoReturn:
    """Raise the error for a daemon that launches pass over."""
    hint = "scalekit-auth daemon stop, then start it again"
    if found.pid <= 0:
        hint = f"remove what you did not put there, then start it again: ls -l {typed_path(folder)}"
    raise ScalekitExecError(
        "broker",
        f"a daemon is there that launches pass over, pid {found.pid or 'unknown'}: {found.why}",
        hint,
    )
