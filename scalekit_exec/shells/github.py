"""GitHub Actions: masks on stdout, variables for later steps in the file that GITHUB_ENV names.

That file is the one that a token is ever written to. It is the runner's own, made for this.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from typing import TYPE_CHECKING

from scalekit_exec.errors import ConfigurationError, UsageError, reason, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["append", "check", "entries", "masks"]


def masks(values: Iterable[str]) -> str:
    """Return the workflow commands that hide each line of each value in the job's log.

    The log is hidden line by line, so a value of several lines is masked in as many.
    """
    lines = [line for value in values for line in re.split(r"\r\n|\r|\n", value) if line.strip()]
    # A command's data has these escaped (actions/toolkit, command.ts: escapeData).
    return "".join(f"::add-mask::{line.replace('%', '%25')}\n" for line in dict.fromkeys(lines))


def entries(variables: Mapping[str, str]) -> str:
    """Return the variables as the runner reads them, each behind a delimiter that it has not."""
    out = []
    for name, value in variables.items():
        delimiter = f"scalekit_{secrets.token_hex(16)}"
        out.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    return "".join(out)


def check(environ: Mapping[str, str]) -> None:
    """See that the runner's file can be written, before anything is masked; raises as `append`."""
    append(environ, "")


def _path(environ: Mapping[str, str]) -> str:
    path = environ.get("GITHUB_ENV", "")
    if not path:
        raise UsageError(
            "usage",
            "GITHUB_ENV is not set: this is no step of GitHub Actions",
            "choose another --format",
        )
    return path


def append(environ: Mapping[str, str], text: str) -> None:
    """Append to the runner's file, in one write; it must be there already.

    Raises UsageError where GITHUB_ENV names none, ConfigurationError `config-invalid` where the
    file cannot be written.
    """
    path = _path(environ)
    try:
        _append(path, text.encode())
    except OSError as error:
        raise ConfigurationError(
            "config-invalid",
            f"cannot append to {shown(path)} (GITHUB_ENV): {reason(error)}",
            "GITHUB_ENV is to name the file that the runner made",
        ) from None


def _append(path: str, data: bytes) -> None:
    flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a file")
        if status.st_size:
            os.lseek(descriptor, -1, os.SEEK_END)
            if data and os.read(descriptor, 1) != b"\n":  # an earlier step left its line open
                data = b"\n" + data
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)
