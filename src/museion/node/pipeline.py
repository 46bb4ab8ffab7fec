"""Everything of a site that runs by itself: the processors and projections that follow its log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from museion.archive.enrichment.colours import ColourEnricher
from museion.archive.enrichment.document_text import DocumentEnricher
from museion.archive.enrichment.done_before import NotAgain
from museion.archive.enrichment.embeddings import EmbeddingEnricher
from museion.archive.enrichment.enricher import EnrichmentProcessor
from museion.archive.enrichment.fingerprints import FingerprintEnricher
from museion.archive.enrichment.metadata import MetadataEnricher
from museion.archive.enrichment.moments import MomentEnricher
from museion.archive.enrichment.recognised_text import TextEnricher
from museion.archive.enrichment.renditions import RenditionEnricher
from museion.archive.enrichment.shots import ShotEnricher
from museion.archive.enrichment.speech import SpeechEnricher
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.base.waiting import meanwhile
from museion.blobs.blob_store import BlobStore
from museion.log.event_log import EventLog
from museion.log.sourced.processor import ProcessorRunner
from museion.media.limits import Limits
from museion.models.checkpoint import Checkpoint
from museion.models.speech import speech_model_name

_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Follower:
    """How far one part of the pipeline has come, and what it waits for if it cannot go on."""

    name: str
    position: int
    trouble: str | None = None


class Runner(Protocol):
    """A part of the pipeline, as processors and projections are run."""

    @property
    def name(self) -> str:
        """Name for people; no two parts share one."""

    @property
    def position(self) -> int:
        """Last event of the log that needs no more work."""

    @property
    def trouble(self) -> str | None:
        """What it waits for if it cannot go on."""

    async def run(self) -> None:
        """Follow the log until cancelled; it can be run again."""


class Pipeline:
    """Runs processors and projections while its context is open; each goes on where it stood.

    Parts may come and go meanwhile: see `arrange`.
    """

    def __init__(
        self, log: EventLog, parts: Sequence[Runner], *, aside: Sequence[Runner] = ()
    ) -> None:
        self._log = log
        self._parts, self._aside = list(parts), list(aside)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the log meanwhile; unfinished work is done anew at the next start.

        Raises:
            Exception: what ended one of the parts, a defect or a damaged log for example. The body
                of the context is cancelled then: without that part nothing would be complete.
        """
        async with meanwhile(self._run()):
            yield

    async def arrange(self, parts: Sequence[Runner], *, aside: Sequence[Runner] = ()) -> None:
        """Run these parts and no others; those that ran already are not disturbed.

        Args:
            parts: without which the archive is not complete.
            aside: others, which nobody waits for.
        """
        self._parts, self._aside = list(parts), list(aside)
        wanted = {each.name: each for each in (*parts, *aside)}
        gone = [name for name in self._tasks if name not in wanted]
        ended = [self._tasks.pop(name) for name in gone]
        for task in ended:
            task.cancel()
        if ended:
            await asyncio.wait(ended)  # a step that has begun is ended first, as each runner states
        self._start()

    def followers(self) -> list[Follower]:
        """Return how far each part has come."""
        return [_follower(each) for each in (*self._parts, *self._aside)]

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

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._start()
                # Without a limit: it ends when it is cancelled, or one of the parts fails.
                await asyncio.Event().wait()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            self._group = None
            self._tasks.clear()

    def _start(self) -> None:
        if self._group is None:
            return
        for part in (*self._parts, *self._aside):
            if part.name not in self._tasks:
                self._tasks[part.name] = self._group.create_task(part.run())

    def _behind(self) -> list[Follower]:
        found = [_follower(each) for each in self._parts]
        return [each for each in found if each.position < self._log.sequence_nr]


def _follower(part: Runner) -> Follower:
    return Follower(part.name, part.position, part.trouble)


def enrichment(
    log: EventLog, blobs: BlobStore, pool: WorkerPool, limits: Limits
) -> list[ProcessorRunner]:
    """Return the processors that enrich assets but need no encoder: `seeing` has the others."""
    processors = [
        EnrichmentProcessor(MetadataEnricher(pool, blobs)),
        EnrichmentProcessor(RenditionEnricher(pool, blobs, limits)),
        EnrichmentProcessor(FingerprintEnricher(pool, blobs), on_rendition="thumbnail"),
        EnrichmentProcessor(DocumentEnricher(pool, blobs)),
        EnrichmentProcessor(ColourEnricher(pool, blobs), on_rendition="thumbnail"),
        EnrichmentProcessor(ShotEnricher(pool, blobs, limits)),
    ]
    return _runners(log, pool, processors)


def seeing(
    log: EventLog, blobs: BlobStore, pool: WorkerPool, checkpoint: Checkpoint, limits: Limits
) -> list[ProcessorRunner]:
    """Return the processors that let an image tower see: first pictures, then films.

    Embeddings of two spaces are never compared: another space embeds every asset again.
    """
    space = checkpoint.space.id
    pictures = EmbeddingEnricher(pool, blobs, checkpoint)
    films = MomentEnricher(pool, blobs, log, limits, checkpoint)
    processors = [
        EnrichmentProcessor(pictures, on_rendition="preview", generation=space),
        EnrichmentProcessor(films, on_shots=True, generation=space),
    ]
    return _runners(log, pool, processors)


def reading_pictures(
    log: EventLog, blobs: BlobStore, pool: WorkerPool, *, wanted: bool
) -> list[ProcessorRunner]:
    """Return the processor that reads the text in pictures, none where it is not wanted.

    Raises:
        NoTextRecogniser: it is wanted, but what reads is not installed.
    """
    if not wanted:
        return []
    return _runners(
        log, pool, [EnrichmentProcessor(TextEnricher(pool, blobs), on_rendition="preview")]
    )


def hearing(
    log: EventLog, blobs: BlobStore, pool: WorkerPool, speech_model: str
) -> list[ProcessorRunner]:
    """Return the processor that lets a model hear; none where no model is named.

    Another model hears every film and sound again; what it hears replaces what stood before.
    """
    if not speech_model:
        return []
    enricher = SpeechEnricher(pool, blobs, speech_model)
    generation = speech_model_name(speech_model)
    return _runners(log, pool, [EnrichmentProcessor(enricher, generation=generation)])


def _runners(
    log: EventLog, pool: WorkerPool, processors: Sequence[EnrichmentProcessor]
) -> list[ProcessorRunner]:
    window = pool.limits.workers * 4
    return [ProcessorRunner(log, NotAgain(each, log), window=window) for each in processors]
