"""Who may read: every version of access must allow it, so a conflict lets nobody in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_sites import exchange, small_sites

from museion.archive.asset import UnknownAsset
from museion.archive.editing import Changes
from museion.archive.events import RenditionMade
from museion.archive.rights import Access, AssetRights, may_read, narrowest
from museion.testing.event_loop import in_event_loop

SITES = ("a", "b", "c")
accesses = st.none() | st.lists(st.sampled_from(SITES), unique=True).map(tuple)


def test_everybody_may_read_what_nobody_restricted() -> None:
    assert may_read("a", AssetRights())
    assert may_read("a", AssetRights(access=(None,)))


@given(st.lists(accesses, max_size=4), st.sampled_from(SITES))
def test_the_narrowest_access_is_what_the_predicate_allows(
    versions: list[Access], reader: str
) -> None:
    assert may_read(reader, AssetRights(tuple(versions))) == may_read(
        reader, AssetRights((narrowest(versions),))
    )


@given(st.lists(accesses, max_size=4), accesses, st.sampled_from(SITES))
def test_a_further_version_never_widens_access(
    versions: list[Access], further: Access, reader: str
) -> None:
    if may_read(reader, AssetRights((*versions, further))):
        assert may_read(reader, AssetRights(tuple(versions)))


@in_event_loop
async def test_while_access_is_in_conflict_only_those_whom_all_versions_allow_may_read(
    tmp_path: Path,
) -> None:
    async with small_sites(tmp_path, "a", "b", "c") as sites:
        asset = (await sites[0].ingest("a.jpg")).asset_id
        await exchange(sites)
        await sites[0].edit(asset, access=["a", "b"])
        await sites[1].edit(asset, access=["b", "c"])
        await exchange(sites)

        shown = [(await site.catch_up()).counts().assets for site in sites]

        assert shown == [0, 1, 0]
        (conflict,) = await sites[1].conflicts()
        assert {each.text for each in conflict.versions} == {"a, b", "b, c"}


@in_event_loop
async def test_two_sites_that_keep_each_other_out_can_settle_it(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a", "b", "c") as sites:
        asset = (await sites[0].ingest("a.jpg")).asset_id
        await exchange(sites)
        await sites[0].edit(asset, access=["a"])
        await sites[1].edit(asset, access=["b"])
        await exchange(sites)
        (conflict,) = await sites[0].conflicts()
        assert await sites[2].conflicts() == []
        with pytest.raises(UnknownAsset):
            await sites[0].edit(asset, caption="x")
        with pytest.raises(UnknownAsset):
            await sites[2].edit(asset, access="everyone")

        await sites[0].edit(asset, access=["a", "b"], seen=conflict.seen)
        await exchange(sites)

        shown = [(await site.catch_up()).counts().assets for site in sites]
        assert shown == [1, 1, 0]


@in_event_loop
async def test_a_site_that_kept_itself_out_can_take_that_back(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id
        await site.edit(asset, access=["b"])
        assert (await site.catch_up()).counts().assets == 0

        await site.edit(asset, access="everyone")

        assert (await site.catch_up()).counts().assets == 1


@in_event_loop
async def test_what_a_site_may_not_read_is_found_nowhere(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        born = await site.ingest("a.jpg", path="/a.jpg")
        made = RenditionMade(
            asset_id=born.asset_id,
            rendition="thumbnail",
            digest=born.digest,
            media_type="image/webp",
            width=3,
            height=2,
            size_bytes=1,
        )
        await site.tell(made)
        collection = await site.collector.make("C", by="Ann")
        await site.collector.add(collection, [born.asset_id], by="Ann")
        await site.edit(born.asset_id, access=["elsewhere"], caption="secret")

        catalog = await site.catch_up()

        with pytest.raises(UnknownAsset):
            catalog.detail(born.asset_id)
        with pytest.raises(UnknownAsset):
            catalog.find_id(born.asset_id)
        with pytest.raises(UnknownAsset):
            await site.edit(born.asset_id, caption="x")
        assert catalog.counts().assets == 0
        assert catalog.page() == []
        assert catalog.layout() == b""
        assert catalog.months() == []
        assert catalog.kinds() == {}
        assert catalog.summaries([born.asset_id]) == {}
        assert catalog.hidden_ids() == {born.asset_id}
        assert catalog.withholds(born.digest)
        assert catalog.collections.one(collection).count == 0
        assert catalog.collections.one(collection).cover is None


@in_event_loop
async def test_tags_of_withheld_assets_are_not_suggested(tmp_path: Path) -> None:

    async with small_sites(tmp_path, "a") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id
        await site.editor.edit(asset, Changes(add_tags=["secret"]), by="Ann")
        assert (await site.catch_up()).suggestions("sec")["tag"] == ["secret"]

        await site.edit(asset, access=["elsewhere"])

        assert (await site.catch_up()).suggestions("sec")["tag"] == []
