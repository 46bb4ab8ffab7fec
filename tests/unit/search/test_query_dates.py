"""Times in words are the days that people mean, counted from a day that is given."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.analysis.calendar_spans import Span
from museion.search.analysis.dates import read_span
from museion.search.filter_values import days_text
from museion.search.query import BadFilter, TimeFilter, parse_query, print_query

THURSDAY = datetime.date(2026, 11, 26)
JANUARY = datetime.date(2026, 1, 15)
SUNDAY = datetime.date(2026, 3, 1)


def _days(text: str, today: datetime.date) -> str:
    span = read_span(text, today)
    assert span is not None, text
    return f"{span.first or ''}/{span.after_last or ''}"


@pytest.mark.parametrize(
    ("text", "today", "days"),
    [
        ("today", THURSDAY, "2026-11-26/2026-11-27"),
        ("day before yesterday", THURSDAY, "2026-11-24/2026-11-25"),
        ("last week", THURSDAY, "2026-11-16/2026-11-23"),
        ("last week", SUNDAY, "2026-02-16/2026-02-23"),
        ("this week", SUNDAY, "2026-02-23/2026-03-02"),
        ("last weekend", THURSDAY, "2026-11-21/2026-11-23"),
        ("this weekend", SUNDAY, "2026-02-28/2026-03-02"),
        ("last month", JANUARY, "2025-12-01/2026-01-01"),
        ("last year", JANUARY, "2025-01-01/2026-01-01"),
        ("last summer", THURSDAY, "2026-06-01/2026-09-01"),
        ("last summer", datetime.date(2026, 7, 1), "2025-06-01/2025-09-01"),
        ("last winter", JANUARY, "2024-12-01/2025-03-01"),
        ("this winter", JANUARY, "2025-12-01/2026-03-01"),
        ("last winter", SUNDAY, "2025-12-01/2026-03-01"),
        ("last July", THURSDAY, "2026-07-01/2026-08-01"),
        ("last November", THURSDAY, "2025-11-01/2025-12-01"),
        ("last Thursday", THURSDAY, "2026-11-19/2026-11-20"),
        ("last Friday", THURSDAY, "2026-11-20/2026-11-21"),
        ("last 7 days", THURSDAY, "2026-11-20/2026-11-27"),
        ("last two months", datetime.date(2026, 4, 30), "2026-03-01/2026-05-01"),
        ("3 months ago", JANUARY, "2025-10-01/2025-11-01"),
        ("vor zwei Jahren", JANUARY, "2024-01-01/2025-01-01"),
        ("winter 2023", THURSDAY, "2023-12-01/2024-03-01"),
        ("Herbst 2022", THURSDAY, "2022-09-01/2022-12-01"),
        ("the 80s", THURSDAY, "1980-01-01/1990-01-01"),
        ("since 2020", THURSDAY, "2020-01-01/"),
        ("after 2020", THURSDAY, "2021-01-01/"),
        ("before July 2020", THURSDAY, "/2020-07-01"),
        ("bis 1990", THURSDAY, "/1991-01-01"),
        ("between July and September 2023", THURSDAY, "2023-07-01/2023-10-01"),
        ("from summer 2019 to today", THURSDAY, "2019-06-01/2026-11-27"),
        ("1985..1990", THURSDAY, "1985-01-01/1991-01-01"),
        ("1985-05..", THURSDAY, "1985-05-01/"),
        ("..yesterday", THURSDAY, "/2026-11-26"),
        ("29 February 2024", THURSDAY, "2024-02-29/2024-03-01"),
        ("4.7.2023", THURSDAY, "2023-07-04/2023-07-05"),
        ("9999", THURSDAY, "9999-01-01/"),
    ],
)
def test_words_for_times_are_the_days_that_people_mean(
    text: str, today: datetime.date, days: str
) -> None:
    assert _days(text, today) == days


@pytest.mark.parametrize(
    "text",
    [
        *("", "..", "....", "summer", "July", "the last supper", "30 February 2023", "2023-13"),
        *("0000", "1990..1985", "between 1990 and 1985", "99999", "last day", "this may", "x..y"),
        *("4000 years ago", "2000 weeks ago of", "vor dem Haus", "1985..1990..1995", "12.13.2023"),
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_span(text, THURSDAY) is None


def test_a_bad_date_is_told_with_an_example() -> None:
    with pytest.raises(BadFilter, match="The filter date: expected a year, month, day"):
        parse_query("date:soon")


DAYS = st.dates(min_value=datetime.date(1000, 1, 1), max_value=datetime.date(9998, 12, 30))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(DAYS, DAYS)
def test_days_are_written_so_that_they_are_read_as_the_same(
    one: datetime.date, other: datetime.date
) -> None:
    first, after_last = min(one, other), max(one, other) + datetime.timedelta(days=1)

    assert read_span(days_text(first, after_last), THURSDAY) == Span(first, after_last)


@pytest.mark.parametrize(
    ("span", "written"),
    [
        (("1985-01-01", "1991-01-01"), "date:1985..1990"),
        (("1985-01-01", "1986-01-01"), "date:1985"),
        (("1985-12-01", "1986-01-01"), "date:1985-12"),
        (("1985-12-31", "1986-01-01"), "date:1985-12-31"),
        (("2020-01-01", "2020-06-01"), "date:2020..2020-05"),
    ],
)
def test_spans_are_written_as_shortly_as_they_can_be(span: tuple[str, str], written: str) -> None:
    first, after_last = (datetime.date.fromisoformat(day) for day in span)

    assert TimeFilter(first, after_last).written == written


@pytest.mark.parametrize("today", [THURSDAY, JANUARY, SUNDAY, datetime.date(1, 1, 1)])
@pytest.mark.parametrize(
    "text", ["last summer", "since last week", "from last year to yesterday", "vor 3 Tagen"]
)
def test_a_time_that_moves_prints_to_words_that_move_alike(text: str, today: datetime.date) -> None:
    query = parse_query(text, today=today)

    assert parse_query(print_query(query), today=today) == query
