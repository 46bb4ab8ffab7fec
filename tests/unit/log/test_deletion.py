"""Deleting events: hidden at once and for good, removed when nobody needs them any more."""

from __future__ import annotations

from pathlib import Path

import pytest
from opened_log import new, opened

from museion.base.errors import InvalidInput
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.memory_store import MemoryEventStore
from museion.log.vector_time import VectorTime
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop, until


@in_event_loop
async def test_deleted_events_are_never_read_again_also_not_by_aggregate() -> None:
    async with opened() as log:
        await log.append([new(aggregate_id="x")] * 5)
        assert await log.delete(3) == 3
        assert numbers(await log.read()) == [4, 5]
        assert numbers(await log.read(aggregate_id="x")) == [4, 5]
        assert numbers(await log.read(after=1, limit=1)) == [4]


@in_event_loop
async def test_the_number_really_deleted_up_to_is_returned() -> None:
    async with opened() as log:
        await log.append([new()] * 5)
        assert await log.delete(3) == 3
        assert await log.delete(2) == 3, "a smaller request undoes nothing"
        assert await log.delete(99) == 5, "events to come are never affected"
        await log.append([new()])
        assert numbers(await log.read()) == [6]


@in_event_loop
async def test_events_are_removed_from_the_store_but_for_the_last() -> None:
    store = MemoryEventStore(log_id="here")
    async with opened(store) as log:
        await log.append([new(aggregate_id="x")] * 500)
        await log.delete(500)
        await until(lambda: log.deletion.removed_to == 499)
        assert numbers(store.read(limit=9)) == [500]
        assert numbers(store.read(limit=9, aggregate_id="x")) == [500]
        assert log.version == VectorTime({"here": 500})


@in_event_loop
async def test_the_clock_outlives_what_was_removed(tmp_path: Path) -> None:
    async with opened(LmdbEventStore(tmp_path)) as log:
        await log.append([new()] * 5)
        await log.delete(5)
        await until(lambda: log.deletion.removed_to == 4)
    async with opened(LmdbEventStore(tmp_path)) as log:
        assert (log.sequence_nr, log.deleted_to, log.deletion.removed_to) == (5, 5, 4)
        assert list(await log.read()) == []
        (event,) = await log.append([new()])
        assert event.sequence_nr == 6


@in_event_loop
async def test_removal_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with opened(LmdbEventStore(tmp_path)) as log:
        await log.append([new()] * 1000)
        await log.delete(900)
    store = LmdbEventStore(tmp_path)
    assert store.recover().removed_to < 900
    async with opened(store) as log:
        await until(lambda: log.deletion.removed_to == 900)
        assert numbers(await log.read(limit=1)) == [901]


@in_event_loop
async def test_events_wait_for_the_readers_that_still_need_them(tmp_path: Path) -> None:
    async with opened(LmdbEventStore(tmp_path)) as log:
        await log.append([new()] * 10)
        await log.delete(8, keep_for=["rome", "paris"])
        assert numbers(await log.read()) == [9, 10]
        await log.append([], progress={"rome": 10})
    async with opened(LmdbEventStore(tmp_path)) as log:
        assert numbers(await log.read(deleted=True)) == list(range(1, 11))
        await log.append([], progress={"paris": 4})
        log.deletion.look_again()
        await until(lambda: log.deletion.removed_to == 4)
        assert numbers(await log.read(deleted=True)) == list(range(5, 11))
        await log.append([], progress={"paris": 8})
        log.deletion.look_again()
        await until(lambda: log.deletion.removed_to == 8)
        assert numbers(await log.read(deleted=True)) == [9, 10]


@in_event_loop
async def test_a_number_below_zero_is_refused() -> None:
    async with opened() as log:
        with pytest.raises(InvalidInput, match="-1"):
            await log.delete(-1)


@in_event_loop
async def test_a_damaged_event_stops_the_removal_and_is_told() -> None:
    store = MemoryEventStore(log_id="here")
    log = EventLog(store)
    await log.append([new()] * 3)

    def damaged(**_: object) -> list[object]:
        from museion.log.event_store import DamagedEvent

        raise DamagedEvent(1)

    store.read = damaged  # type: ignore[method-assign, assignment]  # a store whose file is damaged
    await log.delete(2)
    await until(lambda: log.deletion.trouble is not None)
    assert "Event 1 " in str(log.deletion.trouble)
    await log.close()
