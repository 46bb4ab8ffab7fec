"""How the value of `place-near:` is written: a city or a point, and a radius behind a comma."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from museion.search import places
from museion.search.filters import (
    DEFAULT_RADIUS_KM,
    LARGEST_RADIUS_KM,
    BadFilter,
    Filter,
    PlaceFilter,
)

_NUMBER = r"\d{1,6}(?:\.\d{1,12})?"
_RADIUS = re.compile(rf"({_NUMBER})\s*(km|m|mi)?", re.ASCII | re.IGNORECASE)
_COORDINATES = re.compile(rf"(-?{_NUMBER})\s*,\s*(-?{_NUMBER})", re.ASCII)
_KM: Final = MappingProxyType({"km": 1.0, "": 1.0, "m": 0.001, "mi": 1.609344})


def parse_place(name: str, value: str, negated: bool) -> Filter:
    """Return the filter that a value means.

    Raises:
        BadFilter: it names no city, no point on earth, or no radius.
    """
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
