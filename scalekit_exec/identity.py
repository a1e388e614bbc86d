"""The identifier that an agent's IDENTITY.md proposes; a launch never reads it.

The form is OpenClaw's (`src/agents/identity-file.ts`): a bullet `- **Name:** Mess`, or its value on
the line below, as in the template. The earlier scalekit-auth skill used the name in lower case, so
that is what is proposed.
"""

from __future__ import annotations

import os

from scalekit_exec.config.services import identifier_fault
from scalekit_exec.errors import ConfigurationError, shown
from scalekit_exec.files import HOME, read_trusted
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Proposal", "candidates", "parse_name", "propose"]

FILE = "IDENTITY.md"
# What the template and OpenClaw itself put where a name is to come.
_PLACEHOLDERS = ("pick something you like", "not set yet", "not set", "not specified")
_MARKS = "*_` \t"


@record
class Proposal:
    """An identifier, and the file that it was found in."""

    identifier: str
    path: str


def propose(environ: Mapping[str, str], cwd: str) -> Proposal | None:
    """Return what the first IDENTITY.md that names anybody proposes; None where there is none.

    A file that somebody else could have written is passed over, and so is a name that Scalekit
    would refuse as an identifier or that a terminal would not show as it is.
    """
    for path in candidates(environ, cwd):
        try:
            data = read_trusted(path)
        except (FileNotFoundError, ConfigurationError):
            continue
        identifier = (parse_name(data.decode("utf-8", "replace")) or "").lower()
        plain = shown(identifier) == identifier and "\ufffd" not in identifier
        if identifier and plain and not identifier_fault(identifier):
            return Proposal(identifier, path)
    return None


def candidates(environ: Mapping[str, str], cwd: str) -> Iterator[str]:
    """Go through the places of an IDENTITY.md: the working folder, then OpenClaw's workspace."""
    yield os.path.join(cwd, FILE)
    profile = environ.get("OPENCLAW_PROFILE", "").strip()
    named = profile and profile.lower() != "default"
    workspace = f"workspace-{profile}" if named else "workspace"
    for state in (
        environ.get("OPENCLAW_STATE_DIR", "").strip(),
        os.path.join(environ.get(HOME, ""), ".openclaw"),
    ):
        if os.path.isabs(state):
            yield os.path.join(state, workspace, FILE)


def parse_name(text: str) -> str | None:
    """Return the name that an IDENTITY.md gives; the last one counts, as in OpenClaw.

    A value below its label is the next line that is not blank, unless that is another bullet or a
    heading.
    """
    found = None
    lines = [line.strip() for line in text.splitlines()]
    for at, line in enumerate(lines):
        label, colon, value = line.removeprefix("-").partition(":")
        if not colon or _bare(label).lower() != "name":
            continue
        value = _bare(value) or _bare(_below(lines[at + 1 :]))
        if value and not _is_placeholder(value):
            found = value
    return found


def _below(lines: list[str]) -> str:
    line = next((line for line in lines if line), "")
    return "" if line.startswith(("-", "#")) else line


def _bare(text: str) -> str:
    return text.strip(_MARKS)


def _is_placeholder(value: str) -> bool:
    if value.startswith("(") and value.endswith(")"):
        value = value[1:-1]
    return " ".join(value.split()).lower() in _PLACEHOLDERS
