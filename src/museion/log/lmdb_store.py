"""The default store: LMDB, one memory-mapped file, every batch one synchronous transaction.

Layout (all in one environment):
    events      sequence number (8 bytes, big endian) -> frame (`log.frame`)
    aggregates  aggregate id -> number (8 bytes); ids are stored once, the index holds numbers
    destinations  aggregate number -> sequence numbers (8 bytes, sorted duplicates): `lmdb_index`
    progress    reader's name -> sequence number, checksum
    meta        log id, stored form, how far the index reaches, and what `StoreState` says

No chain covers numbers that stand for themselves, as progress does; so a checksum (CRC-32 over name
and number, 4 bytes) stands behind them. What version 0.1 of Museion noted has none.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import lmdb
import msgspec
from msgspec.structs import replace

from museion.base.errors import Conflict, Damaged, MuseionError
from museion.base.ids import random_id
from museion.log.event import Event, require_name
from museion.log.event_store import (
    MAX_READ_BYTES,
    DamagedEvent,
    OutcomeUnknown,
    StoreState,
    WriteBatch,
    WriteFailed,
    advanced,
)
from museion.log.frame import Stored, unpack_frame
from museion.log.lmdb_environment import LockedEnvironment, UnreadableLog, opening
from museion.log.lmdb_index import AggregateIndex, Gathered, Seen, as_key
from museion.log.vector_time import VectorTime

DEFAULT_MAP_SIZE_BYTES = 1 << 38
"""Address space kept for the file (256 GiB); the file itself only grows with its content."""

_FORM = b"2"
_FORM_OF_0_1 = b"1"
_NUMBER = struct.Struct(">Q")
_CRC = struct.Struct(">I")
_ENCODER = msgspec.msgpack.Encoder()
_VERSION = msgspec.msgpack.Decoder(VectorTime)
_CHAIN = msgspec.msgpack.Decoder(dict[str, bytes])
_INDEXED_TO = b"indexed_to"


class UnknownStoreForm(Damaged):
    """The folder holds a log in a form that this program version cannot read."""

    def __init__(self, path: Path, form: bytes) -> None:
        super().__init__(
            f"The log in {path} has the stored form {form!r}; expected {_FORM!r} or older.",
            remedy="Open it with the program version that wrote it.",
        )


class OtherLog(Conflict):
    """The folder holds another log than the one that is wanted."""

    def __init__(self, path: Path, *, expected: str, found: str) -> None:
        super().__init__(
            f"Expected the log {expected!r} in {path}, found the log {found!r}.",
            remedy="Name another folder, or open this log under its own id.",
        )


class DamagedNumber(Damaged):
    """A number that the store keeps beside the events does not match its checksum."""

    def __init__(self, name: bytes) -> None:
        super().__init__(
            f"The number kept as {name.decode(errors='replace')!r:.100} in the log is damaged.",
            remedy="Restore the log from a backup. If it is the progress of a reader, that reader "
            "can also be set back and read again.",
        )


class LmdbEventStore:
    """Keeps events in LMDB; a batch is on disk when `write` returns.

    One opening for writing at a time, over all processes; any number for reading beside it.

    Args:
        path: the log's folder, made if it is not there and the store is writable.
        log_id: the identity of a new log, made up where it is left out; a log that is there must
            have this one.
        map_size_bytes: upper bound of the file's size.
        writable: off to look into a log that another process may be writing.

    Raises:
        LogInUse: the log is open already, in this process or, for writing, in another.
        LogNotOpened: the folder or its files cannot be made or opened.
        UnreadableLog, UnknownStoreForm: the folder does not hold a log that can be read.
        OtherLog: it holds a log with another id.
        InvalidEvent: `log_id` is no name.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        log_id: str | None = None,
        map_size_bytes: int = DEFAULT_MAP_SIZE_BYTES,
        writable: bool = True,
    ) -> None:
        if log_id is not None:
            require_name(log_id)
        path = self._path = Path(path)
        self._writable = writable
        self._suspect = False
        self._index = AggregateIndex()
        self._behind = Gathered()
        self._looked_at = (0, 0)
        self._environment = LockedEnvironment(
            path, map_size_bytes=map_size_bytes, writable=writable
        )
        try:
            self._open_tables()
            self._log_id = self._identity(path, log_id, writable=writable)
            self._state = self._stored_state()
            if writable:
                self._begin_index()
        except BaseException:
            self._environment.close()
            raise

    def recover(self) -> StoreState:
        """Return the state after the last acknowledged batch; cost does not grow with the log.

        After `OutcomeUnknown` it opens the files anew, and commits something: only then is it
        certain that what they show now is also what the disk keeps.

        Raises:
            LogNotOpened: the files cannot be opened or written now.
            UnreadableLog: they are damaged.
        """
        if self._suspect:
            self._reopen()
        self._state = self._stored_state()
        if self._writable:
            self._begin_index()
        return self._state

    def write(self, batch: WriteBatch) -> None:
        """Keep a batch, all or nothing; flushed to disk when it returns.

        Where the page that makes a commit valid could not be written, LMDB refuses all further
        work until the files are opened anew, which `recover` does.
        """
        after = advanced(self._state, batch)
        is_due = self._index.is_due(batch.events)
        with self._committing() as writing:
            self._put_events(batch, writing)
            if is_due:
                self._write_index(writing, batch.events, to=after.sequence_nr)
            for name, position in batch.progress.items():
                key = name.encode()
                writing.put(key, _noted(key, position), db=self._progress)
            if batch.events:
                writing.put(b"version", _ENCODER.encode(after.version), db=self._meta)
                writing.put(b"chain", _ENCODER.encode(after.chain), db=self._meta)
        self._state = after
        if is_due:
            self._index.wrote(after.sequence_nr)
        else:
            self._index.gather(batch.events)

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        """Return at most `limit` events above `after`, checked against their checksums."""
        seen = self._index.seen()
        with self._environment.reading() as reading:
            if aggregate_id is None:
                stored = self._scan(reading, after)
            else:
                stored = self._index.frames(
                    reading,
                    self._events,
                    aggregate_id,
                    seen=seen if self._writable else self._seen_in(reading),
                    after=after,
                    limit=limit,
                )
            return self._unpacked(
                stored, after=after, limit=limit, aggregate_id=aggregate_id, max_bytes=max_bytes
            )

    def aggregate_ids(self, *, after: str = "", limit: int) -> Sequence[str]:
        """Return at most `limit` ids of aggregates above `after`, in the order of their bytes."""
        seen = self._index.seen()
        with self._environment.reading() as reading:
            seen = seen if self._writable else self._seen_in(reading)
            return self._index.ids(reading, seen=seen, after=after, limit=limit)

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""
        key = as_key(name)
        with self._environment.reading() as reading:
            stored = key and reading.get(key, db=self._progress)
            return _read_note(key, stored) if key and stored else 0

    def all_progress(self) -> Mapping[str, int]:
        """Return the progress of every reader, by its name."""
        with self._environment.reading() as reading:
            stored = reading.cursor(db=self._progress)
            return {
                bytes(name).decode(): _read_note(bytes(name), position) for name, position in stored
            }

    def mark_deleted(self, to: int) -> None:
        """Keep `to` as `StoreState.deleted_to`; flushed to disk when it returns."""
        with self._committing() as writing:
            writing.put(b"deleted_to", _noted(b"deleted_to", to), db=self._meta)
        self._state = replace(self._state, deleted_to=to)

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        """Remove all events up to `to`, and keep `chain` beside that; flushed to disk.

        The file does not shrink; what comes later takes the room. Costs with each event removed.
        """
        assert to < self._state.sequence_nr, "the last event stays"
        with self._committing() as writing:
            self._write_index(writing, to=self._state.sequence_nr)
            for key, frame in self._range(writing, to):
                destinations = unpack_frame(frame, _number(key), self._log_id).destinations
                self._index.remove(writing, key, destinations)
                writing.delete(key, db=self._events)
            writing.put(b"removed_to", _noted(b"removed_to", to), db=self._meta)
            writing.put(b"removed_chain", _ENCODER.encode(chain), db=self._meta)
        self._state = replace(self._state, removed_to=to, removed_chain=chain)
        self._index.wrote(None)

    def close(self) -> None:
        """Close the files, once no read is under way. Idempotent."""
        if self._index.waiting and not self._suspect:
            # Only to spare the next opening some work.
            with suppress(WriteFailed, OutcomeUnknown, MuseionError), self._committing() as writing:
                self._write_index(writing, to=self._state.sequence_nr)
            self._index.wrote(None)
        self._environment.close()

    @contextmanager
    def _committing(self) -> Iterator[lmdb.Transaction]:
        """Run a transaction; say whether what failed is certainly not in the store."""
        try:
            with self._environment.writing() as writing:
                yield writing
        except lmdb.Error as reason:
            cause = self._environment.cause_of(reason)
            self._index.failed()
            if not self._is_as_before():
                self._suspect = True
                raise OutcomeUnknown(cause) from reason
            raise WriteFailed(cause) from reason

    def _is_as_before(self) -> bool:
        """Tell whether LMDB still works and has kept nothing of the last transaction."""
        try:
            return self._stored_state() == self._state
        except MuseionError:
            return False

    def _reopen(self) -> None:
        def prove(writing: lmdb.Transaction) -> None:
            times = _number(writing.get(b"reopened", _NUMBER.pack(0), db=self._meta))
            writing.put(b"reopened", _NUMBER.pack(times + 1), db=self._meta)

        self._environment.reopen(self._open_tables, prove)
        self._suspect = False

    def _open_tables(self) -> None:
        self._meta = self._environment.table(b"meta")
        self._events = self._environment.table(b"events")
        self._progress = self._environment.table(b"progress")
        self._index.open_tables(self._environment.table)

    def _identity(self, path: Path, wanted_id: str | None, *, writable: bool) -> str:
        with opening(path), self._environment.reading() as reading:
            form = bytes(reading.get(b"form", b"", db=self._meta))
            log_id = bytes(reading.get(b"log_id", b"", db=self._meta)).decode()
            is_noted = reading.get(_INDEXED_TO, db=self._meta) is not None
            last = self._last(reading)
        if form not in (b"", _FORM_OF_0_1, _FORM) or (not form and not writable):
            raise UnknownStoreForm(path, form)
        if log_id and wanted_id not in (None, log_id):
            raise OtherLog(path, expected=str(wanted_id), found=log_id)
        if (form == _FORM and is_noted) or not writable:
            return log_id
        with opening(path), self._environment.writing() as writing:
            # Frames of form 1 stay as they are: each frame tells which form it has.
            log_id = log_id or wanted_id or random_id()
            writing.put(b"form", _FORM, db=self._meta)
            writing.put(b"log_id", log_id.encode(), db=self._meta)
            writing.put(_INDEXED_TO, _noted(_INDEXED_TO, last), db=self._meta)
        return log_id

    def _stored_state(self) -> StoreState:
        with self._environment.reading(waits=False) as reading:
            meta = {bytes(key): bytes(value) for key, value in reading.cursor(db=self._meta)}
            last = self._last(reading)
        none = _NUMBER.pack(0)
        try:
            return StoreState(
                self._log_id,
                last,
                _VERSION.decode(meta.get(b"version", b"\x91\x80")),
                _CHAIN.decode(meta.get(b"chain", b"\x80")),
                _read_note(b"deleted_to", meta.get(b"deleted_to", none)),
                _read_note(b"removed_to", meta.get(b"removed_to", none)),
                _CHAIN.decode(meta.get(b"removed_chain", b"\x80")),
            )
        except (msgspec.MsgspecError, struct.error) as reason:
            raise UnreadableLog(self._path, f"its version vector is lost: {reason}") from reason

    def _put_events(self, batch: WriteBatch, writing: lmdb.Transaction) -> None:
        if not batch.events:
            return
        keys = [_NUMBER.pack(event.sequence_nr) for event in batch.events]
        cursor = writing.cursor(db=self._events)
        _, added = cursor.putmulti(list(zip(keys, batch.frames, strict=True)), append=True)
        assert added == len(keys), "the events are not above all that are stored"

    def _write_index(
        self, writing: lmdb.Transaction, events: Sequence[Event] = (), *, to: int
    ) -> None:
        reaches = self._index.write(writing, events, to=to)
        writing.put(_INDEXED_TO, _noted(_INDEXED_TO, reaches), db=self._meta)

    def _begin_index(self) -> None:
        with self._environment.reading(waits=False) as reading:
            self._index.begin(self._state.sequence_nr, self._behind_index(reading))

    def _seen_in(self, reading: lmdb.Transaction) -> Seen:
        """Return what stands behind the index, where another process writes the log."""
        place = (self._indexed_to(reading), self._last(reading))
        if place != self._looked_at:
            self._behind, self._looked_at = self._behind_index(reading), place
        return Seen(_NUMBER.pack(place[1]), self._behind)

    def _behind_index(self, reading: lmdb.Transaction) -> Gathered:
        events, damaged = [], []
        for key, frame in self._scan(reading, self._indexed_to(reading)):
            try:
                events.append(unpack_frame(frame, _number(key), self._log_id))
            except DamagedEvent:
                damaged.append(bytes(key))
        return Gathered(events, damaged)

    def _indexed_to(self, reading: lmdb.Transaction) -> int:
        stored = reading.get(_INDEXED_TO, db=self._meta)
        return self._last(reading) if stored is None else _read_note(_INDEXED_TO, stored)

    def _last(self, reading: lmdb.Transaction) -> int:
        cursor = reading.cursor(db=self._events)
        return _number(cursor.key()) if cursor.last() else 0

    def _range(self, writing: lmdb.Transaction, to: int) -> list[tuple[bytes, bytes]]:
        end = _NUMBER.pack(to)
        found = []
        for key, frame in writing.cursor(db=self._events):
            if bytes(key) > end:
                break
            found.append((bytes(key), bytes(frame)))
        return found

    def _scan(self, reading: lmdb.Transaction, after: int) -> Iterator[tuple[Stored, Stored]]:
        cursor = reading.cursor(db=self._events)
        return cursor.iternext() if cursor.set_range(_NUMBER.pack(after + 1)) else iter(())

    def _unpacked(
        self,
        stored: Iterator[tuple[Stored, Stored]],
        *,
        after: int,
        limit: int,
        aggregate_id: str | None,
        max_bytes: int,
    ) -> list[Event]:
        """Return events within bounds; what only a broken tree or index can lead to is damage."""
        events: list[Event] = []
        size_bytes = 0
        unpack_number, log_id = _NUMBER.unpack, self._log_id
        for key, frame in stored:  # a hot path: no calls that can be spared
            (number,) = unpack_number(key)
            if number <= after:
                raise DamagedEvent(number, f"it comes behind event {after}")
            event = unpack_frame(frame, number, log_id)
            concerned = aggregate_id is None or aggregate_id == event.aggregate_id
            if not concerned and aggregate_id not in event.custom_destinations:
                raise DamagedEvent(number, f"the index names it for {aggregate_id!r:.100}")
            size_bytes += len(event.payload)
            if size_bytes > max_bytes and events:
                break
            events.append(event)
            if len(events) >= limit:
                break
            after = number
        return events


def _number(stored: Stored) -> int:
    return int(_NUMBER.unpack(stored)[0])


def _noted(name: bytes, number: int) -> bytes:
    """Return a number as it is kept under a name."""
    packed = _NUMBER.pack(number)
    return packed + _CRC.pack(zlib.crc32(name + packed))


def _read_note(name: bytes, stored: Stored) -> int:
    """Return the number kept under a name. Raises `DamagedNumber`."""
    number = _number(stored[: _NUMBER.size])
    if len(stored) > _NUMBER.size and stored != _noted(name, number):
        raise DamagedNumber(name)
    return number
