"""Why a picture fits a text: the part of it that does, as a heat map."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from museion.archive.archive import ArchiveReader
from museion.archive.asset import AssetId
from museion.archive.catalog.content_reader import ContentReader
from museion.archive.catalog.records import AssetDetail
from museion.archive.enrichment.embeddings import NoEncoder
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.generations import Generation
from museion.base.errors import Damaged, InvalidInput, NotFound
from museion.blobs.blob_store import Digest
from museion.models.checkpoint import Checkpoint
from museion.search.highlighting import highlight
from museion.search.words import split_words

if TYPE_CHECKING:
    from museion.models.relevance import RegionGrid, RegionSeer

_GRIDS_KEPT = 64
_SEERS_KEPT = 2
_LOOK_SIDE_PIXELS = 512
_SHOWS_PICTURE = ("preview", "thumbnail")


class NothingToCompare(InvalidInput):
    """A query has no words that a picture could be compared with."""

    def __init__(self, query: str) -> None:
        super().__init__(
            f"Expected words to look for in the picture; came {query!r}, which has none.",
            remedy="Give words, such as: a dog on the beach.",
        )


class NoPicture(NotFound):
    """An asset has no picture in which something could be shown."""

    def __init__(self, asset_id: str) -> None:
        super().__init__(
            f"Asset {asset_id} has no preview, so no part of it can be shown.",
            remedy="Wait until it is enriched; a recording has none.",
        )


class TextBox(msgspec.Struct, frozen=True):
    """A line of text in a picture; left, top, width and height are shares of it in [0, 1]."""

    text: str
    left: float
    top: float
    width: float
    height: float


class WhyPicture(msgspec.Struct, frozen=True):
    """Which part of a picture fits a query.

    Attributes:
        id: the asset.
        text: of the query, what was compared with the picture.
        similarity: of the whole picture to it, None where it has no embedding yet.
        rows, columns: of the grid that is laid over the whole picture.
        relevance: row by row from the top, each cell in 0..1; the best cell has 1. It tells one
            part from another, not how well the picture fits.
        boxes: lines of text in the picture that say a word of the query.
    """

    id: AssetId
    text: str
    similarity: float | None
    rows: int
    columns: int
    relevance: list[list[float]]
    boxes: list[TextBox]


class PictureRegions:
    """Grids of pictures, seen in worker processes; the last ones asked for are kept."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self._kept: OrderedDict[tuple[Digest, str], RegionGrid] = OrderedDict()

    async def why(self, archive: ArchiveReader, asset_id: AssetId, query: str) -> WhyPicture:
        """Return which part of an asset's picture fits a query.

        The built-in encoder takes a fraction of a second, others some fifty passes.

        Raises:
            UnknownAsset: there is no such asset, or this site may not read it.
            NothingToCompare: the query has no words.
            NoPicture: the asset has no preview.
            UnknownBlob: its preview is not here.
            BadFilter: a filter has a value that it does not take.
        """
        from museion.models.relevance import heat

        detail = await archive.asset(asset_id)
        text = archive.searcher.parse(query).semantic_text.strip()  # as the search compared it
        if not text:
            raise NothingToCompare(query)
        generation = archive.searcher.generation
        grid = await self._grid(archive, detail, generation)
        vector = await asyncio.to_thread(generation.embed, text)
        own = generation.vectors.get(asset_id)
        words = [word.folded for word in split_words(text)]
        boxes = await asyncio.to_thread(_boxes_with, archive.catalog.content, asset_id, words)
        return WhyPicture(
            asset_id,
            text,
            None if own is None else round(float(own @ vector), 4),
            grid.rows,
            grid.columns,
            [[round(float(each), 3) for each in row] for row in heat(grid, vector)],
            boxes,
        )

    async def _grid(
        self, archive: ArchiveReader, detail: AssetDetail, generation: Generation
    ) -> RegionGrid:
        digest = _picture_of(detail)
        key = digest, generation.space.id
        if key not in self._kept:
            content = await asyncio.to_thread(archive.read_blob, digest)
            self._kept[key] = await self._pool.run(see_regions, content, generation.checkpoint)
            while len(self._kept) > _GRIDS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def see_regions(content: bytes, checkpoint: Checkpoint) -> RegionGrid:
    """Return the grid of a rendition; runs in a worker process, which keeps the tower.

    Raises:
        NoEncoder: the tower cannot be opened; no picture is to blame for it.
    """
    from museion.media.pixels import decode_rgb

    seer = _seer(checkpoint.folder, checkpoint.digest)
    return seer.regions(decode_rgb(content, max_side=_LOOK_SIDE_PIXELS))


@lru_cache(maxsize=_SEERS_KEPT)
def _seer(folder: Path, _digest: str) -> RegionSeer:
    """Open once in each worker process; the digest tells apart what lay in one folder."""
    from museion.models.registry import checkpoint_in
    from museion.models.relevance import open_region_seer

    try:
        return open_region_seer(checkpoint_in(folder), threads=1)
    except (Damaged, NotFound) as reason:
        raise NoEncoder(reason) from reason


def _picture_of(detail: AssetDetail) -> Digest:
    by_kind = {each.rendition: each.digest for each in detail.renditions}
    for kind in _SHOWS_PICTURE:
        if kind in by_kind:
            return by_kind[kind]
    raise NoPicture(detail.summary.id)


def _boxes_with(content: ContentReader, asset_id: AssetId, words: Sequence[str]) -> list[TextBox]:
    """Return the recognised lines of text in which a word stands, also as part of a longer one."""
    return [
        TextBox(line.text, *line.box)
        for line in content.text_lines(asset_id)
        if highlight(line.text, words, within=True)
    ]
