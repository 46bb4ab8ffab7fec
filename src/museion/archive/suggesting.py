"""Completions for what someone is typing into the search box."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from museion.archive.catalog.reader import Catalog

_FILTERS = MappingProxyType(
    {
        "type:": "a kind or format: photo, video, document, jpeg …",
        "after:": "taken on or after a day: after:2020-05",
        "before:": "taken before a day: before:2021",
        "camera:": "taken with a camera",
        "place-near:": "taken near a place: place-near:Vienna",
        "rating:": "stars: rating:>=3",
        "tag:": "has a keyword or tag",
    }
)
_MOST = 8


@dataclass(frozen=True, slots=True)
class Completion:
    """`text` replaces the last word; `label` explains it."""

    text: str
    label: str
    kind: str


def suggest(catalog: Catalog, typed: str) -> list[Completion]:
    """Return completions for the last word of `typed`: filters first, then values that exist."""
    word = typed.rsplit(maxsplit=1)[-1] if typed.strip() and not typed[-1].isspace() else ""
    if not word:
        return []
    name, colon, start = word.lstrip("-").partition(":")
    if not colon:
        return [*_filters(name), *_values(catalog, "tag", name)][:_MOST]
    return _values(catalog, name, start)


def _filters(start: str) -> list[Completion]:
    return [
        Completion(name, meaning, "filter")
        for name, meaning in _FILTERS.items()
        if name.startswith(start.lower())
    ]


def _values(catalog: Catalog, name: str, start: str) -> list[Completion]:
    if not start:
        return []
    found = catalog.suggestions(start, limit=_MOST).get(name, [])
    return [Completion(f"{name}:{_quoted(value)}", value, name) for value in found]


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value
