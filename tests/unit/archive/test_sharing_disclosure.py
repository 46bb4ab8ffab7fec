"""Sites are told later what they were not sent before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from joined_archives import CatalogAtHand, events_of
from msgspec.structs import replace
from small_sites import SmallSite, small_sites

from museion.archive.asset import AssetId
from museion.archive.carried import carried
from museion.archive.editing import Changes
from museion.archive.events import AssetDisclosed, CommentAdded, payload_as, type_name
from museion.archive.sharing.asset_gate import asset_of, tells_access_only
from museion.archive.sharing.asset_words import AssetWords
from museion.archive.sharing.disclosure import EnteredScope, WiderAccess
from museion.archive.sharing.lacking import AssetsLacking
from museion.log.event import Event
from museion.log.sourced.processor import Processor, ProcessorRunner
from museion.testing.event_loop import in_event_loop, until

DISCLOSED = type_name(AssetDisclosed)


async def processed(site: SmallSite, processor: Processor) -> None:
    """Let a processor come to the end of the log, and stop it."""
    runner = ProcessorRunner(site.log, processor)
    run = asyncio.create_task(runner.run())
    await until(lambda: run.done() or runner.position >= site.log.sequence_nr)
    run.cancel()
    await asyncio.wait([run])


async def disclosures(site: SmallSite) -> list[Event]:
    events = await site.log.read(limit=1000)
    return [event for event in events if event.type_name == DISCLOSED]


async def limited(site: SmallSite, *allowed: str) -> AssetId:
    """Take in an asset, say something of it, and keep it to some sites."""
    asset_id = (await site.ingest("x.jpg")).asset_id
    await site.edit(asset_id, caption="Dawn")
    await site.edit(asset_id, access=list(allowed))
    return asset_id


def ids(events: Sequence[Event]) -> list[str]:
    return [f"{event.id.process_id}:{event.id.time}" for event in events]


@in_event_loop
async def test_who_widens_access_tells_the_whole_history(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        asset_id = await limited(site, "a")
        before = await events_of(site, asset_id)
        await site.edit(asset_id, access=None)

        await processed(site, WiderAccess(site.log))

        (told,) = await disclosures(site)
        assert ids(carried(told)) == ids(before)
        assert payload_as(told, AssetDisclosed).to is None
        assert asset_of(told) == asset_id


@in_event_loop
async def test_narrower_or_equal_access_tells_nothing(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        asset_id = await limited(site, "a", "b")
        await site.edit(asset_id, access=["a"])
        await site.edit(asset_id, caption="Dusk")

        await processed(site, WiderAccess(site.log))

        assert not await disclosures(site)


@in_event_loop
async def test_a_site_that_hears_of_it_tells_what_the_first_one_did_not_know(
    tmp_path: Path,
) -> None:
    async with small_sites(tmp_path, "a", "b") as (a, b):
        asset_id = await limited(a, "a", "b")
        await b.take_from(a)
        (news,) = await b.tell(CommentAdded(asset_id=asset_id, by="Ben", text="At the harbour?"))
        await b.log.append([])
        await a.edit(asset_id, access=None)
        await b.take_from(a)

        await processed(b, WiderAccess(b.log))

        (told,) = await disclosures(b)
        assert ids(carried(told)) == [f"{news.id.process_id}:{news.id.time}"]


@in_event_loop
async def test_a_site_that_wrote_nothing_tells_nothing(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a", "b") as (a, b):
        asset_id = await limited(a, "a", "b")
        await a.edit(asset_id, access=None)
        await b.take_from(a)

        await processed(b, WiderAccess(b.log))

        assert not await disclosures(b)


@in_event_loop
async def test_a_widening_that_nobody_followed_is_told_at_the_next_run(tmp_path: Path) -> None:
    """`museion edit --access` without a server leaves it to the next `museion serve`."""
    async with small_sites(tmp_path, "a") as (site,):
        await site.ingest("y.jpg")
        await processed(site, WiderAccess(site.log))
        asset_id = await limited(site, "a")
        await site.edit(asset_id, access=None)
        assert not await disclosures(site)

        await processed(site, WiderAccess(site.log))
        await processed(site, WiderAccess(site.log))

        assert len(await disclosures(site)) == 1


@in_event_loop
async def test_who_is_told_shows_the_same_as_who_tells(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a", "b") as (a, b):
        asset_id = await limited(a, "a")
        await a.edit(asset_id, access=None)
        await processed(a, WiderAccess(a.log))

        await b.take_from(
            a, only=lambda event: event.type_name == DISCLOSED or tells_access_only(event)
        )

        assert (await b.people(asset_id)).fields == (await a.people(asset_id)).fields


@in_event_loop
async def test_an_asset_that_comes_into_a_part_is_told_once_and_to_one_site(
    tmp_path: Path,
) -> None:
    async with small_sites(tmp_path, "hub") as (hub,):
        part = AssetWords.read("tag:sea")
        asset_id = (await hub.ingest("x.jpg")).asset_id
        await hub.ingest("y.jpg")
        scope = EnteredScope("leaf", part, hub.log, hub.catalog, CatalogAtHand(hub))
        await processed(hub, scope)
        scope.missed(asset_id)
        await hub.editor.edit(asset_id, Changes(add_tags=["sea"]), by="Ann")
        await hub.edit(asset_id, caption="Dawn")

        await processed(hub, scope)

        (told,) = await disclosures(hub)
        assert payload_as(told, AssetDisclosed).to == "leaf"
        assert asset_of(told) == asset_id


@in_event_loop
async def test_what_a_new_part_holds_at_first_is_read_and_not_told(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "hub") as (hub,):
        for name in ("x.jpg", "y.jpg", "z.jpg"):
            born = await hub.ingest(name)
            await hub.editor.edit(born.asset_id, Changes(add_tags=["sea"]), by="Ann")
        scope = EnteredScope(
            "leaf", AssetWords.read("tag:sea"), hub.log, hub.catalog, CatalogAtHand(hub)
        )
        await CatalogAtHand(hub).reached(hub.log.sequence_nr)
        await hub.log.append([], progress={scope.name: hub.log.sequence_nr})
        scope.begin_complete()
        await hub.edit(born.asset_id, caption="Dawn")

        await processed(hub, scope)

        assert not await disclosures(hub)


@in_event_loop
async def test_a_hidden_event_is_kept_once(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a", "b") as (a, b):
        asset_id = await limited(a, "a", "b")
        events = await a.log.read(limit=100)
        lacking = AssetsLacking(b.catalog, CatalogAtHand(b))

        await lacking.take(b.log, events[:2])
        await lacking.take(b.log, events[:2])

        assert len(await disclosures(b)) == 1
        assert ids(await events_of(b, asset_id)) == ids(events[:2])


@in_event_loop
async def test_what_a_broken_neighbour_tells_is_passed_over(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        asset_id = await limited(site, "a")
        await site.edit(asset_id, access=None)
        await processed(site, WiderAccess(site.log))
        (told,) = await disclosures(site)
        broken = payload_as(told, AssetDisclosed)

        (event,) = await site.tell(replace(broken, history=(b"no event", *broken.history[:1])))

        assert len(carried(event)) == 1
