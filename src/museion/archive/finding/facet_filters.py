"""Filters answered by the facets in memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import singledispatch
from types import MappingProxyType
from typing import Final

from museion.archive.catalog.conditions import media_type_of
from museion.archive.catalog.schema import folded
from museion.search.facet_view import FacetView
from museion.search.filters import (
    ANYTHING,
    CameraFilter,
    ColourFilter,
    FieldFilter,
    Filter,
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
from museion.search.selection import Selection
from museion.search.words import fold, split_words

_TEXTS: Final = frozenset({"city", "country", "lens", "copyright"})
"""Fields with few different texts, so that each is looked at."""
_NUMBERS: Final = frozenset({"width", "height", "megapixels", "duration"})
_DECIMAL: Final = frozenset({"megapixels", "duration"})
"""A single number means all that round to it."""
_TWO_AS_ONE: Final = MappingProxyType(str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"}))


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


@_plainly.register
def _(filter_: NamedPlaceFilter, view: FacetView) -> Selection:
    fits = _is(filter_.name)
    return view.matching("city", fits) | view.matching("country", fits)


@_plainly.register
def _(filter_: PersonFilter, view: FacetView) -> Selection:
    named = view.matching("person", _is(filter_.name))
    return named | view.equals("tag", folded(filter_.name))


@_plainly.register
def _(filter_: RightsFilter, view: FacetView) -> Selection:
    return view.equals("rights", filter_.state)


@_plainly.register
def _(filter_: NumberFilter, view: FacetView) -> Selection | None:
    if filter_.field not in _NUMBERS:
        return None
    low, high = filter_.low, filter_.high
    if low is not None and low == high and filter_.field in _DECIMAL:
        whole = math.floor(low + 0.5)
        low, high = whole - 0.5, math.nextafter(whole + 0.5, 0)
    return view.between(filter_.field, low, high)


@_plainly.register
def _(filter_: FieldFilter, view: FacetView) -> Selection | None:
    if filter_.field not in _TEXTS or filter_.words == ANYTHING:
        return None
    return view.matching(filter_.field, _says(filter_.words))


def _is(name: str) -> Callable[[str], bool]:
    """Return what tells whether a text is a name, whatever their case and accents."""
    said = fold(name)
    return lambda text: said in (fold(text), fold(text.translate(_TWO_AS_ONE)))


def _says(words: str) -> Callable[[str], bool]:
    """Return what tells whether a text says words, as `FieldFilter.words` has them."""
    *first, last = words.removesuffix(ANYTHING).split()
    goes_on = words.endswith(ANYTHING)

    def fits(text: str) -> bool:
        held = [word.forms for word in split_words(text)]
        return any(
            all(word in forms for word, forms in zip(first, held[start:], strict=False))
            and any(form.startswith(last) if goes_on else form == last for form in held[end])
            for start, end in enumerate(range(len(first), len(held)))
        )

    return fits
