"""What broke off is kept for later, within bounds, and survives a disk that is full."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from blob_sources import content_of

from museion.blobs.blob_store import BlobWriteFailed, WrongBytes
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.partial_file import LeftOverLimits
from museion.testing.contracts.blob_store import digest_of
from museion.testing.tiny_disk import files_no_longer_than, tiny_disk

KIB = 1 << 10


def leave(store: FilesystemBlobStore, content: bytes, size_bytes: int, age_s: int = 0) -> Path:
    with store.resume(digest_of(content)) as partial:
        while partial.recall():
            pass
        partial.write(content[:size_bytes])
    time_s = 1_700_000_000 - age_s
    os.utime(partial.path, (time_s, time_s))
    return partial.path


def test_the_oldest_left_overs_go_when_there_are_too_many(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path, left_overs=LeftOverLimits(max_files=3))
    paths = [leave(store, content_of(99, seed), 50, age_s=100 - seed) for seed in range(6)]
    assert [path.exists() for path in paths] == [False, False, False, True, True, True]


def test_the_oldest_left_overs_go_when_they_are_too_large(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path, left_overs=LeftOverLimits(max_bytes=120))
    paths = [leave(store, content_of(99, seed), 50, age_s=100 - seed) for seed in range(4)]
    assert [path.exists() for path in paths] == [False, True, True, True]
    leave(store, content_of(99, 9), 50)
    assert [path.exists() for path in paths] == [False, False, True, True]


def test_what_is_being_written_is_no_left_over(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path, left_overs=LeftOverLimits(max_files=1))
    with store.resume(digest_of(b"content")) as partial:
        partial.write(b"cont")
        for seed in range(3):
            leave(store, content_of(99, seed), 50)
        partial.write(b"ent")
        partial.keep()
    assert store.read(digest_of(b"content")) == b"content"


def test_a_place_into_which_nothing_came_leaves_nothing(tmp_path: Path) -> None:
    with FilesystemBlobStore(tmp_path).resume(digest_of(b"content")):
        pass
    assert list((tmp_path / "partial").iterdir()) == []


def test_after_a_full_disk_exactly_what_was_written_before_is_there(tmp_path: Path) -> None:
    content = content_of(30 * KIB)
    store = FilesystemBlobStore(tmp_path)
    with store.resume(digest_of(content)) as partial:
        with files_no_longer_than(15 * KIB):
            partial.write(content[: 10 * KIB])
            with pytest.raises(BlobWriteFailed, match="large"):
                partial.write(content[10 * KIB :])
        assert partial.size_bytes == 10 * KIB
        partial.write(content[10 * KIB :])
        partial.keep()
    assert store.read(digest_of(content)) == content


def test_a_disk_that_is_really_full_leaves_what_came(tmp_path: Path) -> None:
    content = content_of(2048 * KIB)
    with tiny_disk(tmp_path, size_bytes=1024 * KIB) as folder:
        store = FilesystemBlobStore(folder)
        with store.resume(digest_of(content)) as partial:
            partial.write(content[: 512 * KIB])
            with pytest.raises(BlobWriteFailed, match="No space left"):
                partial.write(content[512 * KIB :])
        with store.resume(digest_of(content)) as partial:
            assert partial.size_bytes == 512 * KIB


def test_what_a_power_failure_spoiled_is_found_and_thrown_away(tmp_path: Path) -> None:
    content = content_of(30 * KIB)
    store = FilesystemBlobStore(tmp_path)
    path = leave(store, content, 20 * KIB)
    path.write_bytes(content[: 10 * KIB] + bytes(10 * KIB))
    with store.resume(digest_of(content)) as partial:
        while partial.recall():
            pass
        partial.write(content[20 * KIB :])
        with pytest.raises(WrongBytes):
            partial.keep()
    assert list(store.digests()) == []
    assert not path.exists()


def test_a_file_that_became_shorter_goes_on_from_where_it_ends(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    with store.resume(digest_of(b"content")) as partial:
        partial.write(b"cont")
    with store.resume(digest_of(b"content")) as partial:
        os.truncate(partial.path, 2)
        while partial.recall():
            pass
        assert partial.size_bytes == 2
        partial.write(b"ntent")
        partial.keep()


def test_a_kept_blob_that_came_from_elsewhere_can_be_written_by_nobody(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    with store.resume(digest_of(b"content")) as partial:
        partial.write(b"content")
        partial.keep()
        with pytest.raises(AssertionError):
            partial.write(b"more")
    assert store.path(digest_of(b"content")).stat().st_mode & 0o777 == 0o444
