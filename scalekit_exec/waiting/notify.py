"""Tells `[notify] command` of a link, for people who are not at this terminal.

A command that uses scalekit-exec itself, to send by Slack say, may need a link too. That one is
told to nobody, or each would call the next.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading

from scalekit_exec.clock import format_rfc3339
from scalekit_exec.errors import reason, shown
from scalekit_exec.model import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scalekit_exec.errors import Failure
    from scalekit_exec.model import NotifySettings, Wanted

__all__ = ["Notice", "Notices", "is_notifying", "tell_all"]

MARK = "SCALEKIT_EXEC_NOTIFYING"


def is_notifying() -> bool:
    """Tell whether this process belongs to a `[notify] command`."""
    return bool(os.environ.get(MARK))


def tell_all(
    settings: NotifySettings | None,
    wanted: Sequence[Wanted],
    failures: Sequence[Failure],
    host: str,
    say: Callable[[str], None],
) -> Notices:
    """Tell of every link that a resolution without a wait has made."""
    if settings is None or is_notifying():
        return Notices(())
    by_name = {(each.service.name, each.identifier): each for each in wanted}
    notices = []
    for failure in failures:
        service = by_name.pop((failure.service, failure.identifier), None)
        if service is not None and failure.link:
            link = Link(failure.link, failure.expires_at)
            notices.append(Notice(settings, service, link, host, say))
    return Notices(notices)


class Notices:
    """Commands that still run when a failure is told: what they tell of is shown first."""

    def __init__(self, running: Sequence[Notice]) -> None:
        self._running = running

    def end(self) -> None:
        """Let each have its time."""
        for notice in self._running:
            notice.end()


class Notice:
    """One call of the command, with one JSON object on its stdin; it runs beside a wait.

    A token is never in it: there is none yet. The command is stopped after the settings' time; its
    output is not ours to show. `say` is told what went wrong.
    """

    def __init__(
        self,
        settings: NotifySettings,
        wanted: Wanted,
        link: Link,
        host: str,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._say = say
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._name = shown(settings.command[0], 80)
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
        try:
            self._process = subprocess.Popen(
                settings.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, MARK: "1"},
            )
        except OSError as error:
            say(f"warning: [notify] command {self._name} cannot be started: {reason(error)}")
            return
        except ValueError:
            say(f"warning: [notify] command {self._name} cannot be started")
            return
        text = json.dumps(told).encode() + b"\n"
        self._thread = threading.Thread(target=self._run, args=(self._process, text), daemon=True)
        self._thread.start()

    def _run(self, process: subprocess.Popen[bytes], text: bytes) -> None:
        problem = ""
        try:
            process.communicate(text, self._settings.timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            problem = f"did not end within {self._settings.timeout:g} s"
        else:
            if process.returncode:
                problem = f"ended with {process.returncode}"
        if problem and not self._stopped.is_set():
            self._say(f"warning: [notify] command {self._name} {problem}")

    def end(self) -> None:
        """Let it have its time."""
        if self._process is not None:
            self._thread.join(self._settings.timeout + 1)

    def stop(self) -> None:
        """Stop it where it still runs: it would become the launched command's child."""
        if self._process is not None:
            self._stopped.set()
            if self._process.poll() is None:
                self._process.kill()
            self._thread.join(1)
