"""Completions for what someone is typing into the search box."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Final

from museion.archive.catalog.reader import Catalog
from museion.archive.known_values import CatalogNames
from museion.search.filter_values import quoted
from museion.search.filters import COLOURS, ORIENTATIONS, RIGHTS_STATES, TYPES
from museion.search.words import fold

_FILTERS: Final = MappingProxyType(
    {
        "type:": "a kind or format: photo, video, document, jpeg …",
        "date:": 'taken then: date:2020, date:1985..1990, date:"last summer"',
        "after:": "taken on or after a day: after:2020-05",
        "before:": "taken before a day: before:2021",
        "camera:": "taken with a camera",
        "person:": "shows a person",
        "place:": "taken in a city or country: place:Vienna",
        "place-near:": "taken near a place: place-near:Vienna,5km",
        "rating:": "stars: rating:>=3",
        "tag:": "has a keyword or tag",
        "collection:": "is in a collection",
        "orientation:": "landscape, portrait or square",
        "colour:": "mostly of a colour: colour:red",
        "rights:": "free, restricted or unknown",
        "without:": "what must not be seen: without:people",
        "like:": "near to a picture: like:ID",
        "title:": "the title says: title:slide",
        "caption:": "the caption says: caption:slide*",
        "keyword:": "a keyword or tag has the word",
        "creator:": "made by",
        "credit:": "the credit says",
        "copyright:": "the copyright notice says",
        "city:": "the name of the city has the word",
        "country:": "the name of the country has the word",
        "filename:": "the file name has the word",
        "lens:": "the name of the lens has the word",
        "size:": "bytes of the original: size:<50MB",
        "width:": "pixels: width:>=4000",
        "height:": "pixels: height:>=4000",
        "megapixels:": "megapixels:12..24",
        "duration:": "of sound and film: duration:<1min",
        "iso:": "sensitivity: iso:>=1600",
    }
)
_VALUES: Final = MappingProxyType(
    {
        "type": TYPES,
        "orientation": ORIENTATIONS,
        "colour": COLOURS,
        "color": COLOURS,
        "rights": RIGHTS_STATES,
        "date": (
            *("today", "yesterday", "this week", "last week", "last weekend", "last 7 days"),
            *("this month", "last month", "last 3 months", "this year", "last year"),
            *("last spring", "last summer", "last autumn", "last winter"),
        ),
    }
)
"""Filter -> values that can be listed."""
_NAMED: Final = MappingProxyType({"city": "place", "country": "place", "keyword": "tag"})
_GERMAN_TIMES: Final = MappingProxyType(
    {
        "heute": "today",
        "gestern": "yesterday",
        "diese woche": "this week",
        "letzte woche": "last week",
        "letzten monat": "last month",
        "dieses jahr": "this year",
        "letztes jahr": "last year",
        "letzten sommer": "last summer",
        "letzten winter": "last winter",
        "letztes wochenende": "last weekend",
    }
)
_TYPED_VALUE: Final = re.compile(r'-?([a-z-]+):(?:"([^"]*)|(\S*))$', re.IGNORECASE)
_FEWEST_LETTERS_OF_TIMES: Final = 3
_MOST = 8


@dataclass(frozen=True, slots=True)
class Completion:
    """`text` replaces the last word (with its name and quotes, if any); `label` explains it."""

    text: str
    label: str
    kind: str


def suggest(catalog: Catalog, typed: str, *, names: CatalogNames | None = None) -> list[Completion]:
    """Return completions for the last word of `typed`: filters first, then values that exist.

    Args:
        catalog: is read where there are no names.
        typed: the query so far.
        names: the archive's other names; without them they are read from the catalog each time.
    """
    value = _TYPED_VALUE.search(typed)
    if value is not None:
        start = value[2] if value[2] is not None else value[3]
        return list(islice(_values(catalog, names, value[1].lower(), start), _MOST))
    word = typed.rsplit(maxsplit=1)[-1] if typed.strip() and not typed[-1].isspace() else ""
    start = word.lstrip("-\\")
    if not start:
        return []
    return list(islice(_everything(catalog, names, start), _MOST))


def _everything(catalog: Catalog, names: CatalogNames | None, start: str) -> Iterator[Completion]:
    """Yield filters whose names begin so, times, and names of all kinds."""
    for name, meaning in _FILTERS.items():
        if name.startswith(start.lower()):
            yield Completion(name, meaning, "filter")
    if len(start) >= _FEWEST_LETTERS_OF_TIMES:
        yield from _times(start)
    found = _found(catalog, names, start)
    for kind in ("person", "place", "collection", "tag", "camera"):
        yield from _named(kind, kind, found.get(kind, ()))


def _values(
    catalog: Catalog, names: CatalogNames | None, name: str, start: str
) -> Iterator[Completion]:
    """Yield values with which a filter may go on."""
    if name == "date" and start:
        yield from _times(start)
        return
    for value in _VALUES.get(name, ()):
        if value.startswith(start.lower()):
            yield Completion(f"{name}:{quoted(value)}", value, name)
    if start and name not in _VALUES:
        kind = _NAMED.get(name, name)
        yield from _named(name, kind, _found(catalog, names, start).get(kind, ()))


def _times(start: str) -> Iterator[Completion]:
    """Yield times that begin so in English, or in German as the same in English."""
    wanted = fold(start)
    english = ((value, value) for value in _VALUES["date"])
    for said, value in (*english, *_GERMAN_TIMES.items()):
        if wanted and said.startswith(wanted):
            yield Completion(f"date:{quoted(value)}", value, "date")


def _named(
    filter_name: str, kind: str, found: Iterator[str] | tuple[str, ...] | list[str]
) -> Iterator[Completion]:
    for value in found:
        yield Completion(f"{filter_name}:{quoted(value)}", value, kind)


def _found(catalog: Catalog, names: CatalogNames | None, start: str) -> Mapping[str, list[str]]:
    if names is None:
        return catalog.suggestions(start, limit=_MOST)
    return names.beginning(start, limit=_MOST)
