"""What the catalog tells about assets: frozen values, as readers of the archive see them."""

from __future__ import annotations

import msgspec

from museion.archive.asset import AssetId, CollectionId
from museion.archive.people import People, nobody_yet
from museion.blobs.blob_store import Digest


class AssetSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a grid or a hit shows of an asset.

    Attributes:
        capture_time: ISO 8601, with offset where the zone is known, as the camera wrote it.
        ingest_time: ISO 8601 in UTC.
        aspect: width / height of the upright picture; 1.0 while unknown.
        state: `ready`, `pending` (enrichment goes on), `quarantined` (no picture can be made) or
            `trashed`.
    """

    id: AssetId
    digest: Digest
    filename: str
    media_type: str
    kind: str
    size_bytes: int
    state: str
    ingest_time: str
    capture_time: str | None = None
    width: int | None = None
    height: int | None = None
    aspect: float = 1.0
    duration_s: float | None = None
    title: str | None = None
    caption: str | None = None
    rating: int | None = None
    city: str | None = None
    country: str | None = None
    camera: str | None = None
    lens: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    creator: str | None = None
    credit: str | None = None
    copyright: str | None = None
    rights: str | None = None
    thumbnail: Digest | None = None
    preview: Digest | None = None
    fingerprint: str | None = None

    @property
    def place(self) -> str | None:
        """City and country, as far as they are known."""
        return ", ".join(part for part in (self.city, self.country) if part) or None


class FieldValue(msgspec.Struct, frozen=True):
    """One metadata value as text, and where it stands in the original."""

    field: str
    value: str
    source: str


class Label(msgspec.Struct, frozen=True):
    """A word from a model, its synonyms, and a calibrated probability in 0..1."""

    word: str
    synonyms: list[str]
    score: float


class RenditionRecord(msgspec.Struct, frozen=True):
    """A rendition that lies in the blob store."""

    rendition: str
    digest: Digest
    media_type: str
    width: int
    height: int
    size_bytes: int


class Failure(msgspec.Struct, frozen=True):
    """Why a processor could not work on an asset."""

    processor: str
    reason: str
    remedy: str


class AssetDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the catalog knows of one asset.

    Attributes:
        values: what the original says of itself.
        people: what people said of it; the summary shows it in place of what the original says.
        spaces: embedding spaces in which the picture has an embedding; those of other sites may be
            others than this one's, and are never compared with them.
        collections: ids of the collections that it is in.
    """

    summary: AssetSummary
    values: list[FieldValue]
    keywords: list[str]
    labels: list[Label]
    renditions: list[RenditionRecord]
    sources: list[str]
    failures: list[Failure]
    people: People = msgspec.field(default_factory=nobody_yet)
    spaces: list[str] = []
    collections: list[CollectionId] = []


class QuarantineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was refused, or an asset of which no picture could be made.

    Attributes:
        path: of the refused file; None where the bytes are an asset already.
        place: where the file lay, as text for people; None for an upload.
        asset_id: of the asset; None where the file was refused.
        time: ISO 8601 in UTC.
    """

    filename: str
    reason: str
    remedy: str
    time: str
    path: bytes | None = None
    place: str | None = None
    asset_id: AssetId | None = None
    processor: str | None = None


class Month(msgspec.Struct, frozen=True):
    """How many assets of one month there are, and where they begin in display order."""

    month: str
    count: int
    offset: int


class Counts(msgspec.Struct, frozen=True):
    """How much is in the catalog, and how far it has come."""

    position: int
    assets: int
    pending: int
    quarantined: int
