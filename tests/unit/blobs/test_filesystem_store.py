"""The file system store keeps the contract, and leaves nothing behind when it fails."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from museion.blobs.blob_store import (
    Blob,
    BlobStore,
    BlobUnreadable,
    BlobWriteFailed,
    DamagedBlob,
    InvalidDigest,
    as_digest,
)
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.testing.contracts.blob_store import UNKNOWN, BlobStoreContract, digest_of
from museion.testing.tiny_disk import files_no_longer_than, tiny_disk

KIB = 1 << 10


def place(folder: Path, blob: Blob) -> Path:
    return folder / blob.digest[:2] / blob.digest


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


class TestFilesystemBlobStore(BlobStoreContract):
    def open(self, folder: Path) -> BlobStore:
        return FilesystemBlobStore(folder)

    def damage(self, folder: Path, blob: Blob, content: bytes) -> None:
        path = place(folder, blob)
        path.chmod(0o644)
        path.write_bytes(content)
        os.utime(path, ns=(0, 0))  # the clock of a file system may be too coarse to tell


@pytest.mark.parametrize("size_bytes", [20 * KIB, 4096 * KIB])
def test_a_full_disk_is_reported_and_nothing_remains(tmp_path: Path, size_bytes: int) -> None:
    store = FilesystemBlobStore(tmp_path)
    with files_no_longer_than(10 * KIB), pytest.raises(BlobWriteFailed, match="large"):
        store.put(os.urandom(size_bytes))
    assert files_below(tmp_path) == []
    store.put(bytes(size_bytes))


def test_a_full_disk_met_at_the_last_bytes_is_reported_too(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    with files_no_longer_than(10), store.incoming() as incoming:
        incoming.write(b"so few bytes that they wait for the end")
        with pytest.raises(BlobWriteFailed):
            incoming.finish()
        with pytest.raises(BlobWriteFailed):
            incoming.keep()
    assert files_below(tmp_path) == []


def test_a_disk_that_is_really_full_is_named_as_the_cause(tmp_path: Path) -> None:
    with tiny_disk(tmp_path, size_bytes=1024 * KIB) as folder:
        store = FilesystemBlobStore(folder)
        blob = store.put(bytes(500 * KIB))
        with pytest.raises(BlobWriteFailed, match="No space left"):
            store.put(os.urandom(600 * KIB))
        assert files_below(folder) == [place(folder, blob)]


def test_what_a_crash_left_behind_is_removed_at_the_next_opening(tmp_path: Path) -> None:
    blob = FilesystemBlobStore(tmp_path).put(b"kept")
    (tmp_path / "incoming" / "left-over").write_bytes(b"half a pho")
    store = FilesystemBlobStore(tmp_path)
    assert files_below(tmp_path) == [place(tmp_path, blob)]
    assert store.read(blob.digest) == b"kept"


def test_a_second_store_leaves_alone_what_the_first_one_is_taking_in(tmp_path: Path) -> None:
    first = FilesystemBlobStore(tmp_path)
    with first.incoming() as incoming:
        incoming.write(b"content")
        second = FilesystemBlobStore(tmp_path)
        second.put(b"other")
        assert first.read(incoming.keep().digest) == b"content"


def test_a_store_that_only_reads_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    assert UNKNOWN not in FilesystemBlobStore(folder, writable=False)
    assert not folder.exists()
    blob = FilesystemBlobStore(folder).put(b"content")
    left_over = folder / "incoming" / "left-over"
    left_over.write_bytes(b"of another process")
    assert FilesystemBlobStore(folder, writable=False).read(blob.digest) == b"content"
    assert left_over.exists()


def test_a_kept_blob_is_readable_by_all_and_writable_by_none(tmp_path: Path) -> None:
    blob = FilesystemBlobStore(tmp_path).put(b"content")
    assert stat.S_IMODE(place(tmp_path, blob).stat().st_mode) == 0o444


def test_nothing_can_be_written_into_a_finished_blob(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    with store.incoming() as incoming:
        incoming.write(b"content")
        blob = incoming.keep()
        with pytest.raises(AssertionError):
            incoming.write(b"more")
    assert store.read(blob.digest) == b"content"


def test_other_files_in_the_folder_are_no_blobs(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    blob = store.put(b"content")
    (place(tmp_path, blob).parent / ".DS_Store").write_bytes(b"")
    (tmp_path / "readme.txt").write_bytes(b"")
    assert list(store.digests()) == [blob.digest]


def test_a_file_that_the_system_does_not_read_is_unreadable_not_damaged(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    blob = Blob(digest_of(b"content"), 7)
    place(tmp_path, blob).mkdir(parents=True)  # reading a folder fails for every user
    with pytest.raises(BlobUnreadable, match="directory"):
        store.read(blob.digest)


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BlobWriteFailed):
        FilesystemBlobStore(tmp_path / "file" / "blobs")


def test_a_verified_file_is_hashed_again_when_it_has_changed(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    blob = store.put(b"content")
    store.path(blob.digest)
    path = place(tmp_path, blob)
    path.chmod(0o644)
    path.write_bytes(b"c0ntent")
    os.utime(path, ns=(0, 0))
    with pytest.raises(DamagedBlob):
        store.path(blob.digest)


def test_memory_of_verified_files_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("museion.blobs.filesystem_store._MAX_VERIFIED", 3)
    store = FilesystemBlobStore(tmp_path)
    for number in range(10):
        store.path(store.put(b"%d" % number).digest)
    assert len(store._verified) == 3


def test_a_dead_process_does_not_keep_left_overs_alive(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from museion.blobs.filesystem_store import FilesystemBlobStore\n"
        "store = FilesystemBlobStore(Path(sys.argv[1]))\n"
        "with store.incoming() as incoming:\n"
        "    incoming.write(b'half')\n"
        "    incoming.finish()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert len(files_below(tmp_path)) == 1
    FilesystemBlobStore(tmp_path)
    assert files_below(tmp_path) == []


def test_a_digest_is_its_own_checked_form() -> None:
    assert as_digest(UNKNOWN) == UNKNOWN
    with pytest.raises(InvalidDigest, match="64 hexadecimal"):
        as_digest(UNKNOWN + "\n")
