"""What the HTTP API says, as types; the OpenAPI document is made from them.

Keys are stable: they are added, never renamed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from museion.archive.catalog.records import AssetDetail, AssetSummary, Failure, Label
from museion.archive.catalog.shown_fields import ShownField, shown_fields
from museion.archive.conflicts import conflict_id
from museion.archive.explaining import Reason
from museion.archive.finding.answers import Answer, Hit, MomentHit
from museion.archive.people import ChangeShown, CommentShown, PersonField
from museion.search import query
from museion.search.query import print_query


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """What a grid shows of an asset; times are ISO 8601, addresses are relative to the host."""

    id: str
    filename: str
    digest: str
    media_type: str
    kind: str
    width: int | None
    height: int | None
    aspect: float
    duration_s: float | None
    capture_time: str | None
    ingest_time: str
    title: str | None
    caption: str | None
    rating: int | None
    place: str | None
    thumbnail: str | None
    preview: str | None
    alt: str
    state: str


class RenditionAddress(msgspec.Struct, frozen=True):
    """A rendition and where to fetch it."""

    kind: str
    url: str
    width: int
    height: int
    media_type: str
    size_bytes: int


class Detail(Tile, frozen=True, kw_only=True):
    """Everything about one asset.

    `fields` is what the original says, `said` what people said, which tiles show first. A change
    that gives `seen` says what its author had looked at. `conflicts` are ids of conflicts. `access`
    are the sites that may have the asset, null for everyone. `comparable` tells whether an
    embedding of this site's own space is among `spaces`, so that similar assets can be found.
    """

    size_bytes: int
    original: str
    renditions: list[RenditionAddress]
    fields: list[ShownField]
    keywords: list[str]
    tags: list[str]
    labels: list[Label]
    latitude: float | None
    longitude: float | None
    camera: str | None
    lens: str | None
    sources: list[str]
    fingerprint: str | None
    failures: list[Failure]
    seen: str
    said: list[PersonField]
    conflicts: list[str]
    access: list[str] | None
    comments: list[CommentShown]
    changes: list[ChangeShown]
    collections: list[str]
    spaces: list[str]
    comparable: bool


class Page(msgspec.Struct, frozen=True):
    """A stretch of the archive in display order."""

    total: int
    position: int
    items: list[Tile]


class Chip(msgspec.Struct, frozen=True):
    """A part of a query as it was understood.

    `text` is how it was typed. `explicit` is how it is written so that it means the same wherever
    it stands, and `words` how, so that it is no more than words (empty where it is that already).
    """

    kind: str
    text: str
    label: str
    explicit: str
    words: str


class ParsedQuery(msgspec.Struct, frozen=True):
    """How a query was understood.

    `text` is what is searched by meaning. `offers` are filters that words of it could mean too.
    `stored` is the whole query in its explicit form, as it is kept.
    """

    text: str
    chips: list[Chip]
    offers: list[Chip]
    stored: str


class TileHit(Tile, frozen=True, kw_only=True):
    """A tile with its scores; they are comparable within one answer only.

    `strength` is `strong`, `weak`, or null where nothing was ranked. `moments` are those of a film
    that fit best. `alike` are assets that look the same, which this one stands for.
    """

    score: float
    scores: dict[str, float]
    why: list[Reason]
    strength: str | None
    moments: list[MomentHit]
    alike: list[str]


class SearchAnswer(msgspec.Struct, frozen=True):
    """Hits, best first: those that fit, then those that may fit.

    `strong` counts those that fit, null where nothing was ranked. `answer` names the ranking: give
    it back with a larger offset for what comes next in it. `corrected` are words that nothing
    contains, with what was looked for instead.
    """

    query: ParsedQuery
    total: int
    took_ms: float
    hits: list[TileHit]
    strong: int | None
    answer: str
    corrected: dict[str, str]


class EncoderNotice(msgspec.Struct, frozen=True):
    """Which encoder the site uses, and the licence of its weights."""

    name: str
    dimension: int
    licence: str


class SiteStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a site holds and how far it has come.

    `settled` says that everything ingested so far is enriched and can be found; `pending` counts
    what enrichment has still to do, and says nothing of the indexes. `conflicts` counts the fields
    that wait for a person.
    """

    id: str
    name: str
    version: str
    assets: int
    kinds: dict[str, int]
    position: int
    pending: int
    quarantined: int
    encoder: EncoderNotice | None
    trouble: str | None
    settled: bool
    conflicts: int = 0


