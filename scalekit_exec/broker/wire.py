"""The broker's small part of HTTP/1.1, without I/O: a request has a head and no body.

An answer is whole and ends its connection. Whoever reads takes no more than the limits here.
"""

from __future__ import annotations

from scalekit_exec.errors import Failure
from scalekit_exec.record import record
from scalekit_exec.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ENVIRONMENT",
    "JSON",
    "LONGEST_ANSWER",
    "LONGEST_HEAD",
    "SERVICES",
    "TEXT",
    "TOKEN",
    "Address",
    "Answer",
    "RefusedError",
    "Request",
    "address",
    "is_whole",
    "name_of",
    "read_answer",
    "read_request",
    "target",
    "write_answer",
    "write_request",
]

LONGEST_HEAD = 16384
LONGEST_ANSWER = 4 * 1024 * 1024
MOST_HEADERS = 100
TOKEN = "/v1/token/"  # noqa: S105 - a path
ENVIRONMENT = "/v1/environment/"
SERVICES = "/v1/services"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
# Letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 section 5.6.2).
_NAME = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
# What a path segment may hold as it is (RFC 3986 section 3.3), but for %.
_PLAIN = frozenset(
    b"-._~!$&'()*+,;=:@0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
_ONCE = ("host", "authorization", "content-length", "transfer-encoding", "accept")


class RefusedError(Exception):
    """A request that gets no credential: the status of the answer, and the failure in it."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str = "broker",
        hint: str = "",
        *,
        failure: Failure | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.failure = failure or Failure(code, message, hint)


@record
class Address:
    """Where a broker is, and the bearer that it asks for."""

    host: str
    port: int
    bearer: Secret


@record
class Request:
    """The head of a request; the names of `headers` are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


@record
class Answer:
    """A whole answer. Its body may hold a credential, and so it is not shown."""

    status: int
    body: bytes
    kind: str = JSON

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"


def address(url: str, bearer: str) -> Address | None:
    """Read SCALEKIT_EXEC_URL and SCALEKIT_EXEC_AUTH; None where they are none of ours.

    Only this machine's loopback is taken: the bearer must not travel.
    """
    host, colon, port = url.removeprefix("http://").removesuffix("/").rpartition(":")
    if not url.startswith("http://127.0.0.1:") or not colon or host != "127.0.0.1":
        return None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        return None
    if not bearer or not all("!" <= character <= "~" for character in bearer):
        return None
    return Address(host, int(port), Secret(bearer))


def target(path: str, named: str) -> str:
    """Return the target of a request for `NAME` or `NAME@IDENTIFIER`, percent-encoded."""
    encoded = named.encode("utf-8", "surrogateescape")
    return path + "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in encoded)


def is_whole(data: bytes) -> bool:
    """Tell whether the head of a request has come to its end."""
    return b"\r\n\r\n" in data or b"\n\n" in data


def read_request(data: bytes) -> Request:
    """Read the head of a request; RefusedError 400 or 431 where it is none that we answer."""
    head = data.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    if len(data) > LONGEST_HEAD:
        raise RefusedError(431, "the request is too long")
    lines = head.split(b"\n")
    words = lines[0].split(b" ")
    if len(words) != 3 or words[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise RefusedError(400, "this is no request of HTTP/1.1")
    if not words[0].isalpha() or not all(0x21 <= byte <= 0x7E for byte in words[1]):
        raise RefusedError(400, "the request line has characters that it may not have")
    if len(lines) - 1 > MOST_HEADERS:
        raise RefusedError(431, "the request has too many headers")
    headers = _headers(lines[1:])
    if headers.get("content-length", "0").strip() != "0" or "transfer-encoding" in headers:
        raise RefusedError(400, "a request here has no body")
    return Request(words[0].decode("ascii"), words[1].decode("ascii"), headers)


def _headers(lines: Sequence[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        # A line that begins with a blank is the folding that RFC 9112 section 5.2 does away with.
        if not colon or not name or not _NAME.issuperset(name):
            raise RefusedError(400, "a line of the request is no header")
        if any(byte < 0x20 and byte != 0x09 for byte in value):
            raise RefusedError(400, "a header has a control character in it")
        key = name.decode("ascii").lower()
        if key in headers and key in _ONCE:
            raise RefusedError(400, "a header stands there twice")
        headers[key] = value.decode("latin-1").strip(" \t")
    return headers


def write_request(path: str, to: Address) -> bytes:
    """Return the request for a target."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {to.host}:{to.port}\r\n"
        f"Authorization: Bearer {to.bearer.reveal()}\r\n"
        f"Accept: {JSON}\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


def write_answer(answer: Answer) -> bytes:
    """Return an answer as it goes over the wire; nothing on the way may keep it."""
    extra = {401: 'WWW-Authenticate: Bearer realm="scalekit-exec"\r\n', 405: "Allow: GET\r\n"}
    head = (
        f"HTTP/1.1 {answer.status} {REASONS[answer.status]}\r\n"
        f"Content-Type: {answer.kind}\r\nContent-Length: {len(answer.body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        f"{extra.get(answer.status, '')}Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + answer.body


def read_answer(data: bytes) -> Answer:
    """Read a whole answer; ValueError for what is none, or is cut short."""
    head, end, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    words = lines[0].split(b" ", 2)
    if not end or len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise ValueError("not an answer of HTTP/1.1")
    length = None
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
    if length is None or len(body) != length:
        raise ValueError("the answer is cut short")
    return Answer(int(words[1]), body)


def name_of(path: str, prefix: str) -> str:
    """Return the `NAME[@IDENTIFIER]` of a target, percent-decoded once; RefusedError 404 else.

    One segment and no query: what could be read as another path names no service.
    """
    rest = path.removeprefix(prefix).encode("ascii")
    out = bytearray()
    at = 0
    while at < len(rest):
        byte = rest[at]
        if byte == 0x25:
            digits = rest[at + 1 : at + 3]
            if len(digits) != 2 or any(digit not in b"0123456789ABCDEFabcdef" for digit in digits):
                raise RefusedError(404, "a % in the path is not followed by two hexadecimal digits")
            byte = int(digits, 16)
            at += 2
        elif byte not in _PLAIN:
            raise RefusedError(
                404, "after the / stands one NAME or NAME@IDENTIFIER, percent-encoded"
            )
        out.append(byte)
        at += 1
    try:
        return out.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedError(404, "the path is not UTF-8") from None
