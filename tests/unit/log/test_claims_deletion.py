"""Deletion: never undone, never ahead of the logs that still need what is deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from opened_log import new, opened, steered

from museion.log import deletion
from museion.log.circuit_breaker import WritePolicy
from museion.log.event import InvalidEvent
from museion.log.event_log import EventLog
from museion.log.event_store import WriteFailed
from museion.log.lmdb_store import LmdbEventStore
from museion.log.memory_store import MemoryEventStore
from museion.log.proof.verification import verify
from museion.log.replication.link import READ_BY, linked, pull, pull_all
from museion.log.replication.reading import ReadLimits
from museion.log.vector_time import VectorTime
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop, until
from museion.testing.failing_store import FailingStore, Fault


@asynccontextmanager
async def two_logs() -> AsyncIterator[tuple[EventLog, EventLog]]:
    here = EventLog(MemoryEventStore(log_id="here"))
    there = EventLog(MemoryEventStore(log_id="there"))
    try:
        yield here, there
    finally:
        await here.close()
        await there.close()


# Logical deletion


@in_event_loop
async def test_a_smaller_request_at_the_same_time_undoes_nothing_also_not_after_a_restart(
    tmp_path: Path,
) -> None:
    async with opened(LmdbEventStore(tmp_path)) as log:
        await log.append([new()] * 10)
        assert await asyncio.gather(*map(log.delete, (2, 7, 3))) == [2, 7, 7]
        assert numbers(await log.read()) == [8, 9, 10]
    async with opened(LmdbEventStore(tmp_path)) as log:
        assert log.deleted_to == 7
        assert numbers(await log.read()) == [8, 9, 10]


@in_event_loop
async def test_a_deletion_that_was_refused_hides_nothing_also_not_with_a_later_smaller_one() -> (
    None
):
    class NoMark(MemoryEventStore):
        refuses = False

        def mark_deleted(self, to: int) -> None:
            if self.refuses:
                raise WriteFailed("no space")
            super().mark_deleted(to)

    store = NoMark(log_id="here")
    async with opened(store) as log:
        await log.append([new()] * 10)
        store.refuses = True
        with pytest.raises(WriteFailed):
            await log.delete(9)
        assert numbers(await log.read(limit=1)) == [1]
        store.refuses = False
        assert await log.delete(2) == 2
        assert store.recover().deleted_to == 2


@in_event_loop
async def test_what_is_deleted_is_hidden_from_every_way_of_reading_and_events_to_come_are_not() -> (
    None
):
    async with opened() as log:
        await log.append([new(aggregate_id="x", destinations=("y",))] * 5)
        await log.delete(99)
        for aggregate_id in (None, "x", "y"):
            assert numbers(await log.read(aggregate_id=aggregate_id)) == []
        subscriptions = [log.subscribe(aggregate_id=each) for each in (None, "x", "y")]
        await log.append([new(aggregate_id="x", destinations=("y",))])
        for subscription in subscriptions:
            assert numbers(await subscription.next()) == [6]


# Who still needs what is deleted


@in_event_loop
async def test_a_reader_that_has_come_past_what_was_kept_for_it_holds_up_no_later_deletion() -> (
    None
):
    async with opened() as log:
        await log.append([new()] * 10)
        await log.delete(3, keep_for=["rome"])
        await log.append([], progress={"rome": 3})
        await log.delete(8)
        await until(lambda: log.deletion.removed_to == 8)


@in_event_loop
async def test_what_is_deleted_stays_until_each_linked_log_that_was_named_has_it() -> None:
    async with two_logs() as (here, there):
        await here.append([new(b"%d" % number) for number in range(10)])
        await there.append([new(b"other")] * 50)
        await pull_all(there, here)
        await here.delete(9, keep_for=[READ_BY + "there"])
        await pull(here, there, limits=ReadLimits(max_events=4))
        await until(lambda: here.deletion.removed_to == 4)
        assert numbers(await here.read(deleted=True, limit=2)) == [5, 6]
        taken = await pull_all(here, there)
        assert [event.payload for event in taken] == [b"4", b"5", b"6", b"7", b"8", b"9"]
        await until(lambda: here.deletion.removed_to == 9)


@in_event_loop
async def test_a_linked_log_gets_what_was_deleted_before_it_could_be_reached() -> None:
    async with two_logs() as (here, there):
        await here.append([new(b"%d" % number) for number in range(300)])
        await here.delete(299, keep_for=[READ_BY + "there"])
        async with linked(here, there):
            await until(lambda: there.sequence_nr == 300)
            await here.append([new(b"last")])
            await until(lambda: here.deletion.removed_to == 299)
        assert len(await there.read()) == 301


@in_event_loop
async def test_where_nothing_is_kept_for_it_a_linked_log_costs_its_source_no_write() -> None:
    store = steered()
    there = EventLog(MemoryEventStore(log_id="there"))
    try:
        async with opened(store) as here:
            await here.append([new()] * 3)
            for _ in range(3):
                await pull_all(here, there)
    finally:
        await there.close()
    assert len(store.batches) == 1


@pytest.mark.parametrize("name", ["\udcff", "x" * 511])
@in_event_loop
async def test_a_reader_whose_name_cannot_be_kept_is_refused_and_nothing_is_deleted(
    name: str,
) -> None:
    async with opened() as log:
        await log.append([new()] * 3)
        with pytest.raises(InvalidEvent):
            await log.delete(2, keep_for=["rome", name])
        assert log.deleted_to == 0


# Physical deletion


class Counting(MemoryEventStore):
    """Notes up to which event each removal goes."""

    def __init__(self) -> None:
        super().__init__(log_id="here")
        self.removals: list[int] = []
        self.failures = 0

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        if self.failures:
            self.failures -= 1
            raise WriteFailed("no space")
        self.removals.append(to)
        super().remove(to, chain)


@in_event_loop
async def test_events_are_removed_a_hundred_at_a_time() -> None:
    store = Counting()
    async with opened(store) as log:
        await log.append([new()] * 350)
        await log.delete(320)
        await until(lambda: log.deletion.removed_to == 320)
    assert store.removals == [100, 200, 300, 320]


@in_event_loop
async def test_a_removal_that_failed_is_tried_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert deletion._RETRY_S == 60.0
    monkeypatch.setattr(deletion, "_RETRY_S", 0.01)
    store = Counting()
    store.failures = 3
    async with opened(store) as log:
        await log.append([new()] * 10)
        await log.delete(5)
        await until(lambda: log.deletion.removed_to == 5)
        await until(lambda: log.deletion.trouble is None)


@in_event_loop
async def test_while_it_is_removed_in_parts_the_log_goes_on_and_its_proof_stays_whole(
    tmp_path: Path,
) -> None:
    """The heads of all origins are kept, also of one whose events went in an earlier part."""
    elsewhere = EventLog(MemoryEventStore(log_id="there"))
    try:
        await elsewhere.append([new()] * 3)
        async with opened(LmdbEventStore(tmp_path)) as log:
            await pull_all(elsewhere, log)
            await log.append([new()] * 400)
            await log.delete(350)
            await log.append([new()])
            await until(lambda: log.deletion.removed_to == 350)
            await elsewhere.append([new()])
            await pull_all(elsewhere, log)
            assert log.version == VectorTime({"there": 4, log.log_id: 404})
    finally:
        await elsewhere.close()
    store = LmdbEventStore(tmp_path)
    try:
        assert set(store.recover().removed_chain) == {"there", store.recover().log_id}
        assert verify(store).damage == 0
    finally:
        store.close()


# A deletion of which the store did not say whether it was done


@pytest.mark.parametrize("fault", [Fault.KEPT, Fault.LOST])
@pytest.mark.parametrize("to", [5, 2])
@in_event_loop
async def test_a_deletion_that_is_reported_as_failed_is_certainly_not_done(
    fault: Fault, to: int
) -> None:
    store = FailingStore(MemoryEventStore(log_id="here"))
    log = EventLog(store, policy=WritePolicy(retries=0))
    await log.append([new()] * 10)
    await log.delete(3)
    await until(lambda: log.deletion.removed_to == 3)
    store.next_faults.extend([None, fault])  # what is kept for rome is written, then the mark
    try:
        done = await log.delete(to, keep_for=["rome"])
    except WriteFailed:
        done = 3
    await log.close()
    assert store.recover().deleted_to == done


@in_event_loop
async def test_a_log_that_is_closed_right_behind_a_deletion_closes() -> None:
    log = EventLog(MemoryEventStore(log_id="here"))
    await log.append([new()] * 10)
    await log.delete(3)
    await until(lambda: log.deletion.removed_to == 3)
    await asyncio.sleep(0.05)  # let it wait for the next deletion; sooner, the test proves less
    await log.delete(4)
    async with asyncio.timeout(5):
        await log.close()
