"""Hiding secrets in a stream of bytes: a pure transducer, and the one list of forms it hunts for.

`forms` says what a secret may look like; the tests take it from here too. `Redactor` replaces each
by a mask, whatever the chunks are in which the stream comes. It has no clock: who drives it calls
`release` when nothing has come for a while.

To look for fifty forms one after the other would cost fifty passes. So the long ones share one: the
stream is looked at in words of 8 bytes, of which only every second to eighth is read, and a form
that is long enough has one of them wholly inside, wherever it begins. All words that can be in a
form are in a set; a chunk that has none of them has no such form.
"""

from __future__ import annotations

import os
from binascii import b2a_base64
from bisect import bisect_right
from contextlib import suppress
from threading import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scalekit_exec.secret import Secret

__all__ = [
    "HIDDEN",
    "SHORTEST",
    "Redactor",
    "encoded",
    "forms",
    "is_hidden",
    "secrets_of",
    "too_short",
]

HIDDEN = b"[REDACTED]"
SHORTEST = 8
# Fields of a credential that are no secret, by the last word of their name.
_PUBLIC = (
    "account at domain email host id identifier login name org organization port region scope"
    " scopes site subdomain tenant type url user username version"
)
PUBLIC_FIELDS = frozenset(_PUBLIC.split())
# RFC 3986 section 2.3, and what those leave besides who encode a whole path or as JavaScript does.
UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
LEFT_ALONE = (UNRESERVED, UNRESERVED + b"/", UNRESERVED + b"!'()*")
FORM_LEAVES = (UNRESERVED, UNRESERVED.replace(b"~", b"*"))
JSON_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r"}
JSON_SHORT["\t"] = "\\t"

WORD = 8
WIDEST = 8
# Nanoseconds, measured: to look up one word, and to search one byte for one form of some length.
WORD_COST = 27.0
FIND_COST = 0.1
FIND_COST_OF_ONE = 2.5


def too_short(secret: bytes) -> bool:
    """Tell whether a secret is so short that it would be found where it is not."""
    return len(secret) < SHORTEST


def is_hidden(field: str) -> bool:
    """Tell whether a credential's field is a secret: all are, but for names and addresses."""
    name = field.lower().replace("-", "_")
    return name.rpartition("_")[2] not in PUBLIC_FIELDS


def secrets_of(fields: Mapping[str, Secret]) -> Iterator[bytes]:
    """Return the values of a credential that are to be hidden, each once."""
    values = (secret.reveal() for name, secret in fields.items() if is_hidden(name))
    for value in dict.fromkeys(values):
        yield from encoded(value)


def encoded(secret: str) -> Iterator[bytes]:
    """Return the bytes that a child may have of a secret: UTF-8, and those of the locale."""
    if not secret:
        return
    usual = secret.encode("utf-8", "surrogateescape")
    yield usual
    if not secret.isascii():
        with suppress(UnicodeEncodeError):
            of_locale = os.fsencode(secret)
            if of_locale != usual:
                yield of_locale


def forms(secret: bytes) -> tuple[bytes, ...]:
    """Return all that a secret may look like, each once: what is listed in docs/redaction.md.

    Of base64 it is the part that depends on nothing but the secret, for each of the three places
    that it can have in what was encoded.
    """
    found = [secret, *_base64(secret)]
    for digits in ("02X", "02x"):
        found += [_percent(secret, leaves, digits) for leaves in LEFT_ALONE]
        found += [_percent(secret, leaves, digits).replace(b"%20", b"+") for leaves in FORM_LEAVES]
    pairs = "%" + secret.hex("%")
    found += [pairs.encode(), pairs.upper().encode()]
    found += [secret.hex().encode(), secret.hex().upper().encode(), repr(secret)[2:-1].encode()]
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        pass  # no text: neither JSON nor a str of Python's can hold it
    else:
        found += [*_json(text), repr(text)[1:-1].encode()]
    return tuple(dict.fromkeys(found))


