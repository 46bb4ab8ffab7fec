"""What a log promises to those who replay it, follow it, and replicate into it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest
from counting import Counter
from opened_log import new, opened, steered
from recording import Noted, Recorder, emit, in_both_modes

from museion.log.event import Event
from museion.log.event_log import BatchLimits, EventLog
from museion.log.event_store import WriteBatch, WriteFailed
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.link import PROGRESS, pull, pull_all
from museion.log.replication.reading import ReadLimits, read_for_replication
from museion.log.sourced.aggregates import Aggregates
from museion.log.vector_time import VectorTime
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop, until

# Replay


@in_event_loop
async def test_a_replay_begins_behind_a_number_and_ends_at_an_upper_bound() -> None:
    async with opened() as log:
        await log.append([new(aggregate_id="xy"[number % 2]) for number in range(10)])
        assert numbers(await log.read(after=2, up_to=7)) == [3, 4, 5, 6, 7]
        assert numbers(await log.read(after=2, up_to=7, aggregate_id="x")) == [3, 5, 7]
        assert numbers(await log.read(after=7, up_to=7)) == []
        assert numbers(await log.read(after=8, up_to=99)) == [9, 10]


@pytest.mark.parametrize("aggregate_id", [None, "x"])
@in_event_loop
async def test_a_replay_comes_in_batches_of_at_most_the_replay_batch_size(
    aggregate_id: str | None,
) -> None:
    async with opened(limits=BatchLimits(replay_batch_events=3)) as log:
        await log.append([new(aggregate_id="x")] * 10)
        sizes: list[int] = []
        async with aclosing(log.follow(aggregate_id=aggregate_id)) as batches:
            while sum(sizes) < 10:
                sizes.append(len(await anext(batches)))
        assert sizes == [3, 3, 3, 1]


@in_event_loop
async def test_the_next_batch_of_a_replay_is_read_only_when_the_last_was_handled() -> None:
    store = steered()
    reads = 0

    def count() -> None:
        nonlocal reads
        reads += 1

    async with opened(store, BatchLimits(replay_batch_events=2)) as log:
        await log.append([new()] * 6)
        store.before_read = count
        async with aclosing(log.follow()) as batches:
            for expected in (1, 2, 3):
                await anext(batches)
                for _ in range(50):
                    await asyncio.sleep(0)  # the handling: whoever reads ahead would do so now
                assert reads == expected


@in_event_loop
async def test_a_replay_passes_gaps_in_the_numbers_and_never_violates_their_order() -> None:
    store = MemoryEventStore(log_id="here")
    async with opened(store) as log:
        await log.append([new(b"1"), new(b"2")])
    _skip_numbers(store, to=1000)
    async with opened(store) as log:
        await log.append([new(b"3")])
        await log.append([new(b"4")])
        async with aclosing(log.follow()) as batches:
            seen = numbers(await anext(batches))
    assert seen == [1, 2, 1000, 1001]


def _skip_numbers(store: MemoryEventStore, *, to: int) -> None:
    """Let the log's own entry stand higher, as where it lost events that a neighbour has."""
    from msgspec.structs import replace

    state = store.recover()
    store._state = replace(state, version=VectorTime({"here": to - 1}))


# The aggregate index: eight cases, local and replicated, in a replay and live

_CASES = pytest.mark.parametrize("replicated", [False, True], ids=["local", "replicated"])
_EMITTERS = pytest.mark.parametrize("own", [None, "x"], ids=["no aggregate", "aggregate x"])
_FURTHER = pytest.mark.parametrize("further", [(), ("y",)], ids=["no further", "further y"])
_LISTENERS = pytest.mark.parametrize("listener", [None, "x", "y", "z"])


