"""What a site may not read never leaves, and what it may read arrives: over real endpoints."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from sharing_sites import SharingSite, SharingWorld, breathe, sharing_sites
from small_archive import ingested

from museion.archive.asset import AssetId, CollectionId
from museion.archive.editing import Changes
from museion.archive.events import FieldsChanged, IngestRefused, payload_of
from museion.base.errors import Conflict, InvalidInput, NotFound
from museion.testing.event_loop import in_event_loop

TRIANGLE = ("a", "b", "c")
LEAF = "leaf"
NAMES = ("x.jpg", "y.jpg")
ASSETS = tuple(ingested(name).asset_id for name in NAMES)
ALLOWED = (None, ("a",), ("a", "b"), ("a", "c", LEAF), ("b", "c"), (*TRIANGLE, LEAF))
PARTS = ("tag:wanted", "collection:Sports", "rating:>=3", "")
_IMPOSSIBLE = (NotFound, Conflict, InvalidInput)
"""The asset is not known there yet, or may not be read, or nothing has to be done."""


class Act(NamedTuple):
    """One thing that happens at a site, and how much happens elsewhere before the next one."""

    site: str
    what: str
    asset: int
    value: int
    pause: int


WHAT = (
    *("ingest", "ingest", "caption", "comment", "access", "access", "access", "both", "tag"),
    *("untag", "rating", "put", "take", "rename", "refuse", "cut", "mend", "part", "settle"),
)
acts = st.lists(
    st.builds(
        Act,
        st.sampled_from((*TRIANGLE, LEAF)),
        st.sampled_from(WHAT),
        st.integers(0, 1),
        st.integers(0, 5),
        st.sampled_from((0, 0, 3, 40)),
    ),
    min_size=6,
    max_size=24,
)


class Play:
    """Lets acts happen at sites that are joined in a triangle, with a leaf that takes a part."""

    def __init__(self, world: SharingWorld) -> None:
        self.world = world
        self.collections: list[CollectionId] = []

    async def act(self, act: Act) -> None:
        """Let one thing happen, if it can at that site."""
        if act.what in ("cut", "mend"):
            lines = list(self.world.lines.values())
            lines[act.value % len(lines)].is_cut = act.what == "cut"
        elif act.what == "part":
            await self.world.read(LEAF, "a", PARTS[act.value % len(PARTS)])
        elif act.what == "settle":
            await self.world.settle()
        else:
            with suppress(*_IMPOSSIBLE):
                await self._person(self.world.sites[act.site], act, ASSETS[act.asset])
        await breathe(act.pause)

    async def _person(self, site: SharingSite, act: Act, asset: AssetId) -> None:
        person, text = site.people, f"text {act.value}"
        match act.what:
            case "ingest":
                await person.ingest(NAMES[act.asset])
            case "caption":
                await person.edit(asset, caption=text)
            case "comment":
                await person.editor.comment(asset, text, by="Ann")
            case "access":
                await person.edit(asset, access=ALLOWED[act.value])
            case "both":
                await person.edit(asset, access=ALLOWED[act.value], caption=text)
            case "tag":
                await person.editor.edit(asset, Changes(add_tags=["wanted"]), by="Ann")
            case "untag":
                await person.editor.edit(asset, Changes(remove_tags=["wanted"]), by="Ann")
            case "rating":
                await person.edit(asset, rating=act.value)
            case "refuse":
                await person.tell(IngestRefused(filename="z", path=b"/z", reason="damaged"))
            case _:
                await self._collect(site, act, asset)

    async def _collect(self, site: SharingSite, act: Act, asset: AssetId) -> None:
        collector = site.people.collector
        if not self.collections:
            self.collections.append(await collector.make("Sports", by="Ann"))
        collection_id = self.collections[0]
        match act.what:
            case "put":
                await collector.add(collection_id, [asset], by="Ann")
            case "take":
                await collector.take_out(collection_id, [asset], by="Ann")
            case _:
                name = ("Sports", "Games")[act.value % 2]
                await collector.change(collection_id, by="Ann", name=name)


@settings(max_examples=20, deadline=None)
@given(acts, st.sampled_from(PARTS))
@in_event_loop
async def test_what_a_site_may_not_read_never_leaves_and_what_it_may_read_arrives(
    acts: list[Act], part: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with sharing_sites(Path(folder), *TRIANGLE, LEAF) as world:
            await world.join("a", "b")
            await world.join("b", "c")
            await world.join("c", "a")
            await world.read(LEAF, "a", part)
            await world.read("a", LEAF)
            play = Play(world)
            for act in acts:
                await play.act(act)
            await world.settle()
            await world.require_complete()
            require_blobs_by_rights(world)


def require_blobs_by_rights(world: SharingWorld) -> None:
    """Fail if a blob would be given to a site that may not read its asset."""
    for source in world.sites.values():
        for name in NAMES:
            born = ingested(name)
            if not source.catalog.owners(born.digest):
                continue
            rights = source.catalog.people.history(born.asset_id).rights
            for target in world.sites:
                allowed = all(each is None or target in each for each in rights.access)
                assert source.sharing.may_have(target, born.digest) == allowed


async def played(folder: Path, part: str, *acts: Act) -> None:
    """Let acts happen one by one, each settled, and look at what became of them."""
    async with sharing_sites(folder, *TRIANGLE, LEAF) as world:
        await world.join("a", "b")
        await world.join("b", "c")
        await world.join("c", "a")
        await world.read(LEAF, "a", part)
        await world.read("a", LEAF)
        play = Play(world)
        for act in acts:
            await play.act(act)
            await world.settle()
        await world.require_complete()


def act(site: str, what: str, value: int = 0) -> Act:
    return Act(site, what, asset=0, value=value, pause=0)


@in_event_loop
async def test_a_site_that_gives_its_part_up_gets_assets_of_a_single_event(tmp_path: Path) -> None:
    await played(tmp_path, "tag:wanted", act("a", "ingest"), act("a", "part", PARTS.index("")))


@in_event_loop
async def test_an_asset_that_comes_back_into_a_part_brings_what_was_held_back(
    tmp_path: Path,
) -> None:
    await played(
        tmp_path,
        "tag:wanted",
        act("a", "ingest"),
        act("a", "tag"),
        act("a", "untag"),
        act("a", "caption"),
        act("b", "tag"),
    )


@in_event_loop
async def test_a_collection_that_gets_the_wanted_name_brings_its_members(tmp_path: Path) -> None:
    await played(
        tmp_path,
        "collection:Games",
        act("a", "ingest"),
        act("a", "put"),
        act("a", "caption"),
        act("a", "rename", 1),
    )


@in_event_loop
async def test_a_stamp_that_covers_more_than_came_hides_nothing(tmp_path: Path) -> None:
    """The leaf tells who may have its asset; its neighbour may not, so nobody gets the rest."""
    await played(
        tmp_path,
        "rating:>=3",
        act("leaf", "ingest"),
        act("leaf", "access", ALLOWED.index(("b", "c"))),
        act("c", "ingest"),
        act("leaf", "caption"),
        act("c", "access", ALLOWED.index(None)),
    )


@in_event_loop
async def test_who_may_have_an_asset_is_told_also_where_it_is_in_no_part(tmp_path: Path) -> None:
    async with sharing_sites(tmp_path, "a", LEAF) as world:
        await world.read(LEAF, "a", "tag:wanted")
        a, leaf = world.sites["a"], world.sites[LEAF]
        await a.people.ingest(NAMES[0])
        await a.people.edit(ASSETS[0], access=["a"], caption="in no part")
        await world.settle()
        assert [payload_of(each) for each in (await leaf.held()).values()] == [
            each
            for event in (await a.held()).values()
            for each in [payload_of(event)]
            if isinstance(each, FieldsChanged) and each.operations[0].field == "access"
        ]
