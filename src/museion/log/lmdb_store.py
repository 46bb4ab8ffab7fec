"""The default store: LMDB, one memory-mapped file, every batch one synchronous transaction.

Layout (all in one environment):
    events      sequence number (8 bytes, big endian) -> crc32 (4 bytes) + msgpack of the envelope
    aggregates  aggregate id -> number (8 bytes); ids are stored once, the index holds numbers
    destinations  aggregate number -> sequence numbers (8 bytes, sorted duplicates)
    progress    reader's name -> sequence number
    meta        log id, version vector, stored form
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb
import msgspec

from museion.base.errors import Damaged
from museion.base.ids import random_id
from museion.log.event import MAX_NAME_BYTES, Event
from museion.log.event_store import (
    MAX_READ_BYTES,
    DamagedEvent,
    StoreState,
    WriteBatch,
    WriteFailed,
    within,
)
from museion.log.lmdb_environment import LockedEnvironment, UnreadableLog, opening
from museion.log.vector_time import VectorTime, merge_all

DEFAULT_MAP_SIZE_BYTES = 1 << 38
"""Address space kept for the file (256 GiB); the file itself only grows with its content."""

_FORM = b"1"
_NUMBER = struct.Struct(">Q")
_CRC = struct.Struct(">I")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Event)
_VERSION_DECODER = msgspec.msgpack.Decoder(VectorTime)


class UnknownStoreForm(Damaged):
    """The folder holds a log in a form that this program version cannot read."""

    def __init__(self, path: Path, form: bytes) -> None:
        super().__init__(
            f"The log in {path} has the stored form {form!r}; expected {_FORM!r}.",
            remedy="Open it with the program version that wrote it.",
        )


class LmdbEventStore:
    """Keeps events in LMDB; a batch is on disk when `write` returns.

    One opening at a time, over all processes.

    Args:
        path: the log's folder, made if it is not there.
        map_size_bytes: upper bound of the file's size.

    Raises:
        LogInUse: the log is open already, in this or another process.
        LogNotOpened: the folder or its files cannot be made or opened.
        UnreadableLog, UnknownStoreForm: the folder does not hold a log that can be read.
    """

    def __init__(self, path: Path, *, map_size_bytes: int = DEFAULT_MAP_SIZE_BYTES) -> None:
        self._path = path
        self._environment = LockedEnvironment(path, map_size_bytes=map_size_bytes)
        try:
            self._meta = self._environment.table(b"meta")
            self._events = self._environment.table(b"events")
            self._aggregates = self._environment.table(b"aggregates")
            self._destinations = self._environment.table(b"destinations", many=True)
            self._progress = self._environment.table(b"progress")
            self._log_id = self._identity(path)
        except BaseException:
            self.close()
            raise

    def recover(self) -> StoreState:
        """Return the state after the last acknowledged batch; cost does not grow with the log."""
        with self._environment.reading() as reading:
            return StoreState(
                self._log_id, self._last_number(reading), self._stored_version(reading)
            )

    def write(self, batch: WriteBatch) -> None:
        """Keep a batch, all or nothing; flushed to disk when it returns.

        Where the page that makes a commit valid could not be written, LMDB refuses all further
        work, and `ReadFailed` is raised: only another opening can tell what the disk holds.
        """
        try:
            with self._environment.writing() as writing:
                self._put(batch, writing)
        except lmdb.Error as reason:
            if not self._holds(batch):
                raise WriteFailed(self._environment.cause_of(reason)) from reason

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        """Return at most `limit` events above `after`, checked against their checksums."""
        with self._environment.reading() as reading:
            if aggregate_id is None:
                stored = self._scan(reading, after)
            else:
                stored = self._scan_aggregate(reading, aggregate_id, after)
            events = (_decode(number, content) for number, content in stored)
            return within(events, limit=limit, max_bytes=max_bytes)

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""
        with self._environment.reading() as reading:
            return self._stored_progress(reading, name) or 0

    def close(self) -> None:
        """Close the files; reads that are under way fail. Idempotent."""
        self._environment.close()

    def _identity(self, path: Path) -> str:
        with opening(path), self._environment.writing() as writing:
            form = writing.get(b"form", db=self._meta)
            if form is None:
                writing.put(b"form", _FORM, db=self._meta)
                writing.put(b"log_id", random_id().encode(), db=self._meta)
            elif form != _FORM:
                raise UnknownStoreForm(path, bytes(form))
            return bytes(writing.get(b"log_id", b"", db=self._meta)).decode()

    def _put(self, batch: WriteBatch, writing: lmdb.Transaction) -> None:
        for event in batch.events:
            key = _NUMBER.pack(event.sequence_nr)
            content = _ENCODER.encode(event)
            stored = _CRC.pack(zlib.crc32(content)) + content
            appended = writing.put(key, stored, db=self._events, append=True)
            assert appended, f"event {event.sequence_nr} is not above all that are stored"
            for destination in sorted(event.destinations):
                number = self._aggregate_number(writing, destination)
                writing.put(number, key, db=self._destinations)
        for name, position in batch.progress.items():
            writing.put(name.encode(), _NUMBER.pack(position), db=self._progress)
        if batch.events:
            self._put_version(batch, writing)

    def _put_version(self, batch: WriteBatch, writing: lmdb.Transaction) -> None:
        times = [event.vector_timestamp for event in batch.events]
        version = merge_all([self._stored_version(writing), *times])
        writing.put(b"version", _ENCODER.encode(version), db=self._meta)

    def _stored_version(self, reading: lmdb.Transaction) -> VectorTime:
        stored = reading.get(b"version", db=self._meta)
        if stored is None:
            return VectorTime()
        try:
            return _VERSION_DECODER.decode(stored)
        except msgspec.MsgspecError as reason:
            raise UnreadableLog(self._path, f"its version vector is lost: {reason}") from reason

    def _aggregate_number(self, writing: lmdb.Transaction, aggregate_id: str) -> bytes:
        key = aggregate_id.encode()
        stored = writing.get(key, db=self._aggregates)
        if stored is not None:
            return bytes(stored)
        number = _NUMBER.pack(writing.stat(self._aggregates)["entries"] + 1)
        writing.put(key, number, db=self._aggregates)
        return number

    def _holds(self, batch: WriteBatch) -> bool:
        """Tell whether a batch whose commit reported an error is nevertheless there."""
        with self._environment.reading() as reading:
            if batch.events:
                return self._last_number(reading) >= batch.events[-1].sequence_nr
            return all(
                self._stored_progress(reading, name) == position
                for name, position in batch.progress.items()
            )

    def _stored_progress(self, reading: lmdb.Transaction, name: str) -> int | None:
        key = _key(name)
        stored = key and reading.get(key, db=self._progress)
        return _number(stored) if stored else None

    def _last_number(self, reading: lmdb.Transaction) -> int:
        cursor = reading.cursor(db=self._events)
        return _number(cursor.key()) if cursor.last() else 0

    def _scan(
        self, reading: lmdb.Transaction, after: int
    ) -> Iterator[tuple[int, bytes | memoryview]]:
        cursor = reading.cursor(db=self._events)
        if cursor.set_range(_NUMBER.pack(after + 1)):
            for key, content in cursor:
                yield _number(key), content

    def _scan_aggregate(
        self, reading: lmdb.Transaction, aggregate_id: str, after: int
    ) -> Iterator[tuple[int, bytes | memoryview]]:
        key = _key(aggregate_id)
        number = key and reading.get(key, db=self._aggregates)
        cursor = reading.cursor(db=self._destinations)
        if not number or not cursor.set_range_dup(number, _NUMBER.pack(after + 1)):
            return
        for place in cursor.iternext_dup():
            content = reading.get(place, db=self._events)
            if content is None:
                raise DamagedEvent(_number(place), "the index names it, but it is missing")
            yield _number(place), content


def _key(name: str) -> bytes | None:
    """Return a name as a key, or None where no stored key can be like it."""
    try:
        key = name.encode()
    except UnicodeEncodeError:
        return None
    return key if 1 <= len(key) <= MAX_NAME_BYTES else None


def _number(stored: bytes | memoryview) -> int:
    return int(_NUMBER.unpack(stored)[0])


def _decode(number: int, stored: bytes | memoryview) -> Event:
    content = stored[_CRC.size :]
    if len(stored) <= _CRC.size or _CRC.unpack(stored[: _CRC.size])[0] != zlib.crc32(content):
        raise DamagedEvent(number)
    try:
        event = _DECODER.decode(content)
    except msgspec.MsgspecError as reason:
        raise DamagedEvent(number, f"it is no envelope of an event: {reason}") from reason
    if event.sequence_nr != number:
        raise DamagedEvent(number, f"it says that it is event {event.sequence_nr}")
    return event
