"""Conditions on the catalog's rows, and how they are combined."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from museion.base.errors import InvalidInput

_MOST_CONDITIONS = 100


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL expression over `asset` with its arguments; the expression never holds user text."""

    sql: str
    arguments: tuple[object, ...]


class TooManyFilters(InvalidInput):
    """More filters stand in one query than anybody types."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"Expected at most {_MOST_CONDITIONS} filters; came {count}.", remedy="Leave some out."
        )


def check_count(count: int) -> None:
    """Pass so many conditions that stand beside each other.

    Raises:
        TooManyFilters: nobody types so many.
    """
    if count > _MOST_CONDITIONS:
        raise TooManyFilters(count)


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that all of the given ones hold; with none, every asset fulfils it.

    Raises:
        TooManyFilters: there are more different ones than a statement should have.
    """
    gathered = list(dict.fromkeys(conditions))
    if not gathered:
        return Condition("1", ())
    check_count(len(gathered))
    return Condition(
        " AND ".join(f"({each.sql})" for each in gathered),
        tuple(argument for each in gathered for argument in each.arguments),
    )


def negated(condition: Condition) -> Condition:
    """Return the opposite; an asset for which the field is unknown fulfils it."""
    return Condition(f"NOT coalesce(({condition.sql}), 0)", condition.arguments)


def any_of(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that at least one of the given ones holds; with none, no asset does.

    Raises:
        TooManyFilters: there are more different ones than a statement should have.
    """
    gathered = list(dict.fromkeys(conditions))
    if not gathered:
        return Condition("0", ())
    check_count(len(gathered))
    return Condition(
        " OR ".join(f"coalesce(({each.sql}), 0)" for each in gathered),
        tuple(argument for each in gathered for argument in each.arguments),
    )


def among(ids: Iterable[str]) -> Condition:
    """Return the condition that an asset is one of these."""
    listed = json.dumps(sorted(ids))
    return Condition("id IN (SELECT value FROM json_each(?))", (listed,))


def among_rows(numbers: Sequence[int], *, others: Sequence[int]) -> Condition:
    """Return the condition that an asset has one of these row numbers.

    Many are found as fast as few; where most assets are, it is looked whether it is one of the
    others.

    Args:
        numbers: of the rows.
        others: of all other rows that screens list.
    """
    if len(numbers) <= len(others):
        return Condition("nr IN (SELECT value FROM json_each(?))", (json.dumps(numbers),))
    return Condition(
        "nr <= ? AND nr NOT IN (SELECT value FROM json_each(?))",
        (max(numbers), json.dumps(others)),
    )
