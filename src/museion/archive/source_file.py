"""A file on this machine as it is taken in: an ordinary one, read to its end, unchanged meanwhile.

Whatever else has a name in a folder (a pipe, a socket, a device) is refused before it is opened:
reading it could wait for ever, or never end.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from museion.base.errors import InvalidInput

_CHUNK_BYTES = 1 << 20


class UnreadableFile(InvalidInput):
    """A file could not be read to its end."""

    def __init__(self, reason: OSError) -> None:
        text = reason.strerror or str(reason)
        super().__init__(
            f"It cannot be read: {text}.", remedy=_REMEDIES.get(reason.errno or 0, _ANY_REMEDY)
        )


class LeadsNowhere(InvalidInput):
    """A link names a file that does not exist."""

    def __init__(self) -> None:
        super().__init__(
            "It is a link to a file that does not exist.", remedy="Remove or mend the link."
        )


class NotOrdinary(InvalidInput):
    """A name stands for something else than a file with content."""

    def __init__(self, what: str) -> None:
        super().__init__(f"It is {what}, not a file.", remedy="Remove it from what is ingested.")


class ChangedWhileRead(InvalidInput):
    """A file was written while it was read, so what was read may be neither the old nor the new."""

    def __init__(self) -> None:
        super().__init__(
            "It changed while it was read.",
            remedy="Wait until the program that writes it is done, then run"
            " `museion ingest --retry`.",
        )


_ANY_REMEDY = "Check the disk that it lies on, then run `museion ingest --retry`."
_REMEDIES = {
    errno.ENOENT: "It vanished or was renamed meanwhile; ingest its folder again.",
    errno.EACCES: "Give this user the right to read it, then run `museion ingest --retry`.",
    errno.EPERM: "Give this user the right to read it, then run `museion ingest --retry`.",
    errno.EISDIR: "Give the folder itself to `museion ingest`.",
    errno.ELOOP: "Remove or mend the link.",
    errno.ENAMETOOLONG: "Check the name; no file can have one this long.",
}

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An open file; `modified_ns` and `size_bytes` are from before its first byte was read."""

    file: IO[bytes]
    modified_ns: int
    size_bytes: int

    def chunks(self) -> Iterator[bytes]:
        """Yield the content, then check that it stayed the same.

        Raises:
            UnreadableFile: the disk or the network failed.
            ChangedWhileRead: somebody wrote to the file meanwhile.
        """
        try:
            while chunk := self.file.read(_CHUNK_BYTES):
                yield chunk
            after = os.fstat(self.file.fileno())
        except OSError as reason:
            raise UnreadableFile(reason) from reason
        if (after.st_mtime_ns, after.st_size) != (self.modified_ns, self.size_bytes):
            raise ChangedWhileRead


def look_at(path: Path) -> os.stat_result:
    """Return the state of an ordinary file, following links.

    Raises:
        UnreadableFile, LeadsNowhere, NotOrdinary: it is none that can be read.
    """
    try:
        status = path.stat()
    except FileNotFoundError as reason:
        raise (LeadsNowhere() if path.is_symlink() else UnreadableFile(reason)) from reason
    except OSError as reason:
        raise UnreadableFile(reason) from reason
    if not stat.S_ISREG(status.st_mode):
        raise NotOrdinary(_KINDS.get(stat.S_IFMT(status.st_mode), "something else"))
    return status


@contextmanager
def open_source(path: Path) -> Iterator[SourceFile]:
    """Open a file to be read once from its start. Never waits, whatever the name stands for.

    Raises:
        UnreadableFile, LeadsNowhere, NotOrdinary: it is none that can be read.
    """
    look_at(path)
    try:
        # Something else may have taken the name since: a pipe would make a plain open wait.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError as reason:
        raise UnreadableFile(reason) from reason
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NotOrdinary(_KINDS.get(stat.S_IFMT(status.st_mode), "something else"))
        yield SourceFile(file, status.st_mtime_ns, status.st_size)
