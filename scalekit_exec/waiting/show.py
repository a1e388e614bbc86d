"""How waiting looks: the same words for a launch and for `authorize`, a countdown for people."""

from __future__ import annotations

import os
import threading
import time

from scalekit_exec.clock import format_rfc3339
from scalekit_exec.errors import shown
from scalekit_exec.resolver import local_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scalekit_exec.authorization import Target
    from scalekit_exec.model import Link

__all__ = ["Show", "countdown"]

CLEAR = "\r\x1b[K"
USUAL_WIDTH = 80
LONGEST_NAME = 40


def countdown(names: Sequence[str], left: int | None, width: int) -> str:
    """Return one line within a width: who is waited for, and how many seconds the link is good.

    The time is what changes, so it is the names that give way to it: as many as there is room for.
    """
    end = "" if left is None else f"link good for {left // 60}:{left % 60:02d}"
    fewer = (
        f"{', '.join(names[:count])} and {len(names) - count} more"
        for count in range(len(names) - 1, 0, -1)
    )
    told = (", ".join(names), *fewer, str(len(names)))
    lines = (f"waiting for {who}{end and ', '}{end}" for who in told)
    return next((line for line in lines if len(line) <= width), (end or "waiting")[:width])


def _width() -> int:
    """Return how much of a line of the terminal on stderr can be written without a break."""
    try:
        columns = os.get_terminal_size(2).columns
    except (OSError, ValueError):
        columns = 0
    return (columns or USUAL_WIDTH) - 1


def _in_background() -> bool:
    """Tell whether the terminal on stderr is somebody else's now, as that of `COMMAND &` is."""
    if not hasattr(os, "tcgetpgrp"):
        return False
    try:
        return os.tcgetpgrp(2) != os.getpgrp()
    except OSError:  # not our terminal in that sense: nobody else types there
        return False


class Show:
    """Speaks of links on stderr.

    `line` writes one line of ours, `emit` one JSON object instead, where that is wanted; `raw`
    writes to a terminal without a line break, and is None where there is no terminal.
    """

    def __init__(
        self,
        line: Callable[[str], None],
        emit: Callable[[Mapping[str, object]], None] | None = None,
        raw: Callable[[str], None] | None = None,
    ) -> None:
        self._line = line
        self._emit = emit
        self._raw = raw if emit is None else None
        self._counting = False
        # A page that was opened, or a notifier, speaks from a thread of its own; and the handler
        # of Ctrl-C may come in between, on a thread that has the lock already.
        self._lock = threading.RLock()

    @property
    def at_terminal(self) -> bool:
        """Tell whether a person looks on."""
        return self._raw is not None

    def say(self, text: str) -> None:
        """Say one line, above the countdown."""
        with self._lock:
            self.settle()
            if self._emit is not None:
                self._emit({"event": "note", "message": text})
            else:
                self._line(text)

    def need(self, target: Target, host: str) -> None:
        """Say which service needs somebody, before the first link for it."""
        wanted = target.wanted
        if self._emit is not None:
            return
        who, where = shown(wanted.identifier), shown(wanted.service.connection_name)
        if target.status:
            state = f" (status {shown(target.status)})"
        else:
            state = ""
            self.say(f'no account "{who}" on {where} yet')
        self.say(f'{shown(wanted.named)}: "{who}" must authorize {where} at {host}{state}')

    def link(self, target: Target, link: Link, number: int) -> None:
        """Show a link and its own end."""
        wanted = target.wanted
        if self._emit is not None:
            expires_at = None if link.expires_at is None else format_rfc3339(link.expires_at)
            self._emit(
                {
                    "event": "authorize",
                    "service": wanted.service.name,
                    "identifier": wanted.identifier,
                    "link": link.url,
                    "expires_at": expires_at,
                }
            )
            return
        name = shown(wanted.named)
        what = "open" if number == 1 else "that link has ended; open"
        until = f" (until {local_time(link.expires_at)})" if link.expires_at else ""
        self.say(f"{name}: {what}{until}: {link.url}")

    def patience(self, seconds: float, targets: Sequence[Target]) -> None:
        """Say how long we wait, and for whom."""
        if self._emit is None:
            names = ", ".join(shown(target.wanted.named) for target in targets)
            unseen = self._raw is not None and _in_background()
            self.say(f"waiting {seconds:.0f} s for {names}{'' if unseen else '; Ctrl-C leaves'}")

    def count(self, waiting: Sequence[Target], expires_at: float | None) -> None:
        """Show what is waited for and how long the next link is good, in place.

        Not in the background, where it would stand over what is typed; in the foreground again.
        """
        if self._raw is None or os.environ.get("TERM") == "dumb":
            return
        if _in_background():
            with self._lock:
                self._counting = False  # what there was has scrolled away with the prompt
            return
        names = [shown(target.wanted.named, LONGEST_NAME) for target in waiting]
        left = None if expires_at is None else max(0, int(expires_at - time.time()))
        text = countdown(names, left, _width())
        with self._lock:
            self._counting = True
            self._raw(CLEAR + text)

    def settle(self) -> None:
        """Take the countdown away, so that the next line stands alone."""
        with self._lock:
            if self._counting and self._raw is not None and not _in_background():
                self._raw(CLEAR)
            self._counting = False
