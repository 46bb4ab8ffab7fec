"""A site that lost its log, or the newest part of it, gets everything back from its neighbours."""

from __future__ import annotations

import asyncio

import pytest
from joined_endpoints import Line, everything, require_causal_order
from lost_sites import FailingStore, Sites, backup_of, sites
from opened_log import new

from museion.log.event_log import EventLog, LogHeld
from museion.log.event_store import EventStore
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.connection import Connection, NotActive
from museion.log.replication.filters import OfAggregate
from museion.log.replication.protocol import Application
from museion.log.replication.recovery_errors import (
    HistoryForked,
    RecoveryFailed,
    RecoveryImpossible,
    RecoveryUnderWay,
)
from museion.log.replication.refusals import Unreachable
from museion.log.snapshots import MemorySnapshotStore, Snapshot, SnapshotsUnreachable
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until


@in_event_loop
async def test_a_total_loss_is_made_good_and_new_events_reach_everybody() -> None:
    async with sites("a", "b", "c") as world:
        await world.join("a", "b")
        await world.join("b", "c")
        await world.write("a", b"a1", b"a2")
        await world.settle(2)
        await world.write("b", b"b1")
        await world.settle(3)
        await world.lose("a", lost_events=True)
        await world["a"].recover()
        assert await world.same("a", "b", "c")
        [after] = await world.write("a", b"a3")
        assert after.id.time == 4  # behind its number as well as behind its own entry
        await world.settle(4)
        assert await world.same("a", "b", "c")


@in_event_loop
async def test_a_backup_is_brought_up_to_date_and_its_numbers_go_on_behind_all_that_was_lost() -> (
    None
):
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1", b"a2")
        await world.settle(2)
        backup = backup_of(world.stores["a"])
        await world.write("a", b"a3", b"a4")
        await world.settle(4)
        await world.lose("a", backup=backup, lost_events=True)
        await world["a"].recover()
        assert await world.same("a", "b")
        [after] = await world.write("a", b"a5")
        assert after.id.time == 5
        await world.settle(5)
        assert await world.same("a", "b")


@in_event_loop
async def test_only_what_is_missing_is_read_where_the_progress_allows_it() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", *(b"%d" % n for n in range(200)))
        await world.settle(200)
        await world.write("b", b"from b")
        await world.settle(201)
        backup = backup_of(world.stores["a"])
        await world.write("a", b"lost 1", b"lost 2", b"lost 3")
        await world.settle(204)
        await world.lose("a", backup=backup, lost_events=True)
        await world["a"].recover()
        line = world.lines["a", "b"]
        scanned = sum(
            answer.scanned_to - read.after
            for read, answer in zip(line.reads, line.answers, strict=True)
            if read.recovering
        )
        assert scanned == 3
        assert await world.same("a", "b")


@in_event_loop
async def test_new_events_are_refused_until_the_loss_is_made_good_also_after_a_restart() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1", b"a2")
        await world.settle(2)
        await world.lose("a", lost_events=True)
        with pytest.raises(LogHeld):
            await world.write("a", b"early")
        world.lines["a", "b"].fails_at = {"read": 1}
        with pytest.raises(RecoveryFailed):
            await world["a"].recover()
        await world.close("a")
        await world.open("a")
        assert world["a"].status().is_recovering
        with pytest.raises(LogHeld):
            await world.write("a", b"early")
        await world["a"].recover()
        await world.write("a", b"a3")
        await world.settle(3)
        assert await world.same("a", "b")


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("remote", ["b", "c"])
@pytest.mark.parametrize("step", ["info", "recover", "read"])
@in_event_loop
async def test_a_recovery_that_breaks_at_any_step_is_repeated_and_ends_well(
    step: str, remote: str, *, restarts: bool
) -> None:
    async with sites("a", "b", "c") as world:
        await lost_by_a(world)
        world.lines["a", remote].fails_at = {step: 1}
        with pytest.raises(RecoveryFailed) as failed:
            await world["a"].recover()
        assert failed.value.partially_changed == (step != "info")
        with pytest.raises(LogHeld):
            await world.write("a", b"early")
        if restarts:
            await world.close("a")
            await world.open("a", lost_events=step == "info")
        await world["a"].recover()
        await is_whole_again(world)


