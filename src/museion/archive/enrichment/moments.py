"""Lets the image tower see a frame of every shot, so that films are found by their moments."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from museion.archive.asset import AssetId
from museion.archive.carried import carried
from museion.archive.enrichment.embeddings import look_side, see_pictures
from museion.archive.enrichment.enricher import EnrichmentSource
from museion.archive.enrichment.stretches import for_each_part, task_time_s
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    EnrichmentRetried,
    Moment,
    MomentsEmbedded,
    Shot,
    ShotsFound,
    payload_of,
)
from museion.blobs.blob_store import BlobStore, Digest
from museion.log.event_log import EventLog
from museion.models.checkpoint import Checkpoint

if TYPE_CHECKING:
    from museion.media.limits import Limits

_PART_SHOTS = 60
_HISTORY_EVENTS = 512


class MomentEnricher:
    """Shots of a film -> `MomentsEmbedded`; nothing for a film without shots."""

    name = "moments"

    def __init__(
        self,
        pool: WorkerPool,
        blobs: BlobStore,
        log: EventLog,
        limits: Limits,
        checkpoint: Checkpoint,
    ) -> None:
        self._pool = pool
        self._blobs = blobs
        self._log = log
        self._limits = limits
        self._checkpoint = checkpoint

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return the embeddings of a film's moments."""
        assert isinstance(source, ShotsFound | EnrichmentRetried)
        digest, shots = await self._film(source)
        if digest is None or not shots:
            return []
        path = await asyncio.to_thread(self._blobs.path, digest)
        starts = range(0, len(shots), _PART_SHOTS)
        parts = [shots[start : start + _PART_SHOTS] for start in starts]
        found = await for_each_part(parts, lambda part: self._see(path, part))
        moments = tuple(each for _, some in found for each in some)
        return [MomentsEmbedded(asset_id=source.asset_id, space=found[0][0], moments=moments)]

    async def _see(self, path: Path, shots: Sequence[Shot]) -> tuple[str, list[Moment]]:
        moments: list[Moment] = []
        space = ""
        while len(moments) < len(shots):
            left = shots[len(moments) :]
            space, vectors = await self._pool.run(
                see_moments,
                path,
                self._limits,
                self._checkpoint,
                [shot.at_s for shot in left],
                time_s=task_time_s(self._pool),
            )
            moments += [
                Moment(shot.start_s, shot.end_s, shot.at_s, vector)
                for shot, vector in zip(left, vectors, strict=False)
            ]
        return space, moments

    async def _film(
        self, source: ShotsFound | EnrichmentRetried
    ) -> tuple[Digest | None, Sequence[Shot]]:
        """Return the digest of a film, and its shots as they were found last."""
        digest: Digest | None = None
        shots: Sequence[Shot] = ()
        for fact in await self._history(source.asset_id):
            if isinstance(fact, AssetIngested) and digest is None:
                digest = fact.digest
            elif isinstance(fact, ShotsFound):
                shots = fact.shots
        return digest, source.shots if isinstance(source, ShotsFound) else shots

    async def _history(self, asset_id: AssetId) -> list[ArchiveEvent]:
        facts: list[ArchiveEvent] = []
        position = 0
        while page := await self._log.read(
            after=position, limit=_HISTORY_EVENTS, aggregate_id=asset_id
        ):
            told = (payload_of(each) for event in page for each in carried(event))
            facts += [each for each in told if isinstance(each, AssetIngested | ShotsFound)]
            position = page[-1].sequence_nr
        return facts


def see_moments(
    path: Path,
    limits: Limits,
    checkpoint: Checkpoint,
    times_s: Sequence[float],
    *,
    time_s: float,
) -> tuple[str, list[bytes]]:
    """Return the embedding space, and embeddings (float16) of the frames shown at some seconds.

    Runs in a worker process. There are fewer of them than seconds where the time was up, at least
    one.
    """
    from museion.media.film_frames import frames_at, pixels_of
    from museion.media.sniff import sniff

    began = time.perf_counter()
    space, vectors = checkpoint.space.id, []
    side = look_side(checkpoint)
    for frame in frames_at(path, sniff(path), limits, times_s, max_side=side):
        space, (vector,) = see_pictures([pixels_of(frame)], checkpoint)
        vectors.append(vector)
        if time.perf_counter() - began > time_s:
            break
    return space, vectors
