"""An enricher that fails on an asset tells it as a fact; what passes by itself is tried again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from small_archive import events_of, ingested, renditions

from museion.archive.catalog.records import AssetDetail, AssetSummary, Failure
from museion.archive.enrichment.embeddings import see
from museion.archive.enrichment.enricher import EnrichmentProcessor, EnrichmentSource
from museion.archive.events import (
    ArchiveEvent,
    EnrichmentFailed,
    EnrichmentRetried,
    FingerprintComputed,
    MetadataExtracted,
    MetadataValue,
    payload_of,
)
from museion.archive.quarantine import retry_events
from museion.base.errors import Damaged, InvalidInput, NotFound, Unavailable
from museion.log.event import Event, NewEvent
from museion.models import registry
from museion.models.embedded import EMBEDDED
from museion.testing.event_loop import in_event_loop
from museion.testing.media import make_sample

BORN = ingested("a.jpg")
THUMBNAIL, PREVIEW = renditions(BORN.asset_id)


class Looking:
    """Finds a fingerprint, or fails as the test says."""

    name = "looking"

    def __init__(self, outcome: Exception | ArchiveEvent | None = None) -> None:
        self._outcome = outcome
        self.seen: list[EnrichmentSource] = []

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        self.seen.append(source)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return [self._outcome or FingerprintComputed(asset_id=source.asset_id, fingerprint=1)]


def _event(fact: ArchiveEvent) -> Event:
    return events_of([fact], after=4)[0]


def _retried(*processors: str) -> EnrichmentRetried:
    return EnrichmentRetried(
        asset_id=BORN.asset_id,
        digest=BORN.digest,
        media_type="image/jpeg",
        kind="image",
        processors=processors,
    )


def _payload(new: NewEvent) -> ArchiveEvent | None:
    written = events_of([], after=0) or [_event(BORN)]
    return payload_of(
        Event(
            type_name=new.type_name,
            form=new.form,
            payload=new.payload,
            emitter_id=new.emitter_id,
            aggregate_id=new.aggregate_id,
            custom_destinations=(),
            system_time_ms=0,
            vector_timestamp=written[0].vector_timestamp,
            process_id="here",
            log_id="here",
            sequence_nr=1,
        )
    )


@in_event_loop
async def test_what_is_found_belongs_to_the_asset_and_names_its_cause() -> None:
    event = _event(BORN)

    (found,) = await EnrichmentProcessor(Looking()).process(event)

    assert (found.aggregate_id, found.emitter_id) == (BORN.asset_id, "looking")
    assert found.cause == event.id
    assert found.vector_timestamp == event.vector_timestamp


@pytest.mark.parametrize("family", [InvalidInput, Damaged, NotFound])
def test_a_failure_becomes_a_fact_with_its_reason(family: type[InvalidInput]) -> None:
    @in_event_loop
    async def run() -> None:
        processor = EnrichmentProcessor(Looking(family("It is cut.", remedy="Copy it again.")))
        (failed,) = await processor.process(_event(BORN))

        assert _payload(failed) == EnrichmentFailed(
            asset_id=BORN.asset_id,
            processor="looking",
            reason="It is cut.",
            remedy="Copy it again.",
        )

    run()


@in_event_loop
async def test_what_passes_by_itself_is_left_to_be_tried_again() -> None:
    with pytest.raises(Unavailable, match="full"):
        await EnrichmentProcessor(Looking(Unavailable("full"))).process(_event(BORN))


@in_event_loop
async def test_a_defect_is_not_blamed_on_the_file() -> None:
    with pytest.raises(ZeroDivisionError):
        await EnrichmentProcessor(Looking(ZeroDivisionError())).process(_event(BORN))


@in_event_loop
async def test_a_finding_that_cannot_be_written_is_a_failure_too() -> None:
    broken = MetadataExtracted(
        asset_id=BORN.asset_id, values=(MetadataValue("caption", "half \ud83d", "xmp"),)
    )
    (failed,) = await EnrichmentProcessor(Looking(broken)).process(_event(BORN))

    assert isinstance(_payload(failed), EnrichmentFailed)


@pytest.mark.parametrize(
    ("on_rendition", "fact", "concerned"),
    [
        (None, BORN, True),
        (None, _retried("looking"), True),
        (None, _retried("other"), False),
        ("preview", PREVIEW, True),
        ("preview", THUMBNAIL, False),
    ],
)
def test_only_what_concerns_it_is_worked_on(
    on_rendition: str | None, fact: ArchiveEvent, concerned: bool
) -> None:
    @in_event_loop
    async def run() -> None:
        looking = Looking()
        processor = EnrichmentProcessor(looking, on_rendition=on_rendition)
        found = await processor.process(_event(fact))

        assert bool(found) == bool(looking.seen) == concerned

    run()


def _detail(*failed: str) -> AssetDetail:
    summary = AssetSummary(
        id=BORN.asset_id,
        digest=BORN.digest,
        filename="a.jpg",
        media_type="image/jpeg",
        kind="image",
        size_bytes=1,
        state="quarantined",
        ingest_time="",
    )
    return AssetDetail(
        summary=summary,
        values=[],
        keywords=[],
        labels=[],
        renditions=[],
        sources=[],
        failures=[Failure(processor, "r", "") for processor in failed],
    )


@pytest.mark.parametrize(
    ("failed", "tried"),
    [
        (["metadata"], ("metadata",)),
        (["renditions"], ("renditions",)),
        (["metadata", "renditions"], ("metadata", "renditions")),
        (["embedding"], ("embedding", "renditions")),
        (["fingerprint", "metadata"], ("fingerprint", "metadata", "renditions")),
    ],
)
def test_another_try_begins_where_the_failed_work_begins(
    failed: list[str], tried: tuple[str, ...]
) -> None:
    """What looks at renditions needs them made anew."""
    (event,) = retry_events([_detail(*failed), _detail(*failed)])

    fact = _payload(event)
    assert isinstance(fact, EnrichmentRetried)
    assert fact.processors == tried


def test_an_asset_without_failures_is_left_alone() -> None:
    assert retry_events([_detail()]) == []


def test_a_damaged_encoder_is_not_blamed_on_the_pictures(tmp_path: Path) -> None:
    """The package is broken: every picture waits, none goes into quarantine."""
    weights = tmp_path / "weights"
    shutil.copytree(registry.WEIGHTS, weights)
    (weights / EMBEDDED / "image_tower.onnx").write_bytes(b"cut")
    picture = make_sample("webp", tmp_path / "a.webp").read_bytes()

    with pytest.raises(Unavailable, match="Install the package again"):
        see(picture, registry.checkpoint_in(weights / EMBEDDED))
