"""How filters are written: `name:value` to value, and back.

| written | means |
|---|---|
| `type:photo` | the kind or format, one of `TYPES` |
| `after:2020` `after:2020-05` `after:2020-05-03` | taken on (the first day of) it, or later |
| `before:2020` `before:2020-05` `before:2020-05-03` | taken before (the first day of) it |
| `camera:nikon` `camera:"Canon EOS R5"` | maker or model of the camera contains this |
| `place-near:48.2,16.37` `place-near:"New York",10km` | taken within a distance, else of 25 km |
| `rating:4` `rating:>=3` `rating:3..5` | stars, from 0 to 5 |
| `tag:beach` `tag:"red slide"` | has this tag |

So `after:2020 before:2021` is the year 2020: `after:` includes the day that it names, `before:`
excludes it. A minus in front negates.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import assert_never

from museion.search import places
from museion.search.filters import (
    DEFAULT_RADIUS_KM,
    LARGEST_RADIUS_KM,
    LARGEST_RATING,
    TYPES,
    BadFilter,
    CameraFilter,
    CollectionFilter,
    Filter,
    PlaceFilter,
    RatingFilter,
    SizeFilter,
    TagFilter,
    TimeFilter,
    TypeFilter,
    day_text,
    number_text,
    size_text,
)

_SPELLINGS = {
    "audio": "sound",
    "doc": "document",
    "heif": "heic",
    "jpg": "jpeg",
    "movie": "video",
    "picture": "image",
    "quicktime": "mov",
    "tif": "tiff",
}
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_NUMBER = r"\d{1,6}(?:\.\d{1,12})?"
_RADIUS = re.compile(rf"({_NUMBER})\s*(km|m|mi)?", re.ASCII | re.IGNORECASE)
_COORDINATES = re.compile(rf"(-?{_NUMBER})\s*,\s*(-?{_NUMBER})", re.ASCII)
_RATING = re.compile(r"(>=|<=|>|<|=|)([0-9])(\+?)", re.ASCII)
_RATINGS = re.compile(r"([0-9]?)\.\.([0-9]?)", re.ASCII)
_BYTES = r"(\d{1,12})(B|KB|MB|GB)?"
_SIZE = re.compile(rf"(>=|<=|>|<)?{_BYTES}", re.ASCII | re.IGNORECASE)
_SIZES = re.compile(rf"(?:{_BYTES})?\.\.(?:{_BYTES})?", re.ASCII | re.IGNORECASE)
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_KM = {"km": 1.0, "": 1.0, "m": 0.001, "mi": 1.609344}


def is_filter_name(name: str) -> bool:
    """Tell whether `name:` begins a filter."""
    return name in _PARSERS


def parse_filter(name: str, value: str, *, negated: bool = False) -> Filter:
    """Return the filter that is written `name:value`.

    Raises:
        BadFilter: the value is not one that the filter takes.
    """
    return _PARSERS[name](name, " ".join(value.split()), negated)


def print_filter(filter_: Filter) -> str:  # noqa: PLR0911 (a case for each filter)
    """Return the shortest written form that means the filter."""
    sign = "-" if filter_.negated else ""
    match filter_:
        case TypeFilter(kind=kind):
            return f"{sign}type:{kind}"
        case TimeFilter(after=after, before=before):
            named = (("after", after), ("before", before))
            return " ".join(f"{sign}{name}:{day_text(day)}" for name, day in named if day)
        case CameraFilter(name=name):
            return f"{sign}camera:{_quoted(name)}"
        case PlaceFilter():
            return f"{sign}place-near:{_print_place(filter_)}"
        case RatingFilter(low=low, high=high):
            return f"{sign}rating:{_print_ratings(low, high)}"
        case TagFilter(tag=tag):
            return f"{sign}tag:{_quoted(tag)}"
        case CollectionFilter(name=name):
            return f"{sign}collection:{_quoted(name)}"
        case SizeFilter(low=low, high=high):
            return f"{sign}size:{_print_sizes(low, high)}"
        case _:
            assert_never(filter_)


def _parse_type(name: str, value: str, negated: bool) -> Filter:
    kind = value.casefold().removeprefix(".")
    kind = _SPELLINGS.get(kind, kind)
    if kind not in TYPES:
        raise BadFilter(name, value, expected=f"one of {', '.join(TYPES)}", example="photo")
    return TypeFilter(kind, negated)


def _parse_after(name: str, value: str, negated: bool) -> Filter:
    return TimeFilter(after=_parse_date(name, value), negated=negated)


def _parse_before(name: str, value: str, negated: bool) -> Filter:
    return TimeFilter(before=_parse_date(name, value), negated=negated)


def _parse_camera(name: str, value: str, negated: bool) -> Filter:
    return CameraFilter(_filled(name, value, "words of a camera's name", '"Canon EOS"'), negated)


def _parse_tag(name: str, value: str, negated: bool) -> Filter:
    return TagFilter(_filled(name, value, "a tag", '"red slide"'), negated)


def _parse_collection(name: str, value: str, negated: bool) -> Filter:
    return CollectionFilter(_filled(name, value, "the name of a collection", "Sports"), negated)


def _parse_size(name: str, value: str, negated: bool) -> Filter:
    match = _SIZE.fullmatch(value.replace("≥", ">=").replace("≤", "<=").replace(" ", ""))
    span = _SIZES.fullmatch(value.replace(" ", ""))
    if span and (span[1] or span[3]):
        low, high = (
            _bytes(n, unit) if n else None for n, unit in (span.groups()[:2], span.groups()[2:])
        )
    elif match:
        low, high = _bounds(match[1], _bytes(match[2], match[3]))
    else:
        low, high = 1, 0
    if low is not None and high is not None and not 0 <= low <= high:
        expected = "a size in B, KB, MB or GB, or two, the smaller first"
        raise BadFilter(name, value, expected=expected, example="<50MB")
    return SizeFilter(low, high, negated)


def _parse_rating(name: str, value: str, negated: bool) -> Filter:
    low, high = _ratings(value)
    if not 0 <= low <= high <= LARGEST_RATING:
        expected = f"stars from 0 to {LARGEST_RATING}, the lower first"
        raise BadFilter(name, value, expected=expected, example="3..5")
    return RatingFilter(low, high, negated)


def _parse_place(name: str, value: str, negated: bool) -> Filter:
    where, radius = value, DEFAULT_RADIUS_KM
    if not _COORDINATES.fullmatch(value):
        head, comma, tail = value.rpartition(",")
        if comma and (distance := _RADIUS.fullmatch(tail.strip())):
            where = head.strip()
            radius = float(distance[1]) * _KM[(distance[2] or "").lower()]
    radius = round(radius, 3)
    if not 0 < radius <= LARGEST_RADIUS_KM:
        expected = f"a radius from 1 m to {LARGEST_RADIUS_KM:.0f} km"
        raise BadFilter(name, value, expected=expected, example="Vienna,25km")
    if point := _COORDINATES.fullmatch(where):
        return _near_point(name, value, (float(point[1]), float(point[2])), radius, negated)
    return _near_city(name, value, where, radius, negated)


_PARSERS: dict[str, Callable[[str, str, bool], Filter]] = {
    "type": _parse_type,
    "after": _parse_after,
    "before": _parse_before,
    "camera": _parse_camera,
    "place-near": _parse_place,
    "rating": _parse_rating,
    "tag": _parse_tag,
    "collection": _parse_collection,
    "size": _parse_size,
}


def _near_point(
    name: str, value: str, point: tuple[float, float], radius: float, negated: bool
) -> Filter:
    latitude, longitude = (round(degrees, 6) + 0.0 for degrees in point)
    if abs(latitude) > 90 or abs(longitude) > 180:
        expected = "degrees north from -90 to 90, then degrees east from -180 to 180"
        raise BadFilter(name, value, expected=expected, example="48.2,16.37")
    return PlaceFilter(latitude, longitude, radius, negated=negated)


def _near_city(name: str, value: str, city: str, radius: float, negated: bool) -> Filter:
    place = places.find_place(city) if city else None
    if place is None:
        near = ", ".join(places.similar_names(city)) if city else ""
        expected = "coordinates or a city of 15,000 people or more"
        raise BadFilter(
            name,
            value,
            expected=f"{expected} (perhaps {near})" if near else expected,
            example='48.2,16.37 or place-near:"New York",10km',
        )
    # A city's listed name may belong to a bigger one; then the name that was typed is kept.
    shown = place.name if places.find_place(place.name) == place else city
    return PlaceFilter(place.latitude, place.longitude, radius, shown, negated)


def _parse_date(name: str, value: str) -> datetime.date:
    try:
        if match := _DATE.fullmatch(value):
            return datetime.date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        pass  # no such day; told below with all other values that are no days
    expected = "a year, a month or a day that exists"
    raise BadFilter(name, value, expected=expected, example="2020-05-03")


def _ratings(value: str) -> tuple[int, int]:
    """Return the lowest and highest rating meant; an empty range where nothing is meant."""
    if span := _RATINGS.fullmatch(value):
        return int(span[1] or 0), int(span[2] or LARGEST_RATING)
    match = _RATING.fullmatch(value.replace("≥", ">=").replace("≤", "<=").replace(" ", ""))
    if match is None or (match[1] and match[3]):
        return 1, 0
    stars = int(match[2])
    return {
        "": (stars, LARGEST_RATING if match[3] else stars),
        "=": (stars, stars),
        ">=": (stars, LARGEST_RATING),
        ">": (stars + 1, LARGEST_RATING),
        "<=": (0, stars),
        "<": (0, stars - 1),
    }[match[1]]


def _bytes(number: str, unit: str | None) -> int:
    return int(number) * _UNITS[(unit or "").upper()]


def _bounds(sign: str | None, size: int) -> tuple[int | None, int | None]:
    """Return the smallest and largest size meant, both included; without a sign, exactly that."""
    match sign:
        case ">=" | ">":
            return size, None
        case "<=" | "<":
            return None, size
        case _:
            return size, size


def _filled(name: str, value: str, expected: str, example: str) -> str:
    if not value:
        raise BadFilter(name, value, expected=expected, example=example)
    return value


def _print_ratings(low: int, high: int) -> str:
    if low == high:
        return str(low)
    if high == LARGEST_RATING:
        return f">={low}"
    return f"{low}..{high}" if low else f"<={high}"


def _print_sizes(low: int | None, high: int | None) -> str:
    if low == high and low is not None:
        return size_text(low)
    if high is None:
        return f">={size_text(low or 0)}"
    return f"<={size_text(high)}" if low is None else f"{size_text(low)}..{size_text(high)}"


def _print_place(filter_: PlaceFilter) -> str:
    where = _quoted(filter_.where)
    plain = filter_.radius_km == DEFAULT_RADIUS_KM
    return where if plain else f"{where},{number_text(filter_.radius_km)}km"


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value
