"""Snapshots as files, one for each, in a folder of the site.

Layout: `<digest of the emitter id>/<digest of the log id>-<sequence number>-<saved at>.snapshot`,
so any id makes a safe name, and what is asked for most needs only the names. A file holds the
crc32 of the rest (4 bytes, big endian) and the snapshot in msgpack, ids included. It is written
under `.incoming`, flushed, renamed, and its folder flushed: a crash leaves it whole or not at all.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from uuid import uuid4

import msgspec
from blake3 import blake3

from museion.log.snapshots import (
    DamagedSnapshot,
    Snapshot,
    SnapshotNotSaved,
    SnapshotsUnreachable,
    require_savable,
)

_CRC = struct.Struct(">I")
_NAME = re.compile(r"([0-9a-f]{32})-(\d{19})-(\d{19})\.snapshot")
_INCOMING = ".incoming"
_MAX_REPORTED = 100


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a snapshot lies, and what the name of its file tells of it."""

    path: Path
    log_digest: str
    sequence_nr: int
    saved_at_ms: int


class FileSnapshotStore:
    """Keeps snapshots as files. One process uses a folder at a time.

    Args:
        folder: made when it does not exist.
        report: called with each snapshot that is passed over because it cannot be read.

    Raises:
        SnapshotsUnreachable: the folder cannot be made or listed.
    """

    def __init__(
        self, folder: Path, *, report: Callable[[DamagedSnapshot], None] | None = None
    ) -> None:
        self._folder = folder
        self._incoming = folder / _INCOMING
        self._report = report
        self._unreadable: deque[DamagedSnapshot] = deque(maxlen=_MAX_REPORTED)
        try:
            _make_durably(self._incoming)
            for torn in self._incoming.iterdir():
                torn.unlink()
        except OSError as reason:
            raise SnapshotsUnreachable(_text(reason)) from reason

    @property
    def unreadable(self) -> Sequence[DamagedSnapshot]:
        """The last snapshots, at most a hundred, that were passed over, oldest first."""
        return tuple(self._unreadable)

    def save(self, snapshot: Snapshot) -> None:
        """See `SnapshotStore`."""
        require_savable(snapshot)
        content = msgspec.msgpack.encode(snapshot)
        try:
            self._write(_CRC.pack(zlib.crc32(content)) + content, snapshot)
        except OSError as reason:
            raise SnapshotNotSaved(
                snapshot.emitter_id, snapshot.sequence_nr, _text(reason)
            ) from reason

    def newest_first(
        self,
        emitter_id: str,
        *,
        log_id: str,
        up_to: int | None = None,
        saved_before_ms: int | None = None,
    ) -> Iterator[Snapshot]:
        """See `SnapshotStore`."""
        wanted = [
            place
            for place in self._of_emitter(emitter_id)
            if place.log_digest == _log_digest(log_id)
            and (up_to is None or place.sequence_nr <= up_to)
            and (saved_before_ms is None or place.saved_at_ms < saved_before_ms)
        ]
        return self._read(wanted, emitter_id=emitter_id, log_id=log_id)

    def keep_newest(self, emitter_id: str, count: int) -> None:
        """See `SnapshotStore`. One that cannot be read counts like any other."""
        for _, of_one_log in groupby(self._of_emitter(emitter_id), lambda each: each.log_digest):
            self._delete(islice(of_one_log, max(count, 0), None))

    def delete(
        self,
        emitter_id: str,
        *,
        from_sequence_nr: int = 0,
        to_sequence_nr: int | None = None,
        saved_before_ms: int | None = None,
    ) -> int:
        """See `SnapshotStore`."""
        return self._delete(
            place
            for place in self._of_emitter(emitter_id)
            if from_sequence_nr <= place.sequence_nr
            and (to_sequence_nr is None or place.sequence_nr <= to_sequence_nr)
            and (saved_before_ms is None or place.saved_at_ms < saved_before_ms)
        )

    def delete_from(self, log_id: str, sequence_nr: int) -> int:
        """See `SnapshotStore`. O(number of files), reads none."""
        return self._delete(
            place
            for place in self._all()
            if place.log_digest == _log_digest(log_id) and place.sequence_nr >= sequence_nr
        )

    def delete_subject(self, subject_key_id: str) -> int:
        """See `SnapshotStore`. Reads every snapshot of the site."""
        return self._delete(place for place in self._all() if self._may_hold(place, subject_key_id))

    def close(self) -> None:
        """See `SnapshotStore`; nothing is held open."""

    def _write(self, content: bytes, snapshot: Snapshot) -> None:
        incoming = self._incoming / uuid4().hex
        emitter_folder = self._emitter_folder(snapshot.emitter_id)
        stem = f"{_log_digest(snapshot.log_id)}-{snapshot.sequence_nr:019d}-"
        place = emitter_folder / f"{stem}{snapshot.saved_at_ms:019d}.snapshot"
        try:
            with incoming.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _make_durably(emitter_folder)
            incoming.rename(place)
        finally:
            incoming.unlink(missing_ok=True)
        for replaced in emitter_folder.glob(f"{stem}*"):
            if replaced != place:
                replaced.unlink(missing_ok=True)
        _flush_folder(emitter_folder)
        _flush_folder(self._folder)  # another thread may have made the folder and not flushed yet

    def _read(
        self, places: Iterable[_Place], *, emitter_id: str, log_id: str
    ) -> Iterator[Snapshot]:
        for place in places:
            try:
                snapshot = _load(place)
                if (snapshot.emitter_id, snapshot.log_id) != (emitter_id, log_id):
                    raise DamagedSnapshot(place.path.name, "it belongs to another emitter or log")
            except FileNotFoundError:  # deleted meanwhile
                continue
            except DamagedSnapshot as damaged:
                self._pass_over(damaged)
                continue
            yield snapshot

    def _may_hold(self, place: _Place, subject_key_id: str) -> bool:
        try:
            return subject_key_id in _load(place).subject_key_ids
        except FileNotFoundError:
            return False
        except DamagedSnapshot as damaged:
            self._pass_over(damaged)
            return True

    def _pass_over(self, damaged: DamagedSnapshot) -> None:
        self._unreadable.append(damaged)
        if self._report is not None:
            self._report(damaged)

    def _emitter_folder(self, emitter_id: str) -> Path:
        return self._folder / _digest(emitter_id)

    def _of_emitter(self, emitter_id: str) -> list[_Place]:
        """Return where an emitter's snapshots lie: by log, then newest first."""
        return _places(self._emitter_folder(emitter_id))

    def _all(self) -> Iterator[_Place]:
        try:
            folders = [each for each in self._folder.iterdir() if each.name != _INCOMING]
        except OSError as reason:
            raise SnapshotsUnreachable(_text(reason)) from reason
        for folder in folders:
            yield from _places(folder)

    def _delete(self, places: Iterable[_Place]) -> int:
        """Delete files; they stay deleted after a power failure."""
        touched: set[Path] = set()
        count = 0
        try:
            for place in places:
                with suppress(FileNotFoundError):
                    place.path.unlink()
                    touched.add(place.path.parent)
                    count += 1
            for folder in touched:
                _flush_folder(folder)
        except OSError as reason:
            raise SnapshotsUnreachable(_text(reason)) from reason
        return count


