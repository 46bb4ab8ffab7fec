"""The files of one exact index: rows that only grow, a journal of ids, a manifest that commits.

    manifest            what counts: names and lengths of the other two, checks, position, space
    rows-NAME.f32       one row of D little-endian float32 per addition, in order of additions
    ids-NAME.log        one line per change: +id (takes the next row) or -id

A commit appends to both files, syncs them, and renames a new manifest into place: what lies beyond
the lengths in the manifest was never committed and is cut off at the next commit. When more than
half of the rows are dead, a commit is followed by a copy of the living under a new NAME.
Everything that the manifest covers is checked by CRC-32 when it is mapped.

Letters: `N` rows, `D` width.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from museion.base.ids import random_id
from museion.search.row_map import RowMap
from museion.search.selection import Numbers
from museion.search.vector_errors import OtherSpace, SegmentDamaged
from museion.search.vector_index import Embedding, group_of

_MANIFEST = "manifest"
_FORM = 1
_FEWEST_ROWS_TO_COMPACT = 1024
_ROWS_A_COPY = 4096
_ROW_TYPE = np.dtype("<f4")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is committed.

    Attributes:
        name: names the two files; new after each compaction.
        space: the embedding space.
        dimension: `D`.
        rows: `N`, living and dead.
        journal_bytes: length of the journal.
        rows_crc: CRC-32 of the first `rows` rows.
        journal_crc: CRC-32 of the first `journal_bytes` bytes.
        position: log position that the content covers.
        form: form of these files.
    """

    name: str
    space: str
    dimension: int
    rows: int = 0
    journal_bytes: int = 0
    rows_crc: int = 0
    journal_crc: int = 0
    position: int = 0
    form: int = _FORM


@dataclass(frozen=True, slots=True)
class Segment:
    """One committed state, mapped; it stays readable after later commits.

    Attributes:
        manifest: what it covers.
        rows: float32, [N, D], mapped for reading.
        ids: the id of each row; entries beyond `N` belong to later states.
        row_of: the living row of each id.
        is_live: [N], whether the row is the living one of its id.
        numbers: of the records that the entries belong to.
        record_of: [N], the number of the record of each row.
    """

    manifest: Manifest
    rows: NDArray[np.float32]
    ids: list[str]
    row_of: RowMap
    is_live: NDArray[np.bool_]
    numbers: Numbers
    record_of: NDArray[np.int32]

    def embedding(self, entry_id: str) -> Embedding | None:
        """Return the embedding kept under an id, or None."""
        row = self.row_of.get(entry_id)
        return None if row is None else np.array(self.rows[row])


def manifest_path(directory: Path) -> Path:
    """Return the file whose renaming commits."""
    return directory / _MANIFEST


def empty_segment(space: str, dimension: int, numbers: Numbers) -> Segment:
    """Return a state without entries, not yet on disk."""
    return Segment(
        Manifest(name=random_id(), space=space, dimension=dimension),
        np.empty((0, dimension), dtype=np.float32),
        [],
        RowMap(),
        np.empty(0, dtype=np.bool_),
        numbers,
        np.empty(0, dtype=np.int32),
    )


def read_segment(directory: Path, last: Segment) -> Segment:
    """Return the state that is committed on disk, reusing what `last` has already read.

    Without a manifest (nothing was ever committed, or the folder is being built again) it is
    `last`.

    Raises:
        SegmentDamaged: files are missing, short, or fail their check.
        OtherSpace: the folder belongs to another embedding space.
    """
    manifest = _read_manifest(directory)
    while manifest is not None and manifest != last.manifest:
        _check_space(directory, manifest, last.manifest)
        try:
            return _load(directory, manifest, last)
        except FileNotFoundError as missing:
            # A writer compacts: it renamed a newer manifest before it removed these files.
            newer = _read_manifest(directory)
            if newer == manifest:
                raise SegmentDamaged(directory, f"{missing.filename} is missing") from missing
            manifest = newer
    return last


