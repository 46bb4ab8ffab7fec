"""Why an asset is among the hits, in short sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from museion.search.filters import filter_label
from museion.search.fusion import STRONG_Z, WEAK_Z
from museion.search.query import Query

_SAYS = MappingProxyType(
    {
        "title": "the title says {}",
        "caption": "the caption says {}",
        "keyword": "among its keywords: {}",
        "filename": "the file name has {}",
        "identifier": "is named {}",
        "creator": "made by {}",
        "credit": "the credit says {}",
        "place": "taken in {}",
        "camera": "taken with {}",
        "label": "a model sees {}",
        "synonym": "a model sees what is also called {}",
        "document": "its pages say {}",
        "recognised": "in the picture is written {}",
    }
)


class Reason(msgspec.Struct, frozen=True):
    """One reason: the signal or field that speaks, and what it says."""

    signal: str
    text: str


def reasons(
    query: Query, matched: Mapping[str, Sequence[str]], strength: float | None
) -> list[Reason]:
    """Return why an asset answers a query.

    Args:
        query: as it was understood.
        matched: words of the query by the lexical field in which they were found.
        strength: deviations by which the picture's similarity to the words lies above that of
            unrelated pairs; None where it was not compared, or is too weak to speak.
    """
    words = [
        Reason(field, _SAYS[field].format(", ".join(f"“{word}”" for word in found)))
        for field, found in _without_echoes(matched).items()
    ]
    meaning = [] if strength is None else [Reason("meaning", _meaning(strength))]
    order = [*meaning, *words] if strength and strength >= STRONG_Z else [*words, *meaning]
    return [*order, *filter_reasons(query)]


def filter_reasons(query: Query) -> list[Reason]:
    """Return the filters and exclusions that every hit of a query fulfils."""
    filters = [Reason("filter", filter_label(each)) for each in query.filters]
    return [*filters, *(Reason("excluded", f"without “{each}”") for each in query.excluded)]


def _without_echoes(matched: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Drop what only repeats another field: a name's words, a label's word as its synonym."""
    told = dict(matched)
    for field, said_by in (("filename", "identifier"), ("synonym", "label")):
        if set(told.get(field, ())) <= set(told.get(said_by, ())):
            told.pop(field, None)
    return told


def _meaning(strength: float) -> str:
    if strength >= STRONG_Z:
        return "the picture fits the words well"
    return "the picture fits the words" if strength > WEAK_Z else "the picture may fit the words"
