"""What leaves to another site, and what never does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from joined_archives import CatalogAtHand
from small_sites import SmallSite, small_sites

from museion.archive.asset import AssetId
from museion.archive.editing import Changes
from museion.archive.events import (
    AssetDisclosed,
    CommentAdded,
    IngestRefused,
    RefusalCleared,
    new_event,
    type_name,
)
from museion.archive.sharing.asset_gate import AssetGate, words_filter
from museion.log.event import Event, NewEvent
from museion.log.replication.gate import Gate
from museion.testing.event_loop import in_event_loop

DISCLOSED = type_name(AssetDisclosed)


async def leaving(site: SmallSite, reader_id: str) -> list[Event]:
    """Return what of a site's log may leave to another one now."""
    gate: Gate = AssetGate(reader_id, site.catalog, CatalogAtHand(site))
    await gate.ready(site.log.sequence_nr)
    return [event for event in await site.log.read(limit=1000) if gate.may_leave(event)]


def kinds(events: Sequence[Event]) -> list[str]:
    return [event.type_name.removeprefix("museion.") for event in events]


@in_event_loop
async def test_what_nobody_limited_leaves_to_everyone(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        born = await site.ingest("x.jpg")
        await site.edit(born.asset_id, caption="Dawn")

        assert kinds(await leaving(site, "b")) == ["asset-ingested", "fields-changed"]


@in_event_loop
async def test_of_a_limited_asset_only_what_is_said_of_access_leaves(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        born = await site.ingest("x.jpg")
        await site.edit(born.asset_id, caption="Dawn", access=["a", "c"])
        await site.tell(CommentAdded(asset_id=born.asset_id, by="Ann", text="Mine."))

        (told,) = await leaving(site, "b")

        assert b"access" in told.payload
        assert b"Dawn" not in told.payload
        assert len(await leaving(site, "c")) == 4


@in_event_loop
async def test_types_of_a_later_version_are_held_back_with_their_asset(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        born = await site.ingest("x.jpg")
        await site.edit(born.asset_id, access=["a"])
        for asset_id in (born.asset_id, None):
            unknown = NewEvent(
                type_name="later.kind", payload=b"\xff", emitter_id="x", aggregate_id=asset_id
            )
            await site.log.append([unknown])

        assert kinds(await leaving(site, "b")) == ["fields-changed", "later.kind"]


@in_event_loop
async def test_refused_files_stay_a_matter_of_their_site(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        await site.tell(
            IngestRefused(filename="x.txt", path=b"/x.txt", reason="It is text."),
            RefusalCleared(path=b"/x.txt"),
        )

        assert not await leaving(site, "b")


@in_event_loop
async def test_collections_leave_to_everyone(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        await site.collector.make("Sports", by="Ann")

        assert kinds(await leaving(site, "b")) == ["collection-made"]


@in_event_loop
async def test_what_is_told_to_one_site_leaves_to_that_one_only(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        born = await site.ingest("x.jpg")
        told = AssetDisclosed(asset_id=born.asset_id, history=(b"told",), to="b")
        await site.log.append([new_event(told, emitter_id="x", aggregate_id=born.asset_id)])

        assert DISCLOSED in {event.type_name for event in await leaving(site, "b")}
        assert DISCLOSED not in {event.type_name for event in await leaving(site, "c")}


@in_event_loop
async def test_what_was_told_to_a_site_is_handed_on_by_it(tmp_path: Path) -> None:
    """Else who reads from a leaf would never get what came into the leaf's part later."""
    async with small_sites(tmp_path, "hub", "leaf") as (hub, leaf):
        born = await hub.ingest("x.jpg")
        told = AssetDisclosed(asset_id=born.asset_id, history=(b"told",), to="leaf")
        await hub.log.append([new_event(told, emitter_id="x", aggregate_id=born.asset_id)])
        await leaf.take_from(hub)

        assert DISCLOSED in {event.type_name for event in await leaving(leaf, "behind")}


@in_event_loop
async def test_a_site_may_have_the_blobs_of_what_it_may_read(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        born = await site.ingest("x.jpg")
        await site.edit(born.asset_id, access=["a", "c"])
        await site.catch_up()

        gates = [AssetGate(name, site.catalog, CatalogAtHand(site)) for name in ("b", "c")]

        assert [gate.may_have(born.digest) for gate in gates] == [False, True]


@in_event_loop
async def test_a_change_of_heart_counts_from_the_next_event_on(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        born = await site.ingest("x.jpg")
        assert len(await leaving(site, "b")) == 1

        await site.edit(born.asset_id, access=["a"])
        assert kinds(await leaving(site, "b")) == ["fields-changed"]

        await site.edit(born.asset_id, access=None)
        assert len(await leaving(site, "b")) == 3


@in_event_loop
async def test_words_let_pass_what_fits_now_and_what_is_about_no_asset(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        ids = [(await site.ingest(name)).asset_id for name in ("x.jpg", "y.jpg")]
        await site.editor.edit(ids[0], Changes(add_tags=["Sea"]), by="Ann")
        await site.edit(ids[1], access=["a"])
        await site.collector.make("Sports", by="Ann")
        await site.catch_up()
        withheld: list[tuple[str, AssetId]] = []

        passes = words_filter(
            site.catalog, CatalogAtHand(site), lambda *missed: withheld.append(missed)
        )(b"tag:sea")
        left = [event for event in await site.log.read(limit=100) if passes(event)]

        assert kinds(left) == [
            *("asset-ingested", "fields-changed"),
            *("fields-changed", "collection-made"),
        ]
        assert withheld == [("tag:sea", ids[1])]


@in_event_loop
async def test_words_are_judged_anew_when_the_catalog_has_moved_on(tmp_path: Path) -> None:
    """A read may be held for long; what was out of the part then can be in it now."""
    async with small_sites(tmp_path, "a") as (site,):
        born = await site.ingest("x.jpg")
        await site.catch_up()
        passes = words_filter(site.catalog, CatalogAtHand(site))(b"tag:sea")
        (event,) = await site.log.read(limit=1)
        assert not passes(event)

        await site.editor.edit(born.asset_id, Changes(add_tags=["Sea"]), by="Ann")
        await site.catch_up()

        assert passes(event)
