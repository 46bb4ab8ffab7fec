"""Lets the image tower see an asset's picture: its embedding and its labels, in one pass."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from museion.archive.enrichment.enricher import EnrichmentSource
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.events import (
    ArchiveEvent,
    AssetLabel,
    EmbeddingComputed,
    LabelsComputed,
    RenditionMade,
)
from museion.base.errors import Damaged, MuseionError, NotFound, Unavailable
from museion.blobs.blob_store import BlobStore
from museion.models.checkpoint import Checkpoint
from museion.models.encoder import ImageEncoder, LabellingEncoder, RgbImage

_LEAST_LOOK_SIDE = 512
"""Longest side in pixels at which a picture is decoded, at least; twice what the tower takes."""


_TOWERS_KEPT = 3
"""In each worker: of the built-in checkpoint, of the one searched, and of the one that comes."""


class EmbeddingEnricher:
    """Preview -> `EmbeddingComputed`, and `LabelsComputed` where the checkpoint gives labels."""

    name = "embedding"

    def __init__(self, pool: WorkerPool, blobs: BlobStore, checkpoint: Checkpoint) -> None:
        self._pool = pool
        self._blobs = blobs
        self._checkpoint = checkpoint

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return the embedding and the labels."""
        assert isinstance(source, RenditionMade)
        content = await asyncio.to_thread(self._blobs.read, source.digest)
        space, vector, labels = await self._pool.run(see, content, self._checkpoint)
        found: list[ArchiveEvent] = [
            EmbeddingComputed(asset_id=source.asset_id, space=space, vector=vector)
        ]
        if labels is not None:
            found.append(LabelsComputed(asset_id=source.asset_id, model=space, labels=labels))
        return found


def see(content: bytes, checkpoint: Checkpoint) -> tuple[str, bytes, tuple[AssetLabel, ...] | None]:
    """Return space, embedding (float16) and labels of a rendition; runs in a worker process.

    The labels are None where the checkpoint gives none.
    """
    from museion.media.pixels import decode_rgb

    tower = _image_tower(checkpoint)
    picture = decode_rgb(content, max_side=look_side(checkpoint))
    if not isinstance(tower, LabellingEncoder):
        return tower.space.id, stored(tower.encode_images([picture])[0]), None
    vectors, labels = tower.see([picture])
    found = tuple(AssetLabel(label.word, label.synonyms, label.score) for label in labels[0])
    return tower.space.id, stored(vectors[0]), found


def see_pictures(pictures: Sequence[RgbImage], checkpoint: Checkpoint) -> tuple[str, list[bytes]]:
    """Return the embedding space, and the embedding (float16) of each picture.

    Runs in a worker process, which keeps the tower.

    Args:
        pictures: arrays of bytes [H, W, 3]; sides above `look_side` are wasted.
        checkpoint: whose image tower sees them.

    Raises:
        NoEncoder: the tower cannot be opened; no picture is to blame for it.
    """
    tower = _image_tower(checkpoint)
    return tower.space.id, [stored(row) for row in tower.encode_images(pictures)]


def see_file(path: Path, checkpoint: Checkpoint) -> NDArray[np.float32]:
    """Return the embedding of a picture in a file; runs in a worker process.

    Raises:
        InvalidInput, Damaged: the file is no medium that can be shown.
    """
    from museion.media.limits import Limits
    from museion.media.pixels import decode_rgb
    from museion.media.renditions import make_renditions
    from museion.media.sniff import sniff

    renditions = {each.kind: each for each in make_renditions(path, sniff(path), Limits())}
    preview = decode_rgb(renditions["preview"].content, max_side=look_side(checkpoint))
    row: NDArray[np.float32] = _image_tower(checkpoint).encode_images([preview])[0]
    return row


def look_side(checkpoint: Checkpoint) -> int:
    """Return the longest side in pixels at which a picture is worth decoding."""
    return max(_LEAST_LOOK_SIDE, 2 * checkpoint.card.side)


def stored(row: NDArray[np.float32]) -> bytes:
    """Return an embedding as events keep it."""
    return row.astype("<f2").tobytes()


class NoEncoder(Unavailable):
    """The encoder cannot be opened; no picture is to blame for it."""

    def __init__(self, reason: MuseionError) -> None:
        super().__init__(reason.message, remedy=reason.remedy)


def _image_tower(checkpoint: Checkpoint) -> ImageEncoder:
    return _opened(checkpoint.folder, checkpoint.digest)


@lru_cache(maxsize=_TOWERS_KEPT)
def _opened(folder: Path, _digest: str) -> ImageEncoder:
    """Open a tower once in each worker process; the digest tells apart what lay in one folder."""
    from museion.models.registry import checkpoint_in, open_image_tower

    try:
        return open_image_tower(checkpoint_in(folder), threads=1)
    except (Damaged, NotFound) as reason:
        raise NoEncoder(reason) from reason
