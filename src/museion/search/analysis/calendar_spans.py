"""Spans of days that words mean: counted from today, or named by year, season and decade."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Self

from museion.search.analysis.date_words import FIRST_MONTHS
from museion.search.filter_values import next_start

_DAY = datetime.timedelta(days=1)
_WEEK = datetime.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` on and before `after_last`; at least one of the two is given.

    Attributes:
        named: words for it where the days alone would say less; they mean the same span, on the
            same day.
        is_relative: another span on another day.
    """

    first: datetime.date | None
    after_last: datetime.date | None
    named: str = ""
    is_relative: bool = False

    @classmethod
    def of(cls, day: datetime.date, unit: str) -> Self:
        """Return the whole year, month or day of a day that begins it."""
        return cls(day, next_start(day, unit))

    def relative(self, named: str) -> Span:
        """Return the same span as one that words name, and that moves on with the days."""
        return Span(self.first, self.after_last, named, is_relative=True)


def counted_back(today: datetime.date, unit: str, count: int) -> Span:
    """Return the whole unit that lies `count` units back; 0 is the present one.

    Args:
        today: the present day.
        unit: day, week (from Monday), weekend (Saturday and Sunday), month or year.
        count: at least 0.

    Raises:
        OverflowError, ValueError: it lies before the year 1.
    """
    match unit:
        case "week":
            monday = today - _DAY * today.weekday() - _WEEK * count
            return Span(monday, monday + _WEEK)
        case "weekend":
            saturday = today + _DAY * (5 - today.weekday()) - _WEEK * count
            return Span(saturday, saturday + 2 * _DAY)
        case "month":
            return Span.of(_months_back(today, count).replace(day=1), "month")
        case "year":
            return Span.of(datetime.date(today.year - count, 1, 1), "year")
        case _:
            return Span.of(today - _DAY * count, "day")


def last_counted(today: datetime.date, unit: str, count: int) -> Span:
    """Return the last `count` days, weeks, months or years, up to today and with it.

    Raises:
        OverflowError, ValueError: it reaches back before the year 1.
    """
    match unit:
        case "week":
            first = today + _DAY - _WEEK * count
        case "month":
            first = _months_back(today, count) + _DAY
        case "year":
            first = _months_back(today, 12 * count) + _DAY
        case _:
            first = today + _DAY - _DAY * count
    return Span(first, today + _DAY)


def season(name: str, year: int) -> Span:
    """Return a season of three months; a winter begins in the December of its year.

    Raises:
        ValueError: it goes on behind the last year that there is.
    """
    month = FIRST_MONTHS[name]
    after = (year + 1, 3) if name == "winter" else (year, month + 3)
    return Span(datetime.date(year, month, 1), datetime.date(*after, 1))


def last_season(today: datetime.date, name: str) -> Span:
    """Return the last season of a name that is over."""
    spans = (season(name, today.year - back) for back in range(2))
    over = (span for span in spans if span.after_last is not None and span.after_last <= today)
    return next(over, season(name, today.year - 2))


def this_season(today: datetime.date, name: str) -> Span:
    """Return the season of a name in which today is, else the one that begins this year."""
    goes_on = name == "winter" and today.month < 3
    return season(name, today.year - goes_on)


def last_month(today: datetime.date, month: int) -> Span:
    """Return the last month of a number (1 to 12) that is over."""
    year = today.year if month < today.month else today.year - 1
    return Span.of(datetime.date(year, month, 1), "month")


def last_weekday(today: datetime.date, weekday: int) -> Span:
    """Return the last day of a weekday (0 is Monday) before today."""
    return Span.of(today - _DAY * ((today.weekday() - weekday - 1) % 7 + 1), "day")


def decade(year: int) -> Span:
    """Return the ten years from a year on."""
    return Span(datetime.date(year, 1, 1), datetime.date(year + 10, 1, 1), f"{year}s")


def _months_back(day: datetime.date, count: int) -> datetime.date:
    months = day.year * 12 + day.month - 1 - count
    year, month = months // 12, months % 12 + 1
    first = datetime.date(year, month, 1)
    end = next_start(first, "month")
    longest = (end - first).days if end else 31
    return first.replace(day=min(day.day, longest))
