"""What facets hold of an asset: the columns, and each value from a row of the catalog."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable, Mapping
from types import MappingProxyType

from museion.archive.catalog.finding_reader import SEPARATOR
from museion.archive.catalog.rights_states import rights_state
from museion.search.facet_columns import Column, Value

COLUMNS = (
    Column("kind", "code"),
    Column("media_type", "code"),
    Column("day", "number"),
    Column("rating", "number"),
    Column("size", "number"),
    Column("camera", "code"),
    Column("lens", "code"),
    Column("point", "point"),
    Column("city", "code"),
    Column("country", "code"),
    Column("tag", "terms"),
    Column("person", "terms"),
    Column("colour", "terms"),
    Column("orientation", "code"),
    Column("width", "number"),
    Column("height", "number"),
    Column("megapixels", "number"),
    Column("duration", "number"),
    Column("copyright", "code"),
    Column("rights", "code"),
    Column("born", "number"),
)
"""`day` is the ordinal of the local day of capture, `born` the catalog's row number, `duration` in
seconds."""

SQUARE_UP_TO = 1.05
"""A side that is longer by no more still looks as long as the other."""


def _day(row: sqlite3.Row) -> Value:
    try:
        return datetime.date.fromisoformat(row["day"] or "").toordinal()
    except ValueError:
        return None


def _point(row: sqlite3.Row) -> Value:
    located = row["latitude"] is not None and row["longitude"] is not None
    return (row["latitude"], row["longitude"]) if located else None


def _orientation(row: sqlite3.Row) -> Value:
    width, height = row["width"] or 0, row["height"] or 0
    if width <= 0 or height <= 0:
        return None
    if width > height * SQUARE_UP_TO:
        return "landscape"
    return "portrait" if height > width * SQUARE_UP_TO else "square"


def _megapixels(row: sqlite3.Row) -> Value:
    width, height = row["width"], row["height"]
    return None if width is None or height is None else width * height / 1e6


def _rights(row: sqlite3.Row) -> Value:
    urls = row["rights_urls"]
    told = () if urls is None else urls.split(SEPARATOR)
    return rights_state(row["rights"], row["copyright"], told)


def _terms(column: str) -> Callable[[sqlite3.Row], Value]:
    return lambda row: row[column].split(SEPARATOR) if row[column] else None


def _as_it_is(column: str) -> Callable[[sqlite3.Row], Value]:
    def value(row: sqlite3.Row) -> Value:
        found: Value = row[column]
        return found

    return value


VALUES: Mapping[str, Callable[[sqlite3.Row], Value]] = MappingProxyType(
    {
        **{name: _as_it_is(name) for name in ("kind", "media_type", "rating", "camera", "lens")},
        **{name: _as_it_is(name) for name in ("city", "country", "width", "height", "copyright")},
        "day": _day,
        "size": _as_it_is("size_bytes"),
        "point": _point,
        "tag": _terms("tags"),
        "person": _terms("persons"),
        "colour": _terms("colours"),
        "orientation": _orientation,
        "megapixels": _megapixels,
        "duration": _as_it_is("duration_s"),
        "rights": _rights,
        "born": _as_it_is("nr"),
    }
)
"""Column -> its value in a row."""
