"""Orders at two sites: conflicts are seen at both, resolved by the owner, and then both agree."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_programs import run_example
from orders.sites import Shop, opened

from museion.log import VectorTime
from museion.log.sourced.conflicts.conflict_errors import (
    ConflictDetected,
    ConflictNotDetected,
    ResolutionRejected,
)
from museion.testing.event_loop import in_event_loop

ORDER = "o1"


async def in_conflict(shop: Shop) -> tuple[VectorTime, VectorTime]:
    """Make a conflict that both sites see; return the names of Lisbon's version and Oslo's."""
    await shop.lisbon.order(ORDER).create("Ana")
    await shop.settle(ORDER)
    await shop.cut()
    await shop.lisbon.order(ORDER).add("lens", "Ana")
    await shop.oslo.order(ORDER).add("flash", "Olav")
    await shop.heal()
    await shop.settle(ORDER)
    names = {each.creator: each.vector_timestamp for each in await shop.oslo.versions(ORDER)}
    return names["lisbon"], names["oslo"]


async def items(shop: Shop) -> list[tuple[str, ...]]:
    """Return the items of the only version that both sites know."""
    await shop.settle(ORDER)
    (here,), (there,) = await shop.lisbon.versions(ORDER), await shop.oslo.versions(ORDER)
    assert here == there
    return [here.value.items]


@in_event_loop
async def test_both_sites_see_both_versions_with_who_and_where(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await in_conflict(shop)

        here, there = await shop.lisbon.versions(ORDER), await shop.oslo.versions(ORDER)

        assert here == there
        assert {(each.value.items, each.value.by, each.creator) for each in here} == {
            (("lens",), "Ana", "lisbon"),
            (("flash",), "Olav", "oslo"),
        }


@in_event_loop
async def test_changes_are_refused_while_a_conflict_is_visible_and_only_the_owner_resolves(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as shop:
        lisbons, _ = await in_conflict(shop)

        for site in (shop.lisbon, shop.oslo):
            with pytest.raises(ConflictDetected):
                await site.order(ORDER).add("bag", site.person)
        with pytest.raises(ResolutionRejected):
            await shop.oslo.order(ORDER).resolve(lisbons, "Olav")


@in_event_loop
async def test_both_sites_agree_after_the_owner_selected(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        _, oslos = await in_conflict(shop)

        await shop.lisbon.order(ORDER).resolve(oslos, "Ana")

        assert await items(shop) == [("flash",)]
        await shop.oslo.order(ORDER).add("bag", "Olav")
        assert await items(shop) == [("flash", "bag")]
        with pytest.raises(ConflictNotDetected):
            await shop.lisbon.order(ORDER).resolve(oslos, "Ana")


@in_event_loop
async def test_both_sites_agree_after_the_owner_merged(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        lisbons, oslos = await in_conflict(shop)

        await shop.lisbon.order(ORDER).merge((lisbons, oslos), "Ana")

        (merged,) = await items(shop)
        assert sorted(merged) == ["flash", "lens"]


@in_event_loop
async def test_a_conflict_outlasts_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as shop:
        await in_conflict(shop)
        before = await shop.oslo.versions(ORDER)

    async with opened(tmp_path) as shop:
        assert await shop.oslo.versions(ORDER) == before
        assert await shop.lisbon.versions(ORDER) == before


def test_the_orders_program_tells_its_story() -> None:
    told = run_example("orders")

    assert told.count("both know the same: yes") == 5
    assert told.count("both know the same: no") == 1
    assert "refused, Oslo resolving it: The conflict of 'order-1' can be resolved by its" in told
    assert told.index("Ana selects what Oslo made") < told.index("This time Ana merges the two")


def test_the_orders_can_be_played_at_a_prompt(tmp_path: Path) -> None:
    lines = [
        *("new o1", "cut", "at oslo", "new o1", "add o1 lens", "at lisbon", "add o1 bag", "heal"),
        *("show o1", "add o1 strap", "resolve o1 9", "merge o1 1 2", "nonsense", "show o1", "quit"),
    ]

    told = run_example("orders", "--interactive", "--folder", tmp_path, typed="\n".join(lines))

    assert "A conflict: lisbon may `resolve` or `merge`." in told
    assert "'o1' has 2 versions in conflict, by lisbon, oslo." in told
    assert "Expected a version from 1 to 2, got '9'." in told
    assert "'nonsense' is no command." in told
    last = told.rpartition("merged")[2]
    assert "bag" in last
    assert "lens" in last
