"""HTTP/1.1 on one connection: read a request, write an answer, or something that is none."""

from __future__ import annotations

import select
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from threading import Event

__all__ = ["Answer", "BadRequestError", "Connection", "Request"]

_HEAD_LIMIT = 65536
_BODY_LIMIT = 1 << 20
_IDLE_SECONDS = 300.0


class BadRequestError(Exception):
    """The bytes are not a request that this server reads; the connection is closed after it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

    def form(self) -> dict[str, str]:
        """Return the fields of a form in the body."""
        text = self.body.decode("utf-8", "replace")
        return dict(parse_qsl(text, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; Date, Content-Length and Connection are added when it is written."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def encode(
        self, *, close: bool, length: int | None = -1, first_line: str = "", bodiless: bool = False
    ) -> bytes:
        """Return the answer's bytes.

        `length` is what Content-Length claims, -1 for the truth and None for no such header;
        `first_line` replaces the status line.
        """
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Unknown"
        lines = [first_line or f"HTTP/1.1 {self.status} {reason}"]
        lines.append("Date: " + formatdate(time.time(), usegmt=True))
        lines.append(f"Content-Type: {self.content_type}")
        if length is not None:
            lines.append(f"Content-Length: {len(self.body) if length < 0 else length}")
        lines.extend(f"{name}: {value}" for name, value in self.headers)
        if close:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        return head if bodiless else head + self.body


@dataclass(slots=True)
class Connection:
    """A TLS connection that speaks HTTP/1.1; `number` counts them from 1."""

    socket: ssl.SSLSocket
    number: int
    closed: Event
    _buffer: bytearray = field(default_factory=bytearray)

    def read(self) -> Request | None:
        """Read the next request; None where the other side has ended the connection."""
        self.socket.settimeout(_IDLE_SECONDS)
        head = self._until_blank_line()
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise BadRequestError("malformed request line")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise BadRequestError("malformed header line")
            headers[name.strip().lower()] = value.strip()
        body = self._body(headers)
        if words[2] == "HTTP/1.0":
            headers.setdefault("connection", "close")
        target = urlsplit(words[1])
        query = parse_qsl(target.query, keep_blank_values=True)
        return Request(words[0], unquote(target.path), query, headers, body)

    def _until_blank_line(self) -> bytes | None:
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end >= 0:
                head = bytes(self._buffer[:end])
                del self._buffer[: end + 4]
                return head.lstrip(b"\r\n")
            if len(self._buffer) > _HEAD_LIMIT:
                raise BadRequestError("request head too long")
            if not self._fill():
                return None

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise BadRequestError("a body must have a Content-Length")
        text = headers.get("content-length", "0")
        if not (text.isascii() and text.isdigit()) or int(text) > _BODY_LIMIT:
            raise BadRequestError("invalid Content-Length")
        length = int(text)
        if length and headers.get("expect", "").lower() == "100-continue":
            self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < length:
            if not self._fill():
                raise BadRequestError("the body ended early")
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _fill(self) -> bool:
        data = self.socket.recv(65536)
        self._buffer += data
        return bool(data)

    def send(self, data: bytes) -> None:
        """Write bytes."""
        self.socket.sendall(data)

    def drip(self, data: bytes, pause: float) -> None:
        """Write bytes one by one, `pause` seconds apart, until either side ends."""
        for number in range(len(data)):
            self.socket.sendall(data[number : number + 1])
            if self.closed.wait(pause):
                return

    def hang(self) -> None:
        """Say nothing until the other side or the sandbox ends."""
        while not self.closed.is_set():
            readable, _, _ = select.select([self.socket], [], [], 0.1)
            if readable and not self._fill():
                return
