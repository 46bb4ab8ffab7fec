"""A small file that several processes read and change: each sees the others' changes at once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from museion.base.errors import Damaged, Unavailable
from museion.log.durable_file import make_folder_durably, write_durably

T = TypeVar("T")


class FileUnavailable(Unavailable):
    """A file of the replication cannot be read or written now; nothing was changed."""

    def __init__(self, path: Path, reason: OSError) -> None:
        super().__init__(
            f"The file {path} cannot be used: {reason.strerror or reason}.",
            remedy="Check the folder's rights and the disk space.",
        )


class DamagedFile(Damaged):
    """A file of the replication is not what was written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The file {path} is damaged: {reason}.",
            remedy="Bring it back from a backup, or join the other sites anew.",
        )


class SharedFile(Generic[T]):
    """Holds one value; a look costs one `stat` while nothing changes.

    A change is made under a lock beside the file, written aside, flushed and renamed: it is there
    whole, or not at all.

    Args:
        path: its folder is made, for its owner only, with the first change.
        decode: returns the value that bytes hold; raises `ValueError` where they hold none.
        encode: the other way round.
        empty: the value while there is no file.

    Raises:
        FileUnavailable, DamagedFile: all calls.
    """

    def __init__(
        self, path: Path, *, decode: Callable[[bytes], T], encode: Callable[[T], bytes], empty: T
    ) -> None:
        self._path = path
        self._decode = decode
        self._encode = encode
        self._empty = self._value = empty
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> T:
        """Return the value as it is at this moment."""
        try:
            found = os.stat(self._path)
            seen = found.st_ino, found.st_mtime_ns, found.st_size
            if seen != self._seen:
                self._value = self._decode(self._path.read_bytes())
                self._seen = seen
        except FileNotFoundError:
            self._value, self._seen = self._empty, None
        except OSError as reason:
            raise FileUnavailable(self._path, reason) from reason
        except ValueError as reason:  # those of msgspec are some, too
            raise DamagedFile(self._path, str(reason)) from reason
        return self._value

    def change(self, change: Callable[[T], T]) -> T:
        """Put what `change` makes of the value in its place, on disk when this returns.

        Nobody else changes it meanwhile. An error of `change` is raised, and nothing was done.
        """
        try:
            make_folder_durably(self._path.parent)
            lock = self._path.with_name(f"{self._path.name}.lock")
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)  # held for a few flushes only
                self._replace(change)
            finally:
                os.close(handle)
        except OSError as reason:
            raise FileUnavailable(self._path, reason) from reason
        return self.read()

    def _replace(self, change: Callable[[T], T]) -> None:
        before = self.read()
        after = change(before)
        if after != before:
            write_durably(self._path, self._encode(after), incoming=self._path.parent)
