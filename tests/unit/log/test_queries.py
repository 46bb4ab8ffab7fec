"""Queries: all ids, events by id, events by tag; each current and live; offsets resume."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import pytest
from opened_log import new, opened

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.log_errors import LogClosed, UnknownPosition
from museion.log.payloads.event_adapters import tag
from museion.log.queries import Queries
from museion.testing.event_loop import in_event_loop

T = TypeVar("T")


async def fill(log: EventLog) -> None:
    """Write six events: a, b and c take turns; every second one is red."""
    await log.append(
        [
            new(aggregate_id="abc"[number % 3], destinations=(tag("red"),) if number % 2 else ())
            for number in range(6)
        ]
    )


async def all_of(found: AsyncGenerator[T, None]) -> list[T]:
    async with aclosing(found):
        return [each async for each in found]


async def first(count: int, found: AsyncGenerator[T, None]) -> list[T]:
    """Return what a live query has handed out when it has handed out `count`."""
    async with aclosing(found):
        return [await anext(found) for _ in range(count)]


def numbers(events: list[Event]) -> list[int]:
    return [event.sequence_nr for event in events]


@in_event_loop
async def test_all_current_ids_are_found_each_once_and_no_tags() -> None:
    async with opened() as log:
        await fill(log)

        assert await all_of(Queries(log).current_aggregate_ids()) == ["a", "b", "c"]


@in_event_loop
async def test_current_ids_resume_behind_the_last_one() -> None:
    async with opened() as log:
        await fill(log)

        assert await all_of(Queries(log).current_aggregate_ids(after="a")) == ["b", "c"]


@in_event_loop
async def test_current_ids_span_many_pages() -> None:
    async with opened() as log:
        ids = [f"aggregate-{number:04}" for number in range(1_500)]
        await log.append([new(aggregate_id=aggregate_id) for aggregate_id in ids])

        assert await all_of(Queries(log).current_aggregate_ids()) == ids


@in_event_loop
async def test_live_ids_go_on_with_each_new_aggregate_and_none_twice() -> None:
    async with opened() as log:
        await fill(log)
        async with aclosing(Queries(log).aggregate_ids()) as ids:
            found = [await anext(ids) for _ in range(3)]
            await log.append([new(aggregate_id="a"), new(destinations=("d", tag("blue"), "b"))])
            found.append(await anext(ids))
            await log.append([new(aggregate_id="d"), new(aggregate_id="e")])
            found.append(await anext(ids))

    assert found == ["a", "b", "c", "d", "e"]


@in_event_loop
async def test_all_tags_are_found() -> None:
    async with opened() as log:
        destinations = (tag("red"), "tagged", "u", tag("blue"), "a")
        await log.append([new(destinations=destinations)])

        assert await all_of(Queries(log).current_tags()) == ["blue", "red"]


@in_event_loop
async def test_current_events_by_id_end_with_what_was_there_at_the_beginning() -> None:
    async with opened() as log:
        await fill(log)
        async with aclosing(Queries(log).current_events_by_id("b")) as events:
            found = [await anext(events)]
            await log.append([new(aggregate_id="b")])
            found += [event async for event in events]

    assert numbers(found) == [2, 5]


@in_event_loop
async def test_current_events_by_id_span_many_pages() -> None:
    async with opened() as log:
        await log.append([new(aggregate_id="ab"[number % 2]) for number in range(3_000)])

        found = await all_of(Queries(log).current_events_by_id("a"))

    assert numbers(found) == list(range(1, 3_000, 2))


@in_event_loop
async def test_current_events_by_tag_are_those_with_the_tag() -> None:
    async with opened() as log:
        await fill(log)

        assert numbers(await all_of(Queries(log).current_events_by_tag("red"))) == [2, 4, 6]


@in_event_loop
async def test_an_aggregate_with_the_name_of_a_tag_is_not_the_tag() -> None:
    async with opened() as log:
        await fill(log)
        await log.append([new(aggregate_id="red")])

        assert numbers(await all_of(Queries(log).current_events_by_tag("red"))) == [2, 4, 6]
        assert numbers(await all_of(Queries(log).current_events_by_id("red"))) == [7]


@in_event_loop
async def test_live_events_by_id_go_on_without_gap_or_double() -> None:
    async with opened() as log:
        await fill(log)
        async with aclosing(Queries(log).events_by_id("b")) as events:
            found = [await anext(events) for _ in range(2)]
            await fill(log)
            found += [await anext(events) for _ in range(2)]

    assert numbers(found) == [2, 5, 8, 11]


@in_event_loop
async def test_live_events_by_tag_go_on_without_gap_or_double() -> None:
    async with opened() as log:
        await fill(log)
        async with aclosing(Queries(log).events_by_tag("red")) as events:
            found = [await anext(events) for _ in range(3)]
            await fill(log)
            found += [await anext(events) for _ in range(3)]

    assert numbers(found) == [2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize("after", range(7))
@in_event_loop
async def test_every_event_query_resumes_behind_its_offset(after: int) -> None:
    async with opened() as log:
        await fill(log)
        queries = Queries(log)
        red = [number for number in (2, 4, 6) if number > after]
        of_b = [number for number in (2, 5) if number > after]

        assert numbers(await all_of(queries.current_events_by_tag("red", after=after))) == red
        assert numbers(await all_of(queries.current_events_by_id("b", after=after))) == of_b
        live = await first(len(red), queries.events_by_tag("red", after=after))
        assert numbers(live) == red
        live = await first(len(of_b), queries.events_by_id("b", after=after))
        assert numbers(live) == of_b


@in_event_loop
async def test_an_offset_beyond_the_end_is_refused() -> None:
    """The log was restored to an earlier state: waiting or ending would hide what is missing."""
    async with opened() as log:
        await fill(log)
        queries = Queries(log)

        for query in (queries.current_events_by_id, queries.events_by_id):
            with pytest.raises(UnknownPosition):
                await all_of(query("a", after=7))


@in_event_loop
async def test_a_live_query_ends_when_the_log_closes() -> None:
    async with opened() as log:
        await fill(log)
        async with aclosing(Queries(log).events_by_id("a")) as events:
            await anext(events)
            await anext(events)
            await log.close()
            with pytest.raises(LogClosed):
                await anext(events)


@in_event_loop
async def test_queries_are_answered_from_disk_alike(tmp_path: Path) -> None:
    async with opened(LmdbEventStore(tmp_path)) as log:
        await fill(log)
        queries = Queries(log)

        assert await all_of(queries.current_aggregate_ids()) == ["a", "b", "c"]
        assert await all_of(queries.current_tags()) == ["red"]
        assert numbers(await all_of(queries.current_events_by_tag("red", after=2))) == [4, 6]
        assert numbers(await first(2, queries.events_by_id("b"))) == [2, 5]
        assert await first(3, queries.aggregate_ids()) == ["a", "b", "c"]
