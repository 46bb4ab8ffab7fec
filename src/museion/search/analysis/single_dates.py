"""A single time in words: a named day, `last summer`, `summer 2023`, `July 4 2023`, `the 80s`.

Words come folded, without punctuation around them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from museion.search.analysis import date_words as say
from museion.search.analysis.calendar_spans import (
    Span,
    counted_back,
    decade,
    last_counted,
    last_month,
    last_season,
    last_weekday,
    season,
    this_season,
)

_FIRST_YEAR = 1500

PERIOD = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
"""A year, month or day in numbers."""
_GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
_WINTER_YEARS = re.compile(r"(\d{4})/(?:\d{2}|\d{4})", re.ASCII)
_DAY_OF_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?", re.ASCII)
_DECADE = re.compile(r"(1[5-9]\d|20\d|[3-9])0(?:s|er|ern)", re.ASCII)
_COUNT = re.compile(r"\d{1,3}", re.ASCII)

Words: TypeAlias = Sequence[str]
Sureness: TypeAlias = Literal["sure", "number", "day"]


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A time that the first words of a text name.

    Attributes:
        used: how many words.
        sureness: `sure` where the words can mean nothing else. A `number` may be no year, and a
            `day` such as `today` may be a name.
    """

    used: int
    span: Span
    sureness: Sureness = "sure"


Reader: TypeAlias = Callable[[Words, datetime.date], FoundDate | None]


def single_date(words: Words, today: datetime.date) -> FoundDate | None:
    """Return the time that the first words name and that is no combination of two.

    Raises:
        ValueError, OverflowError: they name a day that does not exist.
    """
    if not words:
        return None
    readers: tuple[Reader, ...] = (
        *(_named_day, _last_counted, _ago, _last_or_this, _season_of_year, _written_day),
        *(_month_of_year, _numeric_day, _decade, _year),
    )
    return next((found for read in readers if (found := read(words, today))), None)


def _named_day(words: Words, today: datetime.date) -> FoundDate | None:
    if list(words[:3]) == ["day", "before", "yesterday"]:
        return FoundDate(3, counted_back(today, "day", 2).relative("day before yesterday"))
    if words[0] == "heuer":  # in Austria
        return FoundDate(1, counted_back(today, "year", 0).relative("this year"))
    named = say.DAYS.get(words[0])
    if named is None:
        return None
    back = ("today", "yesterday", "day before yesterday").index(named)
    sureness: Sureness = "sure" if back == 2 else "day"
    return FoundDate(1, counted_back(today, "day", back).relative(named), sureness)


def _last_counted(words: Words, today: datetime.date) -> FoundDate | None:
    """Read `last 3 weeks`."""
    if len(words) < 3 or words[0] not in say.LAST:
        return None
    count, unit = _count(words[1]), say.UNITS.get(words[2])
    if not count or unit is None or unit == "weekend":
        return None
    return FoundDate(3, last_counted(today, unit, count).relative(f"last {count} {unit}s"))


def _ago(words: Words, today: datetime.date) -> FoundDate | None:
    """Read `3 weeks ago` and `vor 3 Wochen`."""
    if len(words) < 3:
        return None
    is_german = words[0] == "vor"
    counted = words[1:3] if is_german else words[:2]
    count, unit = _count(counted[0]), say.UNITS.get(counted[1])
    if not count or unit is None or unit == "weekend" or not (is_german or words[2] == "ago"):
        return None
    named = f"{count} {unit}{'s' if count > 1 else ''} ago"
    return FoundDate(3, counted_back(today, unit, count).relative(named))


def _last_or_this(words: Words, today: datetime.date) -> FoundDate | None:
    """Read `last summer`, `this week`, `last July` and `last Friday`."""
    if len(words) < 2 or words[0] not in say.LAST | say.THIS:
        return None
    span = _beside(words[1], today, is_last=words[0] in say.LAST)
    return FoundDate(2, span) if span else None


def _beside(word: str, today: datetime.date, *, is_last: bool) -> Span | None:
    """Return the last or the present time that has a name."""
    which = "last" if is_last else "this"
    if (unit := say.UNITS.get(word)) and unit != "day":
        return counted_back(today, unit, int(is_last)).relative(f"{which} {unit}")
    if name := say.SEASONS.get(word):
        span = last_season(today, name) if is_last else this_season(today, name)
        return span.relative(f"{which} {name}")
    if is_last and (month := say.MONTHS.get(word)):
        return last_month(today, month).relative(f"last {_english_month(month)}")
    if is_last and (weekday := say.WEEKDAYS.get(word)) is not None:
        return last_weekday(today, weekday).relative(f"last {_english_weekday(weekday)}")
    return None


