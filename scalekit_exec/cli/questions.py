"""Asks a person, on the terminal device: stdin and stdout may belong to a script."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from scalekit_exec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ask", "ask_secret", "confirm", "is_possible"]


@contextmanager
def _device() -> Iterator[tuple[TextIO, TextIO]]:
    """Open the terminal for reading and writing; OSError where there is none."""
    if sys.platform == "win32":
        with (
            open("CONIN$", encoding="utf-8") as reader,
            open("CONOUT$", "w", encoding="utf-8") as w,
        ):
            yield reader, w
    else:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        with io.TextIOWrapper(io.FileIO(descriptor, "w+"), encoding="utf-8") as both:
            yield both, both


def is_possible() -> bool:
    """Tell whether there is a terminal to ask on."""
    try:
        with _device():
            return True
    except OSError:
        return False


def ask(question: str, default: str = "") -> str:
    """Return the line that was typed, or the default for an empty one; EOFError at its end."""
    with _device() as (reader, writer):
        writer.write(f"{question}{f' [{default}]' if default else ''}: ")
        writer.flush()
        line = reader.readline()
    if not line:
        raise EOFError
    return line.strip() or default


def confirm(question: str) -> bool:
    """Tell whether the answer was yes."""
    return ask(f"{question} (y/N)").lower() in ("y", "yes")


def ask_secret(question: str) -> Secret:
    """Return what was typed, which was not shown; EOFError at its end."""
    from getpass import getpass

    with _device():  # without a terminal, getpass would go on with stdin and show what is typed
        return Secret(getpass(f"{question}: ").strip())
