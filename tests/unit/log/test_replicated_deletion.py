"""Deleted events are hidden at once, still come to the sites that are named, and then go."""

from __future__ import annotations

import contextlib

import pytest
from lost_sites import FailingStore, Sites, sites

from museion.log.event_store import WriteFailed
from museion.testing.event_loop import in_event_loop, until

FIVE = (b"1", b"2", b"3", b"4", b"5")


async def cut_off(world: Sites) -> None:
    """Let b read from a, and cut the line before a writes five events."""
    await world.join("a", "b")
    await world.write("a", b"0")
    await world.settle(1)
    world.lines["b", "a"].cut()
    await world.write("a", *FIVE)


async def is_removed(world: Sites, name: str, to: int) -> None:
    """Wait until events are removed; what failed is tried again at once, not in a minute."""
    deletion = world.log(name).deletion

    def is_done() -> bool:
        if deletion.trouble is not None:
            deletion.look_again()
        return deletion.removed_to >= to

    await until(is_done)


@in_event_loop
async def test_a_named_site_gets_deleted_events_and_they_are_removed_only_then() -> None:
    async with sites("a", "b") as world:
        await cut_off(world)
        assert await world["a"].delete("", 5, ["b"]) == 5
        assert [each.payload for each in await world.log("a").read()] == [b"5"]
        assert await world.payloads("a") == [b"0", *FIVE]
        world.lines["b", "a"].mend()
        await world.settle({"b": 6})
        await is_removed(world, "a", 5)
        assert await world.payloads("b") == [b"0", *FIVE]
        assert await world.payloads("a") == [b"5"]


@in_event_loop
async def test_a_site_that_is_not_named_is_not_waited_for() -> None:
    async with sites("a", "b") as world:
        await cut_off(world)
        await world["a"].delete("", 5)
        await is_removed(world, "a", 5)
        world.lines["b", "a"].mend()
        await world.settle({"b": 2})
        assert await world.payloads("b") == [b"0", b"5"]


@in_event_loop
async def test_what_is_kept_for_a_site_is_kept_over_a_restart_and_removed_after_it() -> None:
    async with sites("a", "b") as world:
        await cut_off(world)
        await world["a"].delete("", 5, ["b"])
        await world.close("a")
        world.links = [link for link in world.links if link[:2] != ("b", "a")]
        await world.open("a")
        assert world.log("a").deleted_to == 5
        assert len(await world.payloads("a")) >= 5
        await world["b"].disconnect("a")
        await world._connect("b", "a", world.links[0][2])
        await world.settle({"b": 6})
        await is_removed(world, "a", 5)


@in_event_loop
async def test_the_last_event_stays_so_that_no_number_is_given_twice() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"1", b"2")
        await world.settle(2)
        await world["a"].delete("", 2, ["b"])
        await is_removed(world, "a", 1)
        await world.close("a")
        await world.open("a")
        [after] = await world.write("a", b"3")
        assert after.id.time == 3
        await world.settle({"b": 3})


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("fails_in", range(1, 7))
@in_event_loop
async def test_a_deletion_that_breaks_at_any_step_goes_on_and_loses_nothing(
    fails_in: int, *, restarts: bool
) -> None:
    async with sites("a", "b", new_store=lambda log_id: FailingStore(log_id=log_id)) as world:
        await cut_off(world)
        store = world.stores["a"]
        assert isinstance(store, FailingStore)
        store.fails_in = fails_in
        with contextlib.suppress(WriteFailed):
            await world["a"].delete("", 5, ["b"])
        world.lines["b", "a"].mend()
        if restarts:
            await world.close("a")
            await world.open("a")
        deleted_to = 0
        while deleted_to < 5:
            with contextlib.suppress(WriteFailed):
                deleted_to = await world["a"].delete("", 5, ["b"])
        await world.settle({"b": 6})
        assert await world.payloads("b") == [b"0", *FIVE]
        await is_removed(world, "a", 5)


@in_event_loop
async def test_deleting_at_one_site_deletes_at_no_other() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", *FIVE)
        await world.settle(5)
        await world["a"].delete("", 4, ["b"])
        await is_removed(world, "a", 4)
        assert [each.payload for each in await world.log("b").read()] == list(FIVE)
        await world.write("b", b"6")
        await until(lambda: world.log("a").sequence_nr == 6)


@in_event_loop
async def test_a_retired_site_is_not_waited_for() -> None:
    async with sites("a", "b") as world:
        await cut_off(world)
        await world["a"].delete("", 5, ["b"])
        assert len(await world.payloads("a")) >= 5
        await world["a"].retire("b")
        await is_removed(world, "a", 5)


@in_event_loop
async def test_a_site_that_lost_its_log_still_gets_what_was_deleted_but_not_removed() -> None:
    async with sites("a", "b", "c") as world:
        await world.join("a", "b")
        await world.join("a", "c")
        await world.write("a", *FIVE)
        await world.settle(5)
        world.lines["c", "a"].cut()
        await world.write("a", b"6")
        await world.settle({"b": 6})
        await world["a"].delete("", 6, ["b", "c"])
        await world.lose("b", lost_events=True)
        await world["b"].recover()
        assert b"6" in await world.payloads("b")
        world.lines["c", "a"].mend()
        await world.settle({"c": 6})
