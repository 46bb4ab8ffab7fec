"""AND, OR, NOT and parentheses join what stands beside them; else they are words."""

from __future__ import annotations

import pytest

from museion.search.query import (
    AllOf,
    AnyOf,
    BadFilter,
    Excluded,
    Group,
    Not,
    Phrase,
    PlaceFilter,
    TypeFilter,
    Word,
    parse_query,
    print_query,
)

A, B, C, D = (Word(letter) for letter in "abcd")


@pytest.mark.parametrize(
    ("typed", "group"),
    [
        ("a OR b", AnyOf((A, B))),
        ("a AND b", AllOf((A, B))),
        ("a AND b OR c", AnyOf((AllOf((A, B)), C))),
        ("a OR b AND c", AnyOf((A, AllOf((B, C))))),
        ("a OR b OR c", AnyOf((A, B, C))),
        ("(a OR b) AND c", AllOf((AnyOf((A, B)), C))),
        ("(a b OR c d)", AnyOf((AllOf((A, B)), AllOf((C, D))))),
        ("NOT a AND b", AllOf((Not(A), B))),
        ("NOT (a AND b)", Not(AllOf((A, B)))),
        ("-(a b)", Not(AllOf((A, B)))),
        ("-a OR b", AnyOf((Not(A), B))),
        ("NOT NOT a OR b", AnyOf((A, B))),
        ('"a b" OR c', AnyOf((Phrase("a b"), C))),
        ("a OR (b)", AnyOf((A, B))),
        ("((a OR b))", AnyOf((A, B))),
        ("(a OR b) c OR d", AnyOf((A, B))),
        ("(a OR OR b)", AnyOf((A, B))),
        ("type:photo OR -type:png", AnyOf((TypeFilter("photo"), TypeFilter("png", negated=True)))),
        ("NOT type:png OR a", AnyOf((TypeFilter("png", negated=True), A))),
        ("(NOT (a OR b) c)", AllOf((Not(AnyOf((A, B))), C))),
        ("a, OR b.", AnyOf((A, B))),
        (r"\AND OR b", AnyOf((Word("AND"), B))),
        ("f(x) OR b", AnyOf((Phrase("f x"), B))),
    ],
)
def test_operators_and_parentheses_make_a_group(typed: str, group: Group) -> None:
    query = parse_query(typed)

    assert query.groups[0] == group
    assert parse_query(print_query(query)) == query


def test_outside_of_parentheses_an_operator_joins_its_neighbours_only() -> None:
    query = parse_query("a cat OR dog on a beach")

    assert query.groups == (AnyOf((Word("cat"), Word("dog"))),)
    assert query.text == "a on a beach"
    assert query.semantic_text == query.lexical_text == "a cat dog on a beach"
    assert [(chip.kind, chip.typed, chip.label) for chip in query.chips] == [
        ("text", "a", "a"),
        ("group", "cat OR dog", "cat or dog"),
        ("text", "on a beach", "on a beach"),
    ]


def test_the_words_of_a_group_speak_for_an_asset_unless_they_are_negated() -> None:
    query = parse_query('(cat OR "big dog" OR type:photo) AND NOT horse')

    assert query.semantic_text == "cat big dog"
    assert query.text == ""
    assert query.filters == ()


@pytest.mark.parametrize(
    "typed",
    [
        *("rock AND", "OR else", "and or not", "AND", "(two) dogs", "ratio (16:9)", "f(x)", ":-)"),
        *("IMG (2).jpg", "( a", "b )", "() )(", "a () b", "NOT", "Not a"),
    ],
)
def test_what_joins_nothing_stays_text(typed: str) -> None:
    query = parse_query(typed, understands=False)

    assert query.text == typed
    assert len(query.parts) == 1
    assert print_query(query) == typed


@pytest.mark.parametrize(
    ("typed", "excluded", "phrases"),
    [
        ("a NOT b", ("b",), ()),
        ("NOT b a", ("b",), ()),
        ('NOT "b c"', ("b c",), ()),
        ("NOT -b", (), ("b",)),
        ("-(b)", ("b",), ()),
        ("(a AND)", (), ("a",)),
    ],
)
def test_a_group_of_one_is_no_group(
    typed: str, excluded: tuple[str, ...], phrases: tuple[str, ...]
) -> None:
    query = parse_query(typed)

    assert (query.excluded, query.phrases, query.groups) == (excluded, phrases, ())
    assert parse_query(print_query(query)) == query


@pytest.mark.parametrize("typed", ["a OR like:abcd", "(without:people OR b)", "NOT like:abcd"])
def test_what_ranks_cannot_stand_in_a_group(typed: str) -> None:
    with pytest.raises(BadFilter, match="outside of AND, OR, NOT"):
        parse_query(typed)


def test_a_value_ends_where_parentheses_close() -> None:
    query = parse_query('(place-near:48.2,16.4 OR tag:x) -"b)"')

    (group,) = query.groups
    assert isinstance(group, AnyOf)
    assert group.operands[0] == PlaceFilter(48.2, 16.4)
    assert [part.meaning for part in query.parts][1:] == [Excluded("b)")]
    assert parse_query(print_query(query)) == query
