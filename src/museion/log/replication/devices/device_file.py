"""A single append-only file of checked frames; what a device keeps, it keeps in one.

    b"\\xd7" | length (4) | crc32 of the five bytes before (4) | content | crc32 of the content (4)

All numbers are big-endian. A frame is on disk when `append` returns. A crash can leave the last one
torn; it was never acknowledged and is cut off. It counts as torn if no whole frame comes after it;
otherwise the file is damaged, and nothing of it is changed.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Self

from museion.log.replication.devices.device_errors import DamagedDeviceLog, DeviceLogFull

_MAGIC = 0xD7
_HEAD = struct.Struct(">BII")
_SIGNED = struct.Struct(">BI")
_CRC = struct.Struct(">I")
_MAX_BYTES = 64 << 20


class DeviceFile:
    """Frames of one file; `contents` are those that were in it when it was opened.

    Raises:
        DamagedDeviceLog: it is damaged before its end.
        DeviceLogFull: it cannot be opened or cut.
    """

    def __init__(self, path: Path) -> None:
        self._is_torn = False
        try:
            is_new = not path.exists()
            self._file = path.open("a+b", buffering=0)
            if is_new:
                _flush_folder(path.parent)
        except OSError as reason:
            raise DeviceLogFull(str(reason)) from reason
        try:
            stored = path.read_bytes()
            self.contents, self._end = _frames(stored, str(path))
            if self._end < len(stored):
                self._cut()
        except BaseException as reason:
            self._file.close()
            if isinstance(reason, OSError):
                raise DeviceLogFull(str(reason)) from reason
            raise

    def append(self, content: bytes) -> None:
        """Write a frame; it is on disk when this returns.

        Raises:
            DeviceLogFull: it is not in the file, or is cut off before the next one is written.
        """
        if not 0 < len(content) <= _MAX_BYTES:
            raise DeviceLogFull(f"a frame holds 1 to {_MAX_BYTES} bytes, not {len(content)}")
        frame = _pack(content)
        try:
            if self._is_torn:
                self._cut()
            self._is_torn = True
            written = 0
            while written < len(frame):
                written += self._file.write(frame[written:])
            os.fsync(self._file.fileno())
        except OSError as reason:
            # NOTE: if it cannot be cut off either, it is before the next frame is written; until
            # then a crash may still leave it in the file, as an event that nobody was promised.
            with suppress(OSError):
                self._cut()
            raise DeviceLogFull(str(reason)) from reason
        self._is_torn = False
        self._end += len(frame)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _cut(self) -> None:
        os.ftruncate(self._file.fileno(), self._end)
        os.fsync(self._file.fileno())
        self._is_torn = False


def _pack(content: bytes) -> bytes:
    signed = _SIGNED.pack(_MAGIC, len(content))
    crc = zlib.crc32(content)
    return b"%b%b%b%b" % (signed, _CRC.pack(zlib.crc32(signed)), content, _CRC.pack(crc))


def _frames(stored: bytes, place: str) -> tuple[list[bytes], int]:
    contents = []
    at = 0
    while (content := _frame_at(stored, at)) is not None:
        contents.append(content)
        at += _HEAD.size + len(content) + _CRC.size
    if at < len(stored):
        _require_torn(stored, at, place)
    return contents, at


def _frame_at(stored: bytes, at: int) -> bytes | None:
    if at + _HEAD.size > len(stored):
        return None
    magic, length, crc = _HEAD.unpack_from(stored, at)
    if magic != _MAGIC or crc != zlib.crc32(stored[at : at + _SIGNED.size]):
        return None
    start = at + _HEAD.size
    content = stored[start : start + length]
    if start + length + _CRC.size > len(stored):
        return None
    return content if _CRC.unpack_from(stored, start + length)[0] == zlib.crc32(content) else None


def _require_torn(stored: bytes, at: int, place: str) -> None:
    later = stored.find(_MAGIC, at + 1)
    while later >= 0:
        if _frame_at(stored, later) is not None:
            raise DamagedDeviceLog(place, at, f"whole frames come after it, from byte {later} on")
        later = stored.find(_MAGIC, later + 1)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
