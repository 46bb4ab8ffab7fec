"""What stands after people at three sites wrote captions, against an oracle that is a plain set.

The oracle knows of each write which writes its author had looked at, and nothing of stamps, events
or merge rules: a write stands while nobody who had looked at it wrote another one.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_sites import SmallSite, exchange, small_sites

from museion.archive.asset import AssetId
from museion.testing.event_loop import in_event_loop

NAMES = ("north", "south", "east")


class Act(NamedTuple):
    """A site hears of another one, or somebody there saves what they looked at a while ago."""

    site: int
    hears: bool
    number: int


acts = st.lists(st.builds(Act, st.integers(0, 2), st.booleans(), st.integers(0, 5)), max_size=25)


class Looked(NamedTuple):
    """What somebody saw: the token that came with it, and the writes that the oracle knows."""

    seen: str
    writes: frozenset[str]


class Desk:
    """One site with what people there looked at, oldest first."""

    def __init__(self, site: SmallSite) -> None:
        self.site = site
        self.writes: frozenset[str] = frozenset()
        self.looks: list[Looked] = []

    async def look(self, asset: AssetId) -> None:
        """Let somebody look at the present state."""
        self.looks.append(Looked((await self.site.people(asset)).seen, self.writes))


@given(history=acts)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_caption_stands_until_somebody_who_saw_it_writes_another(
    tmp_path_factory: pytest.TempPathFactory, history: list[Act]
) -> None:
    @in_event_loop
    async def run() -> None:
        async with small_sites(tmp_path_factory.mktemp("law"), *NAMES) as sites:
            asset = (await sites[0].ingest("a.jpg")).asset_id
            await exchange(sites)
            standing = await _play([Desk(site) for site in sites], asset, history)
            await exchange(sites)
            for site in sites:
                (caption,) = [
                    {version.value for version in field.versions}
                    for field in (await site.people(asset)).fields
                ] or [set()]
                assert caption == standing
                assert bool(await site.conflicts()) == (len(standing) > 1)

    run()


async def _play(desks: list[Desk], asset: AssetId, history: list[Act]) -> set[str]:
    """Let people write, and return what stands in the end as the oracle has it."""
    replaced: set[str] = set()
    written: set[str] = set()
    for desk in desks:
        await desk.look(asset)
    for number, act in enumerate(history):
        desk = desks[act.site]
        if act.hears:
            other = desks[(act.site + 1 + act.number % 2) % 3]
            await desk.site.take_from(other.site)
            desk.writes |= other.writes
        else:
            looked = desk.looks[-1 - act.number % len(desk.looks)]
            await desk.site.edit(asset, caption=f"write {number}", seen=looked.seen)
            written.add(f"write {number}")
            replaced |= looked.writes
            desk.writes |= {f"write {number}"}
        await desk.look(asset)
    return written - replaced