@_CASES
@_EMITTERS
@_FURTHER
@_LISTENERS
@in_event_loop
async def test_an_event_is_found_by_each_of_its_destinations_and_by_no_other_live_and_in_a_replay(
    replicated: bool, own: str | None, further: tuple[str, ...], listener: str | None
) -> None:
    here, there = (EventLog(MemoryEventStore(log_id=name)) for name in ("here", "there"))
    try:
        live, everything = here.subscribe(aggregate_id=listener), here.subscribe()
        await (there if replicated else here).append([new(aggregate_id=own, destinations=further)])
        if replicated:
            await pull_all(there, here)
        assert numbers(everything.take_ready()) == [1]
        expected = [1] if listener in {None, own, *further} else []
        assert numbers(live.take_ready()) == expected
        assert numbers(await here.read(aggregate_id=listener)) == expected
        assert live.caught_up
    finally:
        await here.close()
        await there.close()


# Who is told


@in_both_modes
@in_event_loop
async def test_an_emitter_has_its_event_by_the_reply_and_others_by_notification_each_once(
    kind: type[Recorder],
) -> None:
    async with (
        opened() as log,
        Aggregates(log, kind, location="one") as ones,
        Aggregates(log, kind, location="two") as twos,
    ):
        emitter, other = await ones.get("a"), await twos.get("a")
        assert await emitter.note("x") == ["x"]
        assert await other.look() == ["x"]
        for _ in range(20):
            await asyncio.sleep(0)
        assert await emitter.look() == await other.look() == ["x"]


@in_event_loop
async def test_all_subscribers_are_notified_of_a_replicated_event_its_emitter_too() -> None:
    """An aggregate that moved, or that runs at both places, sees what it wrote elsewhere."""
    here, there = (EventLog(MemoryEventStore(log_id=name)) for name in ("here", "there"))
    try:
        async with (
            Aggregates(here, Counter, location="both") as at_home,
            Aggregates(there, Counter, location="both") as abroad,
        ):
            mine = await at_home.get("a")
            await (await abroad.get("a")).increment(5)
            await pull_all(there, here)
            assert await mine.read() == 5
    finally:
        await here.close()
        await there.close()


@in_event_loop
async def test_all_components_of_a_log_see_the_order_of_a_replay_also_live() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        live = log.subscribe(aggregate_id="a")
        recorder = await recorders.get("a")
        await asyncio.gather(
            *(recorder.note(f"own {number}") for number in range(10)),
            *(emit(log, Noted(f"other {number}")) for number in range(10)),
        )
        replayed = list(await log.read(aggregate_id="a"))
        assert live.take_ready() == replayed
        async with Aggregates(log, Recorder, location="again") as others:
            assert await (await others.get("a")).look() == await recorder.look()


# Replication


@in_event_loop
async def test_progress_that_is_stale_does_no_harm_since_the_target_drops_what_it_has() -> None:
    here, there = (EventLog(MemoryEventStore(log_id=name)) for name in ("here", "there"))
    try:
        await there.append([new(b"%d" % number) for number in range(5)])
        await pull_all(there, here)
        await here.append([], progress={PROGRESS + "there": 1})
        assert await pull_all(there, here) == []
        assert here.sequence_nr == 5
        assert here.progress(PROGRESS + "there") == 5
    finally:
        await here.close()
        await there.close()


@in_event_loop
async def test_the_filter_at_the_target_is_enough_when_the_source_sends_everything() -> None:
    """The source filters only to save the way: here it believes that the target knows nothing."""
    here, there = (EventLog(MemoryEventStore(log_id=name)) for name in ("here", "there"))
    try:
        await here.append([new(b"1")])
        await pull_all(here, there)
        await there.append([new(b"2")])
        for _ in range(3):
            found = await read_for_replication(there, after=0, known=VectorTime())
            assert len(found.events) == 2
            await here.append_replicated(found.events)
        assert [event.payload for event in await here.read()] == [b"1", b"2"]
    finally:
        await here.close()
        await there.close()


