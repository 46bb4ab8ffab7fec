"""The process recorders of `eventsourcing`: events and tracking in one transaction, as our append.

On SQLite with its own settings, whose level of flushing is read back, or on a PostgreSQL server.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import msgspec
from eventsourcing.persistence import ProcessRecorder, StoredEvent, Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from eventsourcing.sqlite import SQLiteDatastore, SQLiteProcessRecorder
from log_bench.events import TYPE_NAME, Drawn, Envelope, aggregates, drawn
from log_bench.measured import Measured, Round, Stopwatch, answer, batches, prepared

_DECODER = msgspec.msgpack.Decoder(Envelope)
_SOURCE = "source"
_PAGE = 1000
_MOST_THREADS = 16
"""SQLite takes one writer at a time: more threads only queue for the lock."""


def main() -> None:
    """Carry out the round that the command line asks for."""
    answer(
        {
            "append": append,
            "emit": emit,
            "build": build,
            "replay": replay,
            "aggregates": read_aggregates,
        }
    )


def append(asked: Round) -> Measured:
    """Events a second, in batches one after another, each with the progress of its source."""
    work = prepared(batches((stored(each) for each in drawn(asked.events)), asked.batch))
    with opened(asked) as (recorder, notes):
        recorder.insert_events([_warm_up()])
        times: list[float] = []
        for number, batch in enumerate(work, 1):
            started = time.perf_counter()
            recorder.insert_events(batch, tracking=Tracking(_SOURCE, number))
            times.append(time.perf_counter() - started)
    times_ms = sorted(1000 * each for each in times)
    notes |= {"p50_ms": times_ms[len(times) // 2], "p95_ms": times_ms[int(len(times) * 0.95)]}
    return Measured(asked.events / sum(times), notes)


def emit(asked: Round) -> Measured:
    """Acknowledged inserts a second by threads that each insert one event after another."""
    threads = min(asked.emitters, _MOST_THREADS)
    work = prepared(batches((stored(each) for each in drawn(asked.events)), asked.batch))
    shares = list(batches(work, -(-len(work) // threads)))
    with opened(asked) as (recorder, notes), ThreadPoolExecutor(threads) as pool:
        recorder.insert_events([_warm_up()])

        def emitter(share: Sequence[Sequence[StoredEvent]]) -> None:
            for batch in share:
                recorder.insert_events(batch)

        started = time.perf_counter()
        list(pool.map(emitter, shares))
        seconds = time.perf_counter() - started
    return Measured(asked.events / seconds, {**notes, "threads": threads})


def build(asked: Round) -> Measured:
    """Events a second while a store is made for the reading cases."""
    watch = Stopwatch()
    with opened(asked) as (recorder, notes):
        source = (stored(each) for each in drawn(asked.events))
        for number, batch in zip(count(1), batches(source, 512), strict=False):
            with watch:
                recorder.insert_events(batch, tracking=Tracking(_SOURCE, number))
    return Measured(asked.events / watch.seconds, notes)


def replay(asked: Round) -> Measured:
    """Events a second of a replay of all; with the variant `decoded`, states made objects too."""
    decoded = asked.variant == "decoded"
    seen, position = 0, 0
    with opened(asked) as (recorder, notes):
        started = time.perf_counter()
        while page := recorder.select_notifications(
            start=position, limit=_PAGE, inclusive_of_start=False
        ):
            seen += len(page)
            position = page[-1].id
            if decoded:
                for notification in page:
                    _DECODER.decode(notification.state)
        seconds = time.perf_counter() - started
    assert seen == asked.events, f"read {seen} events of {asked.events}"
    return Measured(seen / seconds, notes)


def read_aggregates(asked: Round) -> Measured:
    """Aggregates a second, each read whole and its states decoded, one after another."""
    ids = aggregates(asked.events)
    wanted = random.Random(11).sample(ids, min(asked.asked, len(ids)))  # noqa: S311
    seen = 0
    with opened(asked) as (recorder, notes):
        started = time.perf_counter()
        for each in wanted:
            for event in recorder.select_events(each):
                _DECODER.decode(event.state)
                seen += 1
        seconds = time.perf_counter() - started
    return Measured(len(wanted) / seconds, {**notes, "events_each": seen / len(wanted)})


def stored(each: Drawn) -> StoredEvent:
    """Return a drawn event as the recorders take it, its state encoded."""
    return StoredEvent(each.aggregate, each.version, TYPE_NAME, each.state())


@contextmanager
def opened(asked: Round) -> Iterator[tuple[ProcessRecorder, dict[str, object]]]:
    """Open the recorder that the round names, and say how it flushes."""
    datastore = _postgres(asked.url) if asked.url else _sqlite(asked)
    kind: Any = PostgresProcessRecorder if asked.url else SQLiteProcessRecorder
    recorder = kind(datastore)
    recorder.create_table()
    notes = _postgres_flushing(datastore) if asked.url else _sqlite_flushing(datastore)
    try:
        yield recorder, notes
    finally:
        datastore.close()


def _sqlite(asked: Round) -> Any:
    asked.folder.mkdir(parents=True, exist_ok=True)
    return SQLiteDatastore(
        str(asked.folder / "events.sqlite"), pool_size=_MOST_THREADS, lock_timeout=60
    )


def _sqlite_flushing(datastore: Any) -> dict[str, object]:
    found = {}
    with datastore.transaction(commit=False) as cursor:
        for pragma in ("journal_mode", "synchronous"):
            cursor.execute(f"PRAGMA {pragma}")
            found[pragma] = cursor.fetchone()[0]
    assert found["synchronous"] == 2, f"expected FULL (2), got {found}"
    return found


def _postgres(url: str) -> Any:
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query).get("host", [""])[0]
    return PostgresDatastore(
        dbname=parts.path.lstrip("/"),
        host=unquote(host),
        port=parts.port or 5432,
        user=parts.username or "postgres",
        password=parts.password or "",
    )


def _postgres_flushing(datastore: Any) -> dict[str, object]:
    found: dict[str, object] = {}
    with datastore.transaction(commit=False) as cursor:
        for setting in ("fsync", "synchronous_commit"):
            cursor.execute(f"SHOW {setting}")
            found[setting] = cursor.fetchone()[setting]
    assert set(found.values()) == {"on"}, f"expected flushing, got {found}"
    return found


def _warm_up() -> StoredEvent:
    return StoredEvent(UUID(int=1), 1, "warmed-up", b"")


if __name__ == "__main__":
    main()
