"""What `scalekit-exec --help` says, made from the table of options."""

from __future__ import annotations

from scalekit_exec.cli.words import OPTIONS

__all__ = ["text"]

HEAD = """\
usage: scalekit-exec [OPTIONS] SERVICE... -- COMMAND [ARG...]

Run a command with fresh OAuth tokens from Scalekit in its environment, and
nowhere else.

SERVICE is NAME[@IDENTIFIER][=VARIABLE] of your map, or a group of it:
  scalekit-exec gmail slack -- python my_skill.py      GMAIL_TOKEN, SLACK_TOKEN
  scalekit-exec gmail@alice=A gmail@bob=B -- ./merge   two users of one service

options:
"""

TAIL = """
Your shell fills in $GMAIL_TOKEN before scalekit-exec runs, when it is not set
yet. Let a shell inside do it, in single quotes:
  scalekit-exec gmail -- \\
    sh -c 'curl -H "Authorization: Bearer $GMAIL_TOKEN" URL'

Statuses: the command's own; 125 our own failure, 126 the command cannot be
executed, 127 it was not found. A signal while resolving ends us by itself.

The map is scalekit.toml here or in a parent folder, and your own config.toml;
SCALEKIT_EXEC_CONFIG, _ENV_FILE, _ENVIRONMENT, _IDENTIFIER, _TIMEOUT,
_MIN_TTL, _WAIT, _REDACT and _JSON stand for the options,
SCALEKIT_EXEC_TRANSPORT is auto, https or sdk."""


def text() -> str:
    """Return the whole help, at most 80 columns wide."""
    lines = []
    for option in OPTIONS:
        if option.hidden:
            continue
        names = f"{option.short}, {option.long}" if option.short else f"    {option.long}"
        value = f"[={option.value}]" if option.optional else f" {option.value}"
        head = f"  {names}{value}".rstrip()
        lines.append(f"{head:<26} {option.text}")
    return HEAD + "\n".join(lines) + "\n" + TAIL
