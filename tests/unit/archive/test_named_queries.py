"""`collection:NAME` holds as exactly where a query finds the members as where people do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from museion.archive.named_queries import NestedQuery, QueryHasWords, with_named_queries
from museion.search.query import (
    AllOf,
    AnyOf,
    CollectionFilter,
    Not,
    Operand,
    Part,
    Phrase,
    Query,
    TagFilter,
    TypeFilter,
    Word,
    parse_query,
)

STORED: Mapping[str, str] = {
    "films": "type:video",
    "tagged": 'tag:sea -boats "high tide"',
    "dawns": "a red dawn",
    "nested": "collection:Films",
}


def _named(name: str) -> Sequence[str]:
    query = STORED.get(name.lower())
    return [query] if query else []


def _meant(text: str, *, is_stored: bool = False) -> Query:
    return with_named_queries(parse_query(text), _named, parse_query, is_stored=is_stored)


def _found(*operands: Operand) -> Not:
    return Not(AllOf((Not(AllOf(operands)),)))


def test_a_name_that_no_query_has_stays_a_name() -> None:
    query = parse_query("collection:Harbours tag:sea")

    assert with_named_queries(query, _named, parse_query) == query


def test_conditions_stand_beside_the_collection_of_the_same_name() -> None:
    (group,) = _meant("collection:Films").groups

    assert group == AnyOf((CollectionFilter("Films"), _found(TypeFilter("video"))))


def test_phrases_and_exclusions_are_conditions_too() -> None:
    (group,) = _meant("collection:Tagged").groups

    conditions = _found(TagFilter("sea"), Phrase("high tide"), Not(Word("boats")))
    assert group == AnyOf((CollectionFilter("Tagged"), conditions))


def test_a_denied_name_denies_all_that_it_stands_for() -> None:
    (group,) = _meant("-collection:Films").groups

    assert group == Not(AnyOf((CollectionFilter("Films"), _found(TypeFilter("video")))))


def test_names_within_groups_are_replaced() -> None:
    (group,) = _meant("collection:Films OR tag:sea").groups

    assert isinstance(group, AnyOf)
    assert _found(TypeFilter("video")) in group.operands[0].operands  # type: ignore[union-attr]  # a group by now


def test_what_a_collection_asks_for_is_not_looked_for_as_words() -> None:
    query = _meant("collection:Tagged two dogs")

    assert query.semantic_text == "two dogs"


def test_a_query_that_ranks_is_no_filter() -> None:
    with pytest.raises(QueryHasWords, match="a red dawn"):
        _meant("collection:Dawns")


def test_plain_words_that_name_a_query_that_ranks_stay_words() -> None:
    query = Query((Part(CollectionFilter("Dawns"), "dawns", in_words=True),))

    meant = with_named_queries(query, _named, parse_query)

    assert (meant.text, meant.filters, meant.groups) == ("dawns", (), ())


@pytest.mark.parametrize(
    "text", ["collection:Films", "-collection:Films", "tag:a OR collection:Films"]
)
def test_the_query_of_a_collection_cannot_ask_for_another_with_a_query(text: str) -> None:
    with pytest.raises(NestedQuery, match="Films"):
        _meant(text, is_stored=True)


def test_the_query_of_a_collection_may_ask_for_one_that_people_filled() -> None:
    assert _meant("collection:Harbours", is_stored=True).filters == (CollectionFilter("Harbours"),)


def test_a_name_whose_query_asks_for_another_is_refused_before_it_turns_in_a_circle() -> None:
    with pytest.raises(NestedQuery):
        _meant("collection:Nested")
