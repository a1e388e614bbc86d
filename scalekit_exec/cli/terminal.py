"""How we speak: stderr, our name first, lower case, no full stop; or one JSON object a line."""

from __future__ import annotations

import os
import sys

from scalekit_exec.clock import format_rfc3339
from scalekit_exec.errors import ConfigurationError, Failure, again, reason, shown, typed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scalekit_exec.errors import ScalekitExecError

__all__ = [
    "VERSION",
    "Speaker",
    "again",
    "answer",
    "answer_json",
    "columns",
    "quoted",
    "table",
    "unwritten",
]

VERSION = 1
# What a hint begins with that asks for more to be said: not where it has been said.
MORE = ("run again with -v for the request's id, and ", "run again with -v; ")


def _write(descriptor: int, stream: object, text: str) -> None:
    """Write to a descriptor at once, since Python's streams may hold text back.

    They are None where the caller had closed them. Raises OSError.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    data = text.encode(encoding, "backslashreplace")
    while data:
        data = data[os.write(descriptor, data) :]


def _tell(text: str) -> None:
    """Write to stderr; whoever does not listen misses it."""
    try:
        _write(2, sys.stderr, text)
    except OSError:
        return


def answer(text: str) -> None:
    """Print an answer, that is what the user asked for, to stdout.

    Whoever stops reading has had enough. Raises ConfigurationError `config-invalid` where it cannot
    be written, as on a full disk: half an answer must not pass for one.
    """
    if sys.stdout is None:  # closed by the caller: 1 may be any file of ours by now
        raise ConfigurationError("config-invalid", "stdout is closed", "let something read it")
    try:
        _write(1, sys.stdout, text + "\n")
    except BrokenPipeError:
        return
    except OSError as error:
        raise unwritten(error) from None


def unwritten(error: OSError) -> ConfigurationError:
    """Return the error for an answer that stdout did not take."""
    what = f"cannot write to stdout: {reason(error)}"
    return ConfigurationError("config-invalid", what, "check where it goes")


def answer_json(value: Mapping[str, object]) -> None:
    """Print an answer for a program: one JSON object with the version of its form."""
    import json

    answer(json.dumps({"version": VERSION, **value}))


def is_watched(environ: Mapping[str, str]) -> bool:
    """Tell whether a person looks on: stderr is a terminal, and this is no CI."""
    ci = environ.get("CI", "").lower() not in ("", "0", "false")
    return not ci and os.isatty(2)


# A word of a command to type, under the name that the commands know.
quoted = typed


class Speaker:
    """Says on stderr what happened, for people or, with `as_json`, for programs.

    `level` is -1 for errors only, 0 for warnings too, 1 for everything.
    """

    def __init__(self, program: str, *, as_json: bool = False, level: int = 0) -> None:
        self.program = program
        self.as_json = as_json
        self.level = level
        self._said: set[str] = set()
        self._afterwards: list[Callable[[], None]] = []

    def _line(self, text: str) -> None:
        _tell(text + "\n")

    def line(self, text: str) -> None:
        """Say one line, whatever the level: it is needed."""
        self._line(f"{self.program}: {text}")

    def raw(self, text: str) -> None:
        """Write to the terminal as it is."""
        _tell(text)

    def emit(self, value: Mapping[str, object]) -> None:
        """Tell a program of something."""
        self._object(value)

    def _object(self, value: Mapping[str, object]) -> None:
        import json

        # ASCII only: whatever the locale is, and however a reader splits lines (U+2028), it is one.
        self._line(json.dumps({"version": VERSION, **value}))

    def afterwards(self, act: Callable[[], None]) -> None:
        """Have something done once an error has been told, such as to wait for what may be slow."""
        self._afterwards.append(act)

    def finish(self) -> None:
        """Do what was to be done afterwards; Ctrl-C ends it, and us."""
        try:
            for act in self._afterwards:
                act()
        except KeyboardInterrupt:
            from signal import SIGINT

            from scalekit_exec.launch import die_by_signal

            die_by_signal(SIGINT)

    def error(self, error: ScalekitExecError) -> None:
        """Tell an error, with every service that failed."""
        if self.as_json:
            self._object(
                {
                    "error": error.code,
                    "message": error.message,
                    "hint": self._due(error.hint),
                    "failures": [failure_as_json(failure) for failure in error.failures],
                }
            )
            return
        grouped: dict[tuple[str, str, str], list[str]] = {}
        for failure in error.failures or (Failure(error.code, error.message, error.hint),):
            told = (failure.code, failure.message, failure.hint)
            grouped.setdefault(told, []).append(failure.service)
        for (code, message, hint), services in grouped.items():
            names = [name for name in services if name and not _names(message, name)]
            suffix = f" ({', '.join(names)})" if names and len(error.failures) > 1 else ""
            self._line(f"{self.program}: error[{code}]: {message}{suffix}")
            self._hint(hint)
        if not any(hint for _, _, hint in grouped):
            self._hint(error.hint)  # one for all, as where several words are no service

    def _hint(self, hint: str) -> None:
        for line in self._due(hint).splitlines():
            self._line(f"  hint: {line}")

    def _due(self, hint: str) -> str:
        """Return a hint without the `-v` that it asks for, where that was given."""
        if self.level > 0:
            for more in MORE:
                hint = hint.removeprefix(more)
        return hint

    def warning(self, failure: Failure) -> None:
        """Tell what went wrong without stopping anything."""
        if self.level < 0:
            return
        if self.as_json:
            self._object(
                {"event": "warning", **failure_as_json(failure), "hint": self._due(failure.hint)}
            )
            return
        self._line(f"{self.program}: warning[{failure.code}]: {failure.message}")
        self._hint(failure.hint)

    def note(self, text: str) -> None:
        """Tell something worth knowing, once."""
        if self.level >= 0 and text not in self._said:
            self._said.add(text)
            self._say("note", text)

    def announce(self, text: str) -> None:
        """Tell what nobody may miss, such as that nothing here is real; also with `-q`."""
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


def _names(message: str, service: str) -> bool:
    """Tell whether a failure's message says already which service it is about."""
    return message.startswith((f"{service}:", f'no service "{shown(service, 60)}" '))


def failure_as_json(failure: Failure) -> dict[str, object]:
    """Return a failure with the keys that section JSON of docs/errors.md promises."""
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


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Set rows under a header; where the terminal is narrower than that, each row as a block.

    A block has each cell behind its column's name, on as many lines as its words need. The width is
    that of the terminal on stdout, or what COLUMNS says; without either a table is as wide as it
    needs to be.
    """
    if not rows:
        return []
    lines = columns([header, *rows])
    width = _width()
    if width is None or max(map(len, lines)) <= width:
        return lines
    blocks: list[str] = []
    for row in rows:
        cells = [(name.lower(), cell) for name, cell in zip(header, row, strict=True) if cell]
        room = width - max((len(name) for name, _ in cells), default=0) - 2
        pairs: list[tuple[str, str]] = []
        for name, cell in cells:
            first, *more = _broken(cell, room)
            pairs += [(name, first), *(("", line) for line in more)]
        blocks += ["", *columns(pairs)]
    return blocks[1:]


def _broken(cell: str, width: int) -> list[str]:
    """Break a cell of several words into lines; a word stays whole, be it longer than that."""
    from textwrap import wrap

    lines = wrap(cell, max(width, 1), break_long_words=False, break_on_hyphens=False)
    return lines or [cell]


def _width() -> int | None:
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told[:6]) > 0:
        return int(told[:6])
    try:
        return os.get_terminal_size(1).columns or None
    except (OSError, ValueError):  # no terminal
        return None
