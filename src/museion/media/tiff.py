"""The directories of a TIFF file, as far as telling formats apart and finding its end needs.

Camera RAW files (DNG, CR2, NEF, ARW, ORF, RW2 and more) are TIFF files with private parts. The
reader follows the chain of directories and their sub-directories, reads numbers and short texts,
and is bounded against loops and floods.

Source: TIFF 6.0 (Adobe 1992), section 2; BigTIFF (libtiff.gitlab.io, "The BigTIFF file format");
TIFF/EP (ISO 12234-2) for sub-directories.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

NEW_SUBFILE_TYPE = 254
COMPRESSION = 259
PHOTOMETRIC = 262
MAKE = 271
STRIP_OFFSETS = 273
STRIP_BYTE_COUNTS = 279
TILE_OFFSETS = 324
TILE_BYTE_COUNTS = 325
SUB_DIRECTORIES = 330
JPEG_OFFSET = 513
JPEG_LENGTH = 514
DNG_VERSION = 50706

_MAX_DIRECTORIES = 64
_MAX_ENTRIES = 4096
_MAX_VALUE_BYTES = 1 << 20
_EXTENTS = (
    (STRIP_OFFSETS, STRIP_BYTE_COUNTS),
    (TILE_OFFSETS, TILE_BYTE_COUNTS),
    (JPEG_OFFSET, JPEG_LENGTH),
)
# Letters of `struct` by the type code of an entry; texts and undefined bytes stay bytes.
_NUMBERS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_BYTES = (1, 2, 7)

Directory = Mapping[int, tuple[int, ...] | bytes]


@dataclass(frozen=True, slots=True)
class _Form:
    """Byte order and the sizes that differ between TIFF and BigTIFF."""

    order: str
    count: str
    offset: str

    def read(self, file: BinaryIO, letters: str) -> tuple[int, ...]:
        layout = struct.Struct(self.order + letters)
        return layout.unpack(_read_exactly(file, layout.size))

    @property
    def inline_bytes(self) -> int:
        return struct.calcsize(self.offset)


def is_tiff(head: bytes) -> bool:
    """Tell whether the first bytes of a file open a TIFF, BigTIFF, ORF or RW2 structure."""
    return head[:4] in _MAGICS


def read_directories(file: BinaryIO) -> Iterator[Directory]:
    """Yield the directories of a TIFF file: the chain first to last, each before its children.

    Stops quietly where the structure leaves the file or goes on for too long; what was read up to
    there is right.
    """
    with contextlib.suppress(EOFError):
        yield from _walk(file)


def declared_end(file: BinaryIO) -> int:
    """Return the offset after the last byte that the directories promise, 0 if there are none.

    Where a directory itself lies beyond the file, this is one byte more than the file has.
    """
    end = 0
    try:
        for directory in _walk(file):
            end = max(end, _end_of(directory))
    except EOFError:
        return max(end, file.seek(0, 2) + 1)
    return end


def numbers(directory: Directory, tag: int) -> tuple[int, ...]:
    """Return the numbers of an entry; empty when it is missing or of another type."""
    value = directory.get(tag, ())
    return () if isinstance(value, bytes) else value


def text(directory: Directory, tag: int) -> str:
    """Return the text of an entry; empty when it is missing or of another type."""
    value = directory.get(tag, b"")
    return value.split(b"\0")[0].decode("latin-1").strip() if isinstance(value, bytes) else ""


def _walk(file: BinaryIO) -> Iterator[Directory]:
    file.seek(0)
    form = _MAGICS.get(file.read(4))
    if form is None:
        return
    if form.offset == "Q":
        file.seek(8)
    pending = [form.read(file, form.offset)[0]]
    seen: set[int] = set()
    while pending and len(seen) < _MAX_DIRECTORIES:
        offset = pending.pop(0)
        if offset in seen or offset == 0:
            continue
        seen.add(offset)
        directory, following = _read_directory(file, form, offset)
        yield directory
        pending.append(following)
        pending.extend(numbers(directory, SUB_DIRECTORIES))


def _read_directory(file: BinaryIO, form: _Form, offset: int) -> tuple[Directory, int]:
    _seek(file, offset)
    count = min(form.read(file, form.count)[0], _MAX_ENTRIES)
    layout = struct.Struct(f"{form.order}HH{form.offset}{form.inline_bytes}s")
    table = _read_exactly(file, count * layout.size)
    (following,) = form.read(file, form.offset)
    directory = {}
    for tag, kind, length, inline in layout.iter_unpack(table):
        value = _value(file, form, kind, length, inline)
        if value is not None:
            directory[tag] = value
    return directory, following


def _value(
    file: BinaryIO, form: _Form, kind: int, length: int, inline: bytes
) -> tuple[int, ...] | bytes | None:
    letter = _NUMBERS.get(kind, "B" if kind in _BYTES else None)
    if letter is None:
        return None
    size_bytes = length * struct.calcsize("=" + letter)
    if size_bytes > _MAX_VALUE_BYTES:
        return None
    if size_bytes > form.inline_bytes:
        _seek(file, struct.unpack(form.order + form.offset, inline)[0])
        inline = file.read(size_bytes)
        if len(inline) < size_bytes:
            return None
    content = inline[:size_bytes]
    return content if letter == "B" else struct.unpack(f"{form.order}{length}{letter}", content)


def _end_of(directory: Directory) -> int:
    ends = [
        offset + length
        for offsets, lengths in _EXTENTS
        for offset, length in zip(
            numbers(directory, offsets), numbers(directory, lengths), strict=False
        )
        if offset < 0xFFFFFFFF and length < 0xFFFFFFFF
    ]
    return max(ends, default=0)


def _seek(file: BinaryIO, offset: int) -> None:
    # BigTIFF's offsets can be larger than any that an operating system takes.
    if offset > file.seek(0, 2):
        raise EOFError
    file.seek(offset)


def _read_exactly(file: BinaryIO, size_bytes: int) -> bytes:
    content = file.read(size_bytes)
    if len(content) < size_bytes:
        raise EOFError
    return content


_MAGICS = {
    b"II*\0": _Form("<", "H", "I"),
    b"MM\0*": _Form(">", "H", "I"),
    b"II+\0": _Form("<", "Q", "Q"),
    b"MM\0+": _Form(">", "Q", "Q"),
    b"IIRO": _Form("<", "H", "I"),
    b"IIRS": _Form("<", "H", "I"),
    b"MMOR": _Form(">", "H", "I"),
    b"IIU\0": _Form("<", "H", "I"),
}
