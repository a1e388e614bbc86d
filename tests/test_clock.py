from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.clock import (
    LONGEST,
    Deadline,
    format_rfc3339,
    parse_http_date,
    parse_rfc3339,
    read_seconds,
)

offsets = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=offsets)  # noqa: DTZ001


@given(moments)
def test_any_time_that_datetime_writes_is_read_alike(moment: datetime) -> None:
    assert parse_rfc3339(moment.isoformat()) == pytest.approx(moment.timestamp(), abs=1e-3)


@given(moments)
def test_any_time_that_email_writes_is_read_alike(moment: datetime) -> None:
    utc = moment.astimezone(UTC).replace(microsecond=0)
    assert parse_http_date(format_datetime(utc, usegmt=True)) == utc.timestamp()


@given(st.integers(0, 253402300799))
def test_what_we_write_we_read_and_so_does_datetime(seconds: int) -> None:
    text = format_rfc3339(seconds)
    assert parse_rfc3339(text) == seconds
    assert datetime.fromisoformat(text).timestamp() == seconds


@given(st.text(max_size=40))
def test_any_other_text_is_refused_and_nothing_else_happens(text: str) -> None:
    try:
        seconds = parse_rfc3339(text)
    except ValueError:
        return
    assert datetime.fromisoformat(text).timestamp() == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01X00:00:00Z",
        "२०२६-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "",
    ],
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the class is all that callers look at
        parse_rfc3339(text)


def test_fractions_of_any_length_are_read() -> None:
    assert parse_rfc3339("1970-01-01T00:00:01.5Z") == 1.5
    assert parse_rfc3339("1970-01-01T00:00:01.123456789Z") == pytest.approx(1.123456789)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "Sun, 06 Nov 1994 08:49:37 CET", "Sunday, 06-Nov-94 08:49:37 GMT"]
)
def test_a_date_header_in_another_form_is_none(text: str) -> None:
    assert parse_http_date(text) is None


def test_a_deadline_ends_at_zero_and_can_begin_anew() -> None:
    deadline = Deadline(0.0)
    assert deadline.passed()
    assert deadline.remaining() == 0
    longer = Deadline(50)
    assert 49 < longer.remaining() <= 50


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf", "86401", "\u0661", "1 2"])
def test_what_is_no_number_of_seconds_within_a_day_is_none(text: str) -> None:
    assert read_seconds(text) is None


def test_seconds_are_read_with_and_without_zero() -> None:
    assert [read_seconds(text) for text in ("0", "1.5", "86400")] == [0, 1.5, LONGEST]
    assert read_seconds("0", above_zero=True) is None