def _base64(secret: bytes) -> Iterator[bytes]:
    for before in range(3):
        made = b2a_base64(b"\0" * before + secret, newline=False)
        whole = (before + len(secret)) * 8 // 6
        core = made[(before * 8 + 5) // 6 : whole]
        yield core
        yield core.replace(b"+", b"-").replace(b"/", b"_")


def _percent(secret: bytes, leaves: bytes, digits: str) -> bytes:
    if not secret.translate(None, leaves):
        return secret
    return b"".join(
        bytes((byte,)) if byte in leaves else f"%{byte:{digits}}".encode() for byte in secret
    )


def _json(text: str) -> Iterator[bytes]:
    if text.isascii() and text.isprintable() and not set(text) & set('"\\/<>&'):
        yield text.encode()
        return
    for ascii_only in (False, True):
        for escaped in ("", "/", "<>&"):  # PHP escapes the slash, Go what HTML would take for tags
            for digits in ("04x", "04X"):
                yield "".join(_in_json(c, escaped, digits, ascii_only) for c in text).encode()


def _in_json(character: str, escaped: str, digits: str, ascii_only: bool) -> str:  # noqa: FBT001 - one of four
    if character in JSON_SHORT:
        return JSON_SHORT[character]
    if character == "/" and escaped == "/":
        return "\\/"
    if character < " " or character in escaped or (ascii_only and character > "~"):
        data = character.encode("utf-16-be")
        units = (int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
        return "".join(f"\\u{unit:{digits}}" for unit in units)
    return character


class _Hunt:
    """The tables to find the forms of some secrets by; never changed once made."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        listed = (form for secret in secrets for form in forms(secret))
        self.forms = tuple(sorted(dict.fromkeys(listed), key=len))
        self._step = _best_step(self.forms)
        needs = _length_for(self._step)
        self._short = tuple(form for form in self.forms if len(form) < needs)
        self._words: frozenset[int] = frozenset(
            memoryview(form[at : at + WORD]).cast("Q")[0]
            for form in self.forms[len(self._short) :]
            # At the end: a token's beginning is often the same in all of its kind.
            for at in range(len(form) - needs, len(form) - WORD + 1)
        )
        self._joined = b"".join(self.forms)
        self._starts: list[int] = []
        at = 0
        for form in self.forms:
            self._starts.append(at)
            at += len(form)
        self._heads = frozenset(
            form[:length] for form in self.forms for length in range(1, min(WORD, len(form)))
        )

    def spans(self, data: bytes) -> Sequence[tuple[int, int]]:
        """Return where forms stand, in order; those that overlap are one."""
        found: list[tuple[int, int]] = []
        for form in self._candidates(data):
            at = data.find(form)
            while at >= 0:
                start, end = at, at + len(form)
                while start < (at := data.find(form, at + 1)) < end:
                    end = at + len(form)
                found.append((start, end))
        if len(found) < 2:
            return found
        found.sort()
        merged = [found[0]]
        for start, end in found[1:]:
            if start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def _candidates(self, data: bytes) -> tuple[bytes, ...]:
        words = memoryview(data)[: len(data) // WORD * WORD].cast("Q")[:: self._step]
        return self._short if self._words.isdisjoint(words) else self.forms

    def pending(self, data: bytes) -> int:
        """Return the length of the longest end of the data with which a form begins."""
        best = 0
        end = data[-WORD:]
        if len(end) == WORD:
            at = self._joined.find(end)
            while at >= 0:
                number = bisect_right(self._starts, at) - 1
                start = self._starts[number]
                length = at + WORD - start
                if best < length < len(self.forms[number]) and data.endswith(
                    self._joined[start : at + WORD]
                ):
                    best = length
                at = self._joined.find(end, at + 1)
        if best:
            return best
        for length in range(min(WORD - 1, len(data)), 0, -1):
            if data[-length:] in self._heads:
                return length
        return 0


def _length_for(step: int) -> int:
    """Return how long a form must be to have one of the words that are looked at inside."""
    return WORD * step + WORD - 1


def _best_step(sorted_forms: Sequence[bytes]) -> int:
    """Return how many words to go on each time, for the least work in all."""

    def cost(step: int) -> float:
        apart = [form for form in sorted_forms if len(form) < _length_for(step)]
        words = WORD_COST / (WORD * step) if len(apart) < len(sorted_forms) else 0.0
        return words + sum(FIND_COST + FIND_COST_OF_ONE / len(form) for form in apart)

    return min(range(1, WIDEST + 1), key=cost)


class Redactor:
    """Hides secrets in one stream: feed it what comes, pass on what it returns.

    What may be the beginning of a form is held back until the next `feed` tells. `release` lets it
    go, since a prompt must be seen, and does not forget it: if the rest comes, that is hidden. What
    goes on with a beginning that was let go is let go too only while all of it is no more than a
    quarter of a form and 8 bytes: a secret that comes byte by byte is not let through byte by byte.

    `feed`, `release` and `close` are for one thread; `add` may be called from any.
    """

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._secrets = [secret for secret in dict.fromkeys(secrets) if not too_short(secret)]
        self._hunt = _Hunt(self._secrets)
        self._adding = Lock()
        self._kept = b""  # the end of the stream, for as far as a form may begin with it
        self._done = 0  # how much of it is out, or hidden
        self._let_go = 0  # how much of it was let go by `release`

    @property
    def held(self) -> int:
        """How many bytes are held back."""
        return len(self._kept) - self._done

    def add(self, secret: bytes) -> None:
        """Hide one more secret from now on."""
        with self._adding:
            if not too_short(secret) and secret not in self._secrets:
                self._secrets.append(secret)
                self._hunt = _Hunt(self._secrets)  # `feed` has either this one or the last

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the stream; return what may be shown by now."""
        hunt = self._hunt
        if self._kept:
            data = self._kept + data
        shown: list[bytes] = []
        at = self._done
        for start, end in hunt.spans(data):
            if end <= at:
                continue
            if start > at:
                shown.append(data[at:start])
            shown.append(HIDDEN)
            at = end
        keep = len(data) - hunt.pending(data)
        if keep > at:
            shown.append(data[at:keep])
            at = keep
        self._kept = data[keep:]
        self._done = at - keep
        self._let_go = max(0, self._let_go - keep)
        return shown[0] if len(shown) == 1 else b"".join(shown)

    def release(self) -> bytes:
        """Let go of what is held back, without forgetting it; call it when nothing more comes.

        Returns nothing where it is the continuation of what was let go before, and too long.
        """
        if self._let_go and any(
            form.startswith(self._kept) and len(self._kept) > min(SHORTEST, len(form) // 4)
            for form in self._hunt.forms
        ):
            return b""
        shown = self._kept[self._done :]
        self._done = self._let_go = len(self._kept)
        return shown

    def close(self) -> bytes:
        """End the stream; return what was held back and turned out to be no secret."""
        shown = self._kept[self._done :]
        self._kept = b""
        self._done = self._let_go = 0
        return shown
