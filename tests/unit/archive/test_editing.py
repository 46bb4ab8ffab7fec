"""People change fields at several sites: nothing is overwritten that its author had not seen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from small_sites import exchange, small_sites

from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.asset_fields import BadFieldValue, UnknownField
from museion.archive.causal_token import BadToken
from museion.archive.editing import Changes, NoAuthor
from museion.archive.events import FieldsChanged, MetadataExtracted, MetadataValue, payload_of
from museion.archive.undoing import NothingToUndo
from museion.base.errors import InvalidInput
from museion.testing.event_loop import in_event_loop


@in_event_loop
async def test_a_value_keeps_who_when_and_where(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id

        await site.edit(asset, by="Ann", caption="Dawn")

        (field,) = (await site.people(asset)).fields
        (version,) = field.versions
        assert (field.field, version.value, version.by) == ("caption", "Dawn", "Ann")
        assert (version.site, version.source) == ("north", "person")
        assert version.time > "2020"
        assert site.catalog.detail(asset).summary.caption == "Dawn"


@in_event_loop
async def test_a_machines_value_never_overwrites_a_persons(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id
        await site.edit(asset, caption="Dawn", rating=5)

        said = (
            MetadataValue("caption", "IMG", "xmp:dc:description"),
            MetadataValue("rating", 1, "xmp:xmp:Rating"),
        )
        await site.tell(MetadataExtracted(asset_id=asset, values=said))
        summary = (await site.catch_up()).detail(asset).summary

        assert (summary.caption, summary.rating) == ("Dawn", 5)


@in_event_loop
async def test_a_cleared_field_shows_what_the_original_says(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id
        said = (MetadataValue("caption", "IMG", "xmp:dc:description"),)
        await site.tell(MetadataExtracted(asset_id=asset, values=said))
        await site.edit(asset, caption="")
        empty = (await site.catch_up()).detail(asset).summary.caption

        await site.editor.edit(asset, Changes(clear=["caption"]), by="Ann")

        assert empty == ""
        assert (await site.catch_up()).detail(asset).summary.caption == "IMG"


@in_event_loop
async def test_concurrent_captions_wait_for_a_person_at_every_site(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await exchange([north, south])

        await north.edit(asset, by="Ann", caption="Dawn")
        await south.edit(asset, by="Bob", caption="Dusk")
        await exchange([north, south])

        (here,) = await north.conflicts()
        (there,) = await south.conflicts()
        assert here == there
        assert {(each.value, each.by, each.site) for each in here.versions} == {
            ("Dawn", "Ann", "north"),
            ("Dusk", "Bob", "south"),
        }


@in_event_loop
async def test_equal_captions_are_no_conflict(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await exchange([north, south])
        await north.edit(asset, caption="Dawn")
        await south.edit(asset, caption="Dawn")
        await exchange([north, south])

        assert await north.conflicts() == []


@in_event_loop
async def test_an_edit_of_what_was_not_seen_is_a_conflict(tmp_path: Path) -> None:
    """Somebody looks, another caption arrives, then the first one saves."""
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await exchange([north, south])
        looked = (await north.people(asset)).seen
        await south.edit(asset, by="Bob", caption="Dusk")
        await exchange([north, south])

        edited = await north.edit(asset, by="Ann", caption="Dawn", seen=looked)

        assert edited.conflicts == ("caption",)
        (conflict,) = await north.conflicts()
        assert {each.value for each in conflict.versions} == {"Dawn", "Dusk"}


@in_event_loop
async def test_two_people_at_one_site_do_not_overwrite_each_other(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id
        looked = (await site.people(asset)).seen
        await site.edit(asset, by="Bob", caption="Dusk", seen=looked)
        await site.edit(asset, by="Ann", caption="Dawn", seen=looked)

        (conflict,) = await site.conflicts()
        assert {each.by for each in conflict.versions} == {"Ann", "Bob"}


@in_event_loop
async def test_an_edit_without_a_token_replaces_what_is_here(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id
        await site.edit(asset, caption="Dusk")
        await site.edit(asset, caption="Dawn")

        assert await site.conflicts() == []
        assert (await site.catch_up()).detail(asset).summary.caption == "Dawn"


@in_event_loop
async def test_a_resolution_is_the_same_everywhere(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south", "east") as sites:
        north, south, _ = sites
        asset = (await north.ingest("a.jpg")).asset_id
        await exchange(sites)
        await north.edit(asset, caption="Dawn")
        await south.edit(asset, caption="Dusk")
        await exchange(sites)
        (conflict,) = await south.conflicts()

        await south.edit(asset, by="Cem", caption="Twilight", seen=conflict.seen)
        await exchange(sites)

        for site in sites:
            assert await site.conflicts() == []
            assert site.catalog.detail(asset).summary.caption == "Twilight"


@in_event_loop
async def test_a_third_version_that_comes_while_one_resolves_stays_open(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south", "east") as sites:
        north, south, east = sites
        asset = (await north.ingest("a.jpg")).asset_id
        await exchange(sites)
        for site, caption in zip(sites, ("Dawn", "Dusk", "Noon"), strict=True):
            await site.edit(asset, caption=caption)
        await exchange([north, south])
        (conflict,) = await south.conflicts()
        await south.take_from(east)

        await south.edit(asset, caption="Twilight", seen=conflict.seen)
        await exchange(sites)

        for site in sites:
            (left,) = await site.conflicts()
            assert {each.value for each in left.versions} == {"Twilight", "Noon"}


@in_event_loop
async def test_a_tag_added_while_it_is_removed_elsewhere_stays(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await north.editor.edit(asset, Changes(add_tags=["sea", "boat"]), by="Ann")
        await exchange([north, south])

        await north.editor.edit(asset, Changes(remove_tags=["sea", "boat"]), by="Ann")
        await south.editor.edit(asset, Changes(clear=["tags"], add_tags=["sea"]), by="Bob")
        await south.editor.edit(asset, Changes(add_tags=["sea"]), by="Bob")
        await exchange([north, south])

        assert (await north.people(asset)).tags == ["sea"]
        assert (await south.people(asset)).tags == ["sea"]


@in_event_loop
async def test_the_last_rating_wins_and_is_no_conflict(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await exchange([north, south])
        await north.edit(asset, rating=2)
        await south.edit(asset, rating=4)
        await exchange([north, south])

        times = [event.system_time_ms for event in (await north.log.read())[1:]]
        last = 4 if times[1] >= times[0] else 2  # "south" is the larger name
        assert await north.conflicts() == []
        assert (await north.catch_up()).detail(asset).summary.rating == last
        assert (await south.catch_up()).detail(asset).summary.rating == last


@in_event_loop
async def test_what_is_so_already_is_not_written_again(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id
        wanted = Changes(set={"caption": "Dawn", "rating": 3}, add_tags=["sea"])
        first = await site.editor.edit(asset, wanted, by="Ann")

        again = await site.editor.edit(asset, wanted, by="Ann")
        nothing = await site.editor.edit(asset, Changes(remove_tags=["x"]), by="Ann")

        assert first.is_changed
        assert not again.is_changed
        assert not nothing.is_changed


@in_event_loop
async def test_many_assets_change_at_once(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        ids = [(await site.ingest(name)).asset_id for name in ("a.jpg", "b.jpg")]

        edited = await site.editor.edit_many(ids, Changes(add_tags=["sea"]), by="Ann")

        assert [each.is_changed for each in edited] == [True, True]
        for asset in ids:
            assert (await site.people(asset)).tags == ["sea"]
        with pytest.raises(UnknownAsset):
            await site.editor.edit_many([*ids, AssetId("x" * 24)], Changes(), by="Ann")


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"colour": "red"}, UnknownField),
        ({"rating": 6}, BadFieldValue),
        ({"rating": True}, BadFieldValue),
        ({"caption": 7}, BadFieldValue),
        ({"caption": "x" * 20_001}, BadFieldValue),
        ({"caption": "\ud800"}, BadFieldValue),
        ({"access": "somebody"}, BadFieldValue),
        ({"tags": "sea"}, UnknownField),
    ],
)
def test_a_value_that_a_field_does_not_take_is_refused(
    tmp_path: Path, values: dict[str, object], error: type[InvalidInput]
) -> None:
    @in_event_loop
    async def run() -> None:
        async with small_sites(tmp_path, "north") as (site,):
            asset = (await site.ingest("a.jpg")).asset_id
            with pytest.raises(error):
                await site.editor.edit(asset, Changes(set=values), by="Ann")
            assert site.log.sequence_nr == 1

    run()


@in_event_loop
async def test_a_change_needs_a_name_and_a_token_of_here(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        with pytest.raises(NoAuthor):
            await north.edit(asset, by=" ", caption="x")
        for token in ("not a token", "é", "x" * 30_000):
            with pytest.raises(BadToken):
                await north.edit(asset, seen=token, caption="x")
        await south.take_from(north)
        ahead = await south.edit(asset, caption="Dusk")
        with pytest.raises(BadToken):
            await north.edit(asset, seen=ahead.seen, caption="x")


@in_event_loop
async def test_changes_of_one_asset_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id
        names = [f"tag {number}" for number in range(20)]

        await asyncio.gather(
            *(site.editor.edit(asset, Changes(add_tags=[each]), by="Ann") for each in names)
        )

        assert (await site.people(asset)).tags == sorted(names)


@in_event_loop
async def test_an_undone_change_gives_back_what_was_before(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id
        await site.edit(asset, caption="Dawn")
        changes = Changes(set={"caption": "Dusk", "title": "T"}, add_tags=["sea"])
        await site.editor.edit(asset, changes, by="Ann")
        (change, *_) = (await site.people(asset)).changes

        await site.editor.undo(asset, change.id, by="Bob")

        detail = (await site.catch_up()).detail(asset)
        assert (detail.summary.caption, detail.summary.title) == ("Dawn", None)
        assert detail.people.tags == []
        with pytest.raises(NothingToUndo):
            await site.editor.undo(asset, change.id, by="Bob")
        with pytest.raises(NothingToUndo):
            await site.editor.undo(asset, "north:99", by="Bob")


@in_event_loop
async def test_an_undo_leaves_what_others_wrote_since(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (site,):
        asset = (await site.ingest("a.jpg")).asset_id
        await site.edit(asset, caption="Dawn", title="T")
        (change,) = (await site.people(asset)).changes
        await site.edit(asset, caption="Dusk")

        await site.editor.undo(asset, change.id, by="Bob")

        summary = (await site.catch_up()).detail(asset).summary
        assert (summary.caption, summary.title) == ("Dusk", None)


@in_event_loop
async def test_the_trash_hides_an_asset_until_it_is_restored(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await exchange([north, south])
        await north.editor.trash(asset, by="Ann")
        await exchange([north, south])
        assert (await south.catch_up()).counts().assets == 0
        assert south.catalog.detail(asset).summary.state == "trashed"

        await south.editor.restore(asset, by="Bob")
        await exchange([north, south])

        assert (await north.catch_up()).counts().assets == 1


@in_event_loop
async def test_restoring_wins_over_a_concurrent_trashing(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await north.editor.trash(asset, by="Ann")
        await exchange([north, south])
        await south.editor.restore(asset, by="Bob")
        await north.editor.restore(asset, by="Ann")
        await north.editor.trash(asset, by="Ann")
        await exchange([north, south])

        assert (await north.catch_up()).counts().assets == 1
        assert (await south.catch_up()).counts().assets == 1


@in_event_loop
async def test_comments_keep_their_order_and_author(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await north.editor.comment(asset, "Who is this?", by="Ann")
        await exchange([north, south])
        await south.editor.comment(asset, "My aunt.", by="Bob")
        await exchange([north, south])

        comments = (await north.people(asset)).comments
        assert [(each.by, each.text) for each in comments] == [
            ("Ann", "Who is this?"),
            ("Bob", "My aunt."),
        ]


@in_event_loop
async def test_an_edit_happens_after_the_birth_of_its_asset(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await south.take_from(north)
        await south.edit(asset, caption="Dusk")

        born, edited = await south.log.read()
        assert isinstance(payload_of(edited), FieldsChanged)
        assert born.vector_timestamp < edited.vector_timestamp
