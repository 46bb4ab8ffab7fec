"""The events of the archive: what can happen to an asset, as it is written in the log.

Every type has a stable written name and a form number; both are data that lasts and are pinned by
golden bytes in `tests/compat`. Fields are only added, with defaults; names are never reused.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

import msgspec

from museion.archive.asset import AssetId
from museion.base.codec import decode, encode
from museion.base.errors import InvalidInput
from museion.blobs.blob_store import Digest
from museion.log.event import Event, NewEvent
from museion.log.vector_time import VectorTime

E = TypeVar("E", bound="ArchiveEvent")


class ArchiveEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all payloads of the archive."""


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


class AssetRecognised(ArchiveEvent, frozen=True):
    """A file came in whose content is already an asset, under a path not seen before."""

    asset_id: AssetId
    filename: str
    path: bytes
    modified_ns: int
    size_bytes: int


class IngestRefused(ArchiveEvent, frozen=True):
    """A file could not be taken in; it waits in quarantine for another try."""

    filename: str
    path: bytes
    reason: str
    remedy: str = ""


class RefusalCleared(ArchiveEvent, frozen=True):
    """A refused file or folder needs no other try: it is gone, or can be listed now."""

    path: bytes


class MetadataValue(msgspec.Struct, frozen=True, array_like=True):
    """One value that a file says about itself, with where it stands in the file."""

    field: str
    value: bool | int | float | str | tuple[str, ...]
    source: str


class MetadataExtracted(ArchiveEvent, frozen=True):
    """The embedded metadata of an original was read: every candidate, none chosen."""

    asset_id: AssetId
    values: tuple[MetadataValue, ...]
    warnings: tuple[str, ...] = ()


class RenditionMade(ArchiveEvent, frozen=True):
    """A rendition of an original lies in the blob store."""

    asset_id: AssetId
    rendition: str
    digest: Digest
    media_type: str
    width: int
    height: int
    size_bytes: int


class FingerprintComputed(ArchiveEvent, frozen=True):
    """The perceptual fingerprint (64 bits) of an asset's picture."""

    asset_id: AssetId
    fingerprint: int


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


class LabelsComputed(ArchiveEvent, frozen=True):
    """What a model sees in an asset's picture, likeliest first; may be empty."""

    asset_id: AssetId
    model: str
    labels: tuple[AssetLabel, ...]


class EnrichmentFailed(ArchiveEvent, frozen=True):
    """A processor could not work on an asset and does not try again by itself."""

    asset_id: AssetId
    processor: str
    reason: str
    remedy: str = ""


class EnrichmentRetried(ArchiveEvent, frozen=True):
    """Someone asked the named processors to work on an asset once more."""

    asset_id: AssetId
    digest: Digest
    media_type: str
    kind: str
    processors: tuple[str, ...]


FORMS: Mapping[str, tuple[type[ArchiveEvent], int]] = MappingProxyType(
    {
        "museion.asset-ingested": (AssetIngested, 1),
        "museion.asset-recognised": (AssetRecognised, 1),
        "museion.ingest-refused": (IngestRefused, 1),
        "museion.refusal-cleared": (RefusalCleared, 1),
        "museion.metadata-extracted": (MetadataExtracted, 1),
        "museion.rendition-made": (RenditionMade, 1),
        "museion.fingerprint-computed": (FingerprintComputed, 1),
        "museion.embedding-computed": (EmbeddingComputed, 1),
        "museion.labels-computed": (LabelsComputed, 1),
        "museion.enrichment-failed": (EnrichmentFailed, 1),
        "museion.enrichment-retried": (EnrichmentRetried, 1),
    }
)
"""Written name -> payload type and its present form."""

_NAMES = MappingProxyType({kind: name for name, (kind, _) in FORMS.items()})


class UnknownForm(InvalidInput):
    """An event has a form that this program version does not know."""

    def __init__(self, type_name: str, form: int, known: int) -> None:
        super().__init__(
            f"Event type {type_name} came in form {form}; this version reads up to form {known}.",
            remedy="Update this site's program.",
        )


def type_name(kind: type[ArchiveEvent]) -> str:
    """Return the written name of a payload type."""
    return _NAMES[kind]


def new_event(
    payload: ArchiveEvent,
    *,
    emitter_id: str,
    aggregate_id: str | None = None,
    cause: Event | None = None,
) -> NewEvent:
    """Return an event that is ready to be appended; what caused it is its causal past."""
    name = type_name(type(payload))
    return NewEvent(
        type_name=name,
        form=FORMS[name][1],
        payload=encode(payload),
        emitter_id=emitter_id,
        aggregate_id=aggregate_id,
        vector_timestamp=cause.vector_timestamp if cause else VectorTime(),
        cause=cause.id if cause else None,
    )


def payload_of(event: Event) -> ArchiveEvent | None:
    """Return the decoded payload, or None for a type that is not the archive's.

    Raises:
        UnknownForm: the payload was written by a newer version.
        Undecodable: the payload's bytes do not fit its type.
    """
    if event.type_name not in FORMS:
        return None
    kind, form = FORMS[event.type_name]
    if event.form > form:
        raise UnknownForm(event.type_name, event.form, form)
    return decode(event.payload, kind)


def payload_as(event: Event, kind: type[E]) -> E:
    """Return the decoded payload of an event that is known to hold `kind`."""
    return decode(event.payload, kind)
