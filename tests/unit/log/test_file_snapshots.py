"""The store of snapshots in files keeps the contract, whatever happens to its files."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from museion.log.file_snapshots import FileSnapshotStore
from museion.log.snapshots import (
    DamagedSnapshot,
    Snapshot,
    SnapshotNotSaved,
    SnapshotStore,
    SnapshotsUnreachable,
)
from museion.testing.contracts.snapshot_store import (
    DurableSnapshotStoreContract,
    numbers,
    snapshot_at,
)


class TestFileSnapshotStore(DurableSnapshotStoreContract):
    def open(self, folder: Path) -> SnapshotStore:
        return FileSnapshotStore(folder)

    def damage(self, folder: Path, snapshot: Snapshot) -> None:
        file = file_of(folder, snapshot)
        file.write_bytes(file.read_bytes()[:-1] + b"\xff\xff")


def file_of(folder: Path, snapshot: Snapshot) -> Path:
    (file,) = folder.glob(f"*/*-{snapshot.sequence_nr:019d}-*.snapshot")
    return file


def test_the_folder_is_made(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path / "some" / "where")
    store.save(snapshot_at(1))
    assert numbers(store) == [1]


def test_a_damaged_snapshot_is_reported_with_its_name(tmp_path: Path) -> None:
    heard: list[DamagedSnapshot] = []
    store = FileSnapshotStore(tmp_path, report=heard.append)
    store.save(snapshot_at(1))
    file = file_of(tmp_path, snapshot_at(1))
    file.write_bytes(b"")

    assert numbers(store) == []
    assert [damaged.place for damaged in heard] == [file.name]
    assert store.unreadable == tuple(heard)
    assert "checksum" in str(heard[0])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(position=st.integers(0, 400), flip=st.integers(1, 255), cut=st.booleans())
def test_no_flipped_bit_and_no_cut_is_taken_for_a_snapshot(
    tmp_path: Path, position: int, flip: int, cut: bool
) -> None:
    store = FileSnapshotStore(tmp_path)
    store.save(snapshot_at(1))
    store.save(snapshot_at(2))
    file = file_of(tmp_path, snapshot_at(2))
    content = bytearray(file.read_bytes())
    position %= len(content)
    content[position] ^= flip
    file.write_bytes(content[:position] if cut else content)
    assert numbers(store) == [1]


def test_a_file_that_cannot_be_opened_is_passed_over_and_reported(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    store.save(snapshot_at(1))
    store.save(snapshot_at(2))
    file = file_of(tmp_path, snapshot_at(2))
    file.unlink()
    file.mkdir()
    assert numbers(store) == [1]
    assert len(store.unreadable) == 1


def test_a_whole_file_that_holds_no_snapshot_is_passed_over(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    store.save(snapshot_at(1))
    file_of(tmp_path, snapshot_at(1)).write_bytes(_CHECKED_NIL)
    assert numbers(store) == []


def test_a_file_under_the_name_of_another_is_passed_over(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    store.save(snapshot_at(1))
    store.save(snapshot_at(2))
    store.save(snapshot_at(3, emitter_id="other"))
    content = file_of(tmp_path, snapshot_at(1)).read_bytes()
    file_of(tmp_path, snapshot_at(2)).write_bytes(content)
    file_of(tmp_path, snapshot_at(3)).write_bytes(content)
    assert numbers(store) == [1]
    assert numbers(store, "other") == []


def test_a_torn_file_of_a_crash_is_ignored_and_cleaned_up(tmp_path: Path) -> None:
    FileSnapshotStore(tmp_path).save(snapshot_at(1))
    torn = tmp_path / ".incoming" / "torn"
    torn.write_bytes(file_of(tmp_path, snapshot_at(1)).read_bytes()[:20])
    store = FileSnapshotStore(tmp_path)
    assert numbers(store) == [1]
    assert store.unreadable == ()
    assert not torn.exists()


def test_foreign_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    store.save(snapshot_at(1))
    foreign = file_of(tmp_path, snapshot_at(1)).parent / "notes.txt"
    for file in (foreign, tmp_path / ".DS_Store"):
        file.write_text("mine")
    assert store.delete_from("here", 0) == 1
    assert store.delete_subject("ann") == 0
    assert foreign.exists()


def test_no_unfinished_file_stays_when_saving_fails(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    store.save(snapshot_at(1))
    emitter_folder = file_of(tmp_path, snapshot_at(1)).parent
    emitter_folder.rename(tmp_path / "aside")
    emitter_folder.write_text("a file where a folder should be")

    with pytest.raises(SnapshotNotSaved):
        store.save(snapshot_at(2))

    assert os.listdir(tmp_path / ".incoming") == []
    emitter_folder.unlink()
    (tmp_path / "aside").rename(emitter_folder)
    assert numbers(store) == [1]


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotsUnreachable):
        FileSnapshotStore(tmp_path / "file")


def test_the_stored_form_of_a_snapshot_stays_readable(tmp_path: Path) -> None:
    """Bytes that the first program version wrote."""
    store = FileSnapshotStore(tmp_path)
    saved = snapshot_at(7, subject_key_ids=("ann",))
    store.save(saved)
    file_of(tmp_path, saved).write_bytes(bytes.fromhex(STORED))
    assert list(store.newest_first("emitter", log_id="here")) == [saved]


_CHECKED_NIL = zlib.crc32(b"\xc0").to_bytes(4, "big") + b"\xc0"
STORED = (
    "ec2b96448caa656d69747465725f6964a7656d6974746572a66c6f675f6964a468657265ab7365717565"
    "6e63655f6e7207a9747970655f6e616d65aa746573742e7374617465a4666f726d02a57374617465c405"
    "7374617465a776657273696f6e9182a46865726507a5746865726507ac6c6173745f68616e646c656492"
    "a5746865726507ab73617665645f61745f6d7307aa64656c69766572696573c40a64656c697665726965"
    "73a770656e64696e67c40770656e64696e67af7375626a6563745f6b65795f69647391a3616e6e"
)
