"""The events of the archive: what can happen to an asset, as it is written in the log.

Every type has a stable written name and a form number; both are data that lasts and are pinned by
golden bytes in `tests/compat`. Fields are only added, with defaults; names are never reused.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias, TypeVar

import msgspec

from museion.archive.asset import AssetId, CollectionId
from museion.blobs.blob_store import Digest
from museion.log.crdt.field_rules import (
    AddToField,
    ClearField,
    CountField,
    RemoveFromField,
    SetField,
)
from museion.log.crdt.ordered_list import InsertElements, MoveElements, RemoveElements
from museion.log.event import Event, NewEvent
from museion.log.event_types import EventTypes, event_type, written_name
from museion.log.vector_time import VectorTime

E = TypeVar("E", bound="ArchiveEvent")
_NOTHING = VectorTime()


class ArchiveEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all payloads of the archive."""


@event_type("museion.asset-ingested")
class AssetIngested(ArchiveEvent, frozen=True):
    """New content came in and became an asset.

    Attributes:
        filename: last part of the path or the name given at upload, for people.
        path: the bytes of the source's path where it was a file of this machine.
        modified_ns: the source's modification time, nanoseconds since 1970.
    """

    asset_id: AssetId
    digest: Digest
    size_bytes: int
    media_type: str
    kind: str
    filename: str
    path: bytes | None = None
    modified_ns: int | None = None


@event_type("museion.asset-recognised")
class AssetRecognised(ArchiveEvent, frozen=True):
    """A file came in whose content is already an asset, under a path not seen before."""

    asset_id: AssetId
    filename: str
    path: bytes
    modified_ns: int
    size_bytes: int


@event_type("museion.ingest-refused")
class IngestRefused(ArchiveEvent, frozen=True):
    """A file could not be taken in; it waits in quarantine for another try."""

    filename: str
    path: bytes
    reason: str
    remedy: str = ""


@event_type("museion.refusal-cleared")
class RefusalCleared(ArchiveEvent, frozen=True):
    """A refused file or folder needs no other try: it is gone, or can be listed now."""

    path: bytes


class MetadataValue(msgspec.Struct, frozen=True, array_like=True):
    """One value that a file says about itself, with where it stands in the file."""

    field: str
    value: bool | int | float | str | tuple[str, ...]
    source: str


@event_type("museion.metadata-extracted")
class MetadataExtracted(ArchiveEvent, frozen=True):
    """The embedded metadata of an original was read: every candidate, none chosen."""

    asset_id: AssetId
    values: tuple[MetadataValue, ...]
    warnings: tuple[str, ...] = ()


@event_type("museion.rendition-made")
class RenditionMade(ArchiveEvent, frozen=True):
    """A rendition of an original lies in the blob store.

    Attributes:
        is_drawing: it stands for what cannot be seen, as the waveform of a sound does; so it tells
            nothing about how the asset looks.
    """

    asset_id: AssetId
    rendition: str
    digest: Digest
    media_type: str
    width: int
    height: int
    size_bytes: int
    is_drawing: bool = False


@event_type("museion.fingerprint-computed")
class FingerprintComputed(ArchiveEvent, frozen=True):
    """The perceptual fingerprint (64 bits) of an asset's picture."""

    asset_id: AssetId
    fingerprint: int


@event_type("museion.embedding-computed")
class EmbeddingComputed(ArchiveEvent, frozen=True):
    """The embedding of an asset's picture in a named space; float16, little endian, unit norm."""

    asset_id: AssetId
    space: str
    vector: bytes


class AssetLabel(msgspec.Struct, frozen=True, array_like=True):
    """A word from a model for a picture, its synonyms, and a calibrated probability in 0..1."""

    word: str
    synonyms: tuple[str, ...]
    score: float


@event_type("museion.labels-computed")
class LabelsComputed(ArchiveEvent, frozen=True):
    """What a model sees in an asset's picture, likeliest first; may be empty."""

    asset_id: AssetId
    model: str
    labels: tuple[AssetLabel, ...]