def append(
    directory: Path, segment: Segment, changes: Mapping[str, Embedding | None], position: int
) -> Segment:
    """Commit changes (an embedding, or None to forget the id) and return the new state.

    Changes that change nothing are left out, so a replay does not make the files grow.

    Raises:
        OSError: it could not be written; the committed state is the old one.
    """
    effective = {id_: row for id_, row in changes.items() if _changes(segment, id_, row)}
    added = [row for row in effective.values() if row is not None]
    rows = np.asarray(added, dtype=_ROW_TYPE).reshape(len(added), segment.manifest.dimension)
    lines = "".join(f"{'-' if row is None else '+'}{id_}\n" for id_, row in effective.items())
    manifest = _write_tail(directory, segment.manifest, rows.tobytes(), lines.encode(), position)
    _write_manifest(directory, manifest)
    return _load(directory, manifest, segment, checked=True)


def is_wasteful(segment: Segment) -> bool:
    """Tell whether more than half of the rows are dead, and enough of them to matter."""
    rows = segment.manifest.rows
    return rows >= _FEWEST_ROWS_TO_COMPACT and len(segment.row_of) * 2 < rows


def compact(directory: Path, segment: Segment) -> Segment:
    """Copy the living rows under a new name, commit that, and remove the old files.

    Raises:
        OSError: it could not be written; the committed state is the old one.
    """
    old = segment.manifest
    living = np.flatnonzero(segment.is_live)
    manifest = Manifest(
        name=random_id(), space=old.space, dimension=old.dimension, position=old.position
    )
    for start in range(0, len(living), _ROWS_A_COPY):
        chosen = living[start : start + _ROWS_A_COPY]
        lines = "".join(f"+{segment.ids[row]}\n" for row in chosen.tolist())
        content = segment.rows[chosen].astype(_ROW_TYPE, copy=False).tobytes()
        manifest = _write_tail(directory, manifest, content, lines.encode(), old.position)
    _write_manifest(directory, manifest)
    remove_strays(directory, manifest)
    empty = empty_segment(old.space, old.dimension, segment.numbers)
    return _load(directory, manifest, empty, checked=True)


def remove_strays(directory: Path, manifest: Manifest) -> None:
    """Remove files of other names, which a compaction or a crash within one left behind."""
    kept = {path.name for path in _paths(directory, manifest)}
    for pattern in ("rows-*.f32", "ids-*.log"):
        for path in directory.glob(pattern):
            if path.name not in kept:
                path.unlink(missing_ok=True)


def _changes(segment: Segment, entry_id: str, row: Embedding | None) -> bool:
    known = segment.row_of.get(entry_id)
    if known is None or row is None:
        return (known is None) != (row is None)
    return not np.array_equal(segment.rows[known], row)


def _paths(directory: Path, manifest: Manifest) -> tuple[Path, Path]:
    return directory / f"rows-{manifest.name}.f32", directory / f"ids-{manifest.name}.log"


def _check_space(directory: Path, found: Manifest, expected: Manifest) -> None:
    if (found.space, found.dimension) != (expected.space, expected.dimension):
        raise OtherSpace(
            directory,
            f"{expected.space} [{expected.dimension}]",
            f"{found.space} [{found.dimension}]",
        )


def _load(directory: Path, manifest: Manifest, last: Segment, *, checked: bool = False) -> Segment:
    if last.manifest.name != manifest.name:
        last = empty_segment(manifest.space, manifest.dimension, last.numbers)
    rows_path, ids_path = _paths(directory, manifest)
    rows = _map_rows(directory, rows_path, manifest)
    start = last.manifest
    if not checked and zlib.crc32(rows[start.rows :].data, start.rows_crc) != manifest.rows_crc:
        raise SegmentDamaged(directory, f"{rows_path.name} fails its check")
    with ids_path.open("rb") as file:
        file.seek(start.journal_bytes)
        journal = file.read(manifest.journal_bytes - start.journal_bytes)
    if zlib.crc32(journal, start.journal_crc) != manifest.journal_crc:
        raise SegmentDamaged(directory, f"{ids_path.name} fails its check")
    return _replay(manifest, rows, last, journal.decode().split("\n")[:-1])


