"""What a site wrote after a loss, under identities that others know otherwise, is not lost."""

from __future__ import annotations

from typing import Any

import pytest
from lost_sites import Sites, backup_of, sites
from opened_log import new

from museion.log.event_log import EventLog, LogHeld
from museion.log.event_store import EventStore
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.filters import OfAggregate
from museion.log.replication.forked_history import Fork, OtherOrigin, append_anew, find_fork
from museion.log.replication.protocol import InfoRequest, ReadRequest
from museion.log.replication.recovery_errors import HistoryForked
from museion.log.replication.refusals import NotMet
from museion.testing.event_loop import in_event_loop


async def forked(world: Sites) -> EventStore:
    """Let a lose two events and write three others, and return the store with those."""
    await world.join("a", "b")
    await world.write("a", b"a1")
    await world.settle(1)
    backup = backup_of(world.stores["a"])
    await world.write("a", b"a2", b"a3")
    await world.settle(3)
    await world.close("a")
    world.stores["a"] = backup
    async with EventLog(backup) as log:
        first = await log.append([new(b"x2", vector_timestamp=log.version)])
        more: dict[str, Any] = {"cause": first[0].id, "vector_timestamp": log.version}
        await log.append([new(b"x3", aggregate_id="x", **more), new(b"x4", **more)])
    await world.open("a", lost_events=True)
    with pytest.raises(HistoryForked):
        await world["a"].recover()
    return backup


@in_event_loop
async def test_events_of_a_fork_are_appended_anew_and_come_to_all_sites() -> None:
    async with sites("a", "b") as world:
        store = await forked(world)
        await world.lose("a", backup=MemoryEventStore(log_id="a"), lost_events=True)
        await world["a"].recover()
        async with EventLog(store) as old:
            assert await find_fork(old, world.log("a")) == Fork(common_to=1, events=3)
            assert await append_anew(old, world.log("a")) == 3
        await world.settle(6)
        assert await world.same("a", "b")
        assert await world.payloads("b") == [b"a1", b"a2", b"a3", b"x2", b"x3", b"x4"]
        [anew] = await world.log("b").read(aggregate_id="x")
        assert anew.cause is None  # its old identity is that of another event
        assert anew.vector_timestamp.local_time("a") == anew.id.time == 5


@in_event_loop
async def test_appending_anew_twice_appends_once() -> None:
    async with sites("a", "b") as world:
        store = await forked(world)
        await world.lose("a", backup=MemoryEventStore(log_id="a"), lost_events=True)
        await world["a"].recover()
        async with EventLog(store) as old:
            await append_anew(old, world.log("a"))
            assert await append_anew(old, world.log("a")) == 0
        assert world.log("a").sequence_nr == 6


@in_event_loop
async def test_a_log_that_did_not_fork_has_nothing_to_append() -> None:
    async with sites("a", "b") as world:
        await world.write("a", b"a1")
        async with EventLog(backup_of(world.stores["a"])) as same:
            assert await find_fork(same, world.log("a")) == Fork(common_to=1, events=0)
            assert await append_anew(same, world.log("a")) == 0
        with pytest.raises(OtherOrigin):
            await append_anew(world.log("b"), world.log("a"))


@pytest.mark.parametrize("further", range(1, 6))
@pytest.mark.parametrize("reader_first", [False, True])
@in_event_loop
async def test_a_site_that_wrote_on_alone_is_found_out_when_it_meets_another_one(
    further: int, *, reader_first: bool
) -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1")
        await world.settle(1)
        backup = backup_of(world.stores["a"])
        await world.write("a", b"a2", b"a3")
        await world.settle(3)
        await world.close("a")
        world.stores["a"] = backup
        async with EventLog(backup) as log:
            await log.append([new(b"x%d" % number) for number in range(further)])
        if reader_first:
            world.links.reverse()
        await world.open("a")
        assert world["a"].status().needs_recovery
        with pytest.raises(LogHeld):
            await world.write("a", b"more")
        assert await world.payloads("b") == [b"a1", b"a2", b"a3"]
        assert len(await world.payloads("a")) == 1 + further


@in_event_loop
async def test_a_filter_that_lets_little_through_is_not_taken_for_a_fork() -> None:
    async with sites("a", "b", "c") as world:
        await world.join("a", "b", OfAggregate(("wanted",)))
        await world.join("b", "c")
        await world.write("a", b"1", aggregate_id="wanted")
        await world.write("a", b"2")
        await world.write("a", b"3", aggregate_id="wanted")
        await world.settle({"b": 2, "c": 2})
        for name in ("b", "a", "c"):
            await world.close(name)
            await world.open(name)
            assert not world[name].status().needs_recovery
        await world.write("a", b"4", aggregate_id="wanted")
        await world.settle({"b": 3, "c": 3})
        assert not any(world[name].status().needs_recovery for name in "abc")


@in_event_loop
async def test_who_has_events_of_a_site_that_was_started_anew_has_to_meet_it_before_it_reads() -> (
    None
):
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1")
        await world.settle(1)
        await world.close("a")
        world.links.clear()
        await world.open("a")  # nobody has met it yet
        request = ReadRequest("", "b", 1, world.log("b").version)
        with pytest.raises(NotMet):
            await world["a"].service.read("b", request)
        await world["a"].service.info("b", InfoRequest())
        assert (await world["a"].service.read("b", request)).scanned_to == 1
