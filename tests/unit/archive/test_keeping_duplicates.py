"""One of several duplicates is kept and takes over what the others had; one undo takes it back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from duplicate_pictures import PICTURE, LookingSite, turned
from small_sites import exchange, small_sites

from museion.archive.duplicate_choice import suggest
from museion.archive.duplicate_keeping import NotInGroup, UnknownKeeping
from museion.archive.duplicates import UnknownDuplicates
from museion.archive.editing import Changes
from museion.archive.undoing import NothingToUndo
from museion.testing.event_loop import in_event_loop


@asynccontextmanager
async def _looking(folder: Path) -> AsyncIterator[LookingSite]:
    async with small_sites(folder, "here") as (site,):
        looking = LookingSite(site, folder)
        try:
            yield looking
        finally:
            looking.close()


@in_event_loop
async def test_the_kept_one_takes_over_what_it_has_not_and_the_others_go(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        kept = await here.picture("kept", title="Harbour")
        other = await here.picture("other", turned(PICTURE, 2), caption="Boats", rating=3)
        await here.site.editor.edit(other, Changes(add_tags=["sea", "Boat"]), by="Ann")
        done = await here.keeper.keep(kept, by="Bob", asset_id=kept)
        detail = (await here.site.catch_up()).detail(kept)

        assert (detail.summary.title, detail.summary.caption) == ("Harbour", "Boats")
        assert detail.summary.rating == 3
        assert detail.people.tags == ["Boat", "sea"]
        assert (done.trashed, done.fields, done.left) == ([other], ["caption", "rating"], [])
        assert not await here.shown(other)
        with pytest.raises(UnknownDuplicates):
            here.duplicates.group(kept)


@in_event_loop
async def test_contradicting_captions_are_listed_and_left(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        kept = await here.picture("kept", caption="Boats")
        other = await here.picture("other", caption="Ships")
        (left,) = (await here.keeper.keep(kept, by="Ann", asset_id=kept)).left

        assert (left.asset_id, left.field, left.value, left.kept) == (
            other,
            "caption",
            "Ships",
            "Boats",
        )
        assert (await here.site.catch_up()).detail(kept).summary.caption == "Boats"


@in_event_loop
async def test_others_that_contradict_each_other_give_nothing(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        kept = await here.picture("kept")
        await here.picture("one", caption="Ships")
        await here.picture("two", caption="Boats")
        done = await here.keeper.keep(kept, by="Ann", asset_id=kept)

        assert done.fields == []
        assert sorted(str(each.value) for each in done.left) == ["Boats", "Ships"]


@in_event_loop
async def test_the_kept_one_joins_collections_where_the_others_stand(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        kept, other = await here.picture("kept"), await here.picture("other")
        last = (await here.site.ingest("last")).asset_id
        harbours = await here.site.collector.make("Harbours", by="Ann")
        await here.site.collector.add(harbours, [other, last], by="Ann")
        await here.site.catch_up()
        await here.keeper.keep(kept, by="Ann", asset_id=kept)

        catalog = await here.site.catch_up()
        assert catalog.collections.members(harbours) == [kept, last]


@in_event_loop
async def test_one_undo_takes_everything_back_also_memberships(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        kept, other = await here.picture("kept"), await here.picture("other", caption="Boats")
        await here.site.editor.edit(other, Changes(add_tags=["sea"]), by="Ann")
        harbours = await here.site.collector.make("Harbours", by="Ann")
        await here.site.collector.add(harbours, [other], by="Ann")
        await here.site.catch_up()
        done = await here.keeper.keep(kept, by="Ann", asset_id=kept)

        assert await here.keeper.undo(done.id, by="Ann") == [other]
        catalog = await here.site.catch_up()
        detail = catalog.detail(kept)
        assert (detail.summary.caption, detail.people.tags) == (None, [])
        assert catalog.collections.members(harbours) == [other]
        assert here.groups() == [sorted([kept, other])]
        with pytest.raises(NothingToUndo):
            await here.keeper.undo(done.id, by="Ann")


@in_event_loop
async def test_undo_leaves_what_was_changed_since(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        kept, other = await here.picture("kept"), await here.picture("other", caption="Boats")
        done = await here.keeper.keep(kept, by="Ann", asset_id=kept)
        await here.site.edit(kept, caption="Ships")
        await here.keeper.undo(done.id, by="Ann")

        assert (await here.site.catch_up()).detail(kept).summary.caption == "Ships"
        assert await here.shown(other)


@in_event_loop
async def test_a_keeping_can_be_undone_at_another_site(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        here, there = LookingSite(north, tmp_path), LookingSite(south, tmp_path)
        kept, other = await here.picture("kept"), await here.picture("other")
        done = await here.keeper.keep(kept, by="Ann", asset_id=kept)
        await exchange([north, south])
        await south.catch_up()

        assert await there.keeper.undo(done.id, by="Bob") == [other]
        await exchange([north, south])
        assert await here.shown(other)
        here.close()
        there.close()


@in_event_loop
async def test_of_two_who_keep_different_ones_at_two_sites_none_is_lost(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        here, there = LookingSite(north, tmp_path), LookingSite(south, tmp_path)
        one, two = await here.picture("one"), await here.picture("two")
        for each in (one, two):
            there.embed(each, 0.0)
        await exchange([north, south])
        await here.keeper.keep(one, by="Ann", asset_id=one)
        await there.keeper.keep(two, by="Bob", asset_id=two)
        await exchange([north, south])

        assert [await here.shown(each) for each in (one, two)] == [True, True]
        assert [await there.shown(each) for each in (one, two)] == [True, True]
        here.close()
        there.close()


@in_event_loop
async def test_nothing_is_told_of_an_asset_that_fewer_may_read(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        kept = await here.picture("kept")
        secret = await here.picture("secret", caption="The minister's house")
        await here.site.edit(secret, access=["here"])
        await here.site.catch_up()
        done = await here.keeper.keep(kept, by="Ann", asset_id=kept)

        assert (done.guarded, done.fields) == ([secret], [])
        assert (await here.site.catch_up()).detail(kept).summary.caption is None


@in_event_loop
async def test_the_suggested_one_lets_only_its_own_duplicates_go(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        large = await here.picture("large", width=3000, height=2000)
        centre = await here.picture("centre", turned(PICTURE, 8, at=4))
        far = await here.picture("far", turned(PICTURE, 16, at=4))
        assert here.groups() == [sorted([large, centre, far])]
        done = await here.keeper.keep(centre, by="Ann")

        assert (done.asset_id, done.trashed) == (large, [centre])
        assert await here.shown(far)


@in_event_loop
async def test_only_those_that_are_named_go(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        kept, one = await here.picture("kept"), await here.picture("one")
        two = await here.picture("two")
        done = await here.keeper.keep(kept, by="Ann", asset_id=kept, only=[two])

        assert done.trashed == [two]
        assert await here.shown(one)


@in_event_loop
async def test_strangers_and_unknown_keepings_are_refused(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        kept = await here.picture("kept")
        await here.picture("other")
        with pytest.raises(NotInGroup):
            await here.keeper.keep(kept, by="Ann", asset_id="z" * 24)
        with pytest.raises(UnknownKeeping):
            await here.keeper.undo("nothing", by="Ann")


@in_event_loop
@pytest.mark.parametrize(
    ("better", "worse", "why"),
    [
        ({"width": 3000, "height": 2000}, {}, "most pixels (3000 × 2000)"),
        ({"camera_model": "Leica Q2"}, {}, "tells its camera (Leica Q2)"),
        ({"caption": "Boats"}, {}, "most metadata (3 fields)"),
        ({"rating": 4}, {"credit": "AP"}, "best rating (4)"),
        (
            {"capture_time": "2023-06-01T10:00:00"},
            {"capture_time": "2023-06-02T10:00:00"},
            "taken earliest (2023-06-01T10:00:00)",
        ),
    ],
)
async def test_the_suggestion_goes_by_worth_not_by_size(
    better: dict[str, str | int], worse: dict[str, str | int], why: str, tmp_path: Path
) -> None:
    async with _looking(tmp_path) as here:
        ids = [
            await here.picture("worse", **worse),  # type: ignore[arg-type]  # sides are numbers
            await here.picture("better", **better),  # type: ignore[arg-type]
        ]
        details = [here.site.catalog.detail(each) for each in ids]
        found = suggest(details)

        assert (found.asset_id, found.why) == (ids[1], [why])
