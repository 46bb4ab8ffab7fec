"""Erasing a data subject: keys, snapshots, and what a replay then gives."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from opened_log import opened

from museion.base.errors import Unavailable
from museion.log.erasure import Erasure, SubjectSnapshots, erase
from museion.log.event_types import Erased, EventTypes, event_type
from museion.log.file_subject_keys import FileSubjectKeys
from museion.log.lmdb_store import LmdbEventStore
from museion.log.snapshots import MemorySnapshotStore, Snapshot
from museion.log.subject_keys import MemorySubjectKeys
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop


@event_type("test.reader-registered", subject=lambda event: event.reader_id)
class ReaderRegistered(msgspec.Struct, frozen=True):
    reader_id: str
    name: str


class Broken:
    """A snapshot store whose disk is away once."""

    def __init__(self) -> None:
        self.failures = 1
        self.deleted: list[str] = []

    def delete_subject(self, subject_key_id: str) -> int:
        if self.failures:
            self.failures -= 1
            raise Unavailable("The disk is away.")
        self.deleted.append(subject_key_id)
        return 1


def snapshot(emitter_id: str, *key_ids: str) -> Snapshot:
    return Snapshot(
        emitter_id=emitter_id,
        log_id="here",
        sequence_nr=1,
        type_name="test.state",
        form=1,
        state=b"Ada",
        version=VectorTime(),
        last_handled=None,
        saved_at_ms=0,
        subject_key_ids=key_ids,
    )


@in_event_loop
async def test_replay_of_an_erased_subject_gives_typed_values_and_nothing_breaks(
    tmp_path: Path,
) -> None:
    keys = FileSubjectKeys(tmp_path / "keys")
    types = EventTypes(ReaderRegistered, keys=keys)
    ada, bob = ReaderRegistered("ada", "Ada"), ReaderRegistered("bob", "Bob")
    async with opened(LmdbEventStore(tmp_path / "log")) as log:
        await log.append([types.encode(each, emitter_id="e") for each in (ada, bob, ada)])
        done = await erase("ada", keys)
        payloads = [each for event in await log.read() for each in types.decode(event)]

    erased = Erased("test.reader-registered", done.subject_key_ids[0])
    assert payloads == [erased, bob, erased]


@in_event_loop
async def test_the_payload_is_in_no_file_of_the_log(tmp_path: Path) -> None:
    """So no backup of the log has it either."""
    types = EventTypes(ReaderRegistered, keys=FileSubjectKeys(tmp_path / "keys"))
    async with opened(LmdbEventStore(tmp_path / "log")) as log:
        name = "Augusta Ada King, Countess of Lovelace"
        await log.append([types.encode(ReaderRegistered("ada", name), emitter_id="e")])

    files = [path for path in (tmp_path / "log").rglob("*") if path.is_file()]
    assert files
    assert not any(name.encode() in path.read_bytes() for path in files)


@in_event_loop
async def test_snapshots_that_hold_what_the_subject_wrote_are_deleted_and_no_others() -> None:
    keys, snapshots = MemorySubjectKeys(), MemorySnapshotStore()
    ada, bob = keys.get_or_create("ada").key_id, keys.get_or_create("bob").key_id
    snapshots.save(snapshot("of-both", ada, bob))
    snapshots.save(snapshot("of-bob", bob))

    assert await erase("ada", keys, snapshots) == Erasure((ada,), 1)

    assert list(snapshots.newest_first("of-both", log_id="here")) == []
    assert len(list(snapshots.newest_first("of-bob", log_id="here"))) == 1


@in_event_loop
async def test_erasing_again_does_nothing_more() -> None:
    keys, snapshots = MemorySubjectKeys(), MemorySnapshotStore()
    key_id = keys.get_or_create("ada").key_id
    snapshots.save(snapshot("e", key_id))

    await erase("ada", keys, snapshots)

    assert await erase("ada", keys, snapshots) == Erasure((key_id,), 0)


@in_event_loop
async def test_erasing_whom_nothing_was_written_about_reports_no_key() -> None:
    assert await erase("nobody", MemorySubjectKeys()) == Erasure((), 0)


@in_event_loop
async def test_an_erasure_that_failed_half_way_is_finished_by_repeating_it() -> None:
    keys, broken = MemorySubjectKeys(), Broken()
    key_id = keys.get_or_create("ada").key_id
    with pytest.raises(Unavailable):
        await erase("ada", keys, broken)

    assert await erase("ada", keys, broken) == Erasure((key_id,), 1)
    assert broken.deleted == [key_id]


@in_event_loop
async def test_all_snapshot_stores_are_cleaned() -> None:
    keys, stores = MemorySubjectKeys(), [MemorySnapshotStore(), MemorySnapshotStore()]
    key_id = keys.get_or_create("ada").key_id
    for store in stores:
        store.save(snapshot("e", key_id))
    several: list[SubjectSnapshots] = [*stores]

    assert await erase("ada", keys, several) == Erasure((key_id,), 2)
