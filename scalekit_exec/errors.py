"""What can go wrong, each with a stable code word, a message and a hint with what to do.

    ScalekitExecError
    ├── UsageError            usage, variable-conflict
    ├── ConfigurationError    config-missing, config-invalid, unknown-service,
    │   │                     credentials-missing
    │   └── NoCredentialsError  credentials-missing, and not even half of them
    ├── AuthorizationError    authorization-required, account-not-found
    ├── CredentialError       no-credential, token-expiring, unusable-token
    ├── VaultError            credentials-rejected, forbidden, rate-limited, unreachable,
    │                         untrusted-server, timed-out, unexpected-answer
    ├── CommandError          not-found (127), not-executable (126)
    ├── (itself)              interrupted, broker, internal (a fault of ours)
    └── LaunchError           several services failed; `failures` has each

A message has no full stop and never holds a secret; every part of it that came from a server or a
file has been through `shown`. The process ends with `exit_status`.
"""

from __future__ import annotations

from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

__all__ = [
    "CODES",
    "AuthorizationError",
    "CommandError",
    "ConfigurationError",
    "CredentialError",
    "Failure",
    "LaunchError",
    "NoCredentialsError",
    "ScalekitExecError",
    "UsageError",
    "VaultError",
    "absent",
    "again",
    "internal",
    "nearest",
    "reason",
    "shown",
    "typed",
]

OWN_FAILURE = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127

CODES = (
    "usage",
    "config-missing",
    "config-invalid",
    "unknown-service",
    "variable-conflict",
    "credentials-missing",
    "credentials-rejected",
    "forbidden",
    "account-not-found",
    "authorization-required",
    "no-credential",
    "token-expiring",
    "unusable-token",
    "rate-limited",
    "unreachable",
    "untrusted-server",
    "timed-out",
    "unexpected-answer",
    "not-found",
    "not-executable",
    "interrupted",
    "broker",
    "internal",
)

SHOWN_LENGTH = 200
# Marks that reorder what follows on a terminal (Trojan Source, CVE-2021-42574), and those that
# break a line or hide text in it.
_HIDDEN = frozenset(
    "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2060"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)


def shown(text: object, limit: int = SHOWN_LENGTH) -> str:
    """Return foreign text as one line that a terminal shows as it is, cut at `limit` characters.

    Controls, line breaks, bidirectional and zero-width marks and lone surrogates become escapes.
    """
    out = []
    length = 0
    for character in str(text):
        code = ord(character)
        if code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code <= 0xDFFF:
            character = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLW2901 - its escape
        elif character in _HIDDEN or 0xE0000 <= code <= 0xE007F:
            character = f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLW2901 - its escape
        if length + len(character) > limit:
            out.append("…")
            break
        out.append(character)
        length += len(character)
    return "".join(out)


# What no shell takes for anything else, as shlex.quote has it.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")


def typed(word: str) -> str:
    """Return foreign text as one word of a command that a hint tells to type, quoted for a shell.

    A control character is shown escaped, and so means nothing to the shell.
    """
    text = shown(word, 400)
    if text and _PLAIN.issuperset(text):
        return text
    import shlex  # it brings `re`

    return shlex.quote(text)


def again(options: Mapping[str, str | None]) -> str:
    """Return the options that a hinted command must repeat to mean the same."""
    given = (f" {name} {typed(value)}" for name, value in options.items() if value is not None)
    return "".join(given)


