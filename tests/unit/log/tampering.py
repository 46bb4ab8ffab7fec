"""Logs in LMDB for tests, and ways to change their files behind the log's back."""

from __future__ import annotations

import asyncio
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import lmdb
import msgspec

from museion.log.chain import START, next_digest
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.frame import envelope_of, frame_of, unpack_frame
from museion.log.lmdb_store import LmdbEventStore
from museion.log.proof.findings import AnyFinding
from museion.log.proof.verification import Verification, verify
from museion.log.vector_time import VectorTime

EVENTS = 60
"""Events of the log that most tests change: 20 in each batch."""

_NUMBER = struct.Struct(">Q")


def noted(number: int, *, aggregates: int = 5) -> NewEvent:
    """Return an event with a payload of msgpack that belongs to one of some aggregates."""
    return NewEvent(
        type_name=f"test.noted-{number % 3}",
        payload=msgspec.msgpack.encode({"number": number, "text": "ä" * (number % 50)}),
        emitter_id=f"emitter-{number % 2}",
        aggregate_id=f"aggregate-{number % aggregates}" if number % 4 else None,
        destinations=(f"extra-{number % 2}",) if number % 7 == 0 else (),
    )


def make_log(path: Path, *, events: int = 60) -> None:
    """Write a log of its own events only."""

    async def write() -> None:
        log = EventLog(LmdbEventStore(path))
        for first in range(1, events + 1, 20):
            last = min(first + 19, events)
            await log.append([noted(number) for number in range(first, last + 1)])
        await log.close()

    asyncio.run(write())


def make_mixed_log(
    path: Path, *, rounds: int = 6, keep: Callable[[Event], bool] | None = None
) -> str:
    """Write a log with events of its own and of another site in turn; return the other's id.

    With `keep`, a replication filter holds back the events for which it is false.
    """

    async def write() -> str:
        log = EventLog(LmdbEventStore(path))
        other = EventLog(LmdbEventStore(path.with_name(path.name + "-other")))
        for turn in range(rounds):
            await log.append([noted(turn * 10 + each) for each in range(5)])
            before = other.sequence_nr
            await other.append([noted(500 + turn * 10 + each) for each in range(4)])
            sent = await other.read(after=before)
            await log.append_replicated([each for each in sent if keep is None or keep(each)])
        await log.append([noted(900)])
        other_id = other.log_id
        await log.close()
        await other.close()
        return other_id

    return asyncio.run(write())


class Tables:
    """The tables of a log, for changes that no log would make."""

    def __init__(self, environment: lmdb.Environment, writing: lmdb.Transaction) -> None:
        self._writing = writing
        names = (b"events", b"aggregates", b"destinations", b"meta")
        many = {b"destinations": {"dupsort": True, "dupfixed": True}}
        self._tables = {
            name: environment.open_db(name, writing, **many.get(name, {})) for name in names
        }
        self.log_id = bytes(self.get(b"meta", b"log_id")).decode()

    def get(self, table: bytes, key: bytes) -> bytes:
        found = self._writing.get(key, db=self._tables[table])
        assert found is not None, key
        return bytes(found)

    def put(self, table: bytes, key: bytes, value: bytes) -> None:
        self._writing.put(key, value, db=self._tables[table])

    def delete(self, table: bytes, key: bytes, value: bytes = b"") -> None:
        assert self._writing.delete(key, value, db=self._tables[table])

    def frame(self, number: int) -> bytes:
        return self.get(b"events", _NUMBER.pack(number))

    def put_frame(self, number: int, frame: bytes) -> None:
        self.put(b"events", _NUMBER.pack(number), frame)

    def remove(self, number: int) -> None:
        self.delete(b"events", _NUMBER.pack(number))

    def event(self, number: int) -> Event:
        return unpack_frame(self.frame(number), number, self.log_id)

    def put_event(self, number: int, event: Event) -> None:
        """Put an event in a place, with a checksum that fits."""
        placed = msgspec.structs.replace(event, sequence_nr=number)
        self.put_frame(number, frame_of(placed))

    def put_form_1(self, number: int) -> None:
        """Give an event the form that version 0.1 wrote: no chain digest."""
        content = msgspec.msgpack.encode(
            msgspec.structs.replace(self.event(number), chain_digest=None)
        )
        self.put_frame(number, zlib.crc32(content).to_bytes(4, "big") + content)

    def swap(self, first: int, second: int) -> None:
        one, other = self.event(first), self.event(second)
        self.put_event(first, other)
        self.put_event(second, one)

    def rechain(self, first: int, last: int) -> None:
        """Make the chain digests from an event on fit again, and the log's note of its end."""
        digest = (self.event(first - 1).chain_digest if first > 1 else None) or START
        for number in range(first, last + 1):
            event = self.event(number)
            digest = next_digest(digest, envelope_of(event))
            self.put_event(number, msgspec.structs.replace(event, chain_digest=digest))
        self.note_chain({self.log_id: digest})

    def note_chain(self, chain: Mapping[str, bytes]) -> None:
        self.put(b"meta", b"chain", msgspec.msgpack.encode(chain))

    def note_version(self, version: VectorTime) -> None:
        self.put(b"meta", b"version", msgspec.msgpack.encode(version))

    def index_entry(self, aggregate_id: str) -> bytes:
        return self.get(b"aggregates", aggregate_id.encode())

    def unindex(self, aggregate_id: str, number: int) -> None:
        entry = self.index_entry(aggregate_id)
        self.delete(b"destinations", entry, _NUMBER.pack(number))

    def index(self, aggregate_id: str, number: int) -> None:
        self.put(b"destinations", self.index_entry(aggregate_id), _NUMBER.pack(number))


@contextmanager
def tampering(path: Path) -> Iterator[Tables]:
    """Change the tables of a closed log."""
    environment = lmdb.open(os.fsencode(path), max_dbs=8, map_size=1 << 30)
    try:
        with environment.begin(write=True) as writing:
            yield Tables(environment, writing)
    finally:
        environment.close()


def findings_of(
    path: Path, *, expected_heads: tuple[str, ...] = ()
) -> tuple[list[AnyFinding], Verification]:
    """Verify a log in this process."""
    found: list[AnyFinding] = []
    store = LmdbEventStore(path, writable=False)
    try:
        return found, verify(store, expected_heads=expected_heads, on_finding=found.append)
    finally:
        store.close()


def flip(tables: Tables, number: int) -> None:
    """Flip a bit of an event."""
    frame = bytearray(tables.frame(number))
    frame[len(frame) // 2] ^= 0x10
    tables.put_frame(number, bytes(frame))


def forge(tables: Tables, number: int) -> None:
    """Change an event, with a checksum that fits."""
    event = tables.event(number)
    payload = event.payload[:-1] + bytes([event.payload[-1] ^ 1])
    tables.put_event(number, msgspec.structs.replace(event, payload=payload))


def make_log_with_skipped_numbers(path: Path) -> None:
    """Make a log of 15 events that ends at 45: others knew of 40 when it was rebuilt."""
    make_log(path, events=10)
    with tampering(path) as tables:
        tables.note_version(VectorTime({tables.log_id: 40}))
    make_log(path, events=5)
