"""What is inside assets: read by enrichers, kept by the catalog, found by words."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image, ImageDraw, ImageFont
from small_archive import SmallArchive, Telling, ingested, renditions, small_archive

from museion.archive.catalog.content_reader import ColourRecord, DocumentRecord, PassageRecord
from museion.archive.content_words import content_words
from museion.archive.enrichment.colours import ColourEnricher
from museion.archive.enrichment.document_text import DocumentEnricher
from museion.archive.enrichment.enricher import Enricher
from museion.archive.enrichment.recognised_text import TextEnricher
from museion.archive.enrichment.worker_pool import WorkerLimits, WorkerPool
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    ColoursFound,
    ColourShare,
    DocumentRead,
    EnrichmentFailed,
    Passage,
    RenditionMade,
    TextLine,
    TextRecognised,
)
from museion.archive.quarantine import retry_events
from museion.media.errors import LockedDocument
from museion.testing.event_loop import in_event_loop
from museion.testing.media import make_sample

BORN = ingested("a.pdf", kind="document", media_type="application/pdf")
ID = BORN.asset_id
READ = DocumentRead(
    asset_id=ID, pages=3, passages=(Passage(1, "The harbour."), Passage(3, "The sea."))
)


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[Telling]:
    with closing(Telling(tmp_path)) as telling:
        telling.tell(BORN)
        yield telling


@asynccontextmanager
async def archive_with_workers(
    folder: Path,
) -> AsyncIterator[tuple[SmallArchive, WorkerPool]]:
    async with small_archive(folder) as archive:
        pool = WorkerPool(WorkerLimits(workers=1))
        try:
            yield archive, pool
        finally:
            pool.close()


async def _found(enricher: Enricher, source: AssetIngested | RenditionMade) -> ArchiveEvent | None:
    found = await enricher.enrich(source)
    assert len(found) <= 1
    return found[0] if found else None


def _preview_of(archive: SmallArchive, picture: Path) -> RenditionMade:
    """Return that a picture is a rendition, after its blob is kept."""
    blob = archive.blobs.put(picture.read_bytes())
    _, preview = renditions(ID)
    return replace(preview, digest=blob.digest, size_bytes=blob.size_bytes)


@in_event_loop
async def test_a_document_is_read_by_pages_and_no_other_kind_is(tmp_path: Path) -> None:
    async with archive_with_workers(tmp_path) as (archive, pool):
        texts = ["Harbours of the north", "Ports of the south"]
        document = make_sample("pdf", tmp_path / "a.pdf", width=300, height=400, texts=texts)
        await archive.take_in(document, make_sample("jpg", tmp_path / "b.jpg"))
        born, photo = await archive.facts(AssetIngested)
        enricher = DocumentEnricher(pool, archive.blobs)

        read = await _found(enricher, born)
        assert await _found(enricher, photo) is None

    assert read == DocumentRead(
        asset_id=born.asset_id,
        pages=2,
        passages=(Passage(1, texts[0]), Passage(2, texts[1])),
    )


@in_event_loop
async def test_a_document_with_a_password_is_told_apart_from_a_damaged_one(tmp_path: Path) -> None:
    async with archive_with_workers(tmp_path) as (archive, pool):
        await archive.take_in(make_sample("pdf", tmp_path / "a.pdf", locked=True))
        (born,) = await archive.facts(AssetIngested)

        with pytest.raises(LockedDocument):
            await DocumentEnricher(pool, archive.blobs).enrich(born)


@in_event_loop
async def test_the_colours_of_a_thumbnail_are_named(tmp_path: Path) -> None:
    async with archive_with_workers(tmp_path) as (archive, pool):
        made = _preview_of(archive, make_sample("webp", tmp_path / "a.webp"))

        found = await _found(ColourEnricher(pool, archive.blobs), made)

    assert isinstance(found, ColoursFound)
    assert 0 < sum(each.share for each in found.colours) <= 1


@pytest.mark.skipif(
    importlib.util.find_spec("rapidocr_onnxruntime") is None,
    reason="museion[text] is not installed",
)
@in_event_loop
async def test_text_in_a_preview_is_recognised_in_a_worker(tmp_path: Path) -> None:
    async with archive_with_workers(tmp_path) as (archive, pool):
        wall = Image.new("RGB", (800, 400), "white")
        ImageDraw.Draw(wall).text((100, 150), "EMERGENCY EXIT", "black", ImageFont.load_default(60))
        wall.save(tmp_path / "a.webp", lossless=True)
        made = _preview_of(archive, tmp_path / "a.webp")

        found = await _found(TextEnricher(pool, archive.blobs), made)

    assert isinstance(found, TextRecognised)
    assert found.model.startswith("rapidocr-onnxruntime")
    assert "".join(line.text for line in found.lines).replace(" ", "") == "EMERGENCYEXIT"


def test_the_catalog_has_pages_passages_and_what_was_left_out(telling: Telling) -> None:
    telling.tell(
        DocumentRead(asset_id=ID, pages=9, passages=READ.passages, left_out="The rest is long.")
    )

    content = telling.catalog.content
    assert content.document(ID) == DocumentRecord(9, "The rest is long.")
    assert content.passages(ID) == [PassageRecord(1, "The harbour."), PassageRecord(3, "The sea.")]


def test_a_later_reading_takes_the_place_of_an_earlier(telling: Telling) -> None:
    telling.tell(READ, DocumentRead(asset_id=ID, pages=1, passages=()))

    assert telling.catalog.content.passages(ID) == []
    assert telling.catalog.content.document(ID) == DocumentRecord(1, "")


def test_colours_come_back_in_their_order(telling: Telling) -> None:
    telling.tell(
        ColoursFound(asset_id=ID, colours=(ColourShare("red", 0.6), ColourShare("blue", 0.2)))
    )

    assert telling.catalog.content.colours(ID) == [
        ColourRecord("red", 0.6),
        ColourRecord("blue", 0.2),
    ]


@pytest.mark.parametrize("processor", ["document", "colours", "text"])
def test_what_cannot_be_looked_into_keeps_its_picture_and_is_listed(
    telling: Telling, processor: str
) -> None:
    telling.tell(*renditions(ID))
    before = telling.catalog.detail(ID).summary.state

    telling.tell(EnrichmentFailed(asset_id=ID, processor=processor, reason="It is locked."))

    detail = telling.catalog.detail(ID)
    assert detail.summary.state == before
    assert [entry.processor for entry in telling.catalog.quarantine()] == [processor]


def test_a_later_reading_forgives_a_failure_and_an_earlier_one_does_not(telling: Telling) -> None:
    failed = EnrichmentFailed(asset_id=ID, processor="document", reason="It is locked.")

    telling.tell(READ, failed)
    assert telling.catalog.quarantine() != []

    telling.tell(READ)
    assert telling.catalog.quarantine() == []


def test_another_try_at_a_documents_text_does_not_draw_its_page_again(telling: Telling) -> None:
    telling.tell(EnrichmentFailed(asset_id=ID, processor="document", reason="It is locked."))

    (retry,) = retry_events([telling.catalog.detail(ID)])

    assert b"document" in retry.payload
    assert b"renditions" not in retry.payload


def test_words_inside_an_asset_are_those_of_its_pages_and_of_its_picture(telling: Telling) -> None:
    line = TextLine("EXIT", (0.1, 0.1, 0.2, 0.1), 0.9)
    telling.tell(READ, TextRecognised(asset_id=ID, model="m", lines=(line,)))

    assert content_words(telling.catalog.content, ID) == {
        "document": ["The harbour.", "The sea."],
        "recognised": ["EXIT"],
    }
