"""Events of other logs: taken over once, whatever way they come, and never altered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import combinations, permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opened_log import new

from museion.base.errors import InvalidInput
from museion.log.chain import START, next_digest
from museion.log.event import Event, EventId, Relation, relation
from museion.log.event_log import EventLog
from museion.log.frame import envelope_of
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.link import PROGRESS, READ_BY, linked, pull, pull_all
from museion.log.replication.reading import ReadLimits, read_for_replication
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until


@asynccontextmanager
async def logs(*names: str) -> AsyncIterator[list[EventLog]]:
    async with AsyncExitStack() as stack:
        opened = [EventLog(MemoryEventStore(log_id=name)) for name in names]
        for log in opened:
            stack.push_async_callback(log.close)
        yield opened


async def everything(log: EventLog) -> list[Event]:
    return list(await log.read(limit=10_000))


def shared(event: Event) -> bytes:
    """Return all that must be the same everywhere."""
    return envelope_of(event) + (event.chain_digest or b"")


@in_event_loop
async def test_only_log_id_and_sequence_number_differ_at_three_locations() -> None:
    async with logs("a", "b", "c") as (a, b, c):
        await b.append([new(b"elsewhere")])
        first = await a.append([new(b"cause", aggregate_id="x")])
        second = new(
            b"effect", destinations=("y",), cause=first[0].id, delivery_id="d", subject_key_id="k"
        )
        await a.append([second])
        await pull_all(a, b)
        await pull_all(b, c)
        at_a, at_b, at_c = await everything(a), (await everything(b))[1:], await everything(c)
        assert [shared(each) for each in at_a] == [shared(each) for each in at_b]
        assert [shared(each) for each in at_a] == [shared(each) for each in at_c[1:]]
        assert [each.sequence_nr for each in at_b] == [2, 3]
        assert {each.log_id for each in at_b} == {"b"}
        assert {each.process_id for each in at_b} == {"a"}
        assert [each.id for each in at_c[1:]] == [EventId("a", 1), EventId("a", 2)]


@in_event_loop
async def test_the_target_drops_what_its_version_vector_covers() -> None:
    async with logs("a", "b") as (a, b):
        events = await a.append([new(b"1"), new(b"2")])
        assert len(await b.append_replicated(events[:1])) == 1
        assert [e.payload for e in await b.append_replicated(events)] == [b"2"]
        assert await b.append_replicated(events) == []
        assert [e.payload for e in await everything(b)] == [b"1", b"2"]
        assert b.version == VectorTime({"a": 2})


@in_event_loop
async def test_an_event_twice_in_one_request_gets_in_once() -> None:
    async with logs("a", "b") as (a, b):
        events = await a.append([new(b"1")])
        assert len(await b.append_replicated([*events, *events])) == 1


@in_event_loop
async def test_an_event_does_not_come_back_to_where_it_was_written() -> None:
    async with logs("a", "b") as (a, b):
        await a.append([new(b"1")])
        await pull_all(a, b)
        assert await pull_all(b, a) == []
        assert a.sequence_nr == 1
        assert a.progress(PROGRESS + "b") == 1, "progress moves on over what was known"


@in_event_loop
async def test_progress_moves_on_over_events_that_were_filtered_out() -> None:
    async with logs("a", "b") as (a, b):
        await a.append([new(b"secret"), new(b"open"), new(b"secret")])
        taken = await pull_all(a, b, may_leave=lambda event: event.payload == b"open")
        assert [event.payload for event in taken] == [b"open"]
        assert b.progress(PROGRESS + "a") == 3


@in_event_loop
async def test_a_cause_stands_before_its_effect_in_every_log() -> None:
    async with logs("a", "b", "c") as (a, b, c):
        (cause,) = await a.append([new(b"cause")])
        await pull_all(a, b)
        (effect,) = await b.append([new(b"effect", vector_timestamp=cause.vector_timestamp)])
        assert relation(cause, effect) is Relation.BEFORE
        await pull_all(b, c)
        await pull_all(a, c)
        await pull_all(b, a)
        for log in (a, b, c):
            assert [each.payload for each in await everything(log)] == [b"cause", b"effect"]


@in_event_loop
async def test_concurrent_events_may_stand_in_different_orders() -> None:
    async with logs("a", "b") as (a, b):
        (one,) = await a.append([new(b"one")])
        (other,) = await b.append([new(b"other")])
        await pull_all(a, b)
        await pull_all(b, a)
        assert relation(one, other) is Relation.CONCURRENT
        assert [each.payload for each in await everything(a)] == [b"one", b"other"]
        assert [each.payload for each in await everything(b)] == [b"other", b"one"]


@in_event_loop
async def test_a_replicated_event_keeps_its_time_and_gets_one_only_if_it_has_none() -> None:
    from msgspec.structs import replace

    async with logs("a", "b") as (a, b):
        first, second = await a.append([new(b"1"), new(b"2")])
        old = replace(first, system_time_ms=1)
        without = replace(second, system_time_ms=0, chain_digest=None)
        taken = await b.append_replicated([old, without])
        assert taken[0].system_time_ms == 1
        assert taken[1].system_time_ms > 1


@in_event_loop
async def test_a_log_that_got_its_own_events_back_gives_no_identity_again() -> None:
    async with logs("a", "b") as (a, b):
        await a.append([new(b"1"), new(b"2"), new(b"3")])
        await pull_all(a, b)
        async with logs("a") as (lost,):
            await pull_all(b, lost)
            (event,) = await lost.append([new(b"4")])
            assert event.id == EventId("a", 4)
            assert event.sequence_nr == 4
            assert [each.payload for each in await pull_all(lost, b)] == [b"4"]
            last = (await everything(b))[-1]
            third = (await everything(b))[-2]
            assert third.chain_digest is not None
            assert last.chain_digest == next_digest(third.chain_digest, envelope_of(last))


@in_event_loop
async def test_new_events_after_a_partial_recovery_are_not_taken_for_old_ones() -> None:
    """Only the last of its own events came back: the number is lifted above its own entry."""
    async with logs("a", "b") as (a, b):
        events = await a.append([new(b"1"), new(b"2"), new(b"3")])
        await b.append_replicated(events)
        async with logs("a") as (lost,):
            await lost.append_replicated(events[2:])
            (event,) = await lost.append([new(b"new")])
            assert event.id == EventId("a", 4)
            assert [each.payload for each in await pull_all(lost, b)] == [b"new"]


@in_event_loop
async def test_the_chain_of_an_origin_holds_at_every_site() -> None:
    async with logs("a", "b") as (a, b):
        await a.append([new(b"1")])
        await b.append([new(b"x")])
        await pull_all(a, b)
        await a.append([new(b"2")])
        await pull_all(a, b)
        digest = START
        for event in [each for each in await everything(b) if each.process_id == "a"]:
            digest = next_digest(digest, envelope_of(event))
            assert event.chain_digest == digest


@in_event_loop
async def test_all_who_follow_see_replicated_events() -> None:
    async with logs("a", "b") as (a, b):
        everyone, x = b.subscribe(), b.subscribe(aggregate_id="x")
        await a.append([new(b"1", aggregate_id="x"), new(b"2", destinations=("x",)), new(b"3")])
        await pull_all(a, b)
        assert [event.payload for event in await everyone.next()] == [b"1", b"2", b"3"]
        assert [event.payload for event in await x.next()] == [b"1", b"2"]


@in_event_loop
async def test_linked_logs_converge_and_a_cut_delays_only() -> None:
    async with logs("a", "b") as (a, b):
        async with linked(a, b):
            await a.append([new(b"1")])
            await until(lambda: b.sequence_nr == 1)
            await b.append([new(b"2")])
            await until(lambda: a.sequence_nr == 2)
        await a.append([new(b"3")])
        await b.append([new(b"4")])
        assert (a.sequence_nr, b.sequence_nr) == (3, 3)
        async with linked(a, b):
            await until(lambda: a.sequence_nr == b.sequence_nr == 4)
        assert a.version == b.version


class TestReading:
    @in_event_loop
    async def test_the_number_of_events_looked_at_is_bounded(self) -> None:
        async with logs("a") as (a,):
            await a.append([new(b"%d" % number) for number in range(20)])
            found = await read_for_replication(
                a,
                after=0,
                known=VectorTime(),
                may_leave=lambda event: event.payload == b"15",
                limits=ReadLimits(max_scanned=10),
            )
            assert (list(found.events), found.scanned_to) == ([], 10)

    @in_event_loop
    async def test_events_and_bytes_are_bounded_but_one_event_always_goes(self) -> None:
        async with logs("a") as (a,):
            await a.append([new(bytes(100)) for _ in range(5)])
            for limits, expected in [
                (ReadLimits(max_events=2), 2),
                (ReadLimits(max_bytes=350), 3),
                (ReadLimits(max_bytes=1), 1),
            ]:
                found = await read_for_replication(a, after=0, known=VectorTime(), limits=limits)
                assert (len(found.events), found.scanned_to) == (expected, expected)

    @in_event_loop
    async def test_what_the_target_knows_is_not_sent(self) -> None:
        async with logs("a") as (a,):
            await a.append([new(b"1"), new(b"2")])
            found = await read_for_replication(a, after=0, known=VectorTime({"a": 1}))
            assert [event.payload for event in found.events] == [b"2"]
            assert found.scanned_to == 2

    @in_event_loop
    async def test_deleted_events_still_go_to_other_logs(self) -> None:
        async with logs("a", "b") as (a, b):
            await a.append([new(b"1"), new(b"2"), new(b"3")])
            await a.delete(2, keep_for=[READ_BY + "b"])
            assert [event.payload for event in await pull_all(a, b)] == [b"1", b"2", b"3"]

    @in_event_loop
    async def test_a_limit_below_one_is_refused(self) -> None:
        async with logs("a") as (a,):
            with pytest.raises(InvalidInput):
                await read_for_replication(
                    a, after=0, known=VectorTime(), limits=ReadLimits(max_events=0)
                )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_course_of_writes_and_pulls_ends_with_the_same_events_in_causal_order(
    seed: int,
) -> None:
    async def run() -> None:
        async with logs("a", "b", "c") as opened:
            await write_and_pull(opened, Random(seed))  # noqa: S311 (repeatable)
            for _ in range(2):
                for one, other in permutations(opened, 2):
                    await pull_all(one, other)
            histories = [await everything(log) for log in opened]
        for history in histories:
            assert sorted(map(shared, history)) == sorted(map(shared, histories[0]))
            for event, later in combinations(history, 2):
                assert relation(later, event) is not Relation.BEFORE

    asyncio.run(run())


async def write_and_pull(opened: list[EventLog], random: Random) -> None:
    for number in range(30):
        one, other = random.sample(opened, 2)
        if random.random() < 0.5:
            known = one.version if random.random() < 0.5 else VectorTime()
            await one.append([new(b"%d" % number, vector_timestamp=known)])
        else:
            await pull(one, other, limits=ReadLimits(max_events=random.randint(1, 3)))