@pytest.mark.parametrize("fails_in", range(1, 5))
@in_event_loop
async def test_a_recovery_that_cannot_write_is_repeated_and_ends_well(fails_in: int) -> None:
    async with sites("a", "b", "c") as world:
        await lost_by_a(world, store=FailingStore(log_id="a"))
        store = world.stores["a"]
        assert isinstance(store, FailingStore)
        store.fails_in = fails_in
        with pytest.raises(RecoveryFailed) as failed:
            await world["a"].recover()
        assert failed.value.partially_changed
        with pytest.raises(LogHeld):
            await world.write("a", b"early")
        await world["a"].recover()
        await is_whole_again(world)


@in_event_loop
async def test_a_recovery_that_is_cancelled_at_any_moment_is_repeated_and_ends_well() -> None:
    for moment in range(0, 60, 4):
        async with sites("a", "b", "c") as world:
            await lost_by_a(world)
            recovery = asyncio.create_task(world["a"].recover())
            for _ in range(moment):
                await asyncio.sleep(0)
            recovery.cancel()
            await asyncio.wait([recovery])
            if recovery.cancelled():
                with pytest.raises(LogHeld):
                    await world.write("a", b"early")
            await world["a"].recover()
            await is_whole_again(world)


@in_event_loop
async def test_a_recovery_that_cannot_delete_snapshots_is_repeated_and_ends_well() -> None:
    class Unreachable(MemorySnapshotStore):
        def delete_from(self, log_id: str, sequence_nr: int) -> int:
            raise SnapshotsUnreachable("the folder is gone")

    async with sites("a", "b", "c") as world:
        await lost_by_a(world)
        with pytest.raises(RecoveryFailed) as failed:
            await world["a"].recover(snapshots=[Unreachable()])
        assert failed.value.partially_changed
        assert world.log("a").sequence_nr == 0
        await world["a"].recover(snapshots=[MemorySnapshotStore()])
        await is_whole_again(world)


async def lost_by_a(world: Sites, *, store: MemoryEventStore | None = None) -> None:
    """Let a, in the middle between b and c, lose everything."""
    await world.join("a", "b")
    await world.join("a", "c")
    await world.write("a", b"a1", b"a2")
    await world.settle(2)
    await world.write("b", b"b1")
    await world.settle(3)
    await world.lose("a", backup=store, lost_events=True)


async def is_whole_again(world: Sites) -> None:
    """Require that nothing is missing at a, and that what a writes now comes to all."""
    assert await world.same("a", "b", "c")
    await world.write("a", b"a3")
    await world.settle(4)
    assert await world.same("a", "b", "c")


@in_event_loop
async def test_a_crash_between_two_reads_leaves_a_state_that_goes_on() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", *(b"%d" % n for n in range(30)))
        await world.settle(30)
        await world.lose("a", lost_events=True)
        world.lines["a", "b"].most_events = 4
        for crash in range(1, 5):
            world.lines["a", "b"].fails_at = {"read": crash}
            with pytest.raises(RecoveryFailed):
                await world["a"].recover()
            await world.close("a")
            await world.open("a")
            world.lines["a", "b"].most_events = 4
        assert world.log("a").sequence_nr > 0
        await world["a"].recover()
        assert await world.same("a", "b")


@in_event_loop
async def test_without_all_neighbours_nothing_is_changed() -> None:
    async with sites("a", "b", "c") as world:
        await world.join("a", "b")
        await world.join("a", "c")
        await world.write("a", b"a1")
        await world.settle(1)
        world.lines["a", "c"].cut()
        before = world.log("b").progress("museion.replicated-from:a")
        with pytest.raises(RecoveryFailed) as failed:
            await world["a"].recover()
        assert not failed.value.partially_changed
        assert not world["a"].status().is_recovering
        assert world.log("b").progress("museion.replicated-from:a") == before
        await world.write("a", b"a2")
        await world.settle({"b": 2})