def _places(emitter_folder: Path) -> list[_Place]:
    try:
        names = os.listdir(emitter_folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as reason:
        raise SnapshotsUnreachable(_text(reason)) from reason
    matches = (match for name in sorted(names, reverse=True) if (match := _NAME.fullmatch(name)))
    return [
        _Place(emitter_folder / match[0], match[1], int(match[2]), int(match[3]))
        for match in matches
    ]


def _load(place: _Place) -> Snapshot:
    try:
        content = place.path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as reason:
        raise DamagedSnapshot(place.path.name, _text(reason)) from reason
    if len(content) <= _CRC.size or _CRC.unpack_from(content)[0] != zlib.crc32(content[4:]):
        raise DamagedSnapshot(place.path.name, "its checksum does not match")
    try:
        snapshot = msgspec.msgpack.decode(content[_CRC.size :], type=Snapshot)
    except msgspec.MsgspecError as reason:
        raise DamagedSnapshot(place.path.name, f"it holds no snapshot: {reason}") from reason
    if snapshot.sequence_nr != place.sequence_nr:
        raise DamagedSnapshot(place.path.name, f"it says that it is at {snapshot.sequence_nr}")
    return snapshot


def _log_digest(log_id: str) -> str:
    return _digest(log_id)[:32]


def _digest(name: str) -> str:
    # Not every text is UTF-8; asking for one that is not finds nothing, as it should.
    return blake3(name.encode(errors="surrogatepass")).hexdigest()


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
