"""Points in time as POSIX seconds, in the two forms that Scalekit writes; and one deadline.

`datetime` and `email.utils` could read both forms; they are not worth their import on the launch
path. The tests hold these functions against them.
"""

from __future__ import annotations

import time

__all__ = [
    "LONGEST",
    "Deadline",
    "format_rfc3339",
    "parse_http_date",
    "parse_rfc3339",
    "read_seconds",
]

# The most that anybody may ask us to wait, in seconds: a day.
LONGEST = 86400.0

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_RFC3339_SHORTEST = len("2026-01-01T00:00:00Z")
_HTTP_DATE_WORDS = 6


def read_seconds(text: str, *, above_zero: bool = False) -> float | None:
    """Read what a person wrote as a number of seconds; None where it is none, or over a day."""
    try:
        seconds = float(text) if text.isascii() else -1.0
    except ValueError:
        return None
    return seconds if 0 <= seconds <= LONGEST and (seconds or not above_zero) else None


def _days(year: int, month: int, day: int) -> int:
    """Count the days from 1970-01-01 (Howard Hinnant's days_from_civil)."""
    year -= month <= 2  # the year begins in March, so that a leap day ends it
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return (
        era * 146097
        + year_of_era * 365
        + year_of_era // 4
        - year_of_era // 100
        + day_of_year
        - 719468
    )


def _seconds(date: tuple[int, int, int], clock: tuple[int, int, int]) -> int:
    year, month, day = date
    hour, minute, second = clock
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _MONTH_LENGTHS[month - 1]:
        raise ValueError("no such date")
    if (month == 2 and day == 29 and not leap) or year < 1:
        raise ValueError("no such date")
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("no such time")
    return _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + min(second, 59)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("not a number")
    return int(text)


def parse_rfc3339(text: str) -> float:
    """Read an RFC 3339 date-time, with any fraction and offset, as POSIX seconds.

    Raises ValueError for anything else. A leap second counts as the second before it.
    """
    if len(text) < _RFC3339_SHORTEST or text[4] + text[7] != "--" or text[13] + text[16] != "::":
        raise ValueError("not an RFC 3339 time")
    if text[10] not in "Tt ":
        raise ValueError("not an RFC 3339 time")
    date = (_number(text[0:4]), _number(text[5:7]), _number(text[8:10]))
    clock = (_number(text[11:13]), _number(text[14:16]), _number(text[17:19]))
    rest = text[19:]
    fraction = 0.0
    if rest[0] == ".":
        digits = len(rest[1:]) - len(rest[1:].lstrip("0123456789"))
        fraction = _number(rest[1 : 1 + digits]) / 10**digits
        rest = rest[1 + digits :]
    if rest in ("Z", "z"):
        offset = 0
    elif len(rest) == len("+00:00") and rest[0] in "+-" and rest[3] == ":":
        hours, minutes = _number(rest[1:3]), _number(rest[4:6])
        if hours > 23 or minutes > 59:
            raise ValueError("no such offset")
        offset = (hours * 3600 + minutes * 60) * (1 if rest[0] == "+" else -1)
    else:
        raise ValueError("not an RFC 3339 time")
    return _seconds(date, clock) - offset + fraction


def format_rfc3339(seconds: float) -> str:
    """Write POSIX seconds as an RFC 3339 time in UTC, whole seconds, rounded down.

    An expiry is never shown later than it is.
    """
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"


def parse_http_date(text: str) -> float | None:
    """Read an HTTP Date header (RFC 9110 section 5.6.7, its current form); None if it is not."""
    words = text.replace(",", "").split()
    try:
        if len(words) != _HTTP_DATE_WORDS or words[5] != "GMT":
            return None
        date = (_number(words[3]), _MONTHS.index(words[2]) + 1, _number(words[1]))
        hour, minute, second = words[4].split(":")
        return float(_seconds(date, (_number(hour), _number(minute), _number(second))))
    except (ValueError, OverflowError):
        return None


class Deadline:
    """The moment by which the whole resolution must be done, on the monotonic clock."""

    __slots__ = ("_end", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Begin anew: what went before does not count."""
        self._end = time.monotonic() + self.seconds

    def remaining(self) -> float:
        """Return the seconds that are left, never below 0."""
        return max(0.0, self._end - time.monotonic())

    def passed(self) -> bool:
        """Tell whether the deadline is over."""
        return self.remaining() <= 0