@in_event_loop
async def test_a_connection_in_one_direction_is_not_enough() -> None:
    async with sites("a", "b") as world:
        line = Line(world["b"], "a")
        await world["a"].connect(Connection("b"), line)
        with pytest.raises(RecoveryImpossible, match="b does not read from it"):
            await world["a"].recover()
        await world.write("a", b"goes on")
    async with sites("a", "b") as world:
        await world["b"].connect(Connection("a"), Line(world["a"], "b"))
        with pytest.raises(RecoveryImpossible):
            await world["a"].recover()


@in_event_loop
async def test_unfiltered_neighbours_come_first_and_nothing_is_dropped_as_known() -> None:
    async with sites("a", "leaf", "full") as world:
        await world.join("a", "leaf", OfAggregate(("wanted",)))
        await world.join("a", "full")
        await world.write("a", b"1")
        await world.write("a", b"2", aggregate_id="wanted")
        await world.write("a", b"3")
        await world.write("a", b"4", aggregate_id="wanted")
        await world.settle({"leaf": 2, "full": 4})
        await world.write("leaf", b"from the leaf")
        await world.settle({"leaf": 3, "full": 5})
        await world.lose("a", lost_events=True)
        await world["a"].recover()
        assert await world.same("a", "full")
        assert len(await world.payloads("a")) == 5
        require_causal_order(await everything(world.log("a")))


@pytest.mark.parametrize("restarts", [False, True])
@in_event_loop
async def test_after_a_part_came_back_over_a_filter_new_events_are_not_taken_for_old_ones(
    *, restarts: bool
) -> None:
    async with sites("a", "leaf") as world:
        await world.join("a", "leaf", OfAggregate(("wanted",)))
        for number in range(3):
            await world.write("a", b"unwanted %d" % number)
            await world.write("a", b"wanted %d" % number, aggregate_id="wanted")
        await world.settle({"leaf": 3})
        await world.lose("a", lost_events=True)
        await world["a"].recover()
        assert await world.payloads("a") == [b"wanted 0", b"wanted 1", b"wanted 2"]
        if restarts:
            await world.close("a")
            await world.open("a")
        [after] = await world.write("a", b"after", aggregate_id="wanted")
        assert after.id.time == 7
        await world.settle({"leaf": 4})
        assert (await world.payloads("leaf"))[-1] == b"after"
        assert await world.same("a", "leaf")


@in_event_loop
async def test_snapshots_that_cover_lost_events_are_deleted_and_older_ones_stay() -> None:
    snapshots = MemorySnapshotStore()
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1", b"a2")
        await world.settle(2)
        backup = backup_of(world.stores["a"])
        await world.write("a", b"a3")
        await world.settle(3)
        for number in (2, 3):
            snapshots.save(Snapshot("e", "a", number, "t", 1, b"", VectorTime(), None, 0))
        snapshots.save(Snapshot("e", "other", 3, "t", 1, b"", VectorTime(), None, 0))
        await world.lose("a", backup=backup, lost_events=True)
        await world["a"].recover(snapshots=[snapshots])
        assert [s.sequence_nr for s in snapshots.newest_first("e", log_id="a")] == [2]
        assert len(list(snapshots.newest_first("e", log_id="other"))) == 1


@in_event_loop
async def test_a_site_recovers_into_a_newer_program_and_not_into_an_older_one() -> None:
    async with sites("a", "b", application=Application("dam", 2, 0)) as world:
        await world.join("a", "b")
        await world.write("a", b"a1")
        await world.settle(1)
        await world.lose("a", lost_events=True, application=Application("dam", 1, 9))
        with pytest.raises(RecoveryFailed) as failed:
            await world["a"].recover()
        assert not failed.value.partially_changed
        await world.close("a")
        await world.open("a", lost_events=True, application=Application("dam", 2, 1))
        await world["a"].recover()
        assert await world.payloads("a") == [b"a1"]


