"""Times in words, English and German: `summer 2023`, `last week`, `zwischen 1985 und 1990`.

Words come folded, without punctuation around them. Nothing here reads a clock: what `last week` is
depends on the day that is given.
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
from museion.search.filter_values import days_text
from museion.search.words import fold

LONGEST_DATE = 14
"""Words that the longest phrase for a time has; more are never looked at."""
_FIRST_YEAR = 1500

_PERIOD = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
_WINTER_YEARS = re.compile(r"(\d{4})/(?:\d{2}|\d{4})", re.ASCII)
_TWO_YEARS = re.compile(r"(\d{4})(\.\.|-|–)(\d{4})", re.ASCII)
_DAY_OF_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?", re.ASCII)
_DECADE = re.compile(r"(1[5-9]\d|20\d|[3-9])0(?:s|er|ern)", re.ASCII)
_COUNT = re.compile(r"\d{1,3}", re.ASCII)
_AROUND = " \t.,;:!?()[]'’\"“”„"

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


_Reader: TypeAlias = Callable[[Words, datetime.date], FoundDate | None]


def read_span(text: str, today: datetime.date) -> Span | None:
    """Return the days that the value of a filter means, None where it means none."""
    start, dots, end = text.partition("..")
    if dots:
        return None if ".." in end else _open_span(start.strip(), end.strip(), today)
    if (period := _PERIOD.fullmatch(text)) is not None:
        return _period(*period.groups())
    words = [word for each in text.split() if (word := fold(each.strip(_AROUND)) or each)]
    found = date_at(words, today)
    return found.span if found and found.used == len(words) else None


def date_at(words: Words, today: datetime.date) -> FoundDate | None:
    """Return the time that the first words name, with the prepositions before it.

    Args:
        words: folded; at most `LONGEST_DATE` of them are looked at.
        today: from which `last week` is counted.
    """
    words = words[:LONGEST_DATE]
    if not words or not may_begin_date(words[0]):
        return None
    skipped = 1 if words[:1] and words[0] in say.TAKEN else 0
    rest = words[skipped:]
    found = _safely(_phrase, rest, today)
    if found is None:
        for before in say.PREPOSITIONS:
            if tuple(rest[: len(before)]) == before:
                found = _behind(before, rest, today)
            if found is not None:
                break
    return replace(found, used=found.used + skipped) if found else None


def may_begin_date(word: str) -> bool:
    """Tell whether a time can begin with a folded word; most words of a text cannot."""
    return word in say.STARTS or any(letter.isdigit() for letter in word)


def _behind(before: tuple[str, ...], words: Words, today: datetime.date) -> FoundDate | None:
    found = _safely(_phrase, words[len(before) :], today)
    if found is None:
        return None
    tells = len(before) > 1 or before[0] not in say.WEAK_PREPOSITIONS
    return FoundDate(found.used + len(before), found.span, "sure" if tells else found.sureness)


def _safely(read: _Reader, words: Words, today: datetime.date) -> FoundDate | None:
    """Read; a day before the first or behind the last that there is, is no day."""
    try:
        return read(words, today)
    except (ValueError, OverflowError):
        return None


def _phrase(words: Words, today: datetime.date) -> FoundDate | None:
    for read in (_between, _bounded, _joined, _point):
        if words and (found := read(words, today)):
            return found
    return None


def _between(words: Words, today: datetime.date) -> FoundDate | None:
    """Read `between A and B`."""
    joints = say.RANGES.get(words[0])
    if joints is None:
        return None
    found = _two(words[1:], today, joints)
    return FoundDate(found.used + 1, found.span) if found else None


def _joined(words: Words, today: datetime.date) -> FoundDate | None:
    """Read `A to B`, and `A-B` of years."""
    if years := _TWO_YEARS.fullmatch(words[0]):
        first, last = (_year_span(years[at], today) for at in (1, 3))
        span = _span_of_two(first, last) if first and last else None
        sureness: Sureness = "sure" if years[2] == ".." else "number"
        return FoundDate(1, span, sureness) if span else None
    return _two(words, today, frozenset({"to", "bis", "-", "–"}))


def _two(words: Words, today: datetime.date, joints: frozenset[str]) -> FoundDate | None:
    first = _point(words, today) or _month_of_no_year(words)
    if first is None or words[first.used : first.used + 1] == []:
        return None
    joint = words[first.used] if first.used < len(words) else ""
    last = _point(words[first.used + 1 :], today) if joint in joints else None
    if last is None:
        return None
    start = first.span
    if first.sureness == "day" and start.first and start.first.year == 1:
        start = _month_in(start.first.month, last.span)
    span = _span_of_two(start, last.span)
    unsure = "number" in (first.sureness, last.sureness)
    used = first.used + 1 + last.used
    return FoundDate(used, span, "number" if unsure else "sure") if span else None


def _span_of_two(first: Span, last: Span) -> Span | None:
    if first.first is None or last.after_last is None or first.first >= last.after_last:
        return None
    span = Span(first.first, last.after_last)
    if first.is_relative or last.is_relative:
        return span.relative(f"from {_text(first)} to {_text(last)}")
    return span


def _bounded(words: Words, today: datetime.date) -> FoundDate | None:
    """Read `since A`, `after A`, `before A` and `until A`."""
    point = _point(words[1:], today)
    span = _bounded_span(words[0], point.span) if point else None
    if point is None or span is None:
        return None
    if point.span.is_relative:
        span = span.relative(f"{_english_bound(words[0])} {_text(point.span)}")
    return FoundDate(point.used + 1, span)


def _bounded_span(word: str, span: Span) -> Span | None:
    if word in say.SINCE:
        return Span(span.first, None)
    if word in say.BEFORE:
        return Span(None, span.first)
    if span.after_last is None:
        return None
    if word in say.AFTER:
        return Span(span.after_last, None)
    return Span(None, span.after_last) if word in say.UNTIL else None


def _english_bound(word: str) -> str:
    bounds = (("since", say.SINCE), ("before", say.BEFORE), ("after", say.AFTER))
    return next((english for english, words in bounds if word in words), "until")


def _point(words: Words, today: datetime.date) -> FoundDate | None:
    """Read a time that is no combination of two."""
    if not words:
        return None
    readers: tuple[_Reader, ...] = (
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
    period = _PERIOD.fullmatch(words[0])
    if period is None or period[2] is None or _year_number(period[1], today) is None:
        return None
    span = _period(*period.groups())
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
    span = _year_span(words[0], today)
    return FoundDate(1, span, "number") if span else None


def _month_of_no_year(words: Words) -> FoundDate | None:
    """Read a month whose year follows later: of the year 1, and to be replaced."""
    month = say.MONTHS.get(words[0]) if words else None
    return FoundDate(1, Span.of(datetime.date(1, month, 1), "month"), "day") if month else None


def _month_in(month: int, span: Span) -> Span:
    assert span.first is not None, "a time that words name as a whole begins"
    return Span.of(datetime.date(span.first.year, month, 1), "month")


def _year_span(word: str, today: datetime.date) -> Span | None:
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


def _open_span(start: str, end: str, today: datetime.date) -> Span | None:
    """Read `A..B`, of which one side may be empty."""
    first = read_span(start, today) if start else Span(None, None)
    last = read_span(end, today) if end else Span(None, None)
    if first is None or last is None or not (start or end):
        return None
    if start and end:
        return _span_of_two(first, last)
    span = Span(first.first, last.after_last)
    if span.first is None and span.after_last is None:
        return None
    if first.is_relative or last.is_relative:
        return span.relative(f"since {_text(first)}" if start else f"until {_text(last)}")
    return span


def _period(year: str, month: str | None, day: str | None) -> Span | None:
    """Return the year, month or day that is written with numbers; None for none that exists."""
    try:
        first = datetime.date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return Span.of(first, "day" if day else "month" if month else "year")


def _text(span: Span) -> str:
    """Return words for a span of days that both are known."""
    if span.named:
        return span.named
    assert span.first is not None, "only whole times are combined"
    assert span.after_last is not None, "only whole times are combined"
    return days_text(span.first, span.after_last)


def _english_month(month: int) -> str:
    return next(word for word, number in say.MONTHS.items() if number == month).capitalize()


def _english_weekday(weekday: int) -> str:
    return next(word for word, number in say.WEEKDAYS.items() if number == weekday).capitalize()
