"""Bytes of one blob that are still coming, in a file that outlives the process.

The name of the file says which blob it is to become, its length how far it has come. What a power
failure spoils of it is found when all bytes have come, because they are verified then.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from museion.blobs.blob_store import Blob, BlobArriving, BlobWriteFailed, Digest, WrongBytes

_RECALLED_AT_ONCE = 16 << 20


@dataclass(frozen=True, slots=True)
class LeftOverLimits:
    """How much of what broke off is kept for later; the oldest goes first.

    What is being written now is never removed, so it may exceed the limits.
    """

    max_files: int = 64
    max_bytes: int = 32 << 30


class PartialFile:
    """Implements `museion.blobs.blob_store.Partial` on a file. Made by `open_partial`."""

    def __init__(
        self, digest: Digest, path: Path, handle: int, move_in: Callable[[int, Path, Digest], None]
    ) -> None:
        self.digest = digest
        self.path = path
        self._handle = handle
        self._move_in = move_in
        self._size_bytes = os.fstat(handle).st_size
        self._recalled_bytes = 0
        self._hash = blake3()
        self._kept: Blob | None = None

    @property
    def size_bytes(self) -> int:
        """How many bytes are there."""
        return self._size_bytes

    def recall(self) -> bool:
        """Take some of the bytes of before into the hash; tell whether there are more."""
        left = self._size_bytes - self._recalled_bytes
        with _reported():
            chunk = os.pread(self._handle, min(left, _RECALLED_AT_ONCE), self._recalled_bytes)
        if left and not chunk:
            self._size_bytes = self._recalled_bytes  # someone has shortened the file
        self._hash.update(chunk)
        self._recalled_bytes += len(chunk)
        return self._recalled_bytes < self._size_bytes

    def write(self, chunk: bytes | bytearray) -> None:
        """Add bytes; after an error none of them are there."""
        assert self._kept is None, "bytes came after the last ones"
        assert self._recalled_bytes == self._size_bytes, "bytes came before those were recalled"
        try:
            with _reported():
                self._write(memoryview(chunk))
        except BlobWriteFailed:
            with suppress(OSError):
                os.ftruncate(self._handle, self._size_bytes)
            raise
        self._hash.update(chunk)
        self._size_bytes += len(chunk)
        self._recalled_bytes = self._size_bytes

    def restart(self) -> None:
        """Throw away what has come."""
        with _reported():
            os.ftruncate(self._handle, 0)
        self._size_bytes = self._recalled_bytes = 0
        self._hash = blake3()

    def keep(self) -> Blob:
        """Verify, make durable, then visible."""
        if self._kept is not None:
            return self._kept
        while self.recall():
            pass
        found = self._hash.hexdigest()
        if found != self.digest:
            self.restart()
            raise WrongBytes(self.digest, found)
        with _reported():
            self._move_in(self._handle, self.path, self.digest)
        self._kept = Blob(self.digest, self._size_bytes)
        return self._kept

    def close(self) -> None:
        """Leave the bytes for later; an empty file, or one whose blob is kept, is removed."""
        try:
            if self._kept is not None or not self._size_bytes:
                self.path.unlink(missing_ok=True)
        finally:
            os.close(self._handle)

    def _write(self, view: memoryview) -> None:
        place = self._size_bytes
        while view:
            written = os.pwrite(self._handle, view, place)
            place += written
            view = view[written:]


@contextmanager
def open_partial(
    folder: Path,
    digest: Digest,
    *,
    move_in: Callable[[int, Path, Digest], None],
    limits: LeftOverLimits,
) -> Iterator[PartialFile]:
    """Open the place of a blob's bytes, with what came before; it stays unless it is kept.

    Args:
        move_in: flushes and renames a verified file: its handle, its path, the blob's name.

    Raises:
        BlobArriving: someone else has it open.
        BlobWriteFailed: it cannot be opened.
    """
    with _reported():
        folder.mkdir(exist_ok=True)
        _drop_left_overs(folder, digest, limits)
        handle = _open_alone(folder / digest, digest)
    partial = PartialFile(digest, folder / digest, handle, move_in)
    try:
        yield partial
    finally:
        partial.close()


def _open_alone(path: Path, digest: Digest) -> int:
    """Open a file that nobody else writes; the system drops the claim with the process."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between the two calls another may have kept it: then it lies elsewhere by now.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), path.stat()):
                    return handle
        except BlockingIOError as reason:
            os.close(handle)
            raise BlobArriving(digest) from reason
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _drop_left_overs(folder: Path, arriving: Digest, limits: LeftOverLimits) -> None:
    files: list[tuple[int, int, Path]] = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            status = path.stat()
            files.append((status.st_mtime_ns, status.st_size, path))
    files.sort(reverse=True)
    total_bytes = 0
    for number, (_, size_bytes, path) in enumerate(files, 1):
        total_bytes += size_bytes
        too_many = number >= limits.max_files or total_bytes > limits.max_bytes
        if too_many and path.name != arriving:
            _drop_unless_open(path)


def _drop_unless_open(path: Path) -> None:
    with suppress(FileNotFoundError, BlockingIOError):
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(handle)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as reason:
        raise BlobWriteFailed(reason.strerror or str(reason)) from reason