def _map_rows(directory: Path, path: Path, manifest: Manifest) -> NDArray[np.float32]:
    shape = (manifest.rows, manifest.dimension)
    length = manifest.rows * manifest.dimension * _ROW_TYPE.itemsize
    if path.stat().st_size < length:
        raise SegmentDamaged(directory, f"{path.name} is shorter than {length} bytes")
    if not length:
        return np.empty(shape, dtype=np.float32)
    return np.asarray(np.memmap(path, dtype=_ROW_TYPE, mode="r", shape=shape))


def _replay(
    manifest: Manifest, rows: NDArray[np.float32], last: Segment, lines: Iterable[str]
) -> Segment:
    ids = last.ids
    del ids[last.manifest.rows :]  # of a state that was never published
    is_live = np.zeros(manifest.rows, dtype=np.bool_)
    is_live[: last.manifest.rows] = last.is_live
    changes: dict[str, int | None] = {}
    for line in lines:
        entry_id = line[1:]
        old = changes[entry_id] if entry_id in changes else last.row_of.get(entry_id)
        if old is not None:
            is_live[old] = False
        changes[entry_id] = None
        if line[0] == "+":
            changes[entry_id] = len(ids)
            is_live[len(ids)] = True
            ids.append(entry_id)
    came = last.numbers.add(map(group_of, ids[last.manifest.rows :])).astype(np.int32)
    record_of = np.concatenate([last.record_of, came])
    row_of = last.row_of.with_changes(changes)
    return Segment(manifest, rows, ids, row_of, is_live, last.numbers, record_of)


def _write_tail(
    directory: Path, manifest: Manifest, rows: bytes, lines: bytes, position: int
) -> Manifest:
    rows_path, ids_path = _paths(directory, manifest)
    row_bytes = manifest.dimension * _ROW_TYPE.itemsize
    _append_from(rows_path, manifest.rows * row_bytes, rows)
    _append_from(ids_path, manifest.journal_bytes, lines)
    return msgspec.structs.replace(
        manifest,
        rows=manifest.rows + len(rows) // row_bytes,
        journal_bytes=manifest.journal_bytes + len(lines),
        rows_crc=zlib.crc32(rows, manifest.rows_crc),
        journal_crc=zlib.crc32(lines, manifest.journal_crc),
        position=position,
    )


def _append_from(path: Path, start: int, content: bytes) -> None:
    if not content and path.exists():
        return
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "wb") as file:
        file.truncate(start)
        file.seek(start)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_manifest(directory: Path) -> Manifest | None:
    try:
        content = manifest_path(directory).read_bytes()
    except FileNotFoundError:
        return None
    fields, _, check = content.rpartition(b"\n")
    if check != b"%08x" % zlib.crc32(fields):
        raise SegmentDamaged(directory, "the manifest fails its check")
    try:
        manifest = msgspec.json.decode(fields, type=Manifest)
    except msgspec.MsgspecError as reason:
        raise SegmentDamaged(directory, f"the manifest cannot be read ({reason})") from reason
    if manifest.form != _FORM:
        raise SegmentDamaged(directory, f"its form is {manifest.form}, not {_FORM}")
    return manifest


def _write_manifest(directory: Path, manifest: Manifest) -> None:
    fields = msgspec.json.encode(manifest)
    aside = directory / f"{_MANIFEST}.new"
    _append_from(aside, 0, fields + b"\n%08x" % zlib.crc32(fields))
    aside.replace(manifest_path(directory))
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