class UploadOutcome(msgspec.Struct, frozen=True):
    """What became of an upload: `ingested`, or `recognised` as known content."""

    id: str
    digest: str
    outcome: str


class QuarantineItem(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was refused, or an asset that could not be enriched, and what to do."""

    id: str
    filename: str
    path: str | None
    reason: str
    remedy: str
    time: str
    asset_id: str | None


class Retried(msgspec.Struct, frozen=True):
    """How many quarantined files and assets are tried again."""

    retried: int


class Suggestion(msgspec.Struct, frozen=True):
    """A completion for the last word of a query."""

    text: str
    label: str
    kind: str


def tile(asset: AssetSummary) -> Tile:
    """Return an asset as a tile."""
    return Tile(**_tile_values(asset))


def tile_hit(hit: Hit) -> TileHit:
    """Return a hit as a tile with its scores and reasons."""
    return TileHit(
        **_tile_values(hit.asset),
        score=hit.score,
        scores=hit.scores,
        why=hit.why,
        strength=hit.strength,
        moments=hit.moments,
        alike=list(hit.alike),
    )


def detail(known: AssetDetail, *, space: str) -> Detail:
    """Return everything about an asset; `space` is the embedding space of this site."""
    asset, people = known.summary, known.people
    renditions = [
        RenditionAddress(
            r.rendition, f"/api/blobs/{r.digest}", r.width, r.height, r.media_type, r.size_bytes
        )
        for r in known.renditions
    ]
    return Detail(
        **_tile_values(asset),
        size_bytes=asset.size_bytes,
        original=f"/api/assets/{asset.id}/original",
        renditions=renditions,
        fields=shown_fields(known.values),
        keywords=known.keywords,
        tags=people.tags,
        labels=known.labels,
        latitude=asset.latitude,
        longitude=asset.longitude,
        camera=asset.camera,
        lens=asset.lens,
        sources=known.sources,
        fingerprint=asset.fingerprint,
        failures=known.failures,
        seen=people.seen,
        said=people.fields,
        conflicts=[conflict_id(asset.id, each) for each in people.conflicts],
        access=people.access,
        comments=people.comments,
        changes=people.changes,
        collections=list(known.collections),
        spaces=known.spaces,
        comparable=space in known.spaces,
    )


def search_answer(answer: Answer) -> SearchAnswer:
    """Return an answer with its query as it was understood."""
    asked = answer.query
    return SearchAnswer(
        query=ParsedQuery(
            asked.text, _chips(asked.chips), _chips(asked.offers), print_query(asked)
        ),
        total=answer.total,
        took_ms=round(answer.took_ms, 3),
        hits=[tile_hit(hit) for hit in answer.hits],
        strong=answer.strong,
        answer=answer.token,
        corrected=dict(answer.corrected),
    )


def _chips(chips: Iterable[query.Chip]) -> list[Chip]:
    return [Chip(each.kind, each.typed, each.label, each.written, each.as_words) for each in chips]


def _tile_values(asset: AssetSummary) -> dict[str, Any]:
    copied = {name: getattr(asset, name) for name in _COPIED}
    return copied | {
        "place": asset.place,
        "thumbnail": _blob(asset.thumbnail),
        "preview": _blob(asset.preview),
        "alt": asset.caption or asset.title or asset.filename,
    }


_COPIED = frozenset(Tile.__struct_fields__) - {"place", "thumbnail", "preview", "alt"}


def _blob(digest: str | None) -> str | None:
    return f"/api/blobs/{digest}" if digest else None
