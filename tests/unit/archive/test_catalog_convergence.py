"""Catalogs agree: the same events in any order that keeps causes before effects give equal rows.

Real logs of three sites, real edits; only the network is played by hand.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from small_archive import digest_of, ingested
from small_sites import SmallSite, exchange, small_sites

from museion.archive.asset import AssetId, CollectionId
from museion.archive.catalog.projection import CatalogProjection
from museion.archive.causal_token import as_token
from museion.archive.editing import Changes
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    AssetLabel,
    DocumentRead,
    EmbeddingComputed,
    EnrichmentFailed,
    EnrichmentRetried,
    FingerprintComputed,
    IngestRefused,
    LabelsComputed,
    MetadataExtracted,
    MetadataValue,
    Passage,
    RefusalCleared,
    RenditionMade,
    payload_of,
)
from museion.base.errors import Conflict, NotFound
from museion.log.event import Event
from museion.testing.event_loop import in_event_loop

NAMES = ("north", "south", "east")
ASSETS = ("a.jpg", "b.jpg")
SHARED = (
    *("asset", "embedded", "metadata_value", "keyword", "tag", "label", "rendition", "failure"),
    *("chosen", "edit", "conflict", "collection", "member", "document", "passage"),
)
LOCAL_COLUMNS = {"nr", "asset_nr"}


class Act(NamedTuple):
    """One thing that happens at a site."""

    site: int
    what: str
    asset: int
    value: int


ALLOWED = (None, NAMES[:1], NAMES[:2], ("other",))
ACTS = (
    *("ingest", "ingest", "metadata", "thumbnail", "preview", "fingerprint", "embedding"),
    *(
        "read",
        "cannot read",
        "labels",
        "fail",
        "retry",
        "caption",
        "rating",
        "tag",
        "untag",
        "access",
        "clear",
    ),
    *("trash", "restore", "comment", "resolve", "make", "put", "move", "take", "hear", "hear"),
)
acts = st.lists(
    st.builds(Act, st.integers(0, 2), st.sampled_from(ACTS), st.integers(0, 1), st.integers(0, 3)),
    min_size=5,
    max_size=40,
)


class History:
    """Plays acts at three sites."""

    def __init__(self, sites: Sequence[SmallSite]) -> None:
        self.sites = sites
        self.collections: list[CollectionId] = []

    async def play(self, act: Act) -> None:
        """Let one thing happen, if it can at that site."""
        site = self.sites[act.site]
        if act.what == "hear":
            await site.take_from(self.sites[(act.site + 1 + act.value % 2) % 3])
            return
        born = ingested(ASSETS[act.asset])
        if act.what == "ingest":
            await self._ingest(site, act, born)
            return
        fact = _fact(act, born)
        if fact is None:
            try:
                await self._person(site, act, born.asset_id)
            except (NotFound, Conflict):
                """The asset or collection is not known there yet, or nothing can be done."""
            return
        known = await site.log.read(aggregate_id=born.asset_id)
        if any(isinstance(payload_of(event), AssetIngested) for event in known):
            await site.tell(fact, after=known[act.value % len(known)])

    async def _ingest(self, site: SmallSite, act: Act, born: AssetIngested) -> None:
        known = await site.log.read(aggregate_id=born.asset_id)
        if not any(isinstance(payload_of(event), AssetIngested) for event in known):
            path = f"/{site.id}/{act.value}".encode()
            await site.tell(
                replace(born, filename=f"{site.id} {act.value}", path=path, modified_ns=1)
            )

    async def _person(self, site: SmallSite, act: Act, asset: AssetId) -> None:
        by, text, editor = f"person {act.value}", f"text {act.value}", site.editor
        changes = {
            "caption": Changes(set={"caption": text}),
            "rating": Changes(set={"rating": act.value}),
            "access": Changes(set={"access": ALLOWED[act.value]}),
            "tag": Changes(add_tags=[text]),
            "untag": Changes(remove_tags=[text]),
            "clear": Changes(clear=["caption", "tags"]),
        }
        if act.what in changes:
            await editor.edit(asset, changes[act.what], by=by)
        elif act.what == "resolve":
            old = (await editor.history(asset)).events[: act.value]
            seen = as_token(old[-1].vector_timestamp) if old else None
            await site.edit(asset, by=by, seen=seen, caption=f"{text} resolved")
        elif act.what == "comment":
            await editor.comment(asset, text, by=by)
        elif act.what in ("trash", "restore"):
            await getattr(editor, act.what)(asset, by=by)
        else:
            await self._collect(site, act, asset, by)

    async def _collect(self, site: SmallSite, act: Act, asset: AssetId, by: str) -> None:
        if act.what == "make":
            self.collections.append(await site.collector.make(f"name {act.value}", by=by))
        if not self.collections:
            return
        collection = self.collections[act.value % len(self.collections)]
        if act.what == "put":
            await site.collector.add(collection, [asset], by=by, index=act.value)
        elif act.what == "move":
            await site.collector.move(collection, [asset], by=by, index=0)
        elif act.what == "take":
            await site.collector.take_out(collection, [asset], by=by)


def _fact(act: Act, born: AssetIngested) -> ArchiveEvent | None:
    make = _FACTS.get(act.what)
    return make(born, act.value) if make else None


def _metadata(born: AssetIngested, value: int) -> ArchiveEvent:
    told = [
        MetadataValue("caption", f"file {value}", "xmp:dc:description"),
        MetadataValue("keywords", (f"key {value}",), "xmp:dc:subject"),
    ]
    if value:
        taken = f"202{value}-01-01T00:00:00"
        told.append(MetadataValue("capture_time", taken, "exif:DateTimeOriginal"))
    return MetadataExtracted(asset_id=born.asset_id, values=tuple(told))


def _rendition(name: str, born: AssetIngested, value: int) -> ArchiveEvent:
    return RenditionMade(
        asset_id=born.asset_id,
        rendition=name,
        digest=digest_of(f"{name} {value}"),
        media_type="image/webp",
        width=100 + value,
        height=100,
        size_bytes=9,
    )


def _retried(born: AssetIngested, value: int) -> ArchiveEvent:
    return EnrichmentRetried(
        asset_id=born.asset_id,
        digest=born.digest,
        media_type="image/jpeg",
        kind="image",
        processors=(PROCESSORS[value],),
    )


PROCESSORS = ("metadata", "renditions", "fingerprint", "embedding")
_FACTS: Mapping[str, Callable[[AssetIngested, int], ArchiveEvent]] = {
    "metadata": _metadata,
    "thumbnail": partial(_rendition, "thumbnail"),
    "preview": partial(_rendition, "preview"),
    "fingerprint": lambda born, value: FingerprintComputed(
        asset_id=born.asset_id, fingerprint=value
    ),
    "embedding": lambda born, value: EmbeddingComputed(
        asset_id=born.asset_id, space=f"space {value % 2}", vector=b""
    ),
    "labels": lambda born, value: LabelsComputed(
        asset_id=born.asset_id, model="m", labels=(AssetLabel(f"label {value}", (), 0.5),)
    ),
    "fail": lambda born, value: EnrichmentFailed(
        asset_id=born.asset_id, processor=PROCESSORS[value], reason=f"r {value}"
    ),
    "retry": _retried,
    "read": lambda born, value: DocumentRead(
        asset_id=born.asset_id, pages=value, passages=(Passage(1, f"text {value}"),)
    ),
    "cannot read": lambda born, value: EnrichmentFailed(
        asset_id=born.asset_id, processor="document", reason=f"r {value}"
    ),
}


@given(history=acts, seed=st.integers(0, 1 << 30))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_causal_order_gives_the_same_catalog(
    tmp_path_factory: pytest.TempPathFactory, history: list[Act], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("orders")
    random = Random(seed)  # noqa: S311 (an order)

    orders: list[list[Event]] = []

    @in_event_loop
    async def play() -> None:
        async with small_sites(folder, *NAMES) as sites:
            playing = History(sites)
            for act in history:
                await playing.play(act)
            await exchange(sites)
            orders.extend([list(await site.log.read(limit=10_000)) for site in sites])

    play()
    orders += [_causal_order(orders[0], random) for _ in range(3)]

    catalogs = [
        _rows(folder / f"observed {number}", order, random) for number, order in enumerate(orders)
    ]

    for catalog in catalogs[1:]:
        assert catalog == catalogs[0]


def _causal_order(events: Sequence[Event], random: Random) -> list[Event]:
    """Return an order in which no event stands before one that happened before it."""
    waiting, order = list(events), []
    while waiting:
        free = [
            event
            for event in waiting
            if not any(other.vector_timestamp < event.vector_timestamp for other in waiting)
        ]
        order.append(random.choice(free))
        waiting.remove(order[-1])
    return order


def _rows(place: Path, events: Sequence[Event], random: Random) -> dict[str, list[dict[str, Any]]]:
    """Return what a site that wrote none of the events makes of them, in batches of any size."""
    here = [
        replace(event, log_id="observer", sequence_nr=number)
        for number, event in enumerate(events, 1)
    ]
    with closing(CatalogProjection(place)) as projection:
        while here:
            batch, here = here[: (size := random.randint(1, 9))], here[size:]
            projection.apply(batch)
    return shared_rows(place)


def shared_rows(place: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that do not concern one machine's files, without numbers of the database."""
    with closing(sqlite3.connect(place)) as database:
        database.row_factory = sqlite3.Row
        names = dict(database.execute("SELECT nr, id FROM asset").fetchall())
        tables = {
            table: [dict(row) for row in database.execute(f"SELECT * FROM {table}")]  # noqa: S608
            for table in SHARED
        }
    return {
        table: sorted(
            (
                {
                    "asset_id": names.get(row.get("asset_nr")),
                    **{name: value for name, value in row.items() if name not in LOCAL_COLUMNS},
                }
                for row in rows
            ),
            key=repr,
        )
        for table, rows in tables.items()
    }


