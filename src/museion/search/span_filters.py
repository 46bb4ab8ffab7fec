"""Filters whose values lie between bounds: time, distance, stars, sizes, numbers."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import ClassVar

from museion.search import places
from museion.search.filter_values import (
    day_text,
    days_text,
    number_text,
    quoted,
    size_text,
    span_label,
    span_text,
)

NUMBER_FIELDS = ("width", "height", "megapixels", "duration", "iso")
DEFAULT_RADIUS_KM = 25.0
LARGEST_RADIUS_KM = 20_000.0
LARGEST_RATING = 5


@dataclass(frozen=True, slots=True)
class TimeFilter:
    """Taken from `after` on (that day included) and before `before` (that day excluded).

    Days are those of the local calendar where the picture was taken. At least one bound is given.

    Attributes:
        named: words for this span, which may mean another one on another day (`last summer`) or
            just say more than its days (`summer 2023`); empty where the days were named.
    """

    chip: ClassVar[str] = "time"
    after: datetime.date | None = None
    before: datetime.date | None = None
    negated: bool = False
    named: str = ""

    @property
    def written(self) -> str:
        """As it is typed."""
        if self.named:
            return f"date:{quoted(self.named)}"
        if self.after and self.before:
            return f"date:{days_text(self.after, self.before)}"
        return f"after:{day_text(self.after)}" if self.after else f"before:{_day(self.before)}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        if self.named:
            return self.named
        if self.after and self.before:
            return days_text(self.after, self.before).replace("..", " to ")
        return f"from {day_text(self.after)}" if self.after else f"before {_day(self.before)}"


@dataclass(frozen=True, slots=True)
class PlaceFilter:
    """Taken within `radius_km` of a point.

    Attributes:
        latitude: degrees north, in [-90, 90].
        longitude: degrees east, in [-180, 180].
        radius_km: above 0.
        name: the city that was named, or empty where the point was given.
    """

    chip: ClassVar[str] = "place"
    latitude: float
    longitude: float
    radius_km: float = DEFAULT_RADIUS_KM
    name: str = ""
    negated: bool = False

    @property
    def where(self) -> str:
        """The city's name, or the point's degrees."""
        return self.name or f"{number_text(self.latitude)},{number_text(self.longitude)}"

    @property
    def written(self) -> str:
        """As it is typed."""
        plain = self.radius_km == DEFAULT_RADIUS_KM
        radius = "" if plain else f",{number_text(self.radius_km)}km"
        return f"place-near:{quoted(self.where)}{radius}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        return f"within {number_text(self.radius_km)} km of {self.where}"

    def covers(self, latitude: float, longitude: float) -> bool:
        """Tell whether a point in degrees lies within the radius; `negated` is not looked at."""
        distance = places.distance_km(self.latitude, self.longitude, latitude, longitude)
        return distance <= self.radius_km


@dataclass(frozen=True, slots=True)
class RatingFilter:
    """Has at least `low` and at most `high` stars."""

    chip: ClassVar[str] = "rating"
    low: int
    high: int
    negated: bool = False

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"rating:{span_text(*self._bounds, str)}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        if self.low == self.high:
            return f"rating {self.low}"
        if self.high == LARGEST_RATING:
            return f"rating {self.low} or more"
        low = f"{self.low} to {self.high}"
        return f"rating {low}" if self.low else f"rating {self.high} or less"

    @property
    def _bounds(self) -> tuple[int | None, int | None]:
        """The bounds that say something."""
        if self.low == self.high:
            return self.low, self.high
        if self.high == LARGEST_RATING:
            return self.low, None
        return self.low or None, self.high


@dataclass(frozen=True, slots=True)
class SizeFilter:
    """Has an original of at least `low` and at most `high` bytes; None for no bound."""

    chip: ClassVar[str] = "size"
    low: int | None = None
    high: int | None = None
    negated: bool = False

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"size:{span_text(self.low, self.high, size_text)}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        return span_label(self.low, self.high, size_text)


@dataclass(frozen=True, slots=True)
class NumberFilter:
    """A number of the metadata is at least `low` and at most `high`; None for no bound.

    Attributes:
        field: one of `NUMBER_FIELDS`; a duration is in seconds. Where both bounds are equal,
            megapixels and durations are compared to the nearest whole number.
    """

    chip: ClassVar[str] = "number"
    field: str
    low: float | None = None
    high: float | None = None
    negated: bool = False

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"{self.field}:{span_text(self.low, self.high, number_text)}{self._unit}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        return f"{self.field} {span_label(self.low, self.high, number_text)}{self._unit}"

    @property
    def _unit(self) -> str:
        return "s" if self.field == "duration" else ""


def _day(day: datetime.date | None) -> str:
    assert day is not None, "a span of time has a bound"
    return day_text(day)
