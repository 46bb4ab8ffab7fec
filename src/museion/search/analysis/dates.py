"""Times in words, English and German: `summer 2023`, `last week`, `zwischen 1985 und 1990`.

Words come folded, without punctuation around them. Nothing here reads a clock: what `last week` is
depends on the day that is given.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import replace

from museion.search.analysis import date_words as say
from museion.search.analysis.calendar_spans import Span
from museion.search.analysis.single_dates import (
    PERIOD,
    FoundDate,
    Reader,
    Sureness,
    Words,
    period_of,
    single_date,
    year_span,
)
from museion.search.filter_values import days_text
from museion.search.words import fold

__all__ = ["LONGEST_DATE", "FoundDate", "date_at", "may_begin_date", "read_span"]

LONGEST_DATE = 14
"""Words that the longest phrase for a time has; more are never looked at."""
_TWO_YEARS = re.compile(r"(\d{4})(\.\.|-|–)(\d{4})", re.ASCII)
_AROUND = " \t.,;:!?()[]'’\"“”„"


def read_span(text: str, today: datetime.date) -> Span | None:
    """Return the days that the value of a filter means, None where it means none."""
    start, dots, end = text.partition("..")
    if dots:
        return None if ".." in end else _open_span(start.strip(), end.strip(), today)
    if (period := PERIOD.fullmatch(text)) is not None:
        return period_of(*period.groups())
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


def _safely(read: Reader, words: Words, today: datetime.date) -> FoundDate | None:
    """Read; a day before the first or behind the last that there is, is no day."""
    try:
        return read(words, today)
    except (ValueError, OverflowError):
        return None


def _phrase(words: Words, today: datetime.date) -> FoundDate | None:
    for read in (_between, _bounded, _joined, single_date):
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
        first, last = (year_span(years[at], today) for at in (1, 3))
        span = _span_of_two(first, last) if first and last else None
        sureness: Sureness = "sure" if years[2] == ".." else "number"
        return FoundDate(1, span, sureness) if span else None
    return _two(words, today, frozenset({"to", "bis", "-", "–"}))


def _two(words: Words, today: datetime.date, joints: frozenset[str]) -> FoundDate | None:
    first = single_date(words, today) or _month_of_no_year(words)
    if first is None or words[first.used : first.used + 1] == []:
        return None
    joint = words[first.used] if first.used < len(words) else ""
    last = single_date(words[first.used + 1 :], today) if joint in joints else None
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
    point = single_date(words[1:], today)
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


def _month_of_no_year(words: Words) -> FoundDate | None:
    """Read a month whose year follows later: of the year 1, and to be replaced."""
    month = say.MONTHS.get(words[0]) if words else None
    return FoundDate(1, Span.of(datetime.date(1, month, 1), "month"), "day") if month else None


def _month_in(month: int, span: Span) -> Span:
    assert span.first is not None, "a time that words name as a whole begins"
    return Span.of(datetime.date(span.first.year, month, 1), "month")


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


def _text(span: Span) -> str:
    """Return words for a span of days that both are known."""
    if span.named:
        return span.named
    assert span.first is not None, "only whole times are combined"
    assert span.after_last is not None, "only whole times are combined"
    return days_text(span.first, span.after_last)
