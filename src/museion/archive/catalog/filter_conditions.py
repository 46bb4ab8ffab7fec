"""The condition on the catalog's rows that each filter stands for.

Statements are put together from constants; what users give is always an argument.
"""
# ruff: noqa: S608

from __future__ import annotations

from functools import singledispatch
from types import MappingProxyType

from museion.archive.catalog.condition import Condition, all_of, any_of
from museion.archive.catalog.rights_states import rights_condition
from museion.archive.catalog.said_words import being, saying
from museion.archive.catalog.schema import folded
from museion.media.sniff import SUPPORTED
from museion.search.filters import (
    CameraFilter,
    CollectionFilter,
    ColourFilter,
    FieldFilter,
    NamedPlaceFilter,
    NumberFilter,
    OrientationFilter,
    PersonFilter,
    PlaceFilter,
    RatingFilter,
    RightsFilter,
    SizeFilter,
    TagFilter,
    TimeFilter,
    TypeFilter,
)

_LEAST_SHARE = 0.15
"""Share of a picture from which on a colour is one of its colours."""
_KINDS = frozenset({"image", "raw", "vector", "video", "sound", "document"})
_MEDIA_TYPES = MappingProxyType(
    {"jpeg": "image/jpeg", "tiff": "image/tiff"} | {each.extension: each.mime for each in SUPPORTED}
)
"""Name of a format as `type:` takes it -> media type."""
_SHAPES = MappingProxyType(
    {
        "landscape": "width * 1.0 > height * 1.05",
        "portrait": "height * 1.0 > width * 1.05",
        "square": "width * 1.0 <= height * 1.05 AND height * 1.0 <= width * 1.05",
    }
)
"""A side that is longer by up to a twentieth still looks as long as the other."""
_COLUMNS = MappingProxyType(
    {
        name: name
        for name in (
            *("title", "caption", "creator", "credit", "city", "country", "filename", "lens"),
            "copyright",
        )
    }
)
"""Field of a filter -> column of `asset`; no text of a query becomes part of a statement."""


def media_type_of(kind: str) -> str | None:
    """Return the media type of a format that `type:` takes; None for a kind of media."""
    return None if kind == "photo" or kind in _KINDS else _MEDIA_TYPES[kind]


@singledispatch
def plain_condition(filter_: object) -> Condition:
    """Return the condition of a filter without regard to whether it is negated."""
    raise AssertionError(f"{type(filter_).__name__} is no filter")


@plain_condition.register
def _(filter_: TypeFilter) -> Condition:
    """`photo` is everything a camera made as a still; a format is the end of its media type."""
    if filter_.kind == "photo":
        return Condition("kind IN ('image', 'raw')", ())
    if filter_.kind in _KINDS:
        return Condition("kind = ?", (filter_.kind,))
    return Condition("media_type = ?", (_MEDIA_TYPES[filter_.kind],))


@plain_condition.register
def _(filter_: TimeFilter) -> Condition:
    bounds = [("capture_local >= ?", filter_.after), ("capture_local < ?", filter_.before)]
    return all_of(Condition(sql, (day.isoformat(),)) for sql, day in bounds if day)


@plain_condition.register
def _(filter_: CameraFilter) -> Condition:
    return Condition("instr(lower(camera), ?) > 0", (filter_.name.lower(),))


@plain_condition.register
def _(filter_: PlaceFilter) -> Condition:
    # Only CASE promises not to compute what it does not need; AND may ask for the distance first.
    return Condition(
        "CASE WHEN latitude IS NULL OR longitude IS NULL THEN 0"
        " ELSE distance_km(?, ?, latitude, longitude) <= ? END",
        (filter_.latitude, filter_.longitude, filter_.radius_km),
    )


@plain_condition.register
def _(filter_: RatingFilter) -> Condition:
    return Condition("rating BETWEEN ? AND ?", (filter_.low, filter_.high))


@plain_condition.register
def _(filter_: TagFilter) -> Condition:
    return _has_term(filter_.tag)


@plain_condition.register
def _(filter_: PersonFilter) -> Condition:
    """Persons that the metadata name, and keywords and tags: archives keep names there."""
    named = being("value", filter_.name)
    in_metadata = Condition(
        f"nr IN (SELECT asset_nr FROM metadata_value WHERE field = 'persons' AND ({named.sql}))",
        named.arguments,
    )
    return any_of((_has_term(filter_.name), in_metadata))


@plain_condition.register
def _(filter_: CollectionFilter) -> Condition:
    return Condition(
        "id IN (SELECT member.asset_id FROM member JOIN collection ON id = collection_id"
        " WHERE NOT removed AND lower(name) = lower(?))",
        (filter_.name,),
    )


@plain_condition.register
def _(filter_: NamedPlaceFilter) -> Condition:
    return any_of((being("city", filter_.name), being("country", filter_.name)))


@plain_condition.register
def _(filter_: OrientationFilter) -> Condition:
    shape = _SHAPES[filter_.orientation]
    return Condition(f"CASE WHEN width > 0 AND height > 0 THEN {shape} ELSE 0 END", ())


@plain_condition.register
def _(filter_: ColourFilter) -> Condition:
    return Condition(
        "nr IN (SELECT asset_nr FROM colour WHERE name = ? AND share >= ?)",
        (filter_.colour, _LEAST_SHARE),
    )


@plain_condition.register
def _(filter_: RightsFilter) -> Condition:
    return rights_condition(filter_.state)


@plain_condition.register
def _(filter_: SizeFilter) -> Condition:
    return _between("size_bytes", filter_.low, filter_.high)


@plain_condition.register
def _(filter_: NumberFilter) -> Condition:
    is_one = filter_.low is not None and filter_.low == filter_.high
    match filter_.field:
        case "megapixels":
            value = "width * height / 1e6"
        case "duration":
            value = "duration_s"
        case "iso":
            inner = _between("CAST(value AS REAL)", filter_.low, filter_.high)
            return Condition(
                "nr IN (SELECT asset_nr FROM metadata_value"
                f" WHERE field = 'iso' AND ({inner.sql}))",
                inner.arguments,
            )
        case name:
            value = name
    is_decimal = filter_.field in ("megapixels", "duration")
    if is_one and is_decimal:
        return Condition(f"round({value}) = round(?)", (filter_.low,))
    return _between(value, filter_.low, filter_.high)


@plain_condition.register
def _(filter_: FieldFilter) -> Condition:
    if filter_.field == "keyword":
        says = saying("term", filter_.words)
        return Condition(
            f"nr IN (SELECT asset_nr FROM keyword WHERE {says.sql}"
            f" UNION ALL SELECT asset_nr FROM tag WHERE {says.sql})",
            (*says.arguments, *says.arguments),
        )
    return saying(_COLUMNS[filter_.field], filter_.words)


def _has_term(term: str) -> Condition:
    return Condition(
        "nr IN (SELECT asset_nr FROM keyword WHERE folded = ?"
        " UNION ALL SELECT asset_nr FROM tag WHERE folded = ?)",
        (folded(term), folded(term)),
    )


def _between(value: str, low: float | None, high: float | None) -> Condition:
    bounds = [(f"{value} >= ?", low), (f"{value} <= ?", high)]
    return all_of(Condition(sql, (bound,)) for sql, bound in bounds if bound is not None)
