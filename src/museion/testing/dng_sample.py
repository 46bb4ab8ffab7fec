"""A minimal camera RAW file: a DNG with a Bayer mosaic and a JPEG preview.

Source: Adobe, "Digital Negative (DNG) Specification" 1.4; TIFF 6.0.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

_ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL, _BYTE = 2, 3, 4, 5, 10, 1
_LETTERS = {_BYTE: "B", _SHORT: "H", _LONG: "I", _RATIONAL: "I", _SRATIONAL: "i"}
_HEADER = struct.Struct("<2sHI")
_XYZ_TO_CAMERA = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)

Tag = tuple[int, int, tuple[int, ...] | bytes]


def dng_bytes(
    scene: NDArray[np.uint8], preview_jpeg: bytes, *, orientation: int = 1, model: str = "Kit One"
) -> bytes:
    """Return a DNG of a scene (uint8 [height, width, 3], even sides) with the given preview.

    Without a preview (empty bytes) the file holds the mosaic alone.
    """
    height, width = scene.shape[:2]
    mosaic = _mosaic(scene)
    shared = _camera_tags(orientation, model)
    sensor = _sensor_tags(width, height, len(mosaic))
    if not preview_jpeg:
        return _file([(shared + sensor, mosaic)])
    return _file(
        [(shared + _preview_tags(width, height, len(preview_jpeg)), preview_jpeg), (sensor, mosaic)]
    )


def _mosaic(scene: NDArray[np.uint8]) -> bytes:
    mosaic = scene[..., 1].astype("<u2")
    mosaic[::2, ::2] = scene[::2, ::2, 0]
    mosaic[1::2, 1::2] = scene[1::2, 1::2, 2]
    return (mosaic * 256).astype("<u2").tobytes()


def _camera_tags(orientation: int, model: str) -> list[Tag]:
    matrix = tuple(part for value in _XYZ_TO_CAMERA for part in (round(value * 10_000), 10_000))
    return [
        (271, _ASCII, b"Museion\0"),
        (272, _ASCII, model.encode("ascii") + b"\0"),
        (274, _SHORT, (orientation,)),
        (50706, _BYTE, (1, 4, 0, 0)),
        (50708, _ASCII, b"Museion " + model.encode("ascii") + b"\0"),
        (50721, _SRATIONAL, matrix),
        (50728, _RATIONAL, (1, 1, 1, 1, 1, 1)),
        (50778, _SHORT, (21,)),
    ]


def _preview_tags(width: int, height: int, size_bytes: int) -> list[Tag]:
    return [
        (254, _LONG, (1,)),
        (256, _LONG, (width,)),
        (257, _LONG, (height,)),
        (258, _SHORT, (8, 8, 8)),
        (259, _SHORT, (7,)),
        (262, _SHORT, (6,)),
        (277, _SHORT, (3,)),
        (278, _LONG, (height,)),
        (279, _LONG, (size_bytes,)),
    ]


def _sensor_tags(width: int, height: int, size_bytes: int) -> list[Tag]:
    return [
        (254, _LONG, (0,)),
        (256, _LONG, (width,)),
        (257, _LONG, (height,)),
        (258, _SHORT, (16,)),
        (259, _SHORT, (1,)),
        (262, _SHORT, (32803,)),
        (277, _SHORT, (1,)),
        (278, _LONG, (height,)),
        (279, _LONG, (size_bytes,)),
        (33421, _SHORT, (2, 2)),
        (33422, _BYTE, (0, 1, 1, 2)),
        (50717, _LONG, (65535,)),
    ]


def _file(parts: list[tuple[list[Tag], bytes]]) -> bytes:
    """Return a TIFF file; the second part, if any, becomes a sub-directory of the first."""
    body = b""
    start = _HEADER.size
    child = 0
    for tags, pixels in reversed(parts):
        pixels_at = start + len(body)
        body += pixels + bytes(len(pixels) % 2)
        extra: list[Tag] = [(273, _LONG, (pixels_at,))]
        if child:
            extra.append((330, _LONG, (child,)))
        child = start + len(body)
        body += _directory(sorted([*tags, *extra]), child)
    return _HEADER.pack(b"II", 42, child) + body


def _directory(tags: list[Tag], at: int) -> bytes:
    table = struct.pack("<H", len(tags))
    values_at = at + 2 + 12 * len(tags) + 4
    values = b""
    for tag, kind, value in tags:
        content = value if isinstance(value, bytes) else _packed(kind, value)
        count = len(value) // (2 if kind in (_RATIONAL, _SRATIONAL) else 1)
        if len(content) <= 4:
            inline = content.ljust(4, b"\0")
        else:
            inline = struct.pack("<I", values_at + len(values))
            values += content + bytes(len(content) % 2)
        table += struct.pack("<HHI", tag, kind, count) + inline
    return table + bytes(4) + values


def _packed(kind: int, values: tuple[int, ...]) -> bytes:
    return struct.pack(f"<{len(values)}{_LETTERS[kind]}", *values)
