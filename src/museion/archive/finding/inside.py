"""Where inside an asset the words of a query stand: the page, the line, the second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from museion.archive.asset import AssetId
from museion.archive.catalog.content_reader import ContentReader
from museion.archive.document_pages import best_passage
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
    looked = (
        _PLACES[field](content, asset_id, words)
        for field, words in matched.items()
        if field in _PLACES
    )
    return [found for found in looked if found is not None]


def _page(content: ContentReader, asset_id: AssetId, words: Sequence[str]) -> Found | None:
    best = best_passage(content.passages(asset_id), words, length=_LONGEST_PASSAGE)
    return None if best is None else Found("document", best.text, page=best.page)


def _line(content: ContentReader, asset_id: AssetId, words: Sequence[str]) -> Found | None:
    # Text that is read in pictures often lacks its spaces.
    lines = [each.text for each in content.text_lines(asset_id)]
    place = _with_most([_count_in(line, words, within=True) for line in lines])
    return None if place is None else Found("recognised", lines[place])


def _second(content: ContentReader, asset_id: AssetId, words: Sequence[str]) -> Found | None:
    utterances = content.utterances(asset_id)
    place = _with_most([_count_in(each.text, words) for each in utterances])
    if place is None:
        return None
    text = snippet(utterances[place].text, words, length=_LONGEST_PASSAGE).text
    return Found("speech", text, second=utterances[place].start_s)


def _count_in(text: str, words: Sequence[str], *, within: bool = False) -> int:
    """Return how many of some words stand in a text."""
    return sum(1 for word in words if highlight(text, [word], within=within))


def _with_most(counts: Sequence[int]) -> int | None:
    """Return the first place with the largest count, None where all are 0."""
    most = max(counts, default=0)
    return counts.index(most) if most else None


_PLACES: Mapping[str, Callable[[ContentReader, AssetId, Sequence[str]], Found | None]] = (
    MappingProxyType({"document": _page, "recognised": _line, "speech": _second})
)
