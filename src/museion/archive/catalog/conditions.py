"""Filters of a query as conditions on the catalog's rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import assert_never

from museion.archive.catalog.schema import folded
from museion.base.errors import InvalidInput
from museion.media.sniff import SUPPORTED
from museion.search.filters import (
    CameraFilter,
    CollectionFilter,
    Filter,
    PlaceFilter,
    RatingFilter,
    SizeFilter,
    TagFilter,
    TimeFilter,
    TypeFilter,
)

_MOST_CONDITIONS = 100
_KINDS = frozenset({"image", "raw", "vector", "video", "sound", "document"})
_MEDIA_TYPES = MappingProxyType(
    {"jpeg": "image/jpeg", "tiff": "image/tiff"} | {each.extension: each.mime for each in SUPPORTED}
)
"""Name of a format as `type:` takes it -> media type."""


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


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Return the condition that all of the given ones hold; with none, every asset fulfils it.

    Raises:
        TooManyFilters: there are more different ones than a statement should have.
    """
    gathered = list(dict.fromkeys(conditions))
    if not gathered:
        return Condition("1", ())
    if len(gathered) > _MOST_CONDITIONS:
        raise TooManyFilters(len(gathered))
    return Condition(
        " AND ".join(f"({each.sql})" for each in gathered),
        tuple(argument for each in gathered for argument in each.arguments),
    )


def negated(condition: Condition) -> Condition:
    """Return the opposite; an asset for which the field is unknown fulfils it."""
    return Condition(f"NOT coalesce(({condition.sql}), 0)", condition.arguments)


def condition_of(filter_: Filter) -> Condition:
    """Return the condition that a filter of a query stands for."""
    condition = _plain(filter_)
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


def _plain(filter_: Filter) -> Condition:  # noqa: PLR0911 (a case for each filter)
    match filter_:
        case TypeFilter(kind=kind):
            return _type(kind)
        case TimeFilter(after=after, before=before):
            return _time(after, before)
        case CameraFilter(name=name):
            return Condition("instr(lower(camera), ?) > 0", (name.lower(),))
        case PlaceFilter():
            return _place(filter_)
        case RatingFilter(low=low, high=high):
            return Condition("rating BETWEEN ? AND ?", (low, high))
        case TagFilter(tag=tag):
            return Condition(
                "nr IN (SELECT asset_nr FROM keyword WHERE folded = ?"
                " UNION ALL SELECT asset_nr FROM tag WHERE folded = ?)",
                (folded(tag), folded(tag)),
            )
        case CollectionFilter(name=name):
            return Condition(
                "id IN (SELECT member.asset_id FROM member JOIN collection ON id = collection_id"
                " WHERE NOT removed AND lower(name) = lower(?))",
                (name,),
            )
        case SizeFilter(low=low, high=high):
            return _size(low, high)
        case _:
            assert_never(filter_)


def _type(kind: str) -> Condition:
    """`photo` is everything a camera made as a still; a format is the end of its media type."""
    if kind == "photo":
        return Condition("kind IN ('image', 'raw')", ())
    if kind in _KINDS:
        return Condition("kind = ?", (kind,))
    return Condition("media_type = ?", (_MEDIA_TYPES[kind],))


def _time(after: date | None, before: date | None) -> Condition:
    bounds = [("capture_local >= ?", after), ("capture_local < ?", before)]
    return all_of(Condition(sql, (day.isoformat(),)) for sql, day in bounds if day)


def _size(low: int | None, high: int | None) -> Condition:
    bounds = [("size_bytes >= ?", low), ("size_bytes <= ?", high)]
    return all_of(Condition(sql, (size,)) for sql, size in bounds if size is not None)


def _place(filter_: PlaceFilter) -> Condition:
    # Only CASE promises not to compute what it does not need; AND may ask for the distance first.
    return Condition(
        "CASE WHEN latitude IS NULL OR longitude IS NULL THEN 0"
        " ELSE distance_km(?, ?, latitude, longitude) <= ? END",
        (filter_.latitude, filter_.longitude, filter_.radius_km),
    )