@in_event_loop
async def test_a_recovery_where_nothing_is_missing_changes_nothing() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1")
        await world.settle(1)
        for _ in range(2):
            await world["a"].recover()
        await world.write("a", b"a2")
        await world.settle(2)
        assert await world.same("a", "b")


@in_event_loop
async def test_a_second_recovery_or_activation_meanwhile_is_refused() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        world.lines["a", "b"].delay_s = 0.02
        running = asyncio.create_task(world["a"].recover())
        await until(lambda: world["a"].local.is_recovering)
        with pytest.raises(RecoveryUnderWay):
            await world["a"].recover()
        with pytest.raises(NotActive):
            world["a"].activate()
        await running
        with pytest.raises(NotActive):
            world["a"].activate()


@in_event_loop
async def test_a_neighbour_that_has_more_shows_that_a_site_needs_recovery() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1", b"a2")
        await world.settle(2)
        await world.lose("a")
        assert "has its event 2" in world["a"].status().needs_recovery
        with pytest.raises(LogHeld):
            await world.write("a", b"a1 again")
        await world["a"].recover()
        assert world["a"].status().needs_recovery == ""
        await world.write("a", b"a3")
        await world.settle(3)
        assert await world.same("a", "b")


@in_event_loop
async def test_a_site_that_wrote_on_after_a_loss_is_found_out_and_nothing_is_merged() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1")
        await world.settle(1)
        backup = backup_of(world.stores["a"])
        await world.write("a", b"a2", b"a3")
        await world.settle(3)
        for written in ([b"x2"], [b"x2", b"x3"], [b"x2", b"x3", b"x4"]):
            await world.close("a")
            world.stores["a"] = backup_of(backup)
            await _write_alone(world.stores["a"], written)
            await world.open("a", lost_events=True)
            with pytest.raises(HistoryForked):
                await world["a"].recover()
            assert await world.payloads("a") == [b"a1", *written]
            assert await world.payloads("b") == [b"a1", b"a2", b"a3"]
            with pytest.raises(LogHeld):
                await world.write("a", b"more")


async def _write_alone(store: EventStore, payloads: list[bytes]) -> None:
    async with EventLog(store) as log:
        await log.append([new(each) for each in payloads])


@in_event_loop
async def test_a_new_site_gets_everything_from_nothing() -> None:
    async with sites("a", "b") as world:
        await world.write("a", *(b"%d" % n for n in range(20)))
        await world.join("a", "b")
        await world.settle(20)
        assert await world.same("a", "b")
        await world["b"].recover()
        assert await world.same("a", "b")


@in_event_loop
async def test_a_backup_from_before_a_neighbour_was_recovered_misses_nothing() -> None:
    async with sites("a", "b", "c") as world:
        await world.join("a", "b")
        await world.join("b", "c")
        await world.write("c", b"c1")
        await world.write("a", b"a1")
        await world.settle(2)
        backup = backup_of(world.stores["a"])
        await world.write("c", b"c2", b"c3")
        await world.settle(4)
        await world.lose("b", lost_events=True)
        await world["b"].recover()  # the same events, perhaps at other places
        await world.lose("a", backup=backup, lost_events=True)
        await world["a"].recover()
        assert await world.same("a", "b", "c")


@in_event_loop
async def test_a_line_that_breaks_while_others_are_served_leaves_no_one_waiting() -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        await world.write("a", b"a1")
        await world.settle(1)
        await world.lose("a", lost_events=True)
        world.lines["a", "b"].fails_at = {"recover": 1}
        with pytest.raises(RecoveryFailed) as failed:
            await world["a"].recover()
        assert isinstance(failed.value.__cause__, Unreachable)
        await world["a"].recover()
        await world.write("b", b"b1")
        await world.settle(2)
