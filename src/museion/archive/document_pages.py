"""Pages of documents as pictures, and the passage of a document that answers a query best."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from museion.archive.catalog.content_reader import PassageRecord
from museion.archive.catalog.records import AssetSummary
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.kept_pictures import KeptPictures
from museion.base.errors import NotFound
from museion.search.highlighting import highlight, snippet
from museion.search.words import split_words

_MOST_KEPT_BYTES = 32 << 20
_LOOKED_AT_CLOSELY = 12
"""Passages of a document whose words are compared one by one; the others only by beginnings."""
_BEGINNING = 3
"""Letters that the forms of a word share, umlauts aside."""


class NoPages(NotFound):
    """Somebody asked for a page of what is no document."""

    def __init__(self, asset: AssetSummary) -> None:
        super().__init__(
            f"Asset {asset.id} is no document ({asset.media_type}), so it has no pages.",
            remedy="Ask for its preview.",
        )


class PagePassage(msgspec.Struct, frozen=True):
    """A passage that answers a query, on its page; `spans` are the words to mark in `text`."""

    page: int
    text: str
    spans: tuple[tuple[int, int], ...]


class DocumentPages:
    """Pages of documents as WebP, drawn in worker processes; the last ones asked for are kept."""

    def __init__(self, pool: WorkerPool, *, most_kept_bytes: int = _MOST_KEPT_BYTES) -> None:
        self._pool = pool
        self._kept = KeptPictures(most_kept_bytes)

    async def page(
        self, asset: AssetSummary, number: int, original: Callable[[], Awaitable[Path]]
    ) -> bytes:
        """Return a page of a document at preview size.

        Args:
            asset: whom the caller may see.
            number: of the page, from 1.
            original: asked for the original where the page is not kept.

        Raises:
            NoPages: the asset is no document.
            NoSuchPage: the document has not so many.
            InvalidInput, Damaged: the page cannot be drawn.
            Unavailable: no worker can take it now.
        """
        if asset.kind != "document":
            raise NoPages(asset)
        key = (asset.digest, number)
        content = self._kept.get(key)
        if content is None:
            content = await self._pool.run(draw_page, await original(), number)
            self._kept.keep(key, content)
        return content


def draw_page(path: Path, number: int) -> bytes:
    """Return a page of a document as WebP; runs in a worker process."""
    from museion.media.document import page_webp

    return page_webp(path, number)


def best_passage(
    passages: Sequence[PassageRecord], words: Iterable[str], *, length: int = 200
) -> PagePassage | None:
    """Return the passage of a document in which most different words stand, the first of equals.

    A book of a million letters takes a few milliseconds: only passages that have the beginnings of
    most words are looked at closely.

    Args:
        passages: of one document, in reading order.
        words: of the query, as `LexicalHit.matched` tells them.
        length: of the text that is returned, in characters.

    Returns:
        None where no word stands anywhere.
    """
    sought = list(words)
    likeliest = _likeliest(passages, sought)
    counts = [sum(bool(highlight(each.text, [word])) for word in sought) for each in likeliest]
    most = max(counts, default=0)
    if not most:
        return None
    best = [each for each, count in zip(likeliest, counts, strict=True) if count == most]
    passage = min(best, key=passages.index)
    shown = snippet(passage.text, sought, length)
    return PagePassage(passage.page, shown.text, shown.spans)


def _likeliest(passages: Sequence[PassageRecord], words: Sequence[str]) -> list[PassageRecord]:
    """Return the passages in which most words begin as those sought do, in order of their number.

    A word that goes on in the same way counts more than one that is only alike in its beginning.
    """
    sought = [
        {f" {form}" for form in (*word.forms, text.casefold())}
        for text in words
        for word in split_words(text)
    ]
    beginnings = [{form[: 1 + _BEGINNING] for form in forms} for forms in sought]

    def count(passage: PassageRecord) -> int:
        text = f" {passage.text.casefold()}"
        whole = sum(any(form in text for form in forms) for forms in sought)
        return whole + sum(any(each in text for each in forms) for forms in beginnings)

    return sorted(passages, key=count, reverse=True)[:_LOOKED_AT_CLOSELY]
