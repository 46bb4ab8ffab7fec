"""A film's moments in the catalog and the vector index: one answer stands, as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from small_archive import Telling, events_of, ingested

from museion.archive.enrichment.enricher import EnrichmentProcessor
from museion.archive.enrichment.moments import MomentEnricher
from museion.archive.enrichment.shots import ShotEnricher
from museion.archive.enrichment.worker_pool import WorkerLimits, WorkerPool
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    EnrichmentFailed,
    EnrichmentRetried,
    Moment,
    MomentsEmbedded,
    ShotsFound,
    new_event,
    payload_as,
)
from museion.archive.generations import Generation
from museion.archive.vector_indexing import VectorProjection
from museion.blobs.blob_store import Digest
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.media.limits import Limits
from museion.models.embedded import EMBEDDED
from museion.models.registry import built_in_checkpoint
from museion.search.exact_index import ExactIndex
from museion.search.moments import best_moments
from museion.testing.cut_film_sample import make_cut_film
from museion.testing.event_loop import in_event_loop

CHECKPOINT = built_in_checkpoint(EMBEDDED)
SPACE = CHECKPOINT.space
FILM = ingested("film.mp4", kind="video", media_type="video/mp4")


class Following:
    """A catalog and a vector index that are told the same facts, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.telling = Telling(folder)
        self.index = ExactIndex.open(folder / "vectors", space=SPACE.id, dimension=SPACE.dimension)
        self._vectors = VectorProjection(Generation(CHECKPOINT, self.index), self.telling.catalog)
        self.events: list[Event] = []

    def tell(self, *facts: ArchiveEvent) -> None:
        """Let the catalog take the facts in, then the index."""
        events = events_of(facts, after=len(self.events))
        self.events += events
        self.telling.projection.apply(events)
        self._vectors.apply(events)

    def seconds(self) -> list[float]:
        """Return when the moments begin that the index has."""
        near = self.index.search(_unit(0), limit=100)
        moments = (moment for found in best_moments(near, most=100) for moment in found.moments)
        return sorted(moment.start_ms / 1000 for moment in moments)


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Following]:
    both = Following(tmp_path)
    both.tell(FILM)
    yield both
    both.telling.close()
    both.index.close()


def _unit(place: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    row = np.zeros(SPACE.dimension, np.float32)
    row[place] = 1
    return row


def _moments(*starts_s: float, space: str = SPACE.id) -> MomentsEmbedded:
    vector = _unit(1).astype("<f2").tobytes()
    moments = tuple(Moment(start, start + 1, start + 0.5, vector) for start in starts_s)
    return MomentsEmbedded(asset_id=FILM.asset_id, space=space, moments=moments)


def test_each_moment_is_an_entry_of_its_film(following: Following) -> None:
    following.tell(_moments(0.0, 83.04))

    assert following.seconds() == [0.0, 83.04]


def test_a_later_answer_replaces_all_moments_of_the_one_before(following: Following) -> None:
    following.tell(_moments(0.0, 3.0, 7.0))
    following.tell(_moments(0.0, 4.0))

    assert following.seconds() == [0.0, 4.0]


def test_answers_that_come_in_one_batch_leave_the_last_one(following: Following) -> None:
    following.tell(_moments(0.0, 3.0), _moments(5.0))

    assert following.seconds() == [5.0]


def test_moments_of_another_space_are_passed_over(following: Following) -> None:
    following.tell(_moments(0.0), _moments(3.0, space="other:12345678"))

    assert following.seconds() == [0.0]


def test_moments_of_an_unknown_asset_change_nothing(tmp_path: Path) -> None:
    both = Following(tmp_path)
    both.tell(_moments(0.0))

    assert both.seconds() == []
    both.telling.close()
    both.index.close()


def test_success_clears_an_earlier_failure_of_the_moments(following: Following) -> None:
    asset_id = FILM.asset_id
    following.tell(EnrichmentFailed(asset_id=asset_id, processor="moments", reason="cut"))
    assert len(following.telling.catalog.detail(asset_id).failures) == 1

    following.tell(_moments(0.0))

    assert following.telling.catalog.detail(asset_id).failures == []


@in_event_loop
async def test_shots_are_found_and_embedded_whatever_the_time_for_one_task(tmp_path: Path) -> None:
    make_cut_film(tmp_path / "film.mp4", [2.0, 3.0, 12.0])
    blobs = FilesystemBlobStore(tmp_path / "blobs")
    digest = blobs.put((tmp_path / "film.mp4").read_bytes()).digest
    born = replace(FILM, digest=digest)
    # One task has a quarter of the limit, which is too little for the film: it takes several.
    pool = WorkerPool(WorkerLimits(workers=2, time_s=6.0))
    shots = EnrichmentProcessor(ShotEnricher(pool, blobs, Limits()))
    async with EventLog(MemoryEventStore(log_id="here")) as log:
        seeing = MomentEnricher(pool, blobs, log, Limits(), CHECKPOINT)
        moments = EnrichmentProcessor(seeing, on_shots=True, generation=SPACE.id)
        try:
            (cut,) = await log.append(await shots.process(await _told(log, born)))
            (seen,) = await log.append(await moments.process(cut))
            (again,) = await log.append(await moments.process(await _told(log, _retried(digest))))
        finally:
            pool.close()

    found, embedded = payload_as(cut, ShotsFound), payload_as(seen, MomentsEmbedded)
    assert [shot.start_s for shot in found.shots] == pytest.approx([0, 2, 5, 11], abs=0.2)
    assert [(each.start_s, each.at_s) for each in embedded.moments] == [
        (each.start_s, each.at_s) for each in found.shots
    ]
    assert all(len(each.vector) == 2 * SPACE.dimension for each in embedded.moments)
    assert again.payload == seen.payload


@in_event_loop
async def test_what_is_no_film_has_no_shots(tmp_path: Path) -> None:
    blobs = FilesystemBlobStore(tmp_path / "blobs")
    pool = WorkerPool(WorkerLimits(workers=1))
    async with EventLog(MemoryEventStore(log_id="here")) as log:
        born = await _told(log, ingested("photo.jpg"))

        assert await EnrichmentProcessor(ShotEnricher(pool, blobs, Limits())).process(born) == []


async def _told(log: EventLog, fact: AssetIngested | EnrichmentRetried) -> Event:
    new = new_event(fact, emitter_id="test", aggregate_id=fact.asset_id)
    return (await log.append([new]))[0]


def _retried(digest: Digest) -> EnrichmentRetried:
    return EnrichmentRetried(
        asset_id=FILM.asset_id,
        digest=digest,
        media_type=FILM.media_type,
        kind=FILM.kind,
        processors=("moments",),
    )
