"""LMDB with the tables of our store and nothing else: no envelope, no digest, no checksum, no loop.

The limit of what our store could reach on this engine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import lmdb
from log_bench.events import drawn
from log_bench.measured import Measured, Round, Stopwatch, answer, batches, prepared

_NUMBER = struct.Struct(">Q")
_MAP_SIZE_BYTES = 1 << 36


@dataclass(frozen=True, slots=True)
class Tables:
    """The environment and the tables in it."""

    environment: lmdb.Environment
    events: lmdb._Database
    aggregates: lmdb._Database
    destinations: lmdb._Database
    progress: lmdb._Database


def main() -> None:
    """Carry out the round that the command line asks for."""
    answer({"append": append, "build": build})


def append(asked: Round) -> Measured:
    """Events a second, in batches one after another, each with the progress of its source."""
    return _write_all(asked, prepared(_source(asked)))


def build(asked: Round) -> Measured:
    """As `append`, with events made as they are needed, so that there can be many."""
    return _write_all(asked, _source(asked))


def _source(asked: Round) -> Iterator[Sequence[tuple[bytes, bytes]]]:
    pairs = ((each.aggregate_id.encode(), each.state()) for each in drawn(asked.events))
    return batches(pairs, asked.batch)


def _write_all(asked: Round, source: Iterable[Sequence[tuple[bytes, bytes]]]) -> Measured:
    watch = Stopwatch()
    known: dict[bytes, bytes] = {}
    last = 0
    with opened(asked) as tables:
        for number, batch in enumerate(source):
            with watch:
                _write(tables, known, batch, last, number)
            last += len(batch)
    return Measured(asked.events / watch.seconds)


@contextmanager
def opened(asked: Round) -> Iterator[Tables]:
    """Make the tables, flushed on every commit."""
    asked.folder.mkdir(parents=True)
    environment = lmdb.open(str(asked.folder), map_size=_MAP_SIZE_BYTES, max_dbs=8)
    try:
        yield Tables(
            environment,
            environment.open_db(b"events"),
            environment.open_db(b"aggregates"),
            environment.open_db(b"destinations", dupsort=True, dupfixed=True),
            environment.open_db(b"progress"),
        )
    finally:
        environment.close()


def _write(
    tables: Tables,
    known: dict[bytes, bytes],
    batch: Sequence[tuple[bytes, bytes]],
    last: int,
    position: int,
) -> None:
    keys = [_NUMBER.pack(number) for number in range(last + 1, last + 1 + len(batch))]
    places: list[tuple[bytes, bytes]] = []
    with tables.environment.begin(write=True) as writing:
        for key, (aggregate_id, _) in zip(keys, batch, strict=True):
            owner = known.get(aggregate_id)
            if owner is None:
                owner = known[aggregate_id] = _NUMBER.pack(len(known) + 1)
                writing.put(aggregate_id, owner, db=tables.aggregates)
            places.append((owner, key))
        states = [(key, state) for key, (_, state) in zip(keys, batch, strict=True)]
        writing.cursor(db=tables.events).putmulti(states, append=True)
        writing.cursor(db=tables.destinations).putmulti(sorted(places))
        writing.put(b"source", _NUMBER.pack(position), db=tables.progress)


if __name__ == "__main__":
    main()
