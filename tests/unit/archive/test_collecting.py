"""Collections are put in order at several sites, and are the same everywhere afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_sites import SmallSite, exchange, small_sites

from museion.archive.asset import AssetId, CollectionId
from museion.archive.collecting import (
    BadCollection,
    FoundMembers,
    HasMembers,
    UnknownCollection,
)
from museion.archive.editing import NoAuthor
from museion.base.errors import Conflict, InvalidInput
from museion.testing.event_loop import in_event_loop


async def _members(site: SmallSite, collection: CollectionId) -> list[AssetId]:
    return (await site.catch_up()).collections.members(collection)


async def _assets(site: SmallSite, *names: str) -> list[AssetId]:
    return [(await site.ingest(name)).asset_id for name in names]


@in_event_loop
async def test_what_two_sites_put_in_is_all_there_in_one_order(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        a, b, c = await _assets(north, "a", "b", "c")
        collection = await north.collector.make("Harbours", by="Ann")
        await north.collector.add(collection, [a], by="Ann")
        await exchange([north, south])
        await north.collector.add(collection, [b], by="Ann")
        await south.collector.add(collection, [c], by="Bob")
        await exchange([north, south])

        here, there = await _members(north, collection), await _members(south, collection)
        assert here == there
        assert here[0] == a
        assert sorted(here) == sorted([a, b, c])


@in_event_loop
async def test_a_member_that_two_sites_move_stands_once(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        a, b, c = await _assets(north, "a", "b", "c")
        collection = await north.collector.make("Harbours", by="Ann")
        await north.collector.add(collection, [a, b, c], by="Ann")
        await exchange([north, south])
        await north.collector.move(collection, [c], by="Ann", index=0)
        await south.collector.move(collection, [c], by="Bob", after=a)
        await exchange([north, south])

        here = await _members(north, collection)
        assert here == await _members(south, collection)
        assert here in ([c, a, b], [a, c, b])


@in_event_loop
async def test_members_that_a_site_does_not_have_are_left_out(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "leaf") as (north, leaf):
        a, b = await _assets(north, "a", "b")
        collection = await north.collector.make("Harbours", by="Ann")
        await north.collector.add(collection, [a, b], by="Ann")
        await leaf.take_from(north, only=lambda event: event.aggregate_id != a)

        assert await _members(leaf, collection) == [b]
        assert leaf.catalog.collections.one(collection).count == 1


@in_event_loop
async def test_the_last_name_wins(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        collection = await north.collector.make("Harbours", by="Ann")
        await exchange([north, south])
        await north.collector.change(collection, by="Ann", name="Ports")
        await south.collector.change(collection, by="Bob", name="Docks", description="D")
        await exchange([north, south])

        here = (await north.catch_up()).collections.one(collection)
        assert here == (await south.catch_up()).collections.one(collection)
        assert here.name in {"Ports", "Docks"}
        assert here.description == "D"


@in_event_loop
async def test_a_removed_collection_is_not_listed_and_can_be_brought_back(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        (a,) = await _assets(site, "a")
        collection = await site.collector.make("Harbours", by="Ann")
        await site.collector.add(collection, [a], by="Ann")
        await site.collector.change(collection, by="Ann", removed=True)
        catalog = await site.catch_up()
        assert catalog.collections.all() == []
        assert catalog.collections.of(a) == []
        with pytest.raises(UnknownCollection):
            catalog.collections.one(collection)

        await site.collector.change(collection, by="Ann", removed=False)

        assert [each.name for each in (await site.catch_up()).collections.all()] == ["Harbours"]
        assert await _members(site, collection) == [a]


@in_event_loop
async def test_what_is_so_already_writes_nothing(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        (a,) = await _assets(site, "a")
        collection = await site.collector.make("Harbours", by="Ann")
        await site.collector.add(collection, [a], by="Ann")

        assert await site.collector.add(collection, [a], by="Ann") == 0
        assert await site.collector.change(collection, by="Ann", name="Harbours") == 0
        assert await site.collector.take_out(collection, [AssetId("x")], by="Ann") == 0


@in_event_loop
async def test_a_change_that_is_no_good_is_refused(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        collector = site.collector
        collection = await collector.make("Harbours", by="Ann")
        a = AssetId("a")
        before = site.log.sequence_nr
        for refused, error in (
            (collector.make(" ", by="Ann"), BadCollection),
            (collector.make("x", by=""), NoAuthor),
            (collector.change(collection, by="Ann", name="x" * 201), BadCollection),
            (collector.add(collection, [], by="Ann"), BadCollection),
            (collector.add(collection, [a], by="Ann", index=-1), InvalidInput),
            (collector.add(collection, [a], by="Ann", after=AssetId("b")), Conflict),
            (collector.add(CollectionId("x"), [a], by="Ann"), UnknownCollection),
        ):
            with pytest.raises(error):
                await refused
        assert site.log.sequence_nr == before


@in_event_loop
async def test_the_query_of_a_collection_is_the_same_everywhere(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        collection = await north.collector.make("Films", by="Ann", query=" type:video ")
        await exchange([north, south])
        await south.collector.change(collection, by="Bob", query="type:sound")
        await exchange([north, south])

        here = (await north.catch_up()).collections.one(collection)
        assert here == (await south.catch_up()).collections.one(collection)
        assert (here.query, here.count, here.cover) == ("type:sound", None, None)
        assert north.catalog.collections.queries("fILMS") == ["type:sound"]


@in_event_loop
async def test_nobody_puts_members_where_a_query_finds_them(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (north,):
        (asset,) = await _assets(north, "a")
        collection = await north.collector.make("Films", by="Ann", query="type:video")

        with pytest.raises(FoundMembers, match="'Films' are what 'type:video' finds"):
            await north.collector.add(collection, [asset], by="Ann")
        with pytest.raises(FoundMembers):
            await north.collector.take_out(collection, [asset], by="Ann")


@in_event_loop
async def test_a_collection_with_members_gets_no_query(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (north,):
        (asset,) = await _assets(north, "a")
        collection = await north.collector.make("Films", by="Ann")
        await north.collector.add(collection, [asset], by="Ann")

        with pytest.raises(HasMembers):
            await north.collector.change(collection, by="Ann", query="type:video")

        await north.collector.take_out(collection, [asset], by="Ann")
        assert await north.collector.change(collection, by="Ann", query="type:video") > 0


@in_event_loop
async def test_what_a_query_found_stays_when_it_is_taken_away(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (north,):
        a, b, c = await _assets(north, "a", "b", "c")
        collection = await north.collector.make("Films", by="Ann", query="type:video")

        await north.collector.freeze(collection, [c, a], by="Bob")

        assert await _members(north, collection) == [c, a]
        assert north.catalog.collections.one(collection).query == ""
        await north.collector.add(collection, [b], by="Bob")
        assert await _members(north, collection) == [c, a, b]
        assert await north.collector.freeze(collection, [], by="Bob") == 0


@in_event_loop
async def test_a_query_that_found_nothing_leaves_an_empty_collection(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (north,):
        collection = await north.collector.make("Films", by="Ann", query="type:video")

        await north.collector.freeze(collection, [], by="Bob")

        assert await _members(north, collection) == []
        assert north.catalog.collections.one(collection).count == 0


@in_event_loop
async def test_members_that_came_while_another_site_set_a_query_come_back_with_its_end(
    tmp_path: Path,
) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        a, b = await _assets(north, "a", "b")
        collection = await north.collector.make("Films", by="Ann")
        await exchange([north, south])
        await north.collector.add(collection, [a], by="Ann")
        await south.collector.change(collection, by="Bob", query="type:video")
        await exchange([north, south])
        assert await _members(north, collection) == await _members(south, collection) == []

        await south.collector.freeze(collection, [b], by="Bob")
        await exchange([north, south])

        assert sorted(await _members(north, collection)) == sorted([a, b])
        assert await _members(north, collection) == await _members(south, collection)


@in_event_loop
async def test_a_query_is_neither_empty_nor_endless(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (north,):
        collection = await north.collector.make("Films", by="Ann", query="type:video")

        for bad in ("", "  ", "a" * 2001):
            with pytest.raises(BadCollection, match="query"):
                await north.collector.change(collection, by="Ann", query=bad)
