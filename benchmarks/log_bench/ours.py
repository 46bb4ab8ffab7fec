"""Museion's log through its public door, one measured round a process."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager

from log_bench.events import SITES, TYPE_NAME, Drawn, aggregates, drawn
from log_bench.measured import Measured, Round, Stopwatch, answer, batches, prepared
from log_bench.typed import TYPES, typed_event

from museion.log.event import NewEvent
from museion.log.event_log import EventLog
from museion.log.event_store import EventStore
from museion.log.lmdb_store import LmdbEventStore
from museion.log.vector_time import VectorTime

_PROGRESS = "source"


def main() -> None:
    """Carry out the round that the command line asks for."""
    answer(
        {
            "append": _in_loop(append),
            "append-typed": _in_loop(append_typed),
            "emit": _in_loop(emit),
            "build": _in_loop(build),
            "replay": _in_loop(replay),
            "aggregates": _in_loop(read_aggregates),
            "open": _in_loop(open_log),
        }
    )


async def append(asked: Round) -> Measured:
    """Events a second, in batches one after another, each with the progress of its source."""
    work = prepared(batches((new_event(each) for each in drawn(asked.events)), asked.batch))
    async with opened(asked) as log:
        await log.append([_warm_up()])
        times: list[float] = []
        for number, batch in enumerate(work):
            started = time.perf_counter()
            await log.append(batch, progress={_PROGRESS: number})
            times.append(time.perf_counter() - started)
        assert log.sequence_nr == asked.events + 1
    times_ms = sorted(1000 * each for each in times)
    return Measured(
        asked.events / sum(times),
        {"p50_ms": times_ms[len(times) // 2], "p95_ms": times_ms[int(len(times) * 0.95)]},
    )


async def append_typed(asked: Round) -> Measured:
    """Events a second, as `append`, with payloads that are encoded within the time measured."""
    known = VectorTime(dict.fromkeys(SITES, 1))
    work = prepared(batches(drawn(asked.events), asked.batch))
    async with opened(asked) as log:
        await log.append([_warm_up()])
        started = time.perf_counter()
        for batch in work:
            await log.append([typed_event(each, known) for each in batch])
        seconds = time.perf_counter() - started
    return Measured(asked.events / seconds)


async def emit(asked: Round) -> Measured:
    """Acknowledged appends a second of emitters that each write batches one after another."""
    work = prepared(batches((new_event(each) for each in drawn(asked.events)), asked.batch))
    async with opened(asked) as log:
        await log.append([_warm_up()])
        source = iter(work)

        async def emitter() -> None:
            for batch in source:
                await log.append(batch)

        started = time.perf_counter()
        async with asyncio.TaskGroup() as emitters:
            for _ in range(asked.emitters):
                emitters.create_task(emitter())
        seconds = time.perf_counter() - started
        groups = log.statistics.groups - 1
    return Measured(asked.events / seconds, {"events_a_group": asked.events / groups})


async def build(asked: Round) -> Measured:
    """Events a second while a store is made for the reading cases."""
    watch = Stopwatch()
    async with opened(asked) as log:
        source = (new_event(each) for each in drawn(asked.events))
        for number, batch in enumerate(batches(source, 512)):
            with watch:
                await log.append(batch, progress={_PROGRESS: number})
    return Measured(asked.events / watch.seconds)


async def replay(asked: Round) -> Measured:
    """Events a second of a replay of all; with the variant `decoded`, payloads made objects too."""
    decode = TYPES.decode if asked.variant == "decoded" else None
    seen = 0
    async with opened(asked) as log:
        started = time.perf_counter()
        async for batch in log.follow(0):
            seen += len(batch)
            if decode is not None:
                for event in batch:
                    decode(event)
            if batch[-1].sequence_nr >= log.sequence_nr:
                break
        seconds = time.perf_counter() - started
    assert seen == asked.events, f"read {seen} events of {asked.events}"
    return Measured(seen / seconds)


async def read_aggregates(asked: Round) -> Measured:
    """Aggregates a second, each read whole and its payloads decoded, one after another."""
    wanted = some_aggregates(asked)
    seen = 0
    async with opened(asked) as log:
        started = time.perf_counter()
        for each in wanted:
            for event in await log.read(aggregate_id=each):
                TYPES.decode(event)
                seen += 1
        seconds = time.perf_counter() - started
    return Measured(len(wanted) / seconds, {"events_each": seen / len(wanted)})


async def open_log(asked: Round) -> Measured:
    """Seconds from nothing opened to a log that has read its last event and written a new one."""
    started = time.perf_counter()
    async with opened(asked) as log:
        last = await log.read(after=log.sequence_nr - 1)
        assert last[0].sequence_nr == log.sequence_nr >= asked.events
        opened_s = time.perf_counter() - started
        await log.append([_warm_up()])
        seconds = time.perf_counter() - started
    return Measured(seconds, {"before_first_write_s": opened_s})


@asynccontextmanager
async def opened(asked: Round) -> AsyncIterator[EventLog]:
    """Open the log that the round names, and close it."""
    log = EventLog(_store(asked))
    try:
        yield log
    finally:
        await log.close()


def _store(asked: Round) -> EventStore:
    if not asked.url:
        return LmdbEventStore(asked.folder)
    from museion.log.postgres.settings import PostgresSettings
    from museion.log.postgres_store import PostgresEventStore

    return PostgresEventStore(PostgresSettings(conninfo=asked.url))


def some_aggregates(asked: Round) -> Sequence[str]:
    """Return the ids of as many aggregates of the store as are asked for, drawn at random."""
    ids = aggregates(asked.events)
    chosen = random.Random(11).sample(ids, min(asked.asked, len(ids)))  # noqa: S311
    return [each.hex for each in chosen]


def new_event(each: Drawn) -> NewEvent:
    """Return a drawn event as one to write, its payload encoded."""
    return NewEvent(
        type_name=TYPE_NAME,
        payload=each.encoded(),
        emitter_id=each.emitter_id,
        aggregate_id=each.aggregate_id,
        vector_timestamp=VectorTime(each.stamps),
    )


def _warm_up() -> NewEvent:
    return NewEvent(type_name="warmed-up", payload=b"", emitter_id="benchmark")


def _in_loop(case: Callable[[Round], Coroutine[None, None, Measured]]) -> Callable[..., Measured]:
    return lambda asked: asyncio.run(case(asked))


if __name__ == "__main__":
    main()
