"""The terminal device and the browser of the person who waits."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Terminal"]

LONGEST_LINE = 16384


class Terminal:
    """Reads pasted lines from the terminal device, never from stdin, which is the child's.

    `listening` is False where there is no device, or where reading would stop us: in the
    background (SIGTTIN).
    """

    def __init__(self, *, wanted: bool) -> None:
        self.descriptor = -1
        if wanted and hasattr(os, "tcgetpgrp"):
            try:
                self.descriptor = os.open("/dev/tty", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
            except OSError:
                self.descriptor = -1

    @property
    def listening(self) -> bool:
        """Tell whether a line could be read now."""
        if self.descriptor < 0:
            return False
        try:
            return os.tcgetpgrp(self.descriptor) == os.getpgrp()
        except OSError:
            return False

    def read(self) -> str:
        """Return what was typed, as far as it is there."""
        try:
            return os.read(self.descriptor, LONGEST_LINE).decode("utf-8", "replace")
        except OSError:
            return ""

    def open_browser(self, url: str, say: Callable[[str], None]) -> None:
        """Open an address in the user's browser: BROWSER, else the desktop's.

        It may stay in the foreground for as long as it likes, so it has a thread of its own.
        """
        import threading
        import webbrowser

        def run() -> None:
            try:
                opened = webbrowser.open(url)
            except (webbrowser.Error, OSError):
                opened = False
            if not opened:
                say("no browser could be opened; open the address above yourself")

        threading.Thread(target=run, daemon=True).start()

    def close(self) -> None:
        """Let go of the device."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
