"""How values of filters are written: days, numbers, sizes, spans, words with spaces."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from types import MappingProxyType
from typing import TypeVar

N = TypeVar("N", int, float)
_QUOTES = frozenset('"“”„')
_ONE_DAY = datetime.timedelta(days=1)
_LETTERS = MappingProxyType({"year": 4, "month": 7, "day": 10})


def day_text(day: datetime.date) -> str:
    """Return a day as shortly as it can be written: a first of January as its year."""
    if day.day > 1:
        return day.isoformat()
    return day.isoformat()[:7] if day.month > 1 else day.isoformat()[:4]


def end_text(after_last: datetime.date) -> str:
    """Return the last day before one as shortly as it can be written: an end of May as its month.

    Args:
        after_last: the day after it, not the first day that there is.
    """
    if after_last.day > 1:
        return (after_last - _ONE_DAY).isoformat()
    last = (after_last - _ONE_DAY).isoformat()
    return last[:7] if after_last.month > 1 else last[:4]


def days_text(first: datetime.date, after_last: datetime.date) -> str:
    """Return a span of days: `1985..1990`, and one year, month or day without the dots."""
    for unit in ("year", "month", "day"):
        period = first.isoformat()[: _LETTERS[unit]]
        if start_of(period) == first and next_start(first, unit) == after_last:
            return period
    return f"{day_text(first)}..{end_text(after_last)}"


def start_of(period: str) -> datetime.date:
    """Return the first day of a year, month or day in ISO form. Raises `ValueError`."""
    return datetime.date.fromisoformat(f"{period}-01-01"[:10])


def next_start(day: datetime.date, unit: str) -> datetime.date | None:
    """Return the first day behind the year, month or day of a day; None where time ends."""
    try:
        if unit == "day":
            return day + _ONE_DAY
        if unit == "month" and day.month < 12:
            return day.replace(month=day.month + 1, day=1)
        return datetime.date(day.year + 1, 1, 1)
    except (ValueError, OverflowError):
        return None


def number_text(value: float) -> str:
    """Return a number with up to six decimals, without idle zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def size_text(size_bytes: int) -> str:
    """Return a size in the largest unit (KB, MB, GB: powers of 1000) that gives a whole number."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return f"{size_bytes}B"


def span_text(low: N | None, high: N | None, write: Callable[[N], str]) -> str:
    """Return how a span is written of which at least one bound is given, both included."""
    if low is None:
        assert high is not None, "a span has a bound"
        return f"<={write(high)}"
    if high is None:
        return f">={write(low)}"
    return write(low) if low == high else f"{write(low)}..{write(high)}"


def span_label(low: N | None, high: N | None, write: Callable[[N], str]) -> str:
    """Return a span for people: `at least 3`, `3 to 5`."""
    if low is None:
        assert high is not None, "a span has a bound"
        return f"at most {write(high)}"
    if high is None:
        return f"at least {write(low)}"
    return write(low) if low == high else f"{write(low)} to {write(high)}"


def quoted(value: str) -> str:
    """Return a value as one word of a query: in quotes where spaces or parentheses need them."""
    needs_quotes = any(letter.isspace() or letter in "()" for letter in value)
    return f'"{value}"' if needs_quotes and not _QUOTES & set(value) else value
