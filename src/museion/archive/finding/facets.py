"""What filters ask for most, held in memory, so that a filter over a million assets costs little.

Facets follow the catalog: they are loaded from it once, in the background, and told of every asset
that changes. A filter that they do not cover, or that is asked before they are loaded, is answered
by the catalog (`selecting`). Both give the same answer; a test holds them against each other.
"""

from __future__ import annotations

import datetime
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import singledispatch

from museion.archive.asset import AssetId
from museion.archive.catalog.conditions import media_type_of
from museion.archive.catalog.finding_reader import SEPARATOR
from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.schema import folded
from museion.search.facet_columns import Column, Value
from museion.search.facet_view import FacetView
from museion.search.facets import Facets
from museion.search.filters import (
    CameraFilter,
    ColourFilter,
    Filter,
    OrientationFilter,
    PlaceFilter,
    RatingFilter,
    SizeFilter,
    TagFilter,
    TimeFilter,
    TypeFilter,
)
from museion.search.selection import Numbers, Selection

COLUMNS = (
    Column("kind", "code"),
    Column("media_type", "code"),
    Column("day", "number"),
    Column("rating", "number"),
    Column("size", "number"),
    Column("camera", "code"),
    Column("point", "point"),
    Column("tag", "terms"),
    Column("colour", "terms"),
    Column("orientation", "code"),
    Column("born", "number"),
)
"""`day` is the ordinal of the local day of capture, `born` the catalog's row number."""

SQUARE_UP_TO = 1.05
"""A side that is longer by no more still looks as long as the other."""


class AssetFacets:
    """The facets of all assets that screens list; safe for any number of threads.

    `load` may be called from a thread of its own while changes are told; what is told meanwhile is
    looked at after.
    """

    def __init__(self, catalog: Catalog, numbers: Numbers | None = None) -> None:
        self._catalog = catalog
        self._facets = Facets(COLUMNS, numbers=numbers)
        self._following = threading.Lock()
        self._is_loaded = False
        self._early: dict[AssetId, None] | None = None  # told of while loading

    @property
    def numbers(self) -> Numbers:
        """The numbers of assets in all selections made here."""
        return self._facets.numbers

    @property
    def view(self) -> FacetView | None:
        """What is known now; None before everything is loaded."""
        return self._facets.view if self._is_loaded else None

    def load(self) -> None:
        """Read all assets from the catalog; some seconds for a million."""
        with self._following:
            self._early = {}
        self._put(self._catalog.finding.facets())
        with self._following:
            early, self._early, self._is_loaded = self._early, None, True
        self.changed(early or ())

    def changed(self, asset_ids: Iterable[AssetId]) -> None:
        """Look at assets again: they changed, are new, or are no longer shown."""
        ids = list(asset_ids)
        with self._following:
            if self._early is None and not self._is_loaded:
                return
            if self._early is not None:
                self._early.update(dict.fromkeys(ids))
                return
            rows = self._catalog.finding.facets(ids)
            self._put(rows)
            shown = {row["id"] for row in rows}
            self._facets.remove(each for each in ids if each not in shown)

    def _put(self, rows: Sequence[sqlite3.Row]) -> None:
        if rows:
            values = {name: [of(row) for row in rows] for name, of in _VALUES.items()}
            self._facets.load([row["id"] for row in rows], values)


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


def _terms(column: str) -> Callable[[sqlite3.Row], Value]:
    return lambda row: row[column].split(SEPARATOR) if row[column] else None


def _as_it_is(column: str) -> Callable[[sqlite3.Row], Value]:
    def value(row: sqlite3.Row) -> Value:
        found: Value = row[column]
        return found

    return value


_VALUES: Mapping[str, Callable[[sqlite3.Row], Value]] = {
    "kind": _as_it_is("kind"),
    "media_type": _as_it_is("media_type"),
    "day": _day,
    "rating": _as_it_is("rating"),
    "size": _as_it_is("size_bytes"),
    "camera": _as_it_is("camera"),
    "point": _point,
    "tag": _terms("tags"),
    "colour": _terms("colours"),
    "orientation": _orientation,
    "born": _as_it_is("nr"),
}


def selected(view: FacetView, filter_: Filter) -> Selection | None:
    """Return what a filter leaves, None where facets do not cover it."""
    found = _plainly(filter_, view)
    return ~found if found is not None and filter_.negated else found


@singledispatch
def _plainly(filter_: object, view: FacetView) -> Selection | None:
    """Return what fulfils a filter, whether it is negated or not."""
    return None


@_plainly.register
def _(filter_: TypeFilter, view: FacetView) -> Selection:
    if filter_.kind == "photo":
        return view.has("kind", ("image", "raw"))
    media_type = media_type_of(filter_.kind)
    return (
        view.equals("media_type", media_type) if media_type else view.equals("kind", filter_.kind)
    )


@_plainly.register
def _(filter_: TimeFilter, view: FacetView) -> Selection:
    first = filter_.after.toordinal() if filter_.after else None
    last = filter_.before.toordinal() - 1 if filter_.before else None
    return view.between("day", first, last)


@_plainly.register
def _(filter_: CameraFilter, view: FacetView) -> Selection:
    return view.contains("camera", filter_.name)


@_plainly.register
def _(filter_: PlaceFilter, view: FacetView) -> Selection:
    return view.within_km("point", filter_.latitude, filter_.longitude, filter_.radius_km)


@_plainly.register
def _(filter_: RatingFilter, view: FacetView) -> Selection:
    return view.between("rating", filter_.low, filter_.high)


@_plainly.register
def _(filter_: TagFilter, view: FacetView) -> Selection:
    return view.equals("tag", folded(filter_.tag))


@_plainly.register
def _(filter_: SizeFilter, view: FacetView) -> Selection:
    return view.between("size", filter_.low, filter_.high)


@_plainly.register
def _(filter_: ColourFilter, view: FacetView) -> Selection:
    return view.equals("colour", filter_.colour)


@_plainly.register
def _(filter_: OrientationFilter, view: FacetView) -> Selection:
    return view.equals("orientation", filter_.orientation)
