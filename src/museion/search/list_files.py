"""The file of inverted lists: centres, and the list of each row; derived, so never a loss.

One file, `lists`, written anew and renamed into place: a header line, the trained lists without
rows, the list of each row as two bytes. The rows themselves are compressed again when it is read.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from museion.search.inverted_lists import InvertedLists
from museion.search.vector_segment import Segment

_NAME = "lists"
_FORM = 1


class _Header(msgspec.Struct, frozen=True):
    segment: str
    probes: int
    trained_rows: int
    trained_bytes: int
    check: int
    form: int = _FORM


@dataclass(frozen=True, slots=True)
class SavedLists:
    """What a file of lists holds.

    Attributes:
        segment: name of the segment whose rows they are of.
        trained: as in `InvertedLists`.
        probes: as in `InvertedLists`.
        trained_rows: as in `InvertedLists`.
        assigned: the list of each row, [N].
    """

    segment: str
    trained: bytes
    probes: int
    trained_rows: int
    assigned: NDArray[np.uint16]


def stamp_of_lists(directory: Path) -> tuple[int, int] | None:
    """Return what changes whenever the file does, or None where there is none."""
    try:
        found = (directory / _NAME).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def save_lists(directory: Path, segment: str, lists: InvertedLists) -> None:
    """Write lists of the rows of a segment.

    Raises:
        OSError: it could not be written; the file is the old one.
    """
    content = lists.trained + lists.assigned.astype("<u2").tobytes()
    header = _Header(
        segment, lists.probes, lists.trained_rows, len(lists.trained), zlib.crc32(content)
    )
    aside = directory / f"{_NAME}.new"
    aside.write_bytes(msgspec.json.encode(header) + b"\n" + content)
    aside.replace(directory / _NAME)


def read_lists(directory: Path) -> SavedLists | None:
    """Return what was saved; None if that is nothing, or not what was written."""
    try:
        line, _, content = (directory / _NAME).read_bytes().partition(b"\n")
        header = msgspec.json.decode(line, type=_Header)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    if header.form != _FORM or header.check != zlib.crc32(content):
        return None
    trained, assigned = content[: header.trained_bytes], content[header.trained_bytes :]
    return SavedLists(
        header.segment,
        trained,
        header.probes,
        header.trained_rows,
        np.frombuffer(assigned, dtype="<u2").astype(np.uint16),
    )


def made_from(saved: SavedLists, segment: Segment) -> InvertedLists:
    """Return saved lists with the rows of their segment, compressed again."""
    lists = InvertedLists(saved.trained, probes=saved.probes, trained_rows=saved.trained_rows)
    lists.fold(segment.rows, saved.assigned[: segment.manifest.rows])
    return lists
