"""One process at a time writes to a site; the lock says which, and where it can be reached."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Self

import msgspec

from museion.base.errors import Conflict

_TRIES = 20


class Holder(msgspec.Struct, frozen=True):
    """The process that has a site open for writing; `url` where it serves HTTP."""

    process: int
    url: str | None = None


class SiteInUse(Conflict):
    """Another process has the site open for writing."""

    def __init__(self, folder: Path, holder: Holder | None) -> None:
        who = f"process {holder.process}" if holder else "another process"
        where = f" and serves it at {holder.url}" if holder and holder.url else ""
        super().__init__(
            f"The site {folder} is in use: {who} has it open for writing{where}.",
            remedy="Wait until it is done, or stop it.",
        )


class SiteLock:
    """An advisory lock that the system gives back when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._folder = folder
        self._handle: int | None = None

    def acquire(self) -> Self:
        """Take the lock.

        Raises:
            SiteInUse: another process has it.
        """
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not _locked(handle):
            os.close(handle)
            raise SiteInUse(self._folder, read_holder(self._folder))
        self._handle = handle
        self.announce(None)
        return self

    def announce(self, url: str | None) -> None:
        """Write who holds the lock and where it serves."""
        assert self._handle is not None, "only the holder announces itself"
        content = msgspec.json.encode(Holder(os.getpid(), url))
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, content, 0)

    def release(self) -> None:
        """Give the lock back. Idempotent."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None


def _locked(handle: int) -> bool:
    """Try for a second: a reader of the lock's content holds it for an instant."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(1.0 / _TRIES)
        else:
            return True
    return False


def read_holder(folder: Path) -> Holder | None:
    """Return who has the site open for writing, or None when nobody has."""
    path = folder / "lock"
    if not path.exists():
        return None
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            content = file.read()
            return msgspec.json.decode(content, type=Holder) if content else Holder(0)
    return None
