"""Lets the image tower see an asset's picture: its embedding and its labels, in one pass."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from museion.models.embedded import ImageTower

_LOOK_SIDE = 512
"""Longest side in pixels at which the picture is decoded: about twice what the tower takes."""


class EmbeddingEnricher:
    """Preview -> `EmbeddingComputed` and `LabelsComputed`."""

    name = "embedding"

    def __init__(self, pool: WorkerPool, blobs: BlobStore) -> None:
        self._pool = pool
        self._blobs = blobs

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return the embedding and the labels."""
        assert isinstance(source, RenditionMade)
        content = await asyncio.to_thread(self._blobs.read, source.digest)
        space, vector, labels = await self._pool.run(see, content)
        return [
            EmbeddingComputed(asset_id=source.asset_id, space=space, vector=vector),
            LabelsComputed(asset_id=source.asset_id, model=space, labels=labels),
        ]


def see(content: bytes) -> tuple[str, bytes, tuple[AssetLabel, ...]]:
    """Return space, embedding (float16) and labels of a rendition; runs in a worker process."""
    from museion.media.pixels import decode_rgb

    tower = _image_tower()
    vectors, labels = tower.see([decode_rgb(content, max_side=_LOOK_SIDE)])
    found = tuple(AssetLabel(label.word, label.synonyms, label.score) for label in labels[0])
    return tower.space.id, vectors[0].astype("<f2").tobytes(), found


def see_file(path: Path) -> NDArray[np.float32]:
    """Return the embedding of a picture in a file; runs in a worker process.

    Raises:
        InvalidInput, Damaged: the file is no medium that can be shown.
    """
    from museion.media.limits import Limits
    from museion.media.pixels import decode_rgb
    from museion.media.renditions import make_renditions
    from museion.media.sniff import sniff

    renditions = {each.kind: each for each in make_renditions(path, sniff(path), Limits())}
    preview = renditions["preview"].content
    row: NDArray[np.float32] = _image_tower().encode_images(
        [decode_rgb(preview, max_side=_LOOK_SIDE)]
    )[0]
    return row


class NoEncoder(Unavailable):
    """The encoder cannot be opened; no picture is to blame for it."""

    def __init__(self, reason: MuseionError) -> None:
        super().__init__(reason.message, remedy=reason.remedy)


@cache
def _image_tower() -> ImageTower:
    """Open the tower once in each worker process."""
    from museion.models.embedded import open_embedded_image_tower

    try:
        return open_embedded_image_tower(threads=1)
    except (Damaged, NotFound) as reason:
        raise NoEncoder(reason) from reason