class Shot(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of a film between two cuts, and the frame that stands for it; in seconds."""

    start_s: float
    end_s: float
    at_s: float


@event_type("museion.shots-found")
class ShotsFound(ArchiveEvent, frozen=True):
    """The cuts of a film were found: its shots in order, without gaps."""

    asset_id: AssetId
    shots: tuple[Shot, ...]


class Moment(msgspec.Struct, frozen=True, array_like=True):
    """A shot with the embedding of the frame that stands for it, as in `EmbeddingComputed`."""

    start_s: float
    end_s: float
    at_s: float
    vector: bytes


@event_type("museion.moments-embedded")
class MomentsEmbedded(ArchiveEvent, frozen=True):
    """The embeddings of a film's moments in a named space."""

    asset_id: AssetId
    space: str
    moments: tuple[Moment, ...]


class Passage(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of a document's text, and the page on which it begins, from 1."""

    page: int
    text: str


@event_type("museion.document-read")
class DocumentRead(ArchiveEvent, frozen=True):
    """The text of a document, by passages in reading order; may be empty.

    Attributes:
        pages: how many the document has.
        left_out: what was not read and why, for people; empty where all was.
    """

    asset_id: AssetId
    pages: int
    passages: tuple[Passage, ...]
    left_out: str = ""


class TextLine(msgspec.Struct, frozen=True, array_like=True):
    """A line of text in a picture.

    Attributes:
        box: left, top, width and height as shares of the upright picture, in [0, 1].
        score: how sure the model is, in [0, 1].
    """

    text: str
    box: tuple[float, float, float, float]
    score: float


@event_type("museion.text-recognised")
class TextRecognised(ArchiveEvent, frozen=True):
    """What a model reads in an asset's picture; may be nothing."""

    asset_id: AssetId
    model: str
    lines: tuple[TextLine, ...]


class Utterance(msgspec.Struct, frozen=True, array_like=True):
    """What is said from one second to another."""

    start_s: float
    end_s: float
    text: str


@event_type("museion.speech-recognised")
class SpeechRecognised(ArchiveEvent, frozen=True):
    """What a model hears being said in a film or recording; may be nothing.

    Attributes:
        language: ISO 639-1; empty where none was told.
    """

    asset_id: AssetId
    model: str
    language: str
    utterances: tuple[Utterance, ...]


class ColourShare(msgspec.Struct, frozen=True, array_like=True):
    """A named colour and the share of the picture that has it, in [0, 1]."""

    name: str
    share: float


@event_type("museion.colours-found")
class ColoursFound(ArchiveEvent, frozen=True):
    """The colours of an asset's picture, the largest share first."""

    asset_id: AssetId
    colours: tuple[ColourShare, ...]


@event_type("museion.enrichment-failed")
class EnrichmentFailed(ArchiveEvent, frozen=True):
    """A processor could not work on an asset and does not try again by itself."""

    asset_id: AssetId
    processor: str
    reason: str
    remedy: str = ""


@event_type("museion.enrichment-retried")
class EnrichmentRetried(ArchiveEvent, frozen=True):
    """Someone asked the named processors to work on an asset once more."""

    asset_id: AssetId
    digest: Digest
    media_type: str
    kind: str
    processors: tuple[str, ...]


PersonValue: TypeAlias = str | int | tuple[str, ...] | None
"""What a person gives to a field: text, stars, or the sites of `access` (None: everyone)."""
FieldOperation: TypeAlias = (
    SetField[PersonValue] | ClearField | AddToField[str] | RemoveFromField[str] | CountField
)
"""A change of one field, as `museion.log.crdt.field_map` writes it."""
MemberOperation: TypeAlias = InsertElements[str] | MoveElements[str] | RemoveElements[str]
"""A change of a collection's members, which are ids of assets."""


@event_type("museion.fields-changed")
class FieldsChanged(ArchiveEvent, frozen=True):
    """A person changed fields of an asset, or resolved conflicts; all at once.

    Attributes:
        by: name of the person.
        undoes: the event, as `ORIGIN:TIME`, whose effect this one takes back.
    """

    asset_id: AssetId
    by: str
    operations: tuple[FieldOperation, ...]
    undoes: str = ""


@event_type("museion.asset-trashed")
class AssetTrashed(ArchiveEvent, frozen=True):
    """A person hid an asset; it can be restored."""

    asset_id: AssetId
    by: str


@event_type("museion.asset-restored")
class AssetRestored(ArchiveEvent, frozen=True):
    """A person took an asset out of the trash."""

    asset_id: AssetId
    by: str


@event_type("museion.comment-added")
class CommentAdded(ArchiveEvent, frozen=True):
    """A person said something about an asset."""

    asset_id: AssetId
    by: str
    text: str


@event_type("museion.collection-made")
class CollectionMade(ArchiveEvent, frozen=True):
    """A person began a collection; it is empty.

    Attributes:
        query: its members are what this finds; empty where people put them in.
    """

    collection_id: CollectionId
    by: str
    name: str
    query: str = ""


@event_type("museion.collection-changed")
class CollectionChanged(ArchiveEvent, frozen=True):
    """A person changed fields or members of a collection.

    Attributes:
        members: one operation, because the places that it makes are named by its event.
    """

    collection_id: CollectionId
    by: str
    operations: tuple[FieldOperation, ...] = ()
    members: MemberOperation | None = None


@event_type("museion.duplicates-dismissed")
class DuplicatesDismissed(ArchiveEvent, frozen=True):
    """A person said that assets which look the same are not duplicates of each other."""

    asset_ids: tuple[AssetId, ...]
    by: str


@event_type("museion.hit-judged")
class HitJudged(ArchiveEvent, frozen=True):
    """A person said whether an asset fits a query.

    Attributes:
        query: as it was typed.
        verdict: 1 fits, -1 does not, 0 takes an earlier verdict back.
    """

    asset_id: AssetId
    query: str
    by: str
    verdict: int


@event_type("museion.asset-disclosed")
class AssetDisclosed(ArchiveEvent, frozen=True):
    """Earlier events about an asset, for sites that did not get them when they came.

    A site that was not to have an asset was not sent its events, and by now takes them for known.

    Attributes:
        history: envelopes of the events, causes first.
        to: the one site that they are for; None for all that may read the asset.
    """

    asset_id: AssetId
    history: tuple[bytes, ...]
    to: str | None = None


TYPES = EventTypes(
    AssetIngested,
    AssetRecognised,
    IngestRefused,
    RefusalCleared,
    MetadataExtracted,
    RenditionMade,
    FingerprintComputed,
    EmbeddingComputed,
    LabelsComputed,
    ShotsFound,
    MomentsEmbedded,
    DocumentRead,
    TextRecognised,
    SpeechRecognised,
    ColoursFound,
    EnrichmentFailed,
    EnrichmentRetried,
    FieldsChanged,
    AssetTrashed,
    AssetRestored,
    CommentAdded,
    CollectionMade,
    CollectionChanged,
    DuplicatesDismissed,
    HitJudged,
    AssetDisclosed,
)
"""Writes and reads the archive's events, in all their forms."""

FORMS: Mapping[str, tuple[type[ArchiveEvent], int]] = MappingProxyType(
    {name: (kind, form) for kind in TYPES.kinds for name, form in [written_name(kind)]}
)
"""Written name -> payload type and its present form."""


def type_name(kind: type[ArchiveEvent]) -> str:
    """Return the written name of a payload type."""
    return written_name(kind)[0]


def new_event(
    payload: ArchiveEvent,
    *,
    emitter_id: str,
    aggregate_id: str | None = None,
    cause: Event | None = None,
    seen: VectorTime = _NOTHING,
) -> NewEvent:
    """Return an event that is ready to be appended.

    What caused it, and what its author had seen, is its causal past.
    """
    return TYPES.encode(
        payload,
        emitter_id=emitter_id,
        aggregate_id=aggregate_id,
        vector_timestamp=seen.merge(cause.vector_timestamp) if cause else seen,
        cause=cause.id if cause else None,
    )


def payload_of(event: Event) -> ArchiveEvent | None:
    """Return the decoded payload, or None for a type that is not the archive's.

    Raises:
        UnknownForm: the payload was written by a newer version.
        UndecodablePayload: the payload's bytes do not fit its type.
    """
    if event.type_name not in FORMS:
        return None
    (payload,) = TYPES.decode_known(event)
    assert isinstance(payload, ArchiveEvent)
    return payload


def payload_as(event: Event, kind: type[E]) -> E:
    """Return the payload of an event that is known to hold `kind`. Raises as `payload_of`."""
    payload = payload_of(event)
    assert isinstance(payload, kind), f"{event.type_name} is no {kind.__name__}"
    return payload
