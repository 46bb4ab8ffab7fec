"""The filters that a query can name, as values; `filter_syntax` says how they are written.

Several filters of one query must all hold. Every filter can be negated; a negated filter keeps what
it would drop, also what has no value at all. Each tells how it is `written` and what it `says` to
people, both without regard to `negated`, and the kind of its `chip`.
"""

from __future__ import annotations

from typing import TypeAlias

from museion.base.errors import InvalidInput
from museion.search.filter_values import day_text, number_text, size_text
from museion.search.span_filters import (
    DEFAULT_RADIUS_KM,
    LARGEST_RADIUS_KM,
    LARGEST_RATING,
    NUMBER_FIELDS,
    NumberFilter,
    PlaceFilter,
    RatingFilter,
    SizeFilter,
    TimeFilter,
)
from museion.search.word_filters import (
    ANYTHING,
    COLOURS,
    ORIENTATIONS,
    RIGHTS_STATES,
    TEXT_FIELDS,
    TYPES,
    CameraFilter,
    CollectionFilter,
    ColourFilter,
    FieldFilter,
    NamedPlaceFilter,
    OrientationFilter,
    PersonFilter,
    RightsFilter,
    TagFilter,
    TypeFilter,
)

__all__ = [
    "ANYTHING",
    "COLOURS",
    "DEFAULT_RADIUS_KM",
    "LARGEST_RADIUS_KM",
    "LARGEST_RATING",
    "NUMBER_FIELDS",
    "ORIENTATIONS",
    "RIGHTS_STATES",
    "TEXT_FIELDS",
    "TYPES",
    "BadFilter",
    "CameraFilter",
    "CollectionFilter",
    "ColourFilter",
    "FieldFilter",
    "Filter",
    "NamedPlaceFilter",
    "NumberFilter",
    "OrientationFilter",
    "PersonFilter",
    "PlaceFilter",
    "RatingFilter",
    "RightsFilter",
    "SizeFilter",
    "TagFilter",
    "TimeFilter",
    "TypeFilter",
    "day_text",
    "filter_kind",
    "filter_label",
    "number_text",
    "size_text",
]

Filter: TypeAlias = (
    TypeFilter
    | TimeFilter
    | CameraFilter
    | PlaceFilter
    | RatingFilter
    | TagFilter
    | CollectionFilter
    | SizeFilter
    | PersonFilter
    | NamedPlaceFilter
    | OrientationFilter
    | ColourFilter
    | RightsFilter
    | FieldFilter
    | NumberFilter
)


class BadFilter(InvalidInput):
    """A filter's value cannot be understood.

    Attributes:
        name: the filter.
        value: what came.
    """

    def __init__(self, name: str, value: str, *, expected: str, example: str) -> None:
        super().__init__(
            f"The filter {name}: expected {expected}; came {value!r}.",
            remedy=f"Write it like {name}:{example}.",
        )
        self.name = name
        self.value = value


def filter_kind(filter_: Filter) -> str:
    """Return the kind of the filter's chip: type, time, camera, place, rating, tag and so on."""
    return filter_.chip


def filter_label(filter_: Filter) -> str:
    """Return what the filter's chip shows, in English."""
    return f"not {filter_.says}" if filter_.negated else filter_.says
