r"""The ends of lines that were written before a line editor took the terminal's output processing.

Python's own editor (from 3.13 on) does that through stdin, with every prompt. What the program
printed right before may be on its way through us yet, and its lines would no longer return to the
left. Line editors say where they end and begin: they switch bracketed paste off and on.
"""

from __future__ import annotations

import re

__all__ = ["Lines"]

# Bracketed paste, which is off while a program runs, and a screen of its own, which has no lines.
PASTE = b"2004"
MARKS = re.compile(rb"\x1b\[\?(2004|1049|1047|47)([hl])")
LONGEST_MARK = 8


class Lines:
    """Gives lines the carriage return that the terminal would have given them, where it is due."""

    def __init__(self) -> None:
        self._before = b""  # of what has passed, as much as could begin a mark
        self._program = False
        self._taken = False
        self._whole_screen = False

    def pass_on(self, data: bytes, *, processed: bool) -> bytes:
        r"""Return the next part of a stream as it is to be written.

        `processed` tells whether the terminal adds the "\r" itself now. That may be over before the
        write, so it is looked at only at prompts: behind an editor that does not leave it to the
        terminal, every line gets its "\r" here, and one too many moves nothing.
        """
        joined = self._before + data
        known, at = len(self._before), len(self._before)
        shown = bytearray()
        for mark in MARKS.finditer(joined):
            if mark.end() > known:
                shown += self._piece(joined[at : mark.end()])
                at = mark.end()
                if mark[1] == PASTE:
                    self._program = mark[2] == b"l"
                else:
                    self._whole_screen = mark[2] == b"h"
        shown += self._piece(joined[at:])
        if not self._program:
            self._taken = not processed
        self._before = joined[-(LONGEST_MARK - 1) :]
        return bytes(shown)

    def _piece(self, data: bytes) -> bytes:
        if self._whole_screen or not (self._program and self._taken):
            return data
        return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
