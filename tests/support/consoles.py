"""A program at a terminal, as a person would have it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pexpect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# What terminals answer when they are asked for the cursor's place and for what they are.
ANSWERS = {"\x1b[6n": "\x1b[1;1R", "\x1b[c": "\x1b[?1;2c", "\x1b[0c": "\x1b[?1;2c"}


class Console:
    """A running program; `seen` is all that it has put on the screen since it was last cleared."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        self._child = pexpect.spawn(
            words[0],
            list(words[1:]),
            env=dict(environ),
            cwd=str(folder),
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(30, 200),
        )
        self._child.delaybeforesend = None
        self.seen = ""
        self.settle(first=5)

    def settle(self, *, first: float = 0.6, quiet: float = 0.12) -> None:
        """Read until nothing has come for a while, answering what a terminal is asked.

        `first` is how long to wait for anything at all, `quiet` for more, both in seconds.
        """
        end = time.monotonic() + 10
        wait = first
        while time.monotonic() < end:
            try:
                text = self._child.read_nonblocking(65536, wait)
            except (pexpect.TIMEOUT, pexpect.EOF):
                return
            self.seen += text
            for question, answer in ANSWERS.items():
                for _ in range(text.count(question)):
                    self._child.send(answer)
            wait = quiet

    def send(self, keys: str, *, quiet: float = 0.03) -> None:
        """Type keys, and read what they do."""
        if keys:
            self._child.send(keys)
            self.settle(quiet=quiet)

    def wait_for(self, pattern: str, seconds: float = 15) -> str:
        """Read until the screen has had this; return its group, or all of it, and clear `seen`."""
        end = time.monotonic() + seconds
        while not (match := re.search(pattern, self.seen)):
            assert time.monotonic() < end, f"no {pattern!r} in {self.seen!r}"
            self.settle(first=0.05, quiet=0.02)
        self.seen = self.seen[match.end() :]
        return match[match.lastindex or 0]

    def wait_for_file(self, path: Path, seconds: float = 15) -> str:
        """Read until a file is there; return what is in it."""
        end = time.monotonic() + seconds
        while not path.exists():
            assert time.monotonic() < end, f"{path.name} was not made: {self.seen!r}"
            self.settle(first=0.02, quiet=0.02)
        return path.read_text()

    def close(self) -> None:
        """End it, however it feels."""
        self._child.close(force=True)
