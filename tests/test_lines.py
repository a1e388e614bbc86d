"""Lines that pass while a line editor takes the terminal: laws of what becomes of their ends."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from scalekit_exec.launch.lines import Lines

PARTS = st.sampled_from(
    [
        *(
            b"\x1b[?2004l",
            b"\x1b[?2004h",
            b"\x1b[?1049h",
            b"\x1b[?1049l",
            b"\x1b[?25h",
            b"\x1b[?2004",
            b"\x1b[",
        ),
        *(b"\n", b"\r\n", b"\n\r", b"text", b"\x1b", b"l", b"h", b"\x1b[?20044l"),
    ]
)
STREAMS = st.lists(PARTS, max_size=12).map(b"".join)


def passed(data: bytes, cuts: list[int], *, processed: bool) -> bytes:
    lines = Lines()
    lines.pass_on(b"", processed=processed)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    return b"".join(lines.pass_on(piece, processed=processed) for piece in pieces)


@given(STREAMS, st.lists(st.integers(0, 100), max_size=6))
def test_where_the_terminal_ends_lines_nothing_is_added(data: bytes, cuts: list[int]) -> None:
    assert passed(data, cuts, processed=True) == data


@given(STREAMS, st.lists(st.integers(0, 100), max_size=6))
@example(b"\x1b[?2004lone\ntwo\r\n\x1b[?2004hthree\n", [3, 9])
def test_how_a_stream_is_cut_makes_no_difference_to_a_terminal(
    data: bytes, cuts: list[int]
) -> None:
    whole, cut = (passed(data, where, processed=False) for where in ([], cuts))
    # A "\r" and its "\n" in two parts get one "\r" more, which moves nothing.
    assert cut.replace(b"\r\r\n", b"\r\n") == whole.replace(b"\r\r\n", b"\r\n")
    assert cut.replace(b"\r", b"") == data.replace(b"\r", b"")


@given(st.lists(st.sampled_from([b"\n", b"text", b"\x1b[?25h", b"\r\n"])).map(b"".join))
def test_a_program_that_never_was_at_a_line_editor_has_the_terminal_to_itself(data: bytes) -> None:
    assert passed(data, [], processed=False) == data
    assert passed(b"\x1b[?2004h" + data, [], processed=False) == b"\x1b[?2004h" + data


def test_behind_an_editor_that_leaves_lines_to_the_terminal_nothing_is_added() -> None:
    lines = Lines()
    prompt = b"\x1b[?2004h$ make\r\n\x1b[?2004l"
    assert lines.pass_on(prompt[:8], processed=True) == prompt[:8]
    assert lines.pass_on(prompt[8:], processed=True) == prompt[8:]
    assert lines.pass_on(b"one\n", processed=False) == b"one\n"  # a program with its own screen


def test_what_stands_between_two_prompts_returns_to_the_left() -> None:
    lines = Lines()
    assert lines.pass_on(b"\x1b[?2004h", processed=False)
    assert lines.pass_on(b">>> f()\n\r\x1b[?2004lone\n", processed=False) == (
        b">>> f()\n\r\x1b[?2004lone\r\n"
    )
    assert lines.pass_on(b"two\n\x1b[?2004h>>> \n", processed=False) == (
        b"two\r\n\x1b[?2004h>>> \n"
    )
    screen = b"\x1b[?2004l\x1b[?1049hfull\nscreen\x1b[?2004h$ \x1b[?2004lin\nit"
    assert lines.pass_on(screen, processed=False) == screen
    assert lines.pass_on(b"\x1b[?1049l\n", processed=False) == b"\x1b[?1049l\r\n"
