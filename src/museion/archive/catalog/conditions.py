"""Filters and groups of a query as conditions on the catalog's rows.

Statements are put together from constants; what users give is always an argument.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol

from museion.archive.catalog.condition import (
    Condition,
    TooManyFilters,
    all_of,
    among,
    among_rows,
    any_of,
    check_count,
    negated,
)
from museion.archive.catalog.filter_conditions import media_type_of, plain_condition
from museion.archive.catalog.schema import folded
from museion.search.filters import CollectionFilter, Filter, TagFilter
from museion.search.query import AllOf, AnyOf, Group, Not, Operand, Phrase, Word

__all__ = [
    "Condition",
    "Containing",
    "TooManyFilters",
    "all_of",
    "among",
    "among_rows",
    "any_of",
    "check_count",
    "condition_of",
    "condition_of_group",
    "condition_on_one",
    "media_type_of",
    "negated",
]


class Containing(Protocol):
    """Finds assets by a word or phrase, as `LexicalIndex.ids_containing` does."""

    def __call__(self, phrase: str, /, *, inflected: bool = False) -> Set[str]:
        """Return their ids."""
        ...


def condition_of_group(group: Group, containing: Containing) -> Condition:
    """Return the condition that a group of a query stands for.

    Args:
        group: as `Query.groups` has it.
        containing: returns the ids of the assets that hold a word or phrase.

    Raises:
        TooManyFilters: one level of the group has more operands than a statement should have.
    """
    return _of_operand(group, containing)


def _of_operand(operand: Operand, containing: Containing) -> Condition:
    match operand:
        case Word(text):
            return among(containing(text, inflected=True))
        case Phrase(text):
            return among(containing(text, inflected=False))
        case AllOf(operands):
            return all_of(_of_operand(each, containing) for each in operands)
        case AnyOf(operands):
            return any_of(_of_operand(each, containing) for each in operands)
        case Not(inner):
            return negated(_of_operand(inner, containing))
        case filter_:
            return condition_of(filter_)


def condition_of(filter_: Filter) -> Condition:
    """Return the condition that a filter of a query stands for."""
    condition = plain_condition(filter_)
    return negated(condition) if filter_.negated else condition


def condition_on_one(filter_: Filter) -> Condition:
    """Return what `condition_of` returns, for questions about single assets.

    It costs the same however many assets have the tag or are in the collection: those are not
    listed first.
    """
    match filter_:
        case TagFilter(tag=tag):
            condition = Condition(
                "EXISTS (SELECT 1 FROM keyword WHERE folded = ? AND asset_nr = asset.nr)"
                " OR EXISTS (SELECT 1 FROM tag WHERE folded = ? AND asset_nr = asset.nr)",
                (folded(tag), folded(tag)),
            )
        case CollectionFilter(name=name):
            condition = Condition(
                "EXISTS (SELECT 1 FROM member JOIN collection ON collection.id = collection_id"
                " WHERE member.asset_id = asset.id AND NOT removed AND lower(name) = lower(?))",
                (name,),
            )
        case _:
            return condition_of(filter_)
    return negated(condition) if filter_.negated else condition
