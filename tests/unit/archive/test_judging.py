"""People say whether a hit fits; the last word of each stands at all sites."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_sites import SmallSite, exchange, small_sites

from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.catalog.judgement_reader import JudgementRecord
from museion.archive.editing import NoAuthor
from museion.archive.judging import BadVerdict, Judge, NoQuery, agreed, export_rows
from museion.archive.sharing.asset_gate import AssetGate
from museion.testing.event_loop import in_event_loop

SLIDE = "a red slide"


def _judge(site: SmallSite) -> Judge:
    async def shown(_: int) -> None:
        await site.catch_up()

    return Judge(site.log, shown=shown)


async def _verdicts(site: SmallSite, query: str = "") -> dict[tuple[str, str], int]:
    found = (await site.catch_up()).judgements.page(query=query)
    return {(each.filename, each.by): each.verdict for each in found}


@in_event_loop
async def test_a_person_changes_a_verdict_and_takes_it_back(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "here") as (here,):
        asset = (await here.ingest("a.jpg")).asset_id
        judge = _judge(here)

        assert (await judge.judge(asset, f" {SLIDE}\n", 1, by="Ann")).is_changed
        assert not (await judge.judge(asset, SLIDE, 1, by="Ann")).is_changed
        assert await _verdicts(here, SLIDE) == {("a.jpg", "Ann"): 1}
        await judge.judge(asset, SLIDE, -1, by="Ann")
        await judge.judge(asset, SLIDE, 1, by="Bob")
        assert await _verdicts(here, SLIDE) == {("a.jpg", "Ann"): -1, ("a.jpg", "Bob"): 1}
        await judge.judge(asset, SLIDE, 0, by="Ann")
        assert await _verdicts(here) == {("a.jpg", "Bob"): 1}
        assert here.catalog.judgements.count(query="another") == 0


@in_event_loop
async def test_the_last_verdict_of_a_person_stands_at_every_site(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        for number in range(3):  # north has written much, so its verdict has a high time
            await north.edit(asset, caption=str(number))
        await _judge(north).judge(asset, SLIDE, 1, by="Ann")
        await exchange([north, south])
        await _judge(south).judge(asset, SLIDE, -1, by="Ann")
        await exchange([north, south])

        assert await _verdicts(north) == await _verdicts(south) == {("a.jpg", "Ann"): -1}


@in_event_loop
async def test_concurrent_verdicts_come_to_the_same_everywhere(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await exchange([north, south])
        await _judge(north).judge(asset, SLIDE, 1, by="Ann")
        await _judge(south).judge(asset, SLIDE, -1, by="Ann")
        await exchange([north, south])

        assert await _verdicts(north) == await _verdicts(south)
        assert len(await _verdicts(north)) == 1


@in_event_loop
async def test_what_a_site_may_not_read_shows_nowhere_and_is_not_judged(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        asset = (await north.ingest("a.jpg")).asset_id
        await _judge(north).judge(asset, SLIDE, 1, by="Ann")
        await exchange([north, south])
        await north.edit(asset, access=("north",))
        await exchange([north, south])

        assert await _verdicts(north) == {("a.jpg", "Ann"): 1}
        assert await _verdicts(south) == {}
        with pytest.raises(UnknownAsset):
            await _judge(south).judge(asset, SLIDE, 1, by="Bob")


@in_event_loop
async def test_a_verdict_on_what_another_site_may_not_read_does_not_leave(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north") as (north,):
        asset = (await north.ingest("a.jpg")).asset_id
        await north.edit(asset, access=("north",))
        await _judge(north).judge(asset, SLIDE, 1, by="Ann")
        catalog = await north.catch_up()
        (*_, verdict) = await north.log.read(limit=100)

        assert not AssetGate("south", catalog, _AtEnd(north)).may_leave(verdict)


class _AtEnd:
    """A catalog that has everything."""

    def __init__(self, site: SmallSite) -> None:
        self._site = site

    @property
    def position(self) -> int:
        return self._site.projection.position

    async def reached(self, sequence_nr: int) -> None:
        assert self.position >= sequence_nr


@in_event_loop
async def test_what_is_in_the_trash_is_no_judged_hit_until_it_is_back(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "here") as (here,):
        asset = (await here.ingest("a.jpg")).asset_id
        await _judge(here).judge(asset, SLIDE, 1, by="Ann")
        await here.editor.trash(asset, by="Ann")
        assert await _verdicts(here) == {}
        await here.editor.restore(asset, by="Ann")
        assert await _verdicts(here) == {("a.jpg", "Ann"): 1}


@in_event_loop
async def test_a_verdict_that_cannot_be_understood_changes_nothing(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "here") as (here,):
        asset = (await here.ingest("a.jpg")).asset_id
        judge = _judge(here)
        with pytest.raises(BadVerdict, match="came 2"):
            await judge.judge(asset, SLIDE, 2, by="Ann")
        with pytest.raises(NoQuery, match="1 to 2000"):
            await judge.judge(asset, "  ", 1, by="Ann")
        with pytest.raises(NoAuthor):
            await judge.judge(asset, SLIDE, 1, by="")
        with pytest.raises(UnknownAsset):
            await judge.judge(AssetId("q" * 24), SLIDE, 1, by="Ann")

        assert await _verdicts(here) == {}


def _said(asset: str, by: str, verdict: int) -> JudgementRecord:
    return JudgementRecord(SLIDE, AssetId(asset), f"{asset}.jpg", by, verdict)


def test_where_people_differ_the_majority_counts_and_a_tie_is_no_verdict() -> None:
    said = [
        *(_said("a", "Ann", 1), _said("a", "Bob", -1), _said("a", "Eve", 1)),
        *(_said("b", "Ann", 1), _said("b", "Bob", -1)),
        _said("c", "Ann", -1),
    ]

    assert export_rows(said) == [{"query": SLIDE, "judgements": {"a": 1, "c": 0}}]


_SAID = st.lists(
    st.builds(_said, st.sampled_from("ab"), st.sampled_from("XYZ"), st.sampled_from([1, -1])),
    unique_by=lambda each: (each.asset_id, each.by),
)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(_SAID.flatmap(lambda said: st.tuples(st.just(said), st.permutations(said))))
def test_what_people_agree_on_depends_on_no_order(
    said: tuple[list[JudgementRecord], list[JudgementRecord]],
) -> None:
    assert agreed(said[0]) == agreed(said[1])


_ACTS = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.sampled_from("XY"), st.sampled_from([1, 0, -1, None])),
    max_size=8,
)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(_ACTS)
def test_verdicts_of_two_sites_converge_whatever_is_said_where(
    acts: list[tuple[int, str, int | None]],
) -> None:
    """None lets the sites exchange; what a person said last with all known stands."""

    async def play(folder: Path) -> None:
        async with small_sites(folder, "north", "south") as sites:
            asset = (await sites[0].ingest("a.jpg")).asset_id
            await exchange(sites)
            for place, person, verdict in acts:
                if verdict is None:
                    await exchange(sites)
                else:
                    await _judge(sites[place]).judge(asset, SLIDE, verdict, by=person)
            await exchange(sites)
            await _judge(sites[1]).judge(asset, SLIDE, -1, by="X")
            await exchange(sites)
            north, south = [await _verdicts(each) for each in sites]
            assert north == south
            assert north["a.jpg", "X"] == -1

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))
