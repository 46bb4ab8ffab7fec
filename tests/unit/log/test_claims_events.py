"""What an event carries, what its identity survives, and what the clocks of log and event say."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from opened_log import new, opened, steered

from museion.log.event import UNWRITTEN, Event, EventId, InvalidEvent, NewEvent, Relation, relation
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.link import PROGRESS, pull_all
from museion.log.vector_time import VectorTime, merge_all
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop

# The envelope


@in_event_loop
async def test_a_durable_event_carries_all_that_it_was_given_and_its_place_and_origin() -> None:
    given_fields = NewEvent(
        type_name="order.placed",
        form=3,
        payload=b"payload",
        emitter_id="shop",
        aggregate_id="order-1",
        destinations=("customer-1", "day-1"),
        vector_timestamp=VectorTime({"there": 4}),
        cause=EventId("there", 4),
        delivery_id="delivery",
        subject_key_id="key",
    )
    async with opened() as log:
        (event,) = await log.append([given_fields])
        (read,) = await log.read()
    assert read == event
    assert msgspec.structs.asdict(event) | {"system_time_ms": 0, "chain_digest": b""} == {
        "type_name": "order.placed",
        "form": 3,
        "payload": b"payload",
        "emitter_id": "shop",
        "aggregate_id": "order-1",
        "custom_destinations": ("customer-1", "day-1"),
        "system_time_ms": 0,
        "vector_timestamp": VectorTime({"there": 4, "here": 1}),
        "process_id": "here",
        "log_id": "here",
        "sequence_nr": 1,
        "cause": EventId("there", 4),
        "delivery_id": "delivery",
        "chain_digest": b"",
        "subject_key_id": "key",
    }


def test_an_event_that_is_not_written_has_no_number_no_process_and_no_time() -> None:
    """What asks to be written is of another type, so nothing takes it for a written event."""
    unwritten = {field.name for field in msgspec.structs.fields(NewEvent)}
    assert unwritten.isdisjoint({"sequence_nr", "log_id", "process_id", "system_time_ms", "id"})


@in_event_loop
async def test_no_written_event_has_the_number_zero_which_means_not_written() -> None:
    async with opened() as log:
        assert log.sequence_nr == UNWRITTEN == 0
        (event,) = await log.append([new()])
        assert event.sequence_nr == event.id.time == 1


@in_event_loop
async def test_destinations_are_the_further_ones_and_the_aggregate_of_the_emitter() -> None:
    async with opened() as log:
        cases = [(None, ()), ("x", ()), (None, ("y", "z")), ("x", ("y", "x"))]
        events = await log.append([new(aggregate_id=a, destinations=d) for a, d in cases])
        expected: list[set[str]] = [set(), {"x"}, {"y", "z"}, {"x", "y"}]
        assert [event.destinations for event in events] == expected


@in_event_loop
async def test_destinations_are_stored_so_a_later_rule_of_routing_does_not_alter_history(
    tmp_path: Path,
) -> None:
    def routed(rule: str) -> NewEvent:
        return new(aggregate_id="x", destinations=(rule,))

    async with opened(LmdbEventStore(tmp_path)) as log:
        await log.append([routed("by customer")])
    async with opened(LmdbEventStore(tmp_path)) as log:
        await log.append([routed("by day")])
        assert numbers(await log.read(aggregate_id="by customer")) == [1]
        assert numbers(await log.read(aggregate_id="by day")) == [2]


# Identity


@in_event_loop
async def test_an_event_id_survives_loss_and_re_replication_and_the_number_does_not() -> None:
    here, there = EventLog(MemoryEventStore(log_id="here")), EventLog(MemoryEventStore())
    try:
        await there.append([new(b"other")])
        written = await here.append([new(b"1"), new(b"2")])
        await pull_all(here, there)
        lost = EventLog(MemoryEventStore(log_id="here"))
        try:
            await pull_all(there, lost)
            own = [event for event in await lost.read() if event.process_id == "here"]
        finally:
            await lost.close()
    finally:
        await here.close()
        await there.close()
    assert [event.id for event in own] == [event.id for event in written]
    assert [event.sequence_nr for event in own] == [2, 3]
    assert [event.sequence_nr for event in written] == [1, 2]


@in_event_loop
async def test_the_own_entry_of_a_stamp_is_the_number_that_the_log_gives_at_write() -> None:
    """Not of the emitter, who cannot know it: requests that wait together get it in their order."""
    async with opened() as log:
        await log.append([new()] * 3)
        events = await log.append([new(vector_timestamp=VectorTime({"here": 1, "there": 9}))] * 2)
    for event in events:
        assert event.vector_timestamp.local_time("here") == event.sequence_nr == event.id.time
    assert numbers(events) == [4, 5]


# Clocks


@in_event_loop
async def test_the_clock_has_one_entry_for_each_log_however_many_emitters_there_are() -> None:
    logs = [EventLog(MemoryEventStore(log_id=name)) for name in ("a", "b", "c")]
    random = Random(7)  # noqa: S311 (repeatable)
    try:
        for number in range(200):
            log = random.choice(logs)
            emitter_id = f"emitter-{number}"
            await log.append([new(emitter_id=emitter_id, vector_timestamp=log.version)])
            await pull_all(random.choice(logs), log)
        assert all(set(log.version.times) <= {"a", "b", "c"} for log in logs)
        for log in logs:
            for event in await log.read(limit=1000):
                assert len(event.vector_timestamp.times) <= 3
    finally:
        for log in logs:
            await log.close()


@in_event_loop
async def test_two_events_that_emitters_of_one_log_wrote_are_ordered_never_concurrent() -> None:
    async with opened() as log:
        events = await log.append([new(emitter_id=f"emitter-{nr}") for nr in range(5)])
    for first, second in pairwise(events):
        assert relation(first, second) is Relation.BEFORE


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_clock_of_a_log_is_the_merge_of_all_stamps_ever_written_to_it(seed: int) -> None:
    random = Random(seed)  # noqa: S311 (repeatable)

    @in_event_loop
    async def run() -> None:
        here = EventLog(MemoryEventStore(log_id="here"))
        there = EventLog(MemoryEventStore(log_id="there"))
        seen: list[VectorTime] = []
        try:
            for _ in range(12):
                stamp = VectorTime({random.choice("xyz"): random.randint(1, 9)})
                log = random.choice([here, there])
                await log.append([new(vector_timestamp=random.choice([stamp, VectorTime()]))])
                if random.random() < 0.4:
                    await pull_all(there, here)
                if random.random() < 0.2:
                    await here.delete(here.sequence_nr // 2)
                seen += [event.vector_timestamp for event in await here.read(deleted=True)]
                assert here.version == merge_all(seen)
        finally:
            await here.close()
            await there.close()

    run()


@in_event_loop
async def test_a_restart_brings_back_number_version_progress_and_deletion_mark(
    tmp_path: Path,
) -> None:
    there = EventLog(MemoryEventStore(log_id="there"))
    try:
        await there.append([new()] * 4)
        async with opened(LmdbEventStore(tmp_path)) as log:
            await log.append([new(vector_timestamp=VectorTime({"far": 3}))], progress={"reader": 8})
            await pull_all(there, log)
            await log.delete(2)
            before = (log.log_id, log.sequence_nr, log.version, log.deleted_to)
        async with opened(LmdbEventStore(tmp_path)) as log:
            assert (log.log_id, log.sequence_nr, log.version, log.deleted_to) == before
            assert before[1:] == (5, VectorTime({"far": 3, log.log_id: 1, "there": 4}), 2)
            assert (log.progress(PROGRESS + "there"), log.progress("reader")) == (4, 8)
            assert await pull_all(there, log) == [], "what was taken over is still known"
    finally:
        await there.close()


# What is no event


def _foreign() -> Event:
    return Event(
        type_name="test.happened",
        form=1,
        payload=b"",
        emitter_id="emitter",
        aggregate_id=None,
        custom_destinations=(),
        system_time_ms=1,
        vector_timestamp=VectorTime({"there": 1}),
        process_id="there",
        log_id="there",
        sequence_nr=1,
        chain_digest=bytes(31) + b"\1",
    )


_BAD: dict[str, list[object]] = {
    "aggregate_id": ["", "x" * 600],
    "custom_destinations": [("",), ("\udcff",)],
    "emitter_id": ["\udcff"],
    "type_name": [""],
    "payload": ["text"],
    "form": [-1, 1 << 64],
    "system_time_ms": [-1],
    "process_id": ["", "another"],
    "vector_timestamp": [
        VectorTime(),
        VectorTime({"there": 1, "far": -1}),
        VectorTime({"there": 1 << 64}),
        VectorTime({"there": 1, "\udcff": 1}),
    ],
    "chain_digest": [b"short"],
    "cause": [EventId("there", 1 << 64), EventId("\udcff", 1)],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in _BAD.items() for value in values]
)
@in_event_loop
async def test_a_bad_event_of_another_log_is_refused_and_cannot_stop_or_harm_this_one(
    tmp_path: Path, field: str, value: object
) -> None:
    bad = replace(_foreign(), **{field: value})
    async with opened(LmdbEventStore(tmp_path)) as log:
        with pytest.raises(InvalidEvent):
            await log.append_replicated([_foreign(), bad], progress={"there": 2})
        assert (log.sequence_nr, log.progress("there")) == (0, 0)
        await log.append_replicated([_foreign()])
        await log.append([new()])
        assert numbers(await log.read()) == [1, 2]


@pytest.mark.parametrize(
    "bad",
    [
        new(form=1 << 64),
        new(vector_timestamp=VectorTime({"there": 1 << 64})),
        new(vector_timestamp=VectorTime({"there": -1})),
        new(vector_timestamp=VectorTime({"\udcff": 1})),
        new(cause=EventId("there", 1 << 64)),
        new(cause=EventId("\udcff", 1)),
    ],
    ids=["form", "time too large", "time below zero", "process", "cause", "origin of a cause"],
)
@in_event_loop
async def test_a_number_that_cannot_be_stored_fails_its_own_request_only(bad: NewEvent) -> None:
    store = steered()
    async with opened(store) as log:
        with pytest.raises(InvalidEvent):
            await log.append([bad])
        await log.append([new(b"good")])
        assert [event.payload for event in await log.read()] == [b"good"]
