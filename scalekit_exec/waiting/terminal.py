"""The terminal device and the browser of the person who waits."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Terminal"]

LONGEST_LINE = 16384
# The first process ends at once, so that the browser is nobody's child that we know: the command
# that we become must not find a child that it never started. The word says that it did not work.
APART = """\
import os, sys, webbrowser
if os.fork():
    os._exit(0)
told = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
try:
    opened = webbrowser.open(sys.argv[1])
except (webbrowser.Error, OSError):
    opened = False
if not opened:
    os.write(told, b"no")
"""


def _open_here(url: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


def _open_apart(url: str) -> bool:
    import subprocess

    command = [sys.executable, "-I", "-c", APART, url]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,  # ours is for the command
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return False
    # Reaped before the other end is read: that stays open as long as a browser in the foreground.
    process.wait()
    return process.stdout is None or not process.stdout.read()


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

        def run() -> None:
            if not (_open_here(url) if sys.platform == "win32" else _open_apart(url)):
                say("no browser could be opened; open the address above yourself")

        threading.Thread(target=run, daemon=True).start()

    def close(self) -> None:
        """Let go of the device."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