@in_event_loop
async def test_another_sites_paths_make_no_site_believe_that_it_knows_a_file(
    tmp_path: Path,
) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        born = await north.ingest("a.jpg", path="/photos/a.jpg")
        await exchange([north, south])

        assert (await north.catch_up()).source(b"/photos/a.jpg") is not None
        assert (await south.catch_up()).source(b"/photos/a.jpg") is None
        assert south.catalog.detail(born.asset_id).sources == []


@in_event_loop
async def test_refusals_concern_the_site_that_wrote_them(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        refused = IngestRefused(filename="a.txt", path=b"/a.txt", reason="It is text.")
        await north.tell(refused)
        await south.tell(refused)
        await exchange([north, south])
        assert (await south.catch_up()).counts().quarantined == 1

        await north.tell(RefusalCleared(path=b"/a.txt"))
        await exchange([north, south])

        assert (await north.catch_up()).quarantine() == []
        assert len((await south.catch_up()).quarantine()) == 1


@in_event_loop
async def test_events_about_an_asset_that_never_came_change_nothing(tmp_path: Path) -> None:
    """A filter let them through, but not the birth."""
    async with small_sites(tmp_path, "north", "leaf") as (north, leaf):
        born = await north.ingest("a.jpg")
        facts = [_fact(Act(0, what, 0, 1), born) for what in ACTS]
        await north.tell(*[fact for fact in facts if fact])
        await north.edit(born.asset_id, caption="Dawn")
        await leaf.take_from(north, only=lambda event: event.sequence_nr > 1)

        assert (await leaf.catch_up()).counts().assets == 0
        with pytest.raises(NotFound):
            leaf.catalog.detail(born.asset_id)


@in_event_loop
async def test_what_people_said_before_an_assets_birth_came_is_there_with_it(
    tmp_path: Path,
) -> None:
    async with small_sites(tmp_path, "north") as (north,):
        born = await north.ingest("a.jpg")
        await north.edit(born.asset_id, caption="Dawn")
        events = await north.log.read()
    here = [
        replace(event, log_id="leaf", sequence_nr=number)
        for number, event in enumerate(reversed(events), 1)
    ]

    with closing(CatalogProjection(tmp_path / "leaf.sqlite")) as projection:
        projection.apply(here)

    (row,) = shared_rows(tmp_path / "leaf.sqlite")["asset"]
    assert row["caption"] == "Dawn"


@in_event_loop
async def test_a_catalog_built_anew_is_equal_to_the_one_that_followed(tmp_path: Path) -> None:
    async with small_sites(tmp_path, *NAMES) as sites:
        playing = History(sites)
        random = Random(3)  # noqa: S311 (acts)
        for _ in range(150):
            what = random.choice(ACTS)
            await playing.play(Act(random.randrange(3), what, random.randrange(2), _of(random)))
            await random.choice(sites).catch_up()
        for site in sites:
            await site.catch_up()
            with closing(CatalogProjection(tmp_path / f"{site.id} anew")) as anew:
                anew.apply(await site.log.read(limit=10_000))
            followed = shared_rows(tmp_path / f"{site.id}.sqlite")
            assert shared_rows(tmp_path / f"{site.id} anew") == followed


def _of(random: Random) -> int:
    return random.randrange(4)
