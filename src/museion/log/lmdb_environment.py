"""One LMDB environment in one folder, opened for writing by one process at a time."""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import lmdb

from museion.base.errors import Conflict, Damaged, Unavailable
from museion.log.event_store import ReadFailed

_MAX_TABLES = 8
_LITTLE_SPACE_BYTES = 64 << 20
_READS_END_WITHIN_S = 30.0
_REOPENED_WITHIN_S = 1.0
_DAMAGE = (
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.VersionMismatchError,
)


class LogInUse(Conflict):
    """Another opening of the same log is alive, in this or another process; nothing was done."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The log in {path} is already open; it can have one writer only.",
            remedy="Close the other program that has it open, or ask that program.",
        )


class LogNotOpened(Unavailable):
    """The files of a log could not be opened."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The log in {path} could not be opened: {reason}.",
            remedy="Check that the folder can be written, and the limit on address space.",
        )


class UnreadableLog(Damaged):
    """The file of a log is not one that LMDB can read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The log in {path} is damaged: {reason}.",
            remedy="Restore the folder from a backup or recover the log from another site.",
        )


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Say what went wrong with opening in the words of this module."""
    try:
        yield
    except _DAMAGE as reason:
        raise UnreadableLog(path, str(reason)) from reason
    except lmdb.Error as reason:
        if "already open in this process" in str(reason):
            raise LogInUse(path) from reason
        raise LogNotOpened(path, str(reason)) from reason
    except OSError as reason:
        raise LogNotOpened(path, reason.strerror or str(reason)) from reason


class _Reads:
    """Counts the reads under way: what they look at must not be unmapped, or the process ends."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way = 0
        self._held_up = False

    @contextmanager
    def one(self) -> Iterator[None]:
        """Read; wait while the files are opened anew. One read must not begin within another."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held_up, _READS_END_WITHIN_S)
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def wait_for(self, reopened: Callable[[], bool]) -> None:
        """Wait, not long, until the files were opened anew."""
        with self._changed:
            self._changed.wait_for(reopened, _REOPENED_WITHIN_S)

    @contextmanager
    def none(self) -> Iterator[bool]:
        """Hold new reads up and wait for those under way; false where one does not end."""
        with self._changed:
            self._held_up = True
            try:
                yield self._changed.wait_for(lambda: not self._under_way, _READS_END_WITHIN_S)
            finally:
                self._held_up = False
                self._changed.notify_all()


