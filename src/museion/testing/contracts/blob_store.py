"""What every blob store must do. Inherit the suite, say how a store is opened, and run it.

class TestMyStore(BlobStoreContract):
    def open(self, folder: Path) -> BlobStore:
        return MyStore(folder)
"""

# ruff: noqa: D102 (the name of a test is its claim)

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from blake3 import blake3

from museion.blobs.blob_store import (
    Blob,
    BlobArriving,
    BlobStore,
    DamagedBlob,
    Digest,
    InvalidDigest,
    Partial,
    UnknownBlob,
    WrongBytes,
)


def digest_of(content: bytes) -> Digest:
    """Return the name of a blob."""
    return Digest(blake3(content).hexdigest())


UNKNOWN = digest_of(b"a blob that is nowhere")


class BlobStoreContract:
    """For every blob store."""

    def open(self, folder: Path) -> BlobStore:
        """Open the store in a folder, new or as it was left there."""
        raise NotImplementedError

    def damage(self, folder: Path, blob: Blob, content: bytes) -> None:
        """Replace a blob's stored bytes, behind the back of the store."""
        raise NotImplementedError

    @pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 10_000])
    def test_bytes_come_back_under_their_digest(self, tmp_path: Path, content: bytes) -> None:
        store = self.open(tmp_path)
        blob = store.put(content)
        assert blob == Blob(digest_of(content), len(content))
        assert store.read(blob.digest) == content
        assert store.path(blob.digest).read_bytes() == content

    def test_bytes_that_come_in_pieces_are_one_blob(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        with store.incoming() as incoming:
            for piece in (b"one", b"", b"two"):
                incoming.write(piece)
            assert incoming.finish() == Blob(digest_of(b"onetwo"), 6)
            assert incoming.path.read_bytes() == b"onetwo"
            assert incoming.keep() == Blob(digest_of(b"onetwo"), 6)
        assert store.read(digest_of(b"onetwo")) == b"onetwo"

    def test_nothing_is_visible_before_it_is_kept(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        with store.incoming() as incoming:
            incoming.write(b"content")
            blob = incoming.finish()
            assert blob.digest not in store
            assert list(store.digests()) == []
            incoming.keep()
            assert blob.digest in store
            assert list(store.digests()) == [blob.digest]

    def test_what_is_not_kept_leaves_nothing(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        with store.incoming() as incoming:
            incoming.write(b"content")
            path = incoming.path
        assert not path.exists()
        assert digest_of(b"content") not in store

    def test_an_error_on_the_way_leaves_nothing(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        paths: list[Path] = []
        with pytest.raises(ConnectionResetError):
            _break_off(store, paths)
        assert not paths[0].exists()
        assert list(store.digests()) == []

    def test_keeping_the_same_bytes_again_changes_nothing(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        blob = store.put(b"content")
        status = store.path(blob.digest).stat()
        assert store.put(b"content") == blob
        with store.incoming() as incoming:
            incoming.write(b"content")
            assert incoming.keep() == blob
            assert incoming.keep() == blob
        again = store.path(blob.digest).stat()
        assert (again.st_ino, again.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
        assert list(store.digests()) == [blob.digest]

    def test_all_blobs_are_there_when_the_store_is_opened_again(self, tmp_path: Path) -> None:
        contents = [b"%d" % number for number in range(20)]
        store = self.open(tmp_path)
        blobs = [store.put(content) for content in contents]
        store = self.open(tmp_path)
        assert set(store.digests()) == {blob.digest for blob in blobs}
        assert [store.read(blob.digest) for blob in blobs] == contents

    @pytest.mark.parametrize("changed", [b"c0ntent", b"", b"content, and more"])
    def test_a_damaged_blob_is_named_and_not_served(self, tmp_path: Path, changed: bytes) -> None:
        store = self.open(tmp_path)
        blob = store.put(b"content")
        store.path(blob.digest)  # verified once, while it was well
        self.damage(tmp_path, blob, changed)
        for opened in (store, self.open(tmp_path)):
            with pytest.raises(DamagedBlob, match=blob.digest):
                opened.read(blob.digest)
            with pytest.raises(DamagedBlob, match=blob.digest):
                opened.path(blob.digest)

    def test_keeping_the_bytes_again_heals_a_damaged_blob(self, tmp_path: Path) -> None:
        for content in (b"put", b"incoming"):
            blob = self.open(tmp_path).put(content)
            self.damage(tmp_path, blob, b"damage")
            store = self.open(tmp_path)
            if content == b"put":
                store.put(content)
            else:
                with store.incoming() as incoming:
                    incoming.write(content)
                    incoming.keep()
            assert store.read(blob.digest) == content

    def test_what_came_of_a_blob_from_elsewhere_is_there_the_next_time(
        self, tmp_path: Path
    ) -> None:
        digest = digest_of(b"one two three")
        for piece, before in ((b"one ", 0), (b"two ", 4), (b"", 8), (b"three", 8)):
            store = self.open(tmp_path)
            with store.resume(digest) as partial:
                assert (partial.digest, partial.size_bytes) == (digest, before)
                _recall(partial)
                partial.write(piece)
                assert partial.size_bytes == before + len(piece)
            assert digest not in store
            assert list(store.digests()) == []
        with self.open(tmp_path).resume(digest) as partial:
            assert partial.keep() == Blob(digest, 13)
            assert partial.keep() == Blob(digest, 13)
        store = self.open(tmp_path)
        assert store.read(digest) == b"one two three"
        with store.resume(digest) as partial:
            assert partial.size_bytes == 0

    def test_bytes_from_elsewhere_that_are_another_blob_are_refused(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        digest = digest_of(b"content")
        with store.resume(digest) as partial:
            _recall(partial)
            partial.write(b"c0ntent")
            with pytest.raises(WrongBytes, match=digest):
                partial.keep()
            assert partial.size_bytes == 0
            assert list(store.digests()) == []
            partial.write(b"content")
            partial.keep()
        assert store.read(digest) == b"content"
        assert list(store.digests()) == [digest]

    def test_what_came_from_elsewhere_can_be_thrown_away(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        with store.resume(UNKNOWN) as partial:
            _recall(partial)
            partial.write(b"content")
            partial.restart()
        with store.resume(UNKNOWN) as partial:
            assert partial.size_bytes == 0

    def test_bytes_from_elsewhere_heal_a_damaged_blob(self, tmp_path: Path) -> None:
        blob = self.open(tmp_path).put(b"content")
        self.damage(tmp_path, blob, b"damage")
        store = self.open(tmp_path)
        with store.resume(blob.digest) as partial:
            _recall(partial)
            partial.write(b"content")
            assert partial.keep() == blob
        assert store.read(blob.digest) == b"content"

    def test_one_blob_comes_from_elsewhere_once_at_a_time(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        with store.resume(UNKNOWN):
            for other in (store, self.open(tmp_path)):
                with pytest.raises(BlobArriving), other.resume(UNKNOWN):
                    pass
        with store.resume(UNKNOWN):
            pass

    def test_an_unknown_blob_is_named(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        assert UNKNOWN not in store
        with pytest.raises(UnknownBlob, match=UNKNOWN):
            store.read(UNKNOWN)
        with pytest.raises(UnknownBlob, match=UNKNOWN):
            store.path(UNKNOWN)

    @pytest.mark.parametrize("text", ["", "ab", UNKNOWN.upper(), UNKNOWN + "0", f"../{UNKNOWN}"])
    def test_a_text_that_is_no_digest_is_refused(self, tmp_path: Path, text: str) -> None:
        store = self.open(tmp_path)
        assert text not in store
        with pytest.raises(InvalidDigest):
            store.read(Digest(text))
        with pytest.raises(InvalidDigest):
            store.path(Digest(text))
        with pytest.raises(InvalidDigest), store.resume(Digest(text)):
            pass

    def test_many_threads_may_keep_the_same_bytes_at_once(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        contents = [b"%d" % (number % 5) for number in range(40)]
        with ThreadPoolExecutor(8) as threads:
            blobs = list(threads.map(store.put, contents))
        assert set(store.digests()) == {blob.digest for blob in blobs}
        assert [store.read(blob.digest) for blob in blobs] == contents


def _recall(partial: Partial) -> None:
    while partial.recall():
        pass


def _break_off(store: BlobStore, paths: list[Path]) -> None:
    with store.incoming() as incoming:
        incoming.write(b"content")
        paths.append(incoming.path)
        raise ConnectionResetError
