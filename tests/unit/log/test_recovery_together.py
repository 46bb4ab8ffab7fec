"""Several endpoints that lost events at once, or one after another, recover together."""

from __future__ import annotations

import asyncio

import pytest
from lost_sites import backup_of, sites

from museion.log.replication.recovery_errors import (
    RecoveryFailed,
)
from museion.testing.event_loop import in_event_loop


@in_event_loop
async def test_two_that_lost_everything_at_once_help_each_other_and_do_not_wait_for_ever() -> None:
    async with sites("a", "b", "c") as world:
        await world.join("a", "b")
        await world.join("b", "c")
        await world.write("a", b"a1", b"a2")
        await world.write("b", b"b1")
        await world.settle(3)
        await world.lose("a", lost_events=True)
        await world.lose("b", lost_events=True)
        await asyncio.gather(world["a"].recover(), world["b"].recover())
        # a's only neighbour had lost a's events, too; they came from c all the same.
        assert await world.same("a", "b", "c")
        await world.write("a", b"a3")
        await world.settle(4)
        assert await world.same("a", "b", "c")


@in_event_loop
async def test_a_whole_chain_recovers_from_its_last_member() -> None:
    async with sites("a", "b", "c", "d") as world:
        for first, second in (("a", "b"), ("b", "c"), ("c", "d")):
            await world.join(first, second)
        for name in ("a", "b", "c"):
            await world.write(name, name.encode())
        await world.settle(3)
        for name in ("a", "b", "c"):
            await world.lose(name, lost_events=True)
        await asyncio.gather(*(world[name].recover() for name in ("a", "b", "c")))
        assert await world.same("a", "b", "c", "d")
        for name in ("a", "b", "c"):
            await world.write(name, b"after")
        await world.settle(6)
        assert await world.same("a", "b", "c", "d")


@in_event_loop
async def test_a_neighbour_that_is_gone_for_good_is_retired_and_then_not_asked() -> None:
    async with sites("a", "b", "gone") as world:
        await world.join("a", "b")
        await world.join("a", "gone")
        await world.write("a", b"a1")
        await world.settle(1)
        await world.close("gone")
        with pytest.raises(RecoveryFailed) as failed:
            await world["a"].recover()
        assert not failed.value.partially_changed
        await world["a"].retire("gone")
        await world["a"].recover()
        await world.write("a", b"a2")
        await world.settle(2)


@in_event_loop
async def test_two_with_different_backups_give_each_other_what_they_have_left() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1")
        await world.write("b", b"b1")
        await world.settle(2)
        early = backup_of(world.stores["a"])
        await world.write("a", b"a2")
        await world.settle(3)
        later = backup_of(world.stores["b"])
        await world.write("a", b"lost for good")
        await world.settle(4)
        await world.lose("a", backup=early, lost_events=True)
        await world.lose("b", backup=later, lost_events=True)
        await asyncio.gather(world["a"].recover(), world["b"].recover())
        assert sorted(await world.payloads("a")) == [b"a1", b"a2", b"b1"]
        assert await world.same("a", "b")


@in_event_loop
async def test_who_waits_for_another_one_that_does_not_recover_gives_up_after_a_time() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1")
        await world.settle(1)
        await world.lose("a", lost_events=True)
        await world.lose("b", lost_events=True)
        with pytest.raises(RecoveryFailed, match="b lost events, too"):
            await world["a"].recover(limit_s=0.02)
        await asyncio.gather(world["a"].recover(), world["b"].recover())
        assert not world["a"].status().is_recovering
