"""What an archive promises about what leaves to other sites, and what they get later."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from small_archive import ingested
from small_sites import SmallSite, exchange, small_sites

from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.events import IngestRefused, RefusalCleared, type_name
from museion.archive.sharing.asset_gate import AssetGate, asset_of, tells_access_only
from museion.archive.sharing.disclosure import WiderAccess
from museion.archive.wanted_changes import Changes
from museion.log.event import Event
from museion.testing.event_loop import in_event_loop

SITES = ("a", "b", "c")
_LOCAL = {type_name(IngestRefused), type_name(RefusalCleared)}
Step = tuple[Literal["access", "caption", "tag", "rating", "exchange"], int, int, tuple[str, ...]]

steps = st.lists(
    st.tuples(
        st.sampled_from(["access", "caption", "tag", "rating", "exchange"]),
        st.integers(0, 1),
        st.integers(0, 1),
        st.lists(st.sampled_from(SITES), unique=True).map(tuple),
    ),
    max_size=7,
)


class _AtItsEnd:
    """A catalog that is brought after the log when somebody asks for it."""

    def __init__(self, site: SmallSite) -> None:
        self._site = site

    @property
    def position(self) -> int:
        """Where the catalog stands."""
        return self._site.projection.position

    async def reached(self, sequence_nr: int) -> None:
        """Bring it there."""
        await self._site.catch_up()


def gate_of(site: SmallSite, reader: str) -> AssetGate:
    """Return what decides at a site what may leave to another one."""
    return AssetGate(reader, site.catalog, _AtItsEnd(site))


async def left(site: SmallSite, reader: str) -> list[Event]:
    """Return what leaves a site to another one over the gate of that one."""
    gate = gate_of(site, reader)
    await gate.ready(site.log.sequence_nr)
    return [each for each in await site.log.read(limit=10_000) if gate.may_leave(each)]


async def carry_out(site: SmallSite, step: Step, asset: AssetId) -> None:
    kind, _, _, names = step
    match kind:
        case "access":
            await site.edit(asset, access=list(names))
        case "caption":
            await site.edit(asset, caption=f"caption of {asset}")
        case "tag":
            await site.editor.edit(asset, Changes(add_tags=["sea"]), by="Ann")
        case _:
            await site.edit(asset, rating=len(names))


@settings(max_examples=12, deadline=None)
@given(steps)
@in_event_loop
async def test_what_a_site_may_not_read_never_leaves_and_all_else_does(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with small_sites(Path(folder), "a", "b") as sites:
            assets = [(await sites[0].ingest(name)).asset_id for name in ("x.jpg", "y.jpg")]
            await exchange(sites)
            for step in steps:
                if step[0] == "exchange":
                    await exchange(sites)
                    continue
                with suppress(UnknownAsset):  # what a site may not read it cannot change either
                    await carry_out(sites[step[1]], step, assets[step[2]])
                await sites[step[1]].catch_up()
            for site in sites:
                await require_only_what_may_leave(site)


async def require_only_what_may_leave(site: SmallSite) -> None:
    events = await site.log.read(limit=10_000)
    for reader in SITES:
        went = {event.id for event in await left(site, reader)}
        for event in events:
            asset = asset_of(event)
            if asset is None or tells_access_only(event):
                assert event.id in went
                continue
            rights = site.catalog.people.history(asset).rights
            allowed = all(each is None or reader in each for each in rights.access)
            assert (event.id in went) == allowed


@in_event_loop
async def test_facts_about_the_machine_of_one_site_never_leave_it(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        path = b"/home/ann/broken.jpg"
        refused = IngestRefused(filename="broken.jpg", path=path, reason="it is damaged")
        await site.tell(refused, RefusalCleared(path=path), ingested("a.jpg"))
        assert not _LOCAL & {event.type_name for event in await left(site, "b")}
        assert len(await left(site, "b")) == 1


@in_event_loop
async def test_a_gate_judges_by_the_rights_that_hold_when_it_is_asked(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a") as (site,):
        born = await site.ingest("a.jpg")
        asset = born.asset_id
        await site.catch_up()

        gate = gate_of(site, "b")
        await gate.ready(site.log.sequence_nr)
        assert gate.may_read(asset)
        await site.edit(asset, access=["a"])
        await gate.ready(site.log.sequence_nr)
        assert not gate.may_read(asset)
        assert not gate.may_have(born.digest)


@in_event_loop
async def test_what_a_site_may_read_later_is_told_to_it_anew(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "a", "b") as sites:
        here, there = sites
        asset = (await here.ingest("a.jpg")).asset_id
        await here.edit(asset, access=["a"], caption="not yet")
        withheld = {event.id for event in await here.log.read(limit=99)}
        await there.log.append_replicated(await left(here, "b"))
        assert (await there.catch_up()).counts().assets == 0

        await here.edit(asset, access=["a", "b"])
        wider = (await here.log.read(limit=99))[-1]
        told = await WiderAccess(here.log).process(wider)
        assert told
        await here.log.append(list(told))
        await there.log.append_replicated(
            [event for event in await left(here, "b") if event.id not in withheld]
        )
        assert (await there.people(asset)).fields
        assert (await there.catch_up()).counts().assets == 1
