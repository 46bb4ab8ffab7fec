"""Where inside an asset the words of a query stand: the page, the line, the second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from museion.archive.asset import AssetId
from museion.archive.catalog.content_reader import ContentReader
from museion.archive.explaining import Found
from museion.search.highlighting import highlight, snippet

_LONGEST_PASSAGE = 160


def places_inside(
    content: ContentReader, asset_id: AssetId, matched: Mapping[str, Sequence[str]]
) -> list[Found]:
    """Return for each field inside an asset the place that says most of the words found in it.

    Args:
        content: of the catalog.
        asset_id: the asset.
        matched: words by lexical field, as `LexicalHit` has them; other fields are passed over.
    """
    found = []
    for field, words in matched.items():
        if field in _PLACES:
            best = _best(_PLACES[field](content, asset_id), words)
            if best is not None:
                found.append(best)
    return found


def _best(places: Iterable[Found], words: Sequence[str]) -> Found | None:
    """Return the first of the places with the most words, shortened around them."""
    best, most = None, 0
    for place in places:
        count = sum(1 for word in words if highlight(place.passage, [word]))
        if count > most:
            best, most = place, count
    if best is None:
        return None
    around = snippet(best.passage, words, length=_LONGEST_PASSAGE)
    return Found(best.field, around.text, best.page, best.second)


def _passages(content: ContentReader, asset_id: AssetId) -> Iterator[Found]:
    for each in content.passages(asset_id):
        yield Found("document", each.text, page=each.page)


def _lines(content: ContentReader, asset_id: AssetId) -> Iterator[Found]:
    for each in content.text_lines(asset_id):
        yield Found("recognised", each.text)


def _utterances(content: ContentReader, asset_id: AssetId) -> Iterator[Found]:
    for each in content.utterances(asset_id):
        yield Found("speech", each.text, second=each.start_s)


_PLACES: Mapping[str, Callable[[ContentReader, AssetId], Iterator[Found]]] = MappingProxyType(
    {"document": _passages, "recognised": _lines, "speech": _utterances}
)
