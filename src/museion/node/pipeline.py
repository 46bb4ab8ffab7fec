"""Everything of a site that runs by itself: the processors and projections that follow its log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from museion.archive.enrichment.colours import ColourEnricher
from museion.archive.enrichment.document_text import DocumentEnricher
from museion.archive.enrichment.done_before import NotAgain
from museion.archive.enrichment.embeddings import EmbeddingEnricher
from museion.archive.enrichment.enricher import EnrichmentProcessor
from museion.archive.enrichment.fingerprints import FingerprintEnricher
from museion.archive.enrichment.metadata import MetadataEnricher
from museion.archive.enrichment.moments import MomentEnricher
from museion.archive.enrichment.renditions import RenditionEnricher
from museion.archive.enrichment.shots import ShotEnricher
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.base.waiting import meanwhile
from museion.blobs.blob_store import BlobStore
from museion.log.event_log import EventLog
from museion.log.sourced.processor import ProcessorRunner
from museion.media.limits import Limits
from museion.models.checkpoint import Checkpoint
from museion.streams.projection import ProjectionRunner

_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Follower:
    """How far one part of the pipeline has come, and what it waits for if it cannot go on."""

    name: str
    position: int
    trouble: str | None = None


class Pipeline:
    """Runs processors and projections while its context is open; each goes on where it stood."""

    def __init__(
        self,
        log: EventLog,
        processors: Sequence[ProcessorRunner],
        projections: Sequence[ProjectionRunner],
    ) -> None:
        self._log = log
        self._processors = processors
        self._projections = projections

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the log meanwhile; unfinished work is done anew at the next start.

        Raises:
            Exception: what ended one of the parts, a defect or a damaged log for example. The body
                of the context is cancelled then: without that part nothing would be complete.
        """
        runs = [runner.run() for runner in self._processors]
        runs += [runner.run() for runner in self._projections]
        async with meanwhile(*runs):
            yield

    def followers(self) -> list[Follower]:
        """Return how far each part has come."""
        processors = [Follower(each.name, each.position, each.trouble) for each in self._processors]
        return processors + [
            Follower(each.name, each.position, each.trouble) for each in self._projections
        ]

    @property
    def settled(self) -> bool:
        """Tell whether everything that follows from the log so far is in the log and the indexes.

        A processor's outputs are in the log before its position says so, so no part is forgotten.
        """
        return not self._behind()

    async def settle(self, *, trouble_limit_s: float = 30.0) -> list[Follower]:
        """Wait until everything that follows from the log so far is in the log and the indexes.

        Returns:
            The parts that were in trouble (a full disk, say) for longer than `trouble_limit_s` and
            are given up waiting for; empty when all is done.
        """
        troubled_s = 0.0
        while behind := self._behind():
            stuck = [follower for follower in behind if follower.trouble]
            troubled_s = troubled_s + _LOOK_S if stuck else 0.0
            if troubled_s > trouble_limit_s:
                return stuck
            await asyncio.sleep(_LOOK_S)
        return []

    def _behind(self) -> list[Follower]:
        return [each for each in self.followers() if each.position < self._log.sequence_nr]


def enrichment(
    log: EventLog, blobs: BlobStore, pool: WorkerPool, checkpoint: Checkpoint, limits: Limits
) -> list[ProcessorRunner]:
    """Return the processors that enrich assets, in the order of the path of a photo.

    Embeddings of two spaces are never compared: another space embeds every asset again.
    """
    window = pool.limits.workers * 4
    processors = [
        EnrichmentProcessor(MetadataEnricher(pool, blobs)),
        EnrichmentProcessor(RenditionEnricher(pool, blobs, limits)),
        EnrichmentProcessor(FingerprintEnricher(pool, blobs), on_rendition="thumbnail"),
        EnrichmentProcessor(
            EmbeddingEnricher(pool, blobs, checkpoint),
            on_rendition="preview",
            generation=checkpoint.space.id,
        ),
        EnrichmentProcessor(DocumentEnricher(pool, blobs)),
        EnrichmentProcessor(ColourEnricher(pool, blobs), on_rendition="thumbnail"),
        EnrichmentProcessor(ShotEnricher(pool, blobs, limits)),
        EnrichmentProcessor(
            MomentEnricher(pool, blobs, log, limits, checkpoint),
            on_shots=True,
            generation=checkpoint.space.id,
        ),
    ]
    return [ProcessorRunner(log, NotAgain(each, log), window=window) for each in processors]
