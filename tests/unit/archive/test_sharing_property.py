"""What a site may not read never leaves to it; what it may read comes to it, whole."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from joined_archives import Mesh, sharing_mesh
from small_archive import ingested
from small_sites import SmallSite

from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.history import fold
from museion.archive.rights import may_read
from museion.testing.event_loop import in_event_loop, until

SITES = ("a", "b", "c")
NAMES = ("x.jpg", "y.jpg")
_LIMIT_S = 5.0
Kind = Literal["ingest", "caption", "access", "cut", "mend", "pause"]
Step = tuple[Kind, str, str, tuple[str, ...] | None]

steps = st.lists(
    st.tuples(
        st.sampled_from(["ingest", "caption", "access", "access", "cut", "mend", "pause"]),
        st.sampled_from(SITES),
        st.sampled_from(NAMES),
        st.none() | st.lists(st.sampled_from(SITES), unique=True).map(tuple),
    ),
    max_size=14,
)


def asset_named(name: str) -> AssetId:
    return ingested(name).asset_id


async def carry_out(mesh: Mesh, step: Step, number: int) -> None:
    kind, name, asset, allowed = step
    site = mesh.sites[name].site
    match kind:
        case "ingest":
            await site.ingest(asset)
        case "cut" | "mend":
            for (reader, source), line in mesh.lines.items():
                if reader == name and (allowed is None or source in allowed):
                    line.is_cut = kind == "cut"
        case "pause":
            await asyncio.sleep(0.005)  # others act, as far as they come
        case _:
            access = None if allowed is None else list(allowed)
            change = {"access": access} if kind == "access" else {"caption": f"caption {number}"}
            with suppress(UnknownAsset):  # what a site may not read it cannot change either
                await site.edit(asset_named(asset), **change)


async def settled(mesh: Mesh) -> None:
    """Wait until all have what they may have."""
    for line in mesh.lines.values():
        line.is_cut = False
    try:
        async with asyncio.timeout(_LIMIT_S):
            while await _lacking(mesh):  # noqa: ASYNC110 (what is asked waits itself)
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"never came: {await _lacking(mesh)}") from None


async def _lacking(mesh: Mesh) -> dict[str, object]:
    found = {name: await mesh.lacking(asset_named(name)) for name in NAMES}
    return {name: lacking for name, lacking in found.items() if lacking}


@settings(max_examples=40, deadline=None)
@given(steps)
@in_event_loop
async def test_only_what_a_site_may_read_leaves_to_it_and_all_of_that(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with sharing_mesh(Path(folder), *SITES) as mesh:
            for number, step in enumerate(steps):
                await carry_out(mesh, step, number)
            await settled(mesh)
            assert not mesh.leaked
            await require_same_everywhere(mesh)


@in_event_loop
async def test_what_a_third_site_brings_does_not_hide_what_it_may_not_have(tmp_path: Path) -> None:
    """The third one gets what its origin wrote later, and hands it on first."""
    async with sharing_mesh(tmp_path, *SITES) as mesh:
        a, b = mesh.sites["a"].site, mesh.sites["b"].site
        for name in NAMES:
            await a.ingest(name)
        await a.edit(asset_named("x.jpg"), access=["a", "b"])
        await settled(mesh)
        mesh.lines["b", "a"].is_cut = True
        await a.edit(asset_named("x.jpg"), caption="for a and b")
        later = await a.edit(asset_named("y.jpg"), caption="for all")
        await until(lambda: b.log.version.local_time("a") >= later_time(a))

        await settled(mesh)

        assert later.is_changed
        assert not mesh.leaked
        await require_same_everywhere(mesh)


@in_event_loop
async def test_what_was_written_while_the_widening_site_was_kept_out_comes(tmp_path: Path) -> None:
    """It wrote the access, so it may settle it, though it knows nothing of what was said."""
    async with sharing_mesh(tmp_path, *SITES) as mesh:
        a, b = mesh.sites["a"].site, mesh.sites["b"].site
        await a.ingest("x.jpg")
        await settled(mesh)
        before = (await b.people(asset_named("x.jpg"))).seen
        await a.edit(asset_named("x.jpg"), access=["b"])
        await settled(mesh)
        await b.edit(asset_named("x.jpg"), caption="a does not know")
        # By who looked at an old page: it contests, reaches all, and its stamp covers the caption.
        await b.edit(asset_named("x.jpg"), access=["b", "c"], seen=before)
        await settled(mesh)

        await a.edit(asset_named("x.jpg"), access=None)

        await settled(mesh)
        assert not mesh.leaked
        await require_same_everywhere(mesh)


def later_time(site: SmallSite) -> int:
    """Return how far a site has come by its own events."""
    return site.log.version.local_time(site.id)


async def require_same_everywhere(mesh: Mesh) -> None:
    for name in NAMES:
        asset_id = asset_named(name)
        expected = fold((await mesh.history(asset_id)).values())
        for site_id, each in mesh.sites.items():
            await each.following.reached(each.site.log.sequence_nr)
            found = each.site.catalog.people.history(asset_id)
            assert found.rights == expected.rights
            if may_read(site_id, expected.rights):
                assert found.values == expected.values
            for reader in SITES:
                is_born = bool(each.site.catalog.owners(ingested(name).digest))
                allowed = is_born and may_read(reader, expected.rights)
                assert each.gate(reader).may_have(ingested(name).digest) == allowed