@in_event_loop
async def test_events_and_progress_of_a_replicated_write_are_one_batch_a_retry_repairs_it() -> None:
    store = steered()
    there = EventLog(MemoryEventStore(log_id="there"))
    try:
        async with opened(store) as here:
            await there.append([new(), new()])
            store.failures = [WriteFailed("no space")]
            with pytest.raises(WriteFailed):
                await pull(there, here)
            assert (here.sequence_nr, here.progress(PROGRESS + "there")) == (0, 0)
            assert here.version == VectorTime()
            assert len(await pull(there, here)) == 2
    finally:
        await there.close()
    (batch,) = store.batches
    assert (len(batch.events), dict(batch.progress)) == (2, {PROGRESS + "there": 2})


@in_event_loop
async def test_a_replication_read_sees_every_replicated_write_that_was_acknowledged_before() -> (
    None
):
    logs = [EventLog(MemoryEventStore(log_id=name)) for name in ("a", "b")]
    first, middle = logs
    try:
        for number in range(20):
            await first.append([new(b"%d" % number)])
            await pull(first, middle)
            found = await read_for_replication(middle, after=number, known=VectorTime())
            assert [event.payload for event in found.events] == [b"%d" % number]
    finally:
        for log in logs:
            await log.close()


@in_event_loop
async def test_a_read_that_finds_only_filtered_events_moves_progress_by_its_scan_limit() -> None:
    here, there = (EventLog(MemoryEventStore(log_id=name)) for name in ("here", "there"))
    try:
        await there.append([new(b"secret")] * 10)
        positions: list[int] = []
        for _ in range(4):
            await pull(there, here, may_leave=lambda _: False, limits=ReadLimits(max_scanned=3))
            positions.append(here.progress(PROGRESS + "there"))
        assert positions == [3, 6, 9, 10]
        assert here.sequence_nr == 0
    finally:
        await here.close()
        await there.close()


@in_event_loop
async def test_an_emitted_event_gets_process_and_own_entry_and_a_replicated_one_keeps_its_own() -> (
    None
):
    here, there = (EventLog(MemoryEventStore(log_id=name)) for name in ("here", "there"))
    try:
        (event,) = await there.append([new(vector_timestamp=VectorTime({"far": 2}))])
        (taken,) = await here.append_replicated([event])
        assert (event.process_id, taken.process_id) == ("there", "there")
        assert (
            taken.vector_timestamp == event.vector_timestamp == VectorTime({"far": 2, "there": 1})
        )
    finally:
        await here.close()
        await there.close()


# Writes


class TornStore(MemoryEventStore):
    """Refuses a batch that has an event with a certain payload."""

    def write(self, batch: WriteBatch) -> None:
        if any(event.payload == b"bad" for event in batch.events):
            raise WriteFailed("the disk refuses this one")
        super().write(batch)


@in_event_loop
async def test_of_one_request_all_events_are_written_or_none() -> None:
    async with opened(TornStore(log_id="here")) as log:
        seen: list[Event] = []
        follower = log.subscribe()
        with pytest.raises(WriteFailed):
            await log.append([new(b"1"), new(b"bad"), new(b"2")], progress={"reader": 3})
        assert (log.sequence_nr, log.progress("reader"), log.version) == (0, 0, VectorTime())
        await log.append([new(b"3")])
        seen += follower.take_ready()
        assert _payloads(seen) == _payloads(await log.read()) == [b"3"]
        assert seen[0].id.time == 1, "what was refused left no trace in the clock"


@in_event_loop
async def test_what_was_reported_as_failed_is_not_in_the_log_and_does_not_come_later() -> None:
    store = steered()
    async with opened(store) as log:
        store.failures = [WriteFailed("no space")]
        with pytest.raises(WriteFailed):
            await log.append([new(b"refused")])
        await log.append([new(b"kept")])
        await until(lambda: log.statistics.pending_requests == 0)
    reopened = EventLog(store)
    try:
        assert _payloads(await reopened.read()) == [b"kept"]
    finally:
        await reopened.close()


def _payloads(events: Sequence[Event]) -> list[bytes]:
    return [event.payload for event in events]
