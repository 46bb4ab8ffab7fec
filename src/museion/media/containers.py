"""How long a file says that it is, so that one cut short is told from one that is damaged.

Only lengths that the formats state are used: TIFF strips and tiles, ISO base media boxes, RIFF
and PNG chunks, EBML segments, Fuji's header. JPEG and GIF state none; their decoders notice.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from museion.media import sniff, tiff
from museion.media.errors import TruncatedMedia
from museion.media.sniff import MediaType

_PDF_TAIL_BYTES = 4096


def missing_bytes(path: Path, media: MediaType) -> int:
    """Return how many bytes the file lacks by its own account; 0 if none or if it says nothing.

    Raises:
        OSError: the file cannot be read.
    """
    promised = _PROMISES.get(media)
    if promised is None:
        return 0
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        return max(0, promised(file) - size_bytes)


def check_complete(path: Path, media: MediaType) -> None:
    """Refuse a file that ends before the end that it states.

    Raises:
        TruncatedMedia: bytes are missing.
        OSError: the file cannot be read.
    """
    missing = missing_bytes(path, media)
    if missing:
        raise TruncatedMedia(media.format_name, f"at least {missing} bytes are missing")


def _end_of_boxes(file: BinaryIO) -> int:
    # Source: ISO/IEC 14496-12, 4.2: size and type, 64-bit size where size is 1, to the end for 0.
    end, file_bytes = 0, file.seek(0, 2)
    while end < file_bytes:
        file.seek(end)
        header = file.read(16)
        if len(header) < 8:
            return end + 8
        size_bytes = int.from_bytes(header[:4], "big")
        if size_bytes == 0:
            return end
        if size_bytes == 1:
            size_bytes = int.from_bytes(header[8:16], "big")
        if size_bytes < 8 or not header[4:8].isascii() or b"\0" in header[4:8]:
            return end
        end += size_bytes
    return end


def _end_of_png(file: BinaryIO) -> int:
    # Source: PNG (third edition), 5.3: length, type, content, checksum; the last one is IEND.
    end, file_bytes = 8, file.seek(0, 2)
    while end < file_bytes:
        file.seek(end)
        header = file.read(8)
        if len(header) < 8:
            break
        if not header[4:].isalpha():
            return 0
        end += 12 + int.from_bytes(header[:4], "big")
        if header[4:] == b"IEND":
            return end
    return max(end, file_bytes + 1)


def _end_of_riff(file: BinaryIO) -> int:
    return _end_of_size(file.read(8))


def _end_of_size(header: bytes) -> int:
    return 8 + int.from_bytes(header[4:8], "little")


def _end_of_wave(file: BinaryIO) -> int:
    # Who wrote it as a stream did not know its length: all ones or nothing.
    header = file.read(8)
    return 0 if header[4:8] in (b"\xff" * 4, bytes(4)) else _end_of_size(header)


def _end_of_ebml(file: BinaryIO) -> int:
    # Source: RFC 8794, 4 and 5: variable-length id and size; all ones mean an unknown size.
    end, file_bytes = 0, file.seek(0, 2)
    while end < file_bytes:
        file.seek(end)
        element = file.read(12)
        id_length = _ebml_length(element[:1])
        size_length = _ebml_length(element[id_length : id_length + 1])
        header_length = id_length + size_length
        if not id_length or not size_length or len(element) < header_length:
            return end
        marked = int.from_bytes(element[id_length:header_length], "big")
        size_bytes = marked & ((1 << 7 * size_length) - 1)
        if size_bytes == (1 << 7 * size_length) - 1:
            return end
        end += header_length + size_bytes
    return end


def _ebml_length(first: bytes) -> int:
    return 9 - first[0].bit_length() if first and first[0] else 0


def _end_of_raf(file: BinaryIO) -> int:
    # Offsets and lengths of the JPEG, the header and the sensor's part, big endian, at byte 84.
    # Source: libopenraw, "Fujifilm RAF format".
    file.seek(84)
    content = file.read(24)
    if len(content) < 24:
        return 108
    values: tuple[int, ...] = struct.unpack(">6I", content)
    return max(offset + length for offset, length in zip(values[::2], values[1::2], strict=True))


def _end_of_pdf(file: BinaryIO) -> int:
    # A PDF ends with its marker, or nearly so: programs append a few bytes of their own.
    size_bytes = file.seek(0, 2)
    file.seek(max(0, size_bytes - _PDF_TAIL_BYTES))
    return size_bytes if b"%%EOF" in file.read() else size_bytes + 1


_BOXED = (sniff.AVIF, sniff.HEIC, sniff.MP4, sniff.MOV, sniff.M4A, sniff.CR3)
_TIFF_LIKE = (sniff.TIFF, sniff.DNG, sniff.CR2, sniff.NEF, sniff.ARW)
_PROMISES: dict[MediaType, Callable[[BinaryIO], int]] = {
    **dict.fromkeys(_BOXED, _end_of_boxes),
    **dict.fromkeys(_TIFF_LIKE, tiff.declared_end),
    sniff.PNG: _end_of_png,
    sniff.WEBP: _end_of_riff,
    sniff.WAV: _end_of_wave,
    sniff.WEBM: _end_of_ebml,
    sniff.RAF: _end_of_raf,
    sniff.PDF: _end_of_pdf,
}
