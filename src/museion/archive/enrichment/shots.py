"""Finds where films are cut, in stretches of work: no film fails for its length."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from museion.archive.enrichment.enricher import EnrichmentSource
from museion.archive.enrichment.stretches import for_each_part, task_time_s
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    EnrichmentRetried,
    Shot,
    ShotsFound,
)
from museion.blobs.blob_store import BlobStore

if TYPE_CHECKING:
    from museion.media.film_looks import Looks, Stretch
    from museion.media.limits import Limits

_PART_S = 300.0
"""Parts of a film that are looked through beside each other."""


class ShotEnricher:
    """Original of a film -> `ShotsFound`; nothing for what is no film."""

    name = "shots"

    def __init__(self, pool: WorkerPool, blobs: BlobStore, limits: Limits) -> None:
        self._pool = pool
        self._blobs = blobs
        self._limits = limits

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return the shots of a film."""
        assert isinstance(source, AssetIngested | EnrichmentRetried)
        if source.kind != "video":
            return []
        path = await asyncio.to_thread(self._blobs.path, source.digest)
        first, duration_s = await self._look(path, 0.0, _PART_S)
        count = math.ceil((duration_s or 0.0) / _PART_S)
        starts = [_PART_S * number for number in range(1, count)]
        rest = await for_each_part(starts, lambda at: self._look(path, at, at + _PART_S))
        looks = [first, *(each for each, _ in rest)]
        shots = await asyncio.to_thread(_shots, looks, duration_s or 0.0)
        return [ShotsFound(asset_id=source.asset_id, shots=shots)]

    async def _look(
        self, path: Path, start_s: float, end_s: float
    ) -> tuple[Sequence[Looks], float | None]:
        """Look through a part, in as many tasks as it takes; return also how long the film is."""
        found: list[Looks] = []
        duration_s: float | None = None
        at_s: float | None = start_s
        while at_s is not None:
            time_s = task_time_s(self._pool)
            stretch = await self._pool.run(
                look, path, self._limits, start_s=at_s, end_s=end_s, time_s=time_s
            )
            found.append(stretch.looks)
            duration_s, at_s = stretch.duration_s, stretch.until_s
        return found, duration_s


def look(path: Path, limits: Limits, *, start_s: float, end_s: float, time_s: float) -> Stretch:
    """Look through a stretch of a film; runs in a worker process."""
    from museion.media.film_looks import look_through
    from museion.media.sniff import sniff

    return look_through(path, sniff(path), limits, start_s=start_s, end_s=end_s, time_s=time_s)


def _shots(parts: Sequence[Sequence[Looks]], end_s: float) -> tuple[Shot, ...]:
    from museion.media.film_looks import Looks
    from museion.media.shots import find_shots

    looks = Looks.joined([each for part in parts for each in part])
    return tuple(Shot(each.start_s, each.end_s, each.at_s) for each in find_shots(looks, end_s))