def _season_of_year(words: Words, today: datetime.date) -> FoundDate | None:
    name = say.SEASONS.get(words[0])
    used = 2 if list(words[1:2]) == ["of"] else 1
    if name is None or len(words) <= used:
        return None
    years = _WINTER_YEARS.fullmatch(words[used]) if name == "winter" else None
    year = _year_number(years[1] if years else words[used], today)
    if year is None:
        return None
    return FoundDate(used + 1, replace(season(name, year), named=f"{name} {year}"))


def _written_day(words: Words, today: datetime.date) -> FoundDate | None:
    """Read `July 4 2023`, `4 July 2023` and `4th of July 2023`."""
    orders = ((1, 0, 2), (0, 1, 2), (0, 2, 3))
    for day_at, month_at, year_at in orders:
        if len(words) <= year_at or (year_at == 3 and words[1] != "of"):
            continue
        day, month = _DAY_OF_MONTH.fullmatch(words[day_at]), _month(words[month_at])
        year = _year_number(words[year_at], today)
        if day and month and year:
            return FoundDate(year_at + 1, Span.of(datetime.date(year, month, int(day[1])), "day"))
    return None


def _month_of_year(words: Words, today: datetime.date) -> FoundDate | None:
    month = _month(words[0])
    used = 2 if list(words[1:2]) == ["of"] else 1
    year = _year_number(words[used], today) if month and len(words) > used else None
    if month is None or year is None:
        return None
    return FoundDate(used + 1, Span.of(datetime.date(year, month, 1), "month"))


def _numeric_day(words: Words, today: datetime.date) -> FoundDate | None:
    if german := _GERMAN_DAY.fullmatch(words[0]):
        day, month, year = (int(part) for part in german.groups())
        return FoundDate(1, Span.of(datetime.date(year, month, day), "day"))
    period = PERIOD.fullmatch(words[0])
    if period is None or period[2] is None or _year_number(period[1], today) is None:
        return None
    span = period_of(*period.groups())
    return FoundDate(1, span, "sure" if period[3] else "number") if span else None


def _decade(words: Words, today: datetime.date) -> FoundDate | None:
    """Read `1980s`, `the 80s`, `80er Jahre` and `eighties`."""
    used = 1 if words[0] in ("the", "den", "die") else 0
    word = words[used] if len(words) > used else ""
    match = _DECADE.fullmatch(word)
    year = say.DECADES.get(word, 0)
    if match:
        year = int(match[1]) * 10 + (0 if len(match[1]) > 1 else 1900)
    if not _FIRST_YEAR <= year <= today.year:
        return None
    told = used == 1
    used += 1 + (list(words[used + 1 : used + 2]) in (["jahre"], ["jahren"]))
    return FoundDate(used, decade(year), "sure" if told else "number")


def _year(words: Words, today: datetime.date) -> FoundDate | None:
    span = year_span(words[0], today)
    return FoundDate(1, span, "number") if span else None


def period_of(year: str, month: str | None, day: str | None) -> Span | None:
    """Return the year, month or day that is written with numbers; None for none that exists."""
    try:
        first = datetime.date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return Span.of(first, "day" if day else "month" if month else "year")


def year_span(word: str, today: datetime.date) -> Span | None:
    """Return the year that a word of four digits is; None for what is too early or too late."""
    year = _year_number(word, today)
    return None if year is None else Span.of(datetime.date(year, 1, 1), "year")


def _year_number(word: str, today: datetime.date) -> int | None:
    if not _YEAR.fullmatch(word):
        return None
    return int(word) if _FIRST_YEAR <= int(word) <= today.year + 1 else None


def _month(word: str) -> int | None:
    return say.MONTHS.get(word) or say.SHORT_MONTHS.get(word)


def _count(word: str) -> int | None:
    return int(word) if _COUNT.fullmatch(word) else say.NUMBERS.get(word)


def _english_month(month: int) -> str:
    return next(word for word, number in say.MONTHS.items() if number == month).capitalize()


def _english_weekday(weekday: int) -> str:
    return next(word for word, number in say.WEEKDAYS.items() if number == weekday).capitalize()
