"""HTTP/1.1 messages (RFC 9112): one request written, one response read, and nothing guessed.

http.client would do, but it imports the email package for its headers, which is a fifth of a whole
launch. What is read here is what http.client reads of it, and it is stricter: folded headers,
lengths that contradict each other and anything between two answers are refused. The tests hold both
against each other.
"""

from __future__ import annotations

from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CutShortError", "Message", "NotHttpError", "TooLongError", "form", "read", "write"]

LONGEST_LINE = 65536
MOST_HEADERS = 100
MOST_INTERIM = 8
RECEIVE = 65536
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_UNRESERVED = frozenset(b"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset(b"0123456789")
_HEX = frozenset(b"0123456789ABCDEFabcdef")


class NotHttpError(ValueError):
    """What came is no HTTP/1.1 response."""


class CutShortError(ConnectionError):
    """The connection ended before the response did; `begun` tells whether any of it had come."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__("the connection was closed")
        self.begun = begun


class TooLongError(ValueError):
    """The body is longer than the caller wants to read."""


@record
class Message:
    """A response. Header names are in lower case, several of one name are joined by ", ".

    `keep` tells whether the connection can carry another request.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    keep: bool


def write(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Return a request's bytes. Raises ValueError for a character that would end a line."""
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    if any(not line.isprintable() for line in lines):
        raise ValueError("a header or target has a control character")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def form(fields: Mapping[str, str]) -> str:
    """Return fields as a query, or as a body of application/x-www-form-urlencoded.

    A space becomes a plus, all but RFC 3986's unreserved characters percent codes of their UTF-8.
    Raises ValueError for text that has none.
    """
    return "&".join(f"{_percent(name)}={_percent(value)}" for name, value in fields.items())


def _percent(text: str) -> str:
    coded = (chr(b) if b in _UNRESERVED else f"%{b:02X}" for b in text.encode())
    return "".join(coded).replace("%20", "+")


class _Source:
    """The bytes of one connection, as they come."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self.buffer = bytearray()
        self.begun = False

    def more(self) -> bool:
        """Read some more; False at the end."""
        data = self._receive(RECEIVE)
        self.buffer += data
        self.begun = self.begun or bool(data)
        return bool(data)

    def line(self) -> bytes:
        """Return the next line without its end, which is CR LF or, as RFC 9112 allows, LF."""
        start = 0
        while (at := self.buffer.find(b"\n", start)) < 0:
            start = len(self.buffer)
            if start > LONGEST_LINE:
                raise NotHttpError("a line without end")
            if not self.more():
                raise CutShortError(begun=self.begun)
        if at > LONGEST_LINE:
            raise NotHttpError("a line that is too long")
        found = bytes(self.buffer[:at])
        del self.buffer[: at + 1]
        return found.removesuffix(b"\r")

    def exactly(self, length: int) -> bytes:
        """Return that many bytes."""
        while len(self.buffer) < length:
            if not self.more():
                raise CutShortError(begun=self.begun)
        found = bytes(self.buffer[:length])
        del self.buffer[:length]
        return found

    def rest(self, limit: int) -> bytes:
        """Return everything up to the end of the connection."""
        while self.more():
            if len(self.buffer) > limit:
                raise TooLongError("the body does not end")
        if len(self.buffer) > limit:
            raise TooLongError("the body is too long")
        found = bytes(self.buffer)
        self.buffer.clear()
        return found


def read(receive: Callable[[int], bytes], limit: int) -> Message:
    """Read one response to a GET or POST; `receive` is a socket's recv, `limit` the longest body.

    Raises NotHttpError, CutShortError, TooLongError, and what `receive` raises.
    """
    source = _Source(receive)
    for _ in range(MOST_INTERIM):
        version, status = _status(source.line())
        headers = _headers(source)
        if status >= 200:
            break
        if status == 101:
            raise NotHttpError("a protocol that was not asked for")
    else:
        raise NotHttpError("interim answers without end")
    body, ended = _body(source, status, headers, limit)
    tokens = [token.strip().lower() for token in headers.get("connection", "").split(",")]
    # Bytes that nobody asked for belong to no request of ours: that connection is not used again.
    keep = ended and version == b"HTTP/1.1" and "close" not in tokens and not source.buffer
    return Message(status, headers, body, keep)


def _status(line: bytes) -> tuple[bytes, int]:
    version, _, rest = line.partition(b" ")
    code, space, reason = rest.partition(b" ")
    if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(code) != 3 or not _DIGITS.issuperset(code):
        raise NotHttpError("no status line")
    if (
        code < b"100"
        or any(byte < 0x20 and byte != 0x09 for byte in reason)
        or (reason and not space)
    ):
        raise NotHttpError("no status line")
    return version, int(code)


def _headers(source: _Source) -> dict[str, str]:
    found: dict[str, str] = {}
    for _ in range(MOST_HEADERS + 1):
        line = source.line()
        if not line:
            return found
        name, colon, value = line.partition(b":")
        if not colon or not name or not _TOKEN.issuperset(name):
            raise NotHttpError("a header line that is none")
        value = value.strip(b" \t")
        if any(byte in (0x00, 0x0A, 0x0D) for byte in value):
            raise NotHttpError("a header with a control character")
        key, text = name.decode("ascii").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    raise NotHttpError("headers without end")


def _body(
    source: _Source, status: int, headers: Mapping[str, str], limit: int
) -> tuple[bytes, bool]:
    """Return the body, and whether its end was told other than by the connection's end."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if length is not None or coding.strip().lower() != "chunked":
            raise NotHttpError("a body that could be read in two ways")
        return _chunks(source, limit), True
    if status in (204, 304):
        return b"", True
    if length is None:
        return source.rest(limit), False
    # Several equal lengths are one (RFC 9112 section 6.3); several different ones are an attack.
    lengths = {part.strip() for part in length.split(",")}
    digits = lengths.pop()
    if lengths or not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise NotHttpError("a length that is none")
    if int(digits) > limit:
        raise TooLongError("the body is too long")
    return source.exactly(int(digits)), True


def _chunks(source: _Source, limit: int) -> bytes:
    body = bytearray()
    while True:
        size = source.line().partition(b";")[0].strip(b" \t")
        if not 0 < len(size) <= 16 or not _HEX.issuperset(size):
            raise NotHttpError("a chunk without a size")
        length = int(size, 16)
        if len(body) + length > limit:
            raise TooLongError("the body is too long")
        if length == 0:
            _headers(source)  # trailers, which mean nothing to us
            return bytes(body)
        body += source.exactly(length)
        if source.line():
            raise NotHttpError("a chunk without an end")
