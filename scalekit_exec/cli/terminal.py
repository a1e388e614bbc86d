"""How we speak: stderr, our name first, lower case, no full stop; or one JSON object a line."""

from __future__ import annotations

import os
import sys

from scalekit_exec.clock import format_rfc3339
from scalekit_exec.errors import Failure, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalekit_exec.errors import ScalekitExecError

__all__ = ["VERSION", "Speaker", "again", "answer", "answer_json", "columns", "quoted"]

VERSION = 1


def _write(descriptor: int, stream: object, text: str) -> None:
    """Write to a descriptor at once; whoever does not listen misses it.

    Python's streams are None where the caller had closed them, and may hold text back.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    data = text.encode(encoding, "backslashreplace")
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except OSError:
            return


def answer(text: str) -> None:
    """Print an answer, that is what the user asked for, to stdout."""
    _write(1, sys.stdout, text + "\n")


def answer_json(value: Mapping[str, object]) -> None:
    """Print an answer for a program: one JSON object with the version of its form."""
    import json

    answer(json.dumps({"version": VERSION, **value}, ensure_ascii=False))


def quoted(word: str) -> str:
    """Return a word as a POSIX shell takes it, for a command to type."""
    import shlex

    return shlex.quote(shown(word, 400))


def again(options: Mapping[str, str | None]) -> str:
    """Return the options that a hinted command must repeat to mean the same."""
    given = (f" {name} {quoted(value)}" for name, value in options.items() if value is not None)
    return "".join(given)


class Speaker:
    """Says on stderr what happened, for people or, with `as_json`, for programs.

    `level` is -1 for errors only, 0 for warnings too, 1 for everything.
    """

    def __init__(self, program: str, *, as_json: bool = False, level: int = 0) -> None:
        self.program = program
        self.as_json = as_json
        self.level = level
        self._said: set[str] = set()

    def _line(self, text: str) -> None:
        _write(2, sys.stderr, text + "\n")

    def _object(self, value: dict[str, object]) -> None:
        import json

        # ASCII only: whatever the locale is, and however a reader splits lines (U+2028), it is one.
        self._line(json.dumps({"version": VERSION, **value}))

    def error(self, error: ScalekitExecError) -> None:
        """Tell an error, with every service that failed."""
        if self.as_json:
            self._object(
                {
                    "error": error.code,
                    "message": error.message,
                    "hint": error.hint,
                    "failures": [_as_json(failure) for failure in error.failures],
                }
            )
            return
        grouped: dict[tuple[str, str, str], list[str]] = {}
        for failure in error.failures or (Failure(error.code, error.message, error.hint),):
            told = (failure.code, failure.message, failure.hint)
            grouped.setdefault(told, []).append(failure.service)
        for (code, message, hint), services in grouped.items():
            names = [name for name in services if name and not message.startswith(f"{name}:")]
            suffix = f" ({', '.join(names)})" if names and len(error.failures) > 1 else ""
            self._line(f"{self.program}: error[{code}]: {message}{suffix}")
            self._hint(hint)
        if not any(hint for _, _, hint in grouped):
            self._hint(error.hint)  # one for all, as where several words are no service

    def _hint(self, hint: str) -> None:
        for line in hint.splitlines():
            self._line(f"  hint: {line}")

    def warning(self, failure: Failure) -> None:
        """Tell what went wrong without stopping anything."""
        if self.level < 0:
            return
        if self.as_json:
            self._object({"event": "warning", **_as_json(failure), "hint": failure.hint})
            return
        self._line(f"{self.program}: warning[{failure.code}]: {failure.message}")
        self._hint(failure.hint)

    def note(self, text: str) -> None:
        """Tell something worth knowing, once."""
        if self.level >= 0 and text not in self._said:
            self._said.add(text)
            self._say("note", text)

    def verbose(self, text: str) -> None:
        """Tell what happens, for `-v`."""
        if self.level > 0:
            self._say("log", text)

    def _say(self, event: str, text: str) -> None:
        if self.as_json:
            self._object({"event": event, "message": text})
        else:
            self._line(f"{self.program}: {text}")


def _as_json(failure: Failure) -> dict[str, object]:
    expires_at = failure.expires_at
    return {
        "service": failure.service,
        "connection_name": failure.connection_name,
        "identifier": failure.identifier,
        "code": failure.code,
        "status": failure.status,
        "link": failure.link,
        "expires_at": None if expires_at is None else format_rfc3339(expires_at),
        "message": failure.message,
    }


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Set rows in columns, two spaces apart, without trailing blanks."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
