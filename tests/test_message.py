"""Our reading of HTTP against http.client's, and against what would break a reader."""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.transport.message import (
    CutShortError,
    Message,
    NotHttpError,
    TooLongError,
    form,
    read,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 10000


def feed(data: bytes, size: int = 65536) -> Callable[[int], bytes]:
    """Return a socket's recv that gives the data in pieces."""
    stream = io.BytesIO(data)
    return lambda limit: stream.read(min(limit, size))


class Socket:
    """As much of a socket as http.client reads from."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self.data)


def reference(data: bytes) -> tuple[int, bytes]:
    response = http.client.HTTPResponse(Socket(data), method="GET")  # type: ignore[arg-type]
    response.begin()
    return response.status, response.read()


texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).filter(
    lambda name: name not in ("transfer-encoding", "content-length", "connection")
)


@st.composite
def responses(draw: st.DrawFn) -> tuple[bytes, int, bytes]:
    """Draw a correct response in one of its framings; its status and body beside it."""
    status = draw(st.sampled_from([200, 201, 301, 400, 401, 404, 429, 500, 503]))
    body = draw(st.binary(max_size=200))
    end = draw(st.sampled_from([b"\r\n", b"\n"]))
    lines = [b"HTTP/1.1 %d %s" % (status, draw(texts).encode())]
    for name, value in draw(st.dictionaries(names, texts, max_size=4)).items():
        lines.append(f"{name}: {value}".encode())
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    payload = body
    if framing == "length":
        lines.append(b"Content-Length: %d" % len(body))
    elif framing == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        sizes = draw(st.lists(st.integers(1, 50), max_size=8))
        payload, left = b"", body
        while left:
            size = sizes.pop() if sizes else len(left)
            payload += b"%x\r\n%s\r\n" % (len(left[:size]), left[:size])
            left = left[size:]
        payload += b"0\r\n\r\n"
    return end.join([*lines, b"", b""]) + payload, status, body


@given(responses(), st.integers(1, 40))
def test_a_correct_response_is_read_alike_in_pieces_of_any_size(
    response: tuple[bytes, int, bytes], size: int
) -> None:
    data, status, body = response
    found = read(feed(data, size), LIMIT)
    assert (found.status, found.body) == (status, body)
    assert reference(data) == (status, body)


@given(responses(), st.data())
def test_what_we_take_of_a_damaged_response_http_client_takes_alike(
    response: tuple[bytes, int, bytes], data: st.DataObject
) -> None:
    good = response[0]
    at = data.draw(st.integers(0, len(good) - 1))
    kind = data.draw(st.sampled_from(["cut", "change", "insert"]))
    piece = data.draw(st.binary(min_size=1, max_size=3))
    bad = {
        "cut": good[:at],
        "change": good[:at] + piece + good[at + len(piece) :],
        "insert": good[:at] + piece + good[at:],
    }[kind]
    try:
        found: Message | None = read(feed(bad), LIMIT)
    except (NotHttpError, CutShortError, TooLongError):
        found = None
    if found is not None and b"\r" not in piece and b"\n" not in piece:
        assert reference(bad) == (found.status, found.body)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_one_of_three_errors(data: bytes) -> None:
    for head in (
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ):
        try:
            read(feed(head + data), LIMIT)
        except (NotHttpError, CutShortError, TooLongError):
            continue


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 200 O\x00K\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b": no name\r\n\r\n",
        OK + b"a b: c\r\n\r\n",
        OK + b"a : c\r\n\r\n",
        OK + b"a: b\r\n folded\r\n\r\n",
        OK + b"a: b\x00c\r\n\r\n",
        OK + b"a: b\rc\r\n\r\n",
        OK + b"Content-Length: 1, 2\r\n\r\nab",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: +1\r\n\r\na",
        OK + b"Content-Length: 0x1\r\n\r\na",
        OK + b"Content-Length: \xb2\r\n\r\na",
        OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
        OK + b"a: b\r\n" * 200 + b"\r\n",
        OK + b"a: " + b"x" * 70000 + b"\r\n\r\n",
        b"x" * 70000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + OK + b"\r\n",
    ],
)
def test_what_is_no_http_is_refused(data: bytes) -> None:
    with pytest.raises(NotHttpError):
        read(feed(data), LIMIT)


@pytest.mark.parametrize(
    ("data", "begun"),
    [
        (b"", False),
        (b"HTTP/1.1 2", True),
        (OK, True),
        (OK + b"Content-Length: 5\r\n\r\nabc", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", True),
    ],
)
def test_what_ends_too_soon_is_cut_short(data: bytes, *, begun: bool) -> None:
    with pytest.raises(CutShortError) as caught:
        read(feed(data), LIMIT)
    assert caught.value.begun is begun


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 10001\r\n\r\n",
        b"\r\n" + b"x" * 10001,
        b"Transfer-Encoding: chunked\r\n\r\n2711\r\n",
    ],
)
def test_a_body_that_is_too_long_is_not_read_to_its_end(head: bytes) -> None:
    with pytest.raises(TooLongError):
        read(feed(OK + head), LIMIT)


@pytest.mark.parametrize(
    ("data", "keep"),
    [
        (OK + b"Content-Length: 0\r\n\r\n", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True),
        (OK + b"Content-Length: 0\r\nConnection: Close\r\n\r\n", False),
        (OK + b"Content-Length: 0\r\nConnection: x, close\r\n\r\n", False),
        (OK + b"\r\nto the end", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (OK + b"Content-Length: 0\r\n\r\nunasked", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
    ],
)
def test_a_connection_is_kept_only_where_the_next_answer_is_sure_to_be_ours(
    data: bytes, *, keep: bool
) -> None:
    assert read(feed(data), LIMIT).keep is keep


def test_interim_answers_are_passed_over() -> None:
    data = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nab"
    assert read(feed(data), LIMIT).body == b"ab"


def test_header_names_are_in_lower_case_and_repeated_ones_joined() -> None:
    data = OK + b"Date:  now \r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0, 0\r\n\r\n"
    headers = read(feed(data), LIMIT).headers
    assert headers["date"] == "now"
    assert headers["x-a"] == "1, 2"


def test_a_request_is_written_as_http_client_would() -> None:
    data = write("POST", "/a?b=c", {"Host": "h", "Accept": "x"}, b"body")
    assert data == b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nAccept: x\r\nContent-Length: 4\r\n\r\nbody"
    assert write("GET", "/", {"Host": "h"}, None) == b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), max_size=4))
def test_a_form_is_what_every_reader_of_forms_reads(fields: dict[str, str]) -> None:
    assert dict(parse_qsl(form(fields), strict_parsing=bool(fields))) == fields
    assert all(0x21 <= ord(character) <= 0x7E for character in form(fields))


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0b", "a\x7f", "a\u2028b"])
def test_nothing_can_be_smuggled_into_a_request(value: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - a UnicodeEncodeError is one too
        write("GET", "/", {"Host": "h", "X": value}, None)
    with pytest.raises(ValueError):  # noqa: PT011 - likewise
        write("GET", f"/{value}", {"Host": "h"}, None)
