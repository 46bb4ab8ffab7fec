"""Assets of other sites are embedded here in the end, and only what nobody embedded."""

from __future__ import annotations

from pathlib import Path

from museion.archive.asset import AssetId, asset_id_of
from museion.archive.catalog.projection import CatalogProjection
from museion.archive.catalog.reader import Catalog
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    EmbeddingComputed,
    RenditionMade,
    new_event,
    payload_of,
)
from museion.base.errors import Damaged
from museion.blobs.blob_store import Digest
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.node.stragglers import Stragglers
from museion.testing.event_loop import in_event_loop

_SPACE = "tiny:1"
_VECTOR = b"\x00\x3c"


def _digest(name: str) -> Digest:
    return Digest((name.encode().hex() + "0" * 64)[:64])


def _born(name: str) -> list[ArchiveEvent]:
    digest = _digest(name)
    asset_id = asset_id_of(digest)
    shown = [
        RenditionMade(
            asset_id=asset_id,
            rendition=kind,
            digest=_digest(f"{kind[0]}{name}"),
            media_type="image/webp",
            width=8,
            height=8,
            size_bytes=64,
        )
        for kind in ("thumbnail", "preview")
    ]
    born = AssetIngested(
        asset_id=asset_id,
        digest=digest,
        size_bytes=3,
        media_type="image/jpeg",
        kind="image",
        filename=name,
    )
    return [born, *shown]


class TwoSites:
    """`here` has what was told `there`, and its catalog follows."""

    def __init__(self, folder: Path) -> None:
        self.here = EventLog(MemoryEventStore(log_id="here"))
        self.there = EventLog(MemoryEventStore(log_id="there"))
        self.projection = CatalogProjection(folder / "catalog.sqlite")
        self.catalog = Catalog(folder / "catalog.sqlite")
        self.seen: list[Digest] = []

    async def tell(self, log: EventLog, *facts: ArchiveEvent) -> None:
        await log.append([new_event(fact, emitter_id="test") for fact in facts])

    async def catch_up(self) -> None:
        await self.here.append_replicated(await self.there.read(limit=1000))
        events = await self.here.read(after=self.projection.position, limit=1000)
        self.projection.apply(events)

    async def embed(self, preview: Digest) -> tuple[str, bytes]:
        self.seen.append(preview)
        if preview == _digest("pbroken"):
            raise Damaged("It cannot be seen.")
        return _SPACE, _VECTOR

    def stragglers(self) -> Stragglers:
        return Stragglers(self.here, self.catalog, space_id=lambda: _SPACE, embed=self.embed)

    async def embedded_here(self) -> list[AssetId]:
        facts = [payload_of(each) for each in await self.here.read(limit=1000)
                 if each.process_id == "here"]  # fmt: skip
        return [fact.asset_id for fact in facts if isinstance(fact, EmbeddingComputed)]

    async def close(self) -> None:
        await self.here.close()
        await self.there.close()
        self.catalog.close()
        self.projection.close()


@in_event_loop
async def test_what_another_site_embedded_in_another_space_is_embedded_here(
    tmp_path: Path,
) -> None:
    sites = TwoSites(tmp_path)
    theirs = asset_id_of(_digest("theirs"))
    other = EmbeddingComputed(asset_id=theirs, space="other:1", vector=_VECTOR)
    same = EmbeddingComputed(asset_id=asset_id_of(_digest("same")), space=_SPACE, vector=_VECTOR)
    await sites.tell(sites.there, *_born("theirs"), other, *_born("same"), same)
    await sites.tell(sites.here, *_born("own"))
    await sites.catch_up()

    count = await sites.stragglers().embed_up_to(100)

    assert count == 1
    assert await sites.embedded_here() == [theirs]
    await sites.catch_up()
    assert await sites.stragglers().embed_up_to(100) == 0
    assert sites.catalog.embeddings.embedded().done[_SPACE] == 2
    await sites.close()


@in_event_loop
async def test_what_came_lately_is_left_to_its_own_site(tmp_path: Path) -> None:
    sites = TwoSites(tmp_path)
    await sites.tell(sites.there, *_born("first"))
    await sites.catch_up()
    known_nr = sites.catalog.embeddings.last_nr()
    await sites.tell(sites.there, *_born("second"))
    await sites.catch_up()

    await sites.stragglers().embed_up_to(known_nr)

    assert sites.seen == [_digest("pfirst")]
    await sites.close()


@in_event_loop
async def test_one_that_cannot_be_seen_does_not_hold_up_the_others(tmp_path: Path) -> None:
    sites = TwoSites(tmp_path)
    names = [f"n{number}" for number in range(20)]
    told = [fact for name in ("broken", *names) for fact in _born(name)]
    await sites.tell(sites.there, *told)
    await sites.catch_up()

    assert await sites.stragglers().embed_up_to(100) == 20
    assert sites.seen[0] == _digest("pbroken")
    await sites.close()