class LockedEnvironment:
    """Owns the files of one log; or, not writable, looks into them beside their owner.

    The system ends the opening with the process, however that ends. Do not use it in a forked
    child. Like every memory-mapped file, it cannot report a disk that fails while it is read: the
    system then stops the process.

    Args:
        path: the folder, made if it is not there; it and its files survive a power failure.
        map_size_bytes: upper bound of the file's size.

    Raises:
        LogInUse: it is open already, in this or another process.
        LogNotOpened: the folder or its files cannot be made or opened.
        UnreadableLog: the folder holds a file that is not LMDB's.
    """

    def __init__(self, path: Path, *, map_size_bytes: int, writable: bool = True) -> None:
        self._path = path
        self._process = os.getpid()
        self._map_size_bytes = map_size_bytes
        self._writable = writable
        self._lock = -1
        self._reads = _Reads()
        with opening(path):
            if writable:
                _make_durably(path)
            self._lmdb = self._open()
        try:
            if writable:
                with opening(path):
                    self._lock = _lock(path)
                    self._cover_all_pages()
                    self._lmdb.reader_check()  # frees what killed readers of other processes left
                    # What a killed writer left may be in the system's memory only: readers must
                    # not see what a power failure would still take away.
                    self._lmdb.sync(True)
                    _flush_folder(path)
        except BaseException:
            self.close()
            raise

    def _cover_all_pages(self) -> None:
        """Make the file as long as its last page asks for.

        The system stops a process that looks at a mapped page behind the end of a file. A file that
        was cut short gets pages of zeros instead, which LMDB and the checksums of events tell from
        what was there. Only ever called by the one who may write.
        """
        wanted = (self._lmdb.info()["last_pgno"] + 1) * self._lmdb.stat()["psize"]
        file = self._path / "data.mdb"
        if file.stat().st_size < wanted:
            os.truncate(file, wanted)

    def _open(self) -> lmdb.Environment:
        # The path goes in as bytes: it need not be UTF-8.
        return lmdb.open(
            os.fsencode(self._path),
            map_size=self._map_size_bytes,
            max_dbs=_MAX_TABLES,
            readonly=not self._writable,
            create=self._writable,
        )

    def reopen(
        self, open_tables: Callable[[], None], prove: Callable[[lmdb.Transaction], None]
    ) -> None:
        """Open the files anew after LMDB gave up on them; the lock is kept all the while.

        Waits for the reads that are under way; others wait for it. Reads go on where it fails.

        Args:
            open_tables: opens the tables; those that were open are none any more.
            prove: puts something into a transaction. Only when it is committed, what the files
                show is also what the disk keeps.

        Raises:
            LogNotOpened: the files cannot be opened or written now, or a read does not end.
            UnreadableLog: the file is damaged.
        """
        with opening(self._path), self._reads.none() as quiet:
            if not quiet:
                raise LogNotOpened(self._path, "a read does not end")
            self._open_anew(open_tables)
            try:
                with self._lmdb.begin(write=True) as writing:
                    prove(writing)
            except lmdb.Error:
                self._open_anew(open_tables)
                raise

    def _open_anew(self, open_tables: Callable[[], None]) -> None:
        self._lmdb.close()
        self._lmdb = self._open()
        open_tables()

    def table(self, name: bytes, *, many: bool = False) -> lmdb._Database:
        """Open a table, making it if it is not there; `many` keeps sorted values under a key."""
        with opening(self._path):
            return self._lmdb.open_db(name, dupsort=many, dupfixed=many, create=self._writable)

    def writing(self) -> lmdb.Transaction:
        """Begin a transaction for a `with` statement; its errors are LMDB's own."""
        self._require_own_process()
        return self._lmdb.begin(write=True)

    def cause_of(self, reason: lmdb.Error) -> str:
        """Say why a write failed; LMDB speaks of an input/output error where the disk is full."""
        try:
            disk = os.statvfs(self._path)
        except OSError as no_disk:
            return f"{reason}, and the disk says: {no_disk.strerror}"
        free_bytes = disk.f_bavail * disk.f_frsize
        if free_bytes < _LITTLE_SPACE_BYTES:
            return f"{reason}, with {free_bytes >> 10} KiB left on the disk"
        return str(reason)

    @contextmanager
    def reading(self, *, waits: bool = True) -> Iterator[lmdb.Transaction]:
        """Read one state of all tables; what is read are views that end with the `with` statement.

        Where LMDB has given up, it waits a little until the writer has opened the files anew.

        Args:
            waits: off for the writer itself.

        Raises:
            UnreadableLog: LMDB found its file damaged.
            ReadFailed: it cannot be read now, or is closed.
        """
        self._require_own_process()
        with ExitStack() as stack:
            try:
                yield self._begun(stack, waits=waits)
            except _DAMAGE as reason:
                raise UnreadableLog(self._path, str(reason)) from reason
            except lmdb.Error as reason:
                raise ReadFailed(str(reason)) from reason
            except (struct.error, UnicodeDecodeError) as reason:
                raise UnreadableLog(self._path, f"a key or number is none: {reason}") from reason

    def _begun(self, stack: ExitStack, *, waits: bool) -> lmdb.Transaction:
        opened = self._lmdb
        with ExitStack() as held:
            held.enter_context(self._reads.one())
            try:
                reading = held.enter_context(self._lmdb.begin(buffers=True))
            except lmdb.PanicError:
                if not waits:
                    raise
            else:
                stack.push(held.pop_all())
                return reading
        self._reads.wait_for(lambda: self._lmdb is not opened)
        return self._begun(stack, waits=False)

    def close(self) -> None:
        """Close the files and let others open them, once no read is under way. Idempotent."""
        with self._reads.none():
            self._lmdb.close()
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def _require_own_process(self) -> None:
        assert os.getpid() == self._process, "a log must not be used in a forked child"


def _lock(path: Path) -> int:
    """Take the log for this process and return the handle that holds it.

    A record lock: the system drops it when the process ends, and a forked child does not inherit
    it. It would not stop a second opening by the same process, but LMDB does.
    """
    handle = os.open(path / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as reason:
        os.close(handle)
        raise LogInUse(path) from reason
    return handle


def _make_durably(folder: Path) -> None:
    """Make a folder and those above it; a power failure does not undo it."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir()
        _flush_folder(each.parent)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
