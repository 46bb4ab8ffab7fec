"""The filters that a query can name, as values; `filter_syntax` says how they are written.

Several filters of one query must all hold. Every filter can be negated; a negated filter keeps what
it would drop, also what has no value at all.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from museion.base.errors import InvalidInput
from museion.search import places

TYPES = (
    *("image", "photo", "raw", "vector", "video", "sound", "document"),
    *("jpeg", "png", "gif", "webp", "tiff", "avif", "heic", "svg", "pdf", "mp4", "mov", "webm"),
)
"""What `type:` accepts: kinds first, then formats."""

DEFAULT_RADIUS_KM = 25.0
LARGEST_RADIUS_KM = 20_000.0
LARGEST_RATING = 5


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


@dataclass(frozen=True, slots=True)
class TypeFilter:
    """Is of a kind or format; `kind` is one of `TYPES`."""

    kind: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class TimeFilter:
    """Taken from `after` on (that day included) and before `before` (that day excluded).

    Days are those of the local calendar where the picture was taken. At least one bound is given;
    a negated filter has exactly one.
    """

    after: datetime.date | None = None
    before: datetime.date | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class CameraFilter:
    """Maker or model contains `name`, without regard to case."""

    name: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class PlaceFilter:
    """Taken within `radius_km` of a point.

    Attributes:
        latitude: degrees north, in [-90, 90].
        longitude: degrees east, in [-180, 180].
        radius_km: above 0.
        name: the city that was named, or empty where the point was given.
    """

    latitude: float
    longitude: float
    radius_km: float = DEFAULT_RADIUS_KM
    name: str = ""
    negated: bool = False

    @property
    def where(self) -> str:
        """The city's name, or the point's degrees."""
        return self.name or f"{number_text(self.latitude)},{number_text(self.longitude)}"

    def covers(self, latitude: float, longitude: float) -> bool:
        """Tell whether a point in degrees lies within the radius; `negated` is not looked at."""
        distance = places.distance_km(self.latitude, self.longitude, latitude, longitude)
        return distance <= self.radius_km


@dataclass(frozen=True, slots=True)
class RatingFilter:
    """Has at least `low` and at most `high` stars."""

    low: int
    high: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Has this tag, as written."""

    tag: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class CollectionFilter:
    """Is a member of a collection of this name."""

    name: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class SizeFilter:
    """Has an original of at least `low` and at most `high` bytes; None for no bound."""

    low: int | None = None
    high: int | None = None
    negated: bool = False


Filter: TypeAlias = (
    TypeFilter
    | TimeFilter
    | CameraFilter
    | PlaceFilter
    | RatingFilter
    | TagFilter
    | CollectionFilter
    | SizeFilter
)


def filter_kind(filter_: Filter) -> str:
    """Return the kind of the filter's chip: type, time, camera, place, rating or tag."""
    return type(filter_).__name__.removesuffix("Filter").lower()


def filter_label(filter_: Filter) -> str:  # noqa: PLR0911 (a case for each filter)
    """Return what the filter's chip shows, in English."""
    sign = "not " if filter_.negated else ""
    match filter_:
        case TypeFilter(kind=kind):
            return f"{sign}{kind}"
        case TimeFilter(after=after, before=before):
            named = (("from", after), ("before", before))
            return sign + " ".join(f"{word} {day_text(day)}" for word, day in named if day)
        case CameraFilter(name=name):
            return f"{sign}camera {name}"
        case PlaceFilter():
            return f"{sign}within {number_text(filter_.radius_km)} km of {filter_.where}"
        case RatingFilter(low=low, high=high):
            return f"{sign}rating {_label_ratings(low, high)}"
        case TagFilter(tag=tag):
            return f"{sign}tag {tag}"
        case CollectionFilter(name=name):
            return f"{sign}in {name}"
        case SizeFilter(low=low, high=high):
            bounds = (("at least", low), ("at most", high))
            return sign + " and ".join(f"{word} {size_text(n)}" for word, n in bounds if n)
        case _:
            assert_never(filter_)


def day_text(day: datetime.date) -> str:
    """Return a day as shortly as it can be written: a first of January as its year."""
    if day.day > 1:
        return day.isoformat()
    return day.isoformat()[:7] if day.month > 1 else day.isoformat()[:4]


def number_text(value: float) -> str:
    """Return a number with up to six decimals, without idle zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def size_text(size_bytes: int) -> str:
    """Return a size in the largest unit (KB, MB, GB: powers of 1000) that gives a whole number."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return f"{size_bytes}B"


def _label_ratings(low: int, high: int) -> str:
    if low == high:
        return str(low)
    if high == LARGEST_RATING:
        return f"{low} or more"
    return f"{low} to {high}" if low else f"{high} or less"
