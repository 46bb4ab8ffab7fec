"""Blobs as files: `ab/abcdef…`, written aside, flushed, then renamed.

A file under its final name is complete and on disk. What a crash leaves in `incoming/` is removed
when the store is opened for writing. Bytes that come from another site lie in `partial/` and stay.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO

from blake3 import blake3

from museion.blobs.blob_store import (
    Blob,
    BlobUnreadable,
    BlobWriteFailed,
    DamagedBlob,
    Digest,
    InvalidDigest,
    UnknownBlob,
    as_digest,
)
from museion.blobs.partial_file import LeftOverLimits, PartialFile, open_partial

_FANOUT = 2
_CHUNK_BYTES = 1 << 20
_MAX_VERIFIED = 1 << 16  # about 20 MB


class FilesystemBlobStore:
    """Keeps blobs below one folder of a POSIX file system.

    Reads verify the digest. `path` does not hash a file again that this object has verified lately,
    while its inode, size and modification time stay the same. Several objects, also of several
    processes, may work on one folder.

    Args:
        folder: made if it is not there and the store is writable.
        writable: whether bytes may be put in; clears what a crash left behind.
        left_overs: how much of what broke off on its way from another site is kept for later.

    Raises:
        BlobWriteFailed: the folder cannot be made or written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        writable: bool = True,
        left_overs: LeftOverLimits = LeftOverLimits(),  # noqa: B008 (frozen)
    ) -> None:
        self._folder = folder
        self._left_overs = left_overs
        self._incoming = folder / "incoming"
        self._verified: dict[Digest, tuple[int, int, int]] = {}
        self._flushed_parents: set[Path] = set()
        self._lock = threading.Lock()
        if writable:
            with _reported():
                _make_durably(self._incoming)
                handle = _claim(self._incoming, folder / "incoming.lock")
            weakref.finalize(self, os.close, handle)

    @contextmanager
    def incoming(self) -> Iterator[_IncomingFile]:
        """Open a place for bytes; what is not kept is removed when the context ends."""
        with _reported():
            handle, name = tempfile.mkstemp(dir=self._incoming)
        incoming = _IncomingFile(self, Path(name), os.fdopen(handle, "wb"))
        try:
            yield incoming
        finally:
            incoming.drop()

    def resume(self, digest: Digest) -> AbstractContextManager[PartialFile]:
        """Open the place for the bytes of one blob that come from elsewhere."""
        return open_partial(
            self._folder / "partial",
            as_digest(digest),
            move_in=self._move_in,
            limits=self._left_overs,
        )

    def put(self, content: bytes) -> Blob:
        """Keep bytes; idempotent."""
        digest = Digest(blake3(content).hexdigest())
        if digest in self and self._holds_intact(digest):
            with _reported():
                self._make_lasting(self._place(digest))
            return Blob(digest, len(content))
        with self.incoming() as incoming:
            incoming.write(content)
            return incoming.keep()

    def read(self, digest: Digest) -> bytes:
        """Return a blob's bytes, verified."""
        with _readable(digest):
            content = self._place(digest).read_bytes()
        found = blake3(content).hexdigest()
        if found != digest:
            raise DamagedBlob(digest, found)
        return content

    def path(self, digest: Digest) -> Path:
        """Return the verified file of a blob, to be read only."""
        path = self._place(digest)
        with _readable(digest), path.open("rb") as file:
            status = os.fstat(file.fileno())
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._verified.get(digest) != seen:
                _verify(digest, file)
                self._remember(digest, seen)
        return path

    def __contains__(self, digest: object) -> bool:
        try:
            return isinstance(digest, str) and self._place(Digest(digest)).exists()
        except InvalidDigest:
            return False

    def digests(self) -> Iterator[Digest]:
        """Return the digests of all blobs, in no order; what is not a blob is passed over."""
        for path in self._folder.glob(f"{'?' * _FANOUT}/*"):
            with suppress(InvalidDigest):
                yield as_digest(path.name)

    def _place(self, digest: Digest) -> Path:
        return self._folder / as_digest(digest)[:_FANOUT] / digest

    def _remember(self, digest: Digest, seen: tuple[int, int, int]) -> None:
        with self._lock:
            self._verified[digest] = seen
            if len(self._verified) > _MAX_VERIFIED:
                del self._verified[next(iter(self._verified))]

    def _holds_intact(self, digest: Digest) -> bool:
        try:
            self.path(digest)
        except (UnknownBlob, DamagedBlob, BlobUnreadable):
            return False
        return True

    def _move_in(self, handle: int, path: Path, digest: Digest) -> None:
        place = self._place(digest)
        if not self._holds_intact(digest):
            os.fchmod(handle, 0o444)
            os.fsync(handle)
            place.parent.mkdir(exist_ok=True)
            path.rename(place)
        self._make_lasting(place)

    def _make_lasting(self, place: Path) -> None:
        """Flush the name of a blob, also of one that was there.

        Whoever renamed that one may have been killed before it flushed, or is just about to.
        """
        _flush_folder(place.parent)
        if place.parent not in self._flushed_parents:
            _flush_folder(self._folder)
            self._flushed_parents.add(place.parent)


class _IncomingFile:
    """A temporary file and the hash of what went into it."""

    def __init__(self, store: FilesystemBlobStore, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._store = store
        self._file = file
        self._hash = blake3()
        self._size_bytes = 0
        self._blob: Blob | None = None

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        assert self._blob is None, "bytes came after the last ones"
        with _reported():
            self._file.write(chunk)
        self._hash.update(chunk)
        self._size_bytes += len(chunk)

    def finish(self) -> Blob:
        """Hand all bytes to the system and return what they are."""
        if self._blob is None:
            with _reported():
                self._file.flush()
            self._blob = Blob(Digest(self._hash.hexdigest()), self._size_bytes)
        return self._blob

    def keep(self) -> Blob:
        """Make the blob durable and visible under its digest."""
        blob = self.finish()
        if not self._file.closed:
            with _reported():
                self._store._move_in(self._file.fileno(), self.path, blob.digest)
                self._file.close()
        return blob

    def drop(self) -> None:
        """Close, and remove what was not kept."""
        with suppress(OSError):  # a flush of bytes that nobody wants may fail on a full disk
            self._file.close()
        self.path.unlink(missing_ok=True)


def _claim(incoming: Path, lock: Path) -> int:
    """Remove left-overs unless another store writes here; return the handle that says so of ours.

    All writers share a lock that the system drops with the process; who gets it alone is the only
    one, and what lies there belongs to nobody.
    """
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left_over in incoming.iterdir():
                left_over.unlink(missing_ok=True)
        fcntl.flock(handle, fcntl.LOCK_SH)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _verify(digest: Digest, file: IO[bytes]) -> None:
    # Read in pieces: a memory map would end the process where the disk fails or the file shrinks.
    hashing = blake3()
    while chunk := file.read(_CHUNK_BYTES):
        hashing.update(chunk)
    found = hashing.hexdigest()
    if found != digest:
        raise DamagedBlob(digest, found)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as reason:
        raise BlobWriteFailed(_text(reason)) from reason


@contextmanager
def _readable(digest: Digest) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as reason:
        raise UnknownBlob(digest) from reason
    except OSError as reason:
        raise BlobUnreadable(digest, _text(reason)) from reason


def _text(reason: OSError) -> str:
    return reason.strerror or str(reason)


def _make_durably(folder: Path) -> None:
    """Make a folder and those above it; a power failure does not undo it."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        _flush_folder(each.parent)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
