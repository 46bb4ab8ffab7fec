"""`eventsource-py` on SQLite: its store, its events (pydantic), its own form (JSON).

Its batches belong to one stream each, so the events of a batch are given one aggregate.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from eventsource import DomainEvent, EventRegistry
from eventsource.adapters.sqlite.store import SQLiteEventStore
from eventsource.domain.stream_id import StreamId
from eventsource.ports.positions import ExpectedVersion
from log_bench.events import EVENTS_PER_AGGREGATE, LineChanged, drawn
from log_bench.measured import Measured, Round, Stopwatch, answer, batches

_CATEGORY = "Order"
_PAGE = 1000


class OrderLineChanged(DomainEvent):
    """The payload, as fields of an event."""

    aggregate_type: str = _CATEGORY
    line: int
    article: str
    title: str
    quantity: int
    price_minor: int
    currency: str
    changed_by: str
    note: str


def main() -> None:
    """Carry out the round that the command line asks for."""
    answer(
        {
            "append": _in_loop(append),
            "build": _in_loop(build),
            "replay": _in_loop(replay),
            "aggregates": _in_loop(read_aggregates),
        }
    )


async def append(asked: Round) -> Measured:
    """Events a second, in batches one after another, each to one stream."""
    return await _write(asked, asked.batch)


async def build(asked: Round) -> Measured:
    """Events a second while a store is made for the reading cases: streams of 20 events."""
    return await _write(asked, EVENTS_PER_AGGREGATE)


async def replay(asked: Round) -> Measured:
    """Events a second of a replay of all to its events, in pages."""
    from eventsource.ports.envelopes import FeedReadOptions

    seen, position = 0, None
    async with opened(asked) as store:
        started = time.perf_counter()
        while True:
            before = seen
            async for envelope in store.read_all(position, FeedReadOptions(limit=_PAGE)):
                seen += 1
                position = envelope.position
            if seen == before:
                break
        seconds = time.perf_counter() - started
    assert seen == asked.events, f"read {seen} events of {asked.events}"
    return Measured(seen / seconds)


async def read_aggregates(asked: Round) -> Measured:
    """Streams a second, each read whole, one after another."""
    streams = -(-asked.events // EVENTS_PER_AGGREGATE)
    wanted = range(0, streams, max(1, streams // asked.asked))
    seen = 0
    async with opened(asked) as store:
        started = time.perf_counter()
        for number in wanted:
            async for _ in store.read_stream(_stream(number)):
                seen += 1
        seconds = time.perf_counter() - started
    return Measured(len(wanted) / seconds, {"events_each": seen / len(wanted)})


async def _write(asked: Round, batch_events: int) -> Measured:
    watch = Stopwatch()
    payloads = (each.payload for each in drawn(asked.events))
    async with opened(asked) as store:
        for number, share in enumerate(batches(payloads, batch_events)):
            events = _events(number, share)
            with watch:
                await store.append(_stream(number), events, ExpectedVersion.no_stream())
        async with (await store._conn()).execute("PRAGMA synchronous") as cursor:
            synchronous = (await cursor.fetchone())[0]
    assert synchronous == 2, f"expected FULL (2), got {synchronous}"
    return Measured(asked.events / watch.seconds, {"synchronous": synchronous})


def _events(number: int, payloads: Sequence[LineChanged]) -> list[OrderLineChanged]:
    owner = UUID(int=number + 1)
    return [
        OrderLineChanged(
            aggregate_id=owner,
            aggregate_version=version,
            line=each.line,
            article=each.article,
            title=each.title,
            quantity=each.quantity,
            price_minor=each.price_minor,
            currency=each.currency,
            changed_by=each.changed_by,
            note=each.note,
        )
        for version, each in enumerate(payloads, 1)
    ]


def _stream(number: int) -> StreamId:
    return StreamId(UUID(int=number + 1), _CATEGORY)


@asynccontextmanager
async def opened(asked: Round) -> AsyncIterator[SQLiteEventStore]:
    """Open the store that the round names, and close it."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    registry = EventRegistry()
    registry.register(OrderLineChanged)
    store = SQLiteEventStore(str(asked.folder / "events.sqlite"), registry)
    try:
        yield store
    finally:
        await store.close()


def _in_loop(case: Callable[[Round], Coroutine[None, None, Measured]]) -> Callable[..., Measured]:
    return lambda asked: asyncio.run(case(asked))


if __name__ == "__main__":
    main()