def reason(error: OSError, limit: int = SHOWN_LENGTH) -> str:
    """Return what the system says of an error, for the middle of a sentence: in lower case."""
    return shown(error.strerror or "unknown reason", limit).lower()


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that the word was probably meant to be, if one is close enough.

    Letters are alike in either case: GMAIL is gmail, and not nothing at all.
    """
    from difflib import get_close_matches

    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(candidate.casefold(), candidate)
    matches = get_close_matches(word.casefold(), list(folded), n=1)
    return folded[matches[0]] if matches else None


@record
class Failure:
    """How one service failed.

    `status` is the account's state at Scalekit where it is known, `expires_at` (POSIX seconds) the
    end of the link's life, or of the token's for `token-expiring`. `hint` may be empty.
    """

    code: str
    message: str
    hint: str = ""
    service: str = ""
    connection_name: str = ""
    identifier: str = ""
    status: str | None = None
    link: str | None = None
    expires_at: float | None = None


class ScalekitExecError(Exception):
    """The root of every error that this package raises on purpose."""

    exit_status = OWN_FAILURE

    def __init__(
        self, code: str, message: str, hint: str = "", *, failures: Sequence[Failure] = ()
    ) -> None:
        if code not in CODES:
            raise ValueError(f"no such code word: {code}")
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.failures = tuple(failures)

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(ScalekitExecError):
    """The words of the command line, or of an environment variable that stands for one."""


class ConfigurationError(ScalekitExecError):
    """The map, the credentials or a setting: something that the user writes down."""


class NoCredentialsError(ConfigurationError):
    """No source has any of the client credentials; a launch then looks for a broker."""


class AuthorizationError(ScalekitExecError):
    """A person must authorize first.

    `service` is the map's name for it, `link` where to send the person (None where there is none)
    and `expires_at` the end of the link's life.
    """

    @property
    def service(self) -> str:
        """The service's name in the map."""
        return self.failures[0].service if self.failures else ""

    @property
    def link(self) -> str | None:
        """The link to hand to the person, if one was made."""
        return self.failures[0].link if self.failures else None

    @property
    def expires_at(self) -> datetime | None:
        """When the link ends, in UTC."""
        from datetime import UTC, datetime

        seconds = self.failures[0].expires_at if self.failures else None
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class CredentialError(ScalekitExecError):
    """The account is there, and what it yields cannot be used."""


class VaultError(ScalekitExecError):
    """Scalekit refused, was out of reach, or gave an answer that makes no sense.

    `status` is the HTTP status that led here, where there was one. `final` says that another try
    would end alike, as after a failed look-up or handshake.
    """

    final = False

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        *,
        failures: Sequence[Failure] = (),
        status: int | None = None,
    ) -> None:
        super().__init__(code, message, hint, failures=failures)
        self.status = status


class CommandError(ScalekitExecError):
    """The command cannot be started."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.exit_status = NOT_FOUND if code == "not-found" else NOT_EXECUTABLE


class LaunchError(ScalekitExecError):
    """Several services failed; the code is the first one's."""


def absent(error: ModuleNotFoundError) -> ConfigurationError | None:
    """Return the error for a package that we need and that is not installed; None for all else."""
    from scalekit_exec import packages

    told = packages.missing(error.name)
    return ConfigurationError("config-invalid", *told) if told else None


def internal(error: Exception) -> ScalekitExecError:
    """Return the error that says where we broke, without the values that a traceback may hold.

    A package that is not installed is no fault of ours, nor a limit of the system that is met:
    `config-invalid`.
    """
    told = absent(error) if isinstance(error, ModuleNotFoundError) else _limit(error)
    if told is not None:
        return told
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "nowhere"
    if place is not None:
        where = f"{place.tb_frame.f_globals.get('__name__')}:{place.tb_lineno}"
    return ScalekitExecError(
        "internal",
        f"{type(error).__name__} in {where}",
        "this is a fault of scalekit-exec; report this line and `scalekit-exec --version`",
    )


def _limit(error: Exception) -> ConfigurationError | None:
    """Tell of a limit that the caller has set to us, such as by ulimit; None for all else."""
    import errno

    if isinstance(error, MemoryError):
        what, option = "there is no memory left", "-v"
    elif isinstance(error, RuntimeError) and "new thread" in str(error):
        what, option = "the system has no thread to give", "-u"
    elif isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        what, option = "too many files are open", "-n"
    else:
        return None
    return ConfigurationError("config-invalid", what, f"raise the limit: ulimit {option}")


_CLASSES: dict[str, type[ScalekitExecError]] = {
    "authorization-required": AuthorizationError,
    "account-not-found": AuthorizationError,
    "no-credential": CredentialError,
    "token-expiring": CredentialError,
    "unusable-token": CredentialError,
    "config-invalid": ConfigurationError,
    "unknown-service": ConfigurationError,
    "usage": UsageError,
}


def raise_failures(failures: Sequence[Failure]) -> None:
    """Raise the one error that stands for these failures; do nothing where there are none."""
    if not failures:
        return
    first = failures[0]
    if len({failure.code for failure in failures}) == 1 or len(failures) == 1:
        kind = _CLASSES.get(first.code, VaultError)
    else:
        kind = LaunchError
    message = first.message
    if len(failures) > 1:
        names = ", ".join(failure.service for failure in failures)
        message = f"{len(failures)} services failed: {names}"
    raise kind(first.code, message, first.hint, failures=failures)
