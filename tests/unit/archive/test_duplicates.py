"""Near duplicates are found by fingerprint, embedding and aspect, as assets come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from duplicate_pictures import OTHER_PICTURE, PICTURE, LookingSite, turned
from small_sites import exchange, small_sites

from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.duplicates import Duplicates, UnknownDuplicates
from museion.archive.events import DuplicatesDismissed
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
async def test_near_duplicates_have_near_fingerprints_and_similar_embeddings(
    tmp_path: Path,
) -> None:
    async with _looking(tmp_path) as here:
        original = await here.picture("original")
        small = await here.picture("small", turned(PICTURE, 2), angle=0.3)
        await here.picture("other", OTHER_PICTURE)
        (found,) = here.duplicates.near_duplicates(original)

        assert (found.asset_id, found.bits) == (small, 2)
        assert found.similarity == pytest.approx(np.cos(0.3))


@in_event_loop
async def test_similar_by_meaning_is_no_near_duplicate(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        one = await here.picture("one")
        await here.picture("same street, other picture", OTHER_PICTURE, angle=0.0)

        assert here.duplicates.near_duplicates(one) == []


@in_event_loop
async def test_embeddings_that_differ_refute_near_fingerprints(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        await here.picture("one")
        await here.picture("two", turned(PICTURE, 8), angle=1.4)

        assert here.groups() == []


@in_event_loop
async def test_other_aspects_are_no_near_duplicates(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        await here.picture("wide", width=300, height=200)
        await here.picture("square", width=200, height=200)

        assert here.groups() == []


@in_event_loop
async def test_plain_pictures_are_no_near_duplicates(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        await here.picture("black", 0)
        await here.picture("white", 0)

        assert here.groups() == []


@in_event_loop
async def test_documents_and_sounds_that_look_alike_are_no_near_duplicates(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        for kind in ("document", "sound"):
            for number in range(2):
                await here.picture(f"{kind} {number}", kind=kind)

        assert here.groups() == []


@in_event_loop
async def test_films_that_begin_alike_are_duplicates_only_if_they_last_alike(
    tmp_path: Path,
) -> None:
    async with _looking(tmp_path) as here:
        await here.picture("still of the title")
        one = await here.picture("film", kind="video", duration_s=60)
        await here.picture("another film", kind="video", duration_s=90)
        await here.picture("a film of unknown length", kind="video")
        copy = await here.picture("the film, cut by an encoder", kind="video", duration_s=61)

        assert here.groups() == [sorted([one, copy])]


@in_event_loop
async def test_without_embeddings_only_nearly_equal_fingerprints_tell(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        one = await here.picture("one", angle=None)
        two = await here.picture("two", turned(PICTURE, 2), angle=None)
        three = await here.picture("three", turned(PICTURE, 8), angle=None)
        assert here.groups() == [sorted([one, two])]

        for each in (one, two, three):
            here.embed(each, 0.0)
        assert here.groups() == [sorted([one, two, three])]


@in_event_loop
async def test_a_new_asset_joins_the_group_and_the_group_keeps_its_id(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        first = await here.picture("first")
        await here.picture("second", turned(PICTURE, 2))
        before = here.duplicates.group(first)
        third = await here.picture("third", turned(PICTURE, 2, at=40))
        after = here.duplicates.group(third)

        assert after.id == before.id
        assert set(after.members) == {*before.members, third}


@in_event_loop
async def test_what_follows_the_catalog_finds_what_a_new_start_finds(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        random = np.random.default_rng(5)
        prints = [int(each) for each in random.integers(0, 1 << 64, 4, dtype=np.uint64)]
        for place in range(24):
            bits, at = (int(each) for each in random.integers(0, 10, 2))
            await here.picture(str(place), turned(prints[place % 4], bits, at=at * 4))
            here.duplicates.groups()
        anew = Duplicates(here.site.catalog, here._vectors)

        assert here.duplicates.groups() == anew.groups()
        assert len(anew.groups()) >= 4


@in_event_loop
async def test_every_member_is_like_the_centre_so_nothing_drifts(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        for place in range(5):
            await here.picture(str(place), turned(PICTURE, 8 * place, at=4))
        groups = here.duplicates.groups()

        assert len(groups) == 2, "the first picture is nothing like the last"
        for group in groups:
            like = {each.asset_id for each in here.duplicates.near_duplicates(group.centre)}
            assert {*group.members} - {group.centre} <= like


@in_event_loop
async def test_what_goes_to_the_trash_leaves_its_group(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        one, two = await here.picture("one"), await here.picture("two")
        assert here.duplicates.group(two).members
        await here.site.editor.trash(one, by="Ann")
        await here.site.catch_up()

        with pytest.raises(UnknownDuplicates):
            here.duplicates.group(two)
        with pytest.raises(UnknownAsset):
            here.duplicates.near_duplicates(one)


@in_event_loop
async def test_what_this_site_may_not_read_never_shows_in_a_group(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        secret, two = await here.picture("secret"), await here.picture("two")
        three = await here.picture("three")
        await here.site.edit(secret, access=["elsewhere"])
        await here.site.catch_up()

        assert here.groups() == [sorted([two, three])]
        assert [each.asset_id for each in here.duplicates.near_duplicates(two)] == [three]
        with pytest.raises(UnknownAsset):
            here.duplicates.near_duplicates(secret)


@in_event_loop
async def test_dismissed_duplicates_are_not_proposed_again_at_any_site(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        here, there = LookingSite(north, tmp_path), LookingSite(south, tmp_path)
        one, two = await here.picture("one"), await here.picture("two")
        await exchange([north, south])
        for each in (one, two):
            there.embed(each, 0.0)
        await south.catch_up()
        assert there.groups() == [sorted([one, two])]

        assert sorted(await here.keeper.dismiss(one, by="Ann")) == sorted([one, two])
        await exchange([north, south])
        await south.catch_up()
        assert here.groups() == there.groups() == []
        here.close()
        there.close()


@in_event_loop
async def test_a_third_picture_stays_proposed_for_dismissed_ones(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        one, two = await here.picture("one"), await here.picture("two")
        await here.keeper.dismiss(one, by="Ann")
        three = await here.picture("three")

        (group,) = here.groups()
        assert set(group) == {one, two, three}
        assert here.duplicates.group(one).centre == three


@in_event_loop
async def test_a_dismissal_that_comes_before_its_assets_counts(tmp_path: Path) -> None:
    async with _looking(tmp_path) as here:
        one = await here.picture("one")
        await here.site.tell(DuplicatesDismissed(asset_ids=(one, AssetId("z" * 24)), by="Ann"))
        await here.site.catch_up()

        assert here.groups() == []
