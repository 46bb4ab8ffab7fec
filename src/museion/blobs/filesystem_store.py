"""Blobs as files: `ab/abcdef…`, written aside, flushed, then renamed.

A file under its final name is complete and on disk. What a crash leaves in `incoming/` is removed
when the store is opened for writing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from blake3 import blake3

from museion.blobs.blob_store import (
    Blob,
    BlobWriteFailed,
    DamagedBlob,
    Digest,
    UnknownBlob,
    as_digest,
)

_FANOUT = 2


class FilesystemBlobStore:
    """Keeps blobs below one folder of a POSIX file system.

    Reads verify the digest. A file that was verified once is not hashed again by this object while
    its inode, size and modification time stay the same.
    """

    def __init__(self, folder: Path, *, writable: bool = True) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._verified: dict[Digest, tuple[int, int, int]] = {}
        if writable:
            self._incoming.mkdir(parents=True, exist_ok=True)
            for left_over in self._incoming.iterdir():
                left_over.unlink()

    @contextmanager
    def incoming(self) -> Iterator[_IncomingFile]:
        """Open a place for bytes; what is not kept is removed when the context ends."""
        try:
            handle, name = tempfile.mkstemp(dir=self._incoming)
        except OSError as reason:
            raise BlobWriteFailed(_text(reason)) from reason
        incoming = _IncomingFile(self, Path(name), os.fdopen(handle, "wb"))
        try:
            yield incoming
        finally:
            incoming.drop()

    def put(self, content: bytes) -> Blob:
        """Keep bytes; idempotent."""
        digest = Digest(blake3(content).hexdigest())
        if digest in self:
            return Blob(digest, len(content))
        with self.incoming() as incoming:
            incoming.write(content)
            incoming.finish()
            return incoming.keep()

    def read(self, digest: Digest) -> bytes:
        """Return a blob's bytes, verified."""
        try:
            content = self._place(digest).read_bytes()
        except FileNotFoundError as reason:
            raise UnknownBlob(digest) from reason
        found = blake3(content).hexdigest()
        if found != digest:
            raise DamagedBlob(digest, found)
        return content

    def path(self, digest: Digest) -> Path:
        """Return the verified file of a blob, to be read only."""
        path = self._place(digest)
        try:
            status = path.stat()
        except FileNotFoundError as reason:
            raise UnknownBlob(digest) from reason
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._verified.get(digest) != seen:
            self._verify(digest, path)
            self._verified[digest] = seen
        return path

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, str) and self._place(as_digest(digest)).exists()

    def digests(self) -> Iterator[Digest]:
        """Return the digests of all blobs, in no order."""
        for path in self._folder.glob("??/*"):
            yield as_digest(path.name)

    def _place(self, digest: Digest) -> Path:
        return self._folder / digest[:_FANOUT] / digest

    def _verify(self, digest: Digest, path: Path) -> None:
        found = blake3().update_mmap(path).hexdigest()
        if found != digest:
            raise DamagedBlob(digest, found)

    def _move_in(self, path: Path, digest: Digest) -> None:
        place = self._place(digest)
        if place.exists():
            return
        if not place.parent.exists():
            place.parent.mkdir(exist_ok=True)
            _flush_folder(self._folder)
        path.chmod(0o444)
        path.rename(place)
        _flush_folder(place.parent)


class _IncomingFile:
    """A temporary file and the hash of what went into it."""

    def __init__(self, store: FilesystemBlobStore, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._store = store
        self._file = file
        self._hash = blake3()
        self._size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        with _reported():
            self._file.write(chunk)
        self._hash.update(chunk)
        self._size_bytes += len(chunk)

    def finish(self) -> Blob:
        """Hand all bytes to the system and return what they are."""
        with _reported():
            self._file.flush()
        return Blob(Digest(self._hash.hexdigest()), self._size_bytes)

    def keep(self) -> Blob:
        """Make the blob durable and visible under its digest."""
        blob = self.finish()
        with _reported():
            os.fsync(self._file.fileno())
            self._store._move_in(self.path, blob.digest)
        return blob

    def drop(self) -> None:
        """Close, and remove what was not kept."""
        with suppress(OSError):  # a flush of bytes that nobody wants may fail on a full disk
            self._file.close()
        self.path.unlink(missing_ok=True)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as reason:
        raise BlobWriteFailed(_text(reason)) from reason


def _text(reason: OSError) -> str:
    return reason.strerror or str(reason)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
