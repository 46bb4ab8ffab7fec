"""Whatever is typed: a query prints to a text that means the same."""

from __future__ import annotations

import cProfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typed_queries import EXPLICIT, PLAIN, SomeNames, parsed_or_none, typed_queries

from museion.search.query import Query, Text, parse_query, print_query

LAW = settings(max_examples=200, deadline=None, derandomize=True)
TYPED = typed_queries((*EXPLICIT, *PLAIN))
SAID = typed_queries(PLAIN)


@LAW
@given(TYPED | SAID | st.text(max_size=60), st.booleans())
def test_a_query_prints_to_a_text_that_parses_to_the_same(text: str, knows: bool) -> None:
    query = parsed_or_none(text, knows=knows)
    if query is None:
        return
    known = SomeNames() if knows else None

    printed = print_query(query, known=known)

    assert parse_query(printed, known=known) == query
    assert print_query(parse_query(printed, known=known), known=known) == printed


@LAW
@given(TYPED | SAID)
def test_a_stored_query_means_the_same_where_names_are_not_known(text: str) -> None:
    query = parsed_or_none(text, knows=True)
    if query is not None:
        assert parse_query(print_query(query)) == query


@LAW
@given(TYPED | SAID)
def test_chips_show_every_part_as_it_was_typed(text: str) -> None:
    query = parsed_or_none(text)
    if query is not None:
        typed = " ".join(chip.typed for chip in query.chips)
        assert parse_query(typed).parts == query.parts


@LAW
@given(TYPED | SAID, st.data())
def test_taking_out_a_chip_leaves_the_others(text: str, data: st.DataObject) -> None:
    query = parsed_or_none(text)
    if query is None or not query.parts:
        return
    gone = data.draw(st.integers(0, len(query.parts) - 1))
    rest = Query(query.parts[:gone] + query.parts[gone + 1 :])

    again = parse_query(print_query(rest))

    meanings = [part.meaning for part in rest.parts if not isinstance(part.meaning, Text)]
    assert [p.meaning for p in again.parts if not isinstance(p.meaning, Text)] == meanings
    assert again.text == rest.text


@LAW
@given(TYPED | SAID)
def test_a_chip_turned_back_into_words_is_text(text: str) -> None:
    query = parsed_or_none(text)
    for chip in query.chips if query else ():
        if chip.as_words:
            again = parse_query(chip.as_words)
            assert [type(part.meaning) for part in again.parts] == [Text]
            assert again.text == " ".join(chip.typed.split())


@LAW
@given(TYPED | SAID)
def test_classic_search_understands_only_what_is_explicit(text: str) -> None:
    query = parsed_or_none(text)
    if query is not None:
        classic = parse_query(text, understands=False)
        kept = [chip for chip in query.chips if not chip.as_words and chip.kind != "text"]
        explicit = [chip for chip in classic.chips if chip.kind != "text"]
        assert [chip.typed for chip in explicit if not chip.as_words] == [c.typed for c in kept]


@pytest.mark.parametrize(
    "piece",
    [
        *("(", "((a OR b) ", "NOT ", "a OR ", "a AND ", "-(", "last ", "no ", "without ", "2020, "),
        *("photos of ", "from ", "between 1985 and ", ", landscape", "\\", '"', "Vienna ", "x"),
        *("date:", "in the ", "July 4, ", "and ", "(a OR "),
    ],
)
def test_work_grows_with_the_length_of_the_text(piece: str) -> None:
    """Four times the text makes about four times the calls of functions; a square, sixteen."""
    calls = []
    for length in (1_000, 4_000):
        text = (piece * length)[:length]
        parsed_or_none(text, knows=True)
        profile = cProfile.Profile()
        profile.runcall(parsed_or_none, text, knows=True)
        calls.append(sum(entry.callcount for entry in profile.getstats()))

    assert calls[1] < 6 * calls[0] + 1_000
