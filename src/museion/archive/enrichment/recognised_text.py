"""Reads the text in an asset's picture; behind everything else, because it is the slowest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from museion.archive.enrichment.enricher import EnrichmentSource
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.events import ArchiveEvent, RenditionMade, TextLine, TextRecognised
from museion.blobs.blob_store import BlobStore

if TYPE_CHECKING:
    from museion.models.text_recognition import TextRecogniser


class TextEnricher:
    """Preview -> `TextRecognised`.

    Raises:
        NoTextRecogniser: the package that reads is not installed.
    """

    name = "text"

    def __init__(self, pool: WorkerPool, blobs: BlobStore) -> None:
        from museion.models.text_recognition import text_recogniser_name

        self._model = text_recogniser_name()
        self._pool = pool
        self._blobs = blobs

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return the lines of text; none is an answer, too."""
        assert isinstance(source, RenditionMade)
        content = await asyncio.to_thread(self._blobs.read, source.digest)
        lines = await self._pool.run_behind(recognise, content)
        return [TextRecognised(asset_id=source.asset_id, model=self._model, lines=lines)]


def recognise(content: bytes) -> tuple[TextLine, ...]:
    """Return the lines of text in a rendition; runs in a worker process."""
    from museion.media.pixels import decode_rgb
    from museion.models.text_recognition import LOOK_SIDE

    read = _text_recogniser().read(decode_rgb(content, max_side=LOOK_SIDE))
    return tuple(TextLine(each.text, each.box, each.score) for each in read)


@cache
def _text_recogniser() -> TextRecogniser:
    """Open the models once in each worker process."""
    from museion.models.text_recognition import TextRecogniser

    return TextRecogniser(threads=1)
