"""The payloads of the archive's events outlive the program that wrote them.

`archive_events.txt` holds what form 1 of each type wrote: written name, form, bytes. Its lines are
never changed: a version that writes a form otherwise, or cannot read it, has broken the logs that
exist. A new form gets new lines, and keeps the old ones readable.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from museion.archive.asset import AssetId, CollectionId
from museion.archive.events import (
    FORMS,
    ArchiveEvent,
    AssetDisclosed,
    AssetIngested,
    AssetLabel,
    AssetRecognised,
    AssetRestored,
    AssetTrashed,
    CollectionChanged,
    CollectionMade,
    ColoursFound,
    ColourShare,
    CommentAdded,
    DocumentRead,
    DuplicatesDismissed,
    EmbeddingComputed,
    EnrichmentFailed,
    EnrichmentRetried,
    FieldsChanged,
    FingerprintComputed,
    HitJudged,
    IngestRefused,
    LabelsComputed,
    MetadataExtracted,
    MetadataValue,
    Moment,
    MomentsEmbedded,
    Passage,
    RefusalCleared,
    RenditionMade,
    Shot,
    ShotsFound,
    SpeechRecognised,
    TextLine,
    TextRecognised,
    Utterance,
    new_event,
    payload_of,
)
from museion.blobs.blob_store import Digest
from museion.log.crdt.field_map import (
    AddToField,
    ClearField,
    CountField,
    RemoveFromField,
    SetField,
)
from museion.log.crdt.ordered_list import InsertElements, MoveElements, RemoveElements
from museion.log.crdt.places import PlaceId, Spot
from museion.log.event import Event, EventId
from museion.log.event_types import UnknownForm
from museion.log.vector_time import VectorTime


class Golden(NamedTuple):
    """One line of the file."""

    name: str
    form: int
    payload: bytes


_ID = AssetId("abcdefghijklmnopqrstuvwx")
_COLLECTION = CollectionId("abcdefghijklmnop")
_DIGEST = Digest("0123456789abcdef" * 4)
_SAMPLES: tuple[ArchiveEvent, ...] = (
    AssetIngested(
        asset_id=_ID,
        digest=_DIGEST,
        size_bytes=5_000_000_000,
        media_type="image/jpeg",
        kind="image",
        filename="café.jpg",
        path=b"/photos/caf\xe9.jpg",
        modified_ns=1_700_000_000_123_456_789,
    ),
    AssetIngested(
        asset_id=_ID,
        digest=_DIGEST,
        size_bytes=0,
        media_type="application/pdf",
        kind="document",
        filename="uploaded.pdf",
    ),
    AssetRecognised(asset_id=_ID, filename="b.jpg", path=b"/b.jpg", modified_ns=7, size_bytes=300),
    IngestRefused(filename="a.txt", path=b"/a.txt", reason="It is text.", remedy="Leave it."),
    IngestRefused(filename="a.txt", path=b"/a.txt", reason="It is text."),
    RefusalCleared(path=b"/a.txt"),
    MetadataExtracted(
        asset_id=_ID,
        values=(
            MetadataValue("caption", "a harbour", "xmp:dc:description"),
            MetadataValue("keywords", ("sea", "boat"), "iptc:Keywords"),
            MetadataValue("iso", 400, "exif:ISOSpeedRatings"),
            MetadataValue("f_number", 2.8, "exif:FNumber"),
            MetadataValue("flash_fired", True, "exif:Flash"),
        ),
        warnings=("exif: odd",),
    ),
    MetadataExtracted(asset_id=_ID, values=()),
    RenditionMade(
        asset_id=_ID,
        rendition="thumbnail",
        digest=_DIGEST,
        media_type="image/webp",
        width=320,
        height=213,
        size_bytes=12_345,
    ),
    FingerprintComputed(asset_id=_ID, fingerprint=0xFEDC_BA98_7654_3210),
    EmbeddingComputed(asset_id=_ID, space="encoder-1:ab12cd34", vector=b"\x00\x3c\x00\xbc"),
    LabelsComputed(
        asset_id=_ID,
        model="encoder-1:ab12cd34",
        labels=(AssetLabel("castle", ("fortress", "keep"), 0.75),),
    ),
    ShotsFound(asset_id=_ID, shots=(Shot(0.0, 2.5, 1.25), Shot(2.5, 4.0, 3.0))),
    MomentsEmbedded(
        asset_id=_ID,
        space="encoder-1:ab12cd34",
        moments=(Moment(0.0, 2.5, 1.25, b"\x00\x3c\x00\xbc"),),
    ),
    DocumentRead(asset_id=_ID, pages=2, passages=(Passage(1, "Zürich, in May"),)),
    TextRecognised(
        asset_id=_ID,
        model="rapidocr-1.4",
        lines=(TextLine("GRANDHOTEL", (0.25, 0.5, 0.125, 0.0625), 0.75),),
    ),
    SpeechRecognised(
        asset_id=_ID,
        model="whisper-base",
        language="en",
        utterances=(Utterance(0.0, 1.5, "Good evening."),),
    ),
    ColoursFound(asset_id=_ID, colours=(ColourShare("red", 0.5),)),
    EnrichmentFailed(asset_id=_ID, processor="renditions", reason="Cut.", remedy="Copy it."),
    EnrichmentFailed(asset_id=_ID, processor="renditions", reason="Cut."),
    EnrichmentRetried(
        asset_id=_ID,
        digest=_DIGEST,
        media_type="image/png",
        kind="image",
        processors=("metadata", "renditions"),
    ),
    FieldsChanged(
        asset_id=_ID,
        by="Ann",
        operations=(
            SetField("caption", "Dämmerung", (EventId("a", 7), EventId("b", 3))),
            SetField("access", ("a", "b"), ()),
            SetField("access", None, ()),
            SetField("rating", 4),
            ClearField("title", (EventId("a", 7),)),
            AddToField("tags", "harbour"),
            RemoveFromField("tags", "sea", (EventId("a", 7),)),
            CountField("downloads", 2),
        ),
    ),
    FieldsChanged(asset_id=_ID, by="Ann", operations=(), undoes="a:7"),
    AssetTrashed(asset_id=_ID, by="Ann"),
    AssetRestored(asset_id=_ID, by="Ann"),
    CommentAdded(asset_id=_ID, by="Ann", text="Who is this?"),
    CollectionMade(collection_id=_COLLECTION, by="Ann", name="Harbours"),
    CollectionChanged(
        collection_id=_COLLECTION,
        by="Ann",
        operations=(SetField("name", "Ports"),),
        members=InsertElements((_ID,), at=Spot(PlaceId("a", 7, 1), left=True)),
    ),
    CollectionChanged(collection_id=_COLLECTION, by="Ann", members=MoveElements((_ID,), at=Spot())),
    CollectionChanged(
        collection_id=_COLLECTION, by="Ann", members=RemoveElements((_ID,), (EventId("a", 7),))
    ),
    DuplicatesDismissed(asset_ids=(_ID,), by="Ann"),
    HitJudged(asset_id=_ID, query="a red slide", by="Ann", verdict=-1),
    AssetDisclosed(asset_id=_ID, history=(b"\x93one", b"two"), to="site01"),
)


def _read_golden() -> list[Golden]:
    lines = Path(__file__).with_name("archive_events.txt").read_text().splitlines()
    parts = [line.split() for line in lines]
    return [Golden(name, int(form), bytes.fromhex(payload)) for name, form, payload in parts]


GOLDEN = _read_golden()
_PAIRS = list(zip(GOLDEN, _SAMPLES, strict=True))


def _event(golden: Golden) -> Event:
    return Event(
        type_name=golden.name,
        form=golden.form,
        payload=golden.payload,
        emitter_id="ingest",
        aggregate_id=None,
        custom_destinations=(),
        system_time_ms=0,
        vector_timestamp=VectorTime(),
        process_id="a",
        log_id="a",
        sequence_nr=1,
    )


def test_every_form_of_every_type_has_golden_bytes() -> None:
    """A type without them could change unseen."""
    pinned = {(golden.name, golden.form) for golden in GOLDEN}
    known = {(name, form) for name, (_, last) in FORMS.items() for form in range(1, last + 1)}

    assert pinned == known


@pytest.mark.parametrize(("golden", "sample"), _PAIRS)
def test_bytes_of_then_are_read_as_they_were_meant(golden: Golden, sample: ArchiveEvent) -> None:
    assert payload_of(_event(golden)) == sample


@pytest.mark.parametrize(("golden", "sample"), _PAIRS)
def test_the_same_facts_are_still_written_with_the_same_bytes(
    golden: Golden, sample: ArchiveEvent
) -> None:
    written = new_event(sample, emitter_id="ingest")

    assert Golden(written.type_name, written.form, written.payload) == golden


@pytest.mark.parametrize("golden", GOLDEN)
def test_a_form_of_a_newer_program_is_refused_not_guessed(golden: Golden) -> None:
    with pytest.raises(UnknownForm, match="Update this site's program"):
        payload_of(_event(golden._replace(form=FORMS[golden.name][1] + 1)))


def test_a_type_of_somebody_else_is_passed_over() -> None:
    assert payload_of(_event(Golden("elsewhere.thing-happened", 1, b"\xff"))) is None
