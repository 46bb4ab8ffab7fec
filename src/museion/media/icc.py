"""Small ICC profiles of the matrix kind, made from published primaries.

Source: ICC.1:2010 (version 2 profiles suffice and every program reads them); primaries from Adobe
RGB (1998) Color Image Encoding 2005-05, 4.2, and SMPTE EG 432-1 with the white of D65 (Display P3);
adaptation to D50 by the linear Bradford method, ICC.1 annex E.
"""

from __future__ import annotations

import functools
import struct

import numpy as np

_D50 = (0.9642, 1.0, 0.8249)
_D65_XY = (0.3127, 0.3290)
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_ADOBE_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
_ADOBE_GAMMA = 563 / 256
_P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_SRGB_NAMES = (b"sRGB", "sRGB".encode("utf-16-be"))


def is_srgb(profile: bytes) -> bool:
    """Tell whether a profile calls itself sRGB, so that following it would change nothing."""
    description = _tag(profile, b"desc")
    return any(name in description for name in _SRGB_NAMES)


@functools.cache
def adobe_rgb() -> bytes:
    """Return a profile of Adobe RGB (1998)."""
    return matrix_profile("Adobe RGB (1998) compatible", _ADOBE_XY, gamma=_ADOBE_GAMMA)


@functools.cache
def display_p3() -> bytes:
    """Return a profile with the primaries of Display P3 and a plain gamma of 2.2."""
    return matrix_profile("P3 primaries, D65", _P3_XY, gamma=2.2)


def matrix_profile(
    name: str, primaries_xy: tuple[tuple[float, float], ...], *, gamma: float
) -> bytes:
    """Return a version 2 display profile for primaries under D65 and one gamma for all channels.

    Args:
        primaries_xy: chromaticities of red, green and blue.
    """
    colourants = _colourants(primaries_xy)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    content = {
        b"desc": _description(name),
        b"cprt": b"text" + bytes(4) + b"No copyright, use freely\0",
        b"wtpt": _xyz(_D50),
        **{
            tag: _xyz(xyz) for tag, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colourants, strict=True)
        },
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    return _assemble(content)


def _colourants(primaries_xy: tuple[tuple[float, float], ...]) -> list[tuple[float, ...]]:
    columns = np.array([_from_xy(xy) for xy in primaries_xy]).T  # [XYZ, RGB]
    white = np.array(_from_xy(_D65_XY))
    to_xyz = columns * np.linalg.solve(columns, white)
    cone = np.array(_BRADFORD)
    gain = np.diag((cone @ np.array(_D50)) / (cone @ white))
    adapted = np.linalg.inv(cone) @ gain @ cone @ to_xyz
    return [tuple(float(value) for value in column) for column in adapted.T]


def _from_xy(xy: tuple[float, float]) -> tuple[float, float, float]:
    x, y = xy
    return x / y, 1.0, (1 - x - y) / y


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _description(name: str) -> bytes:
    ascii_name = name.encode("ascii") + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(ascii_name)) + ascii_name + bytes(78)


def _assemble(content: dict[bytes, bytes]) -> bytes:
    offset = 128 + 4 + 12 * len(content)
    table, body = struct.pack(">I", len(content)), b""
    for tag, element in content.items():
        padded = element + bytes(-len(element) % 4)
        table += tag + struct.pack(">II", offset + len(body), len(element))
        body += padded
    size_bytes = 128 + len(table) + len(body)
    header = struct.pack(">I4sI4s4s4s", size_bytes, bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _xyz(_D50)[8:]
    return header.ljust(128, b"\0") + table + body


def _tag(profile: bytes, name: bytes) -> bytes:
    if len(profile) < 132:
        return b""
    (count,) = struct.unpack_from(">I", profile, 128)
    for at in range(132, min(132 + 12 * count, len(profile) - 11), 12):
        tag, offset, length = struct.unpack_from(">4sII", profile, at)
        if tag == name:
            return profile[offset : offset + length]
    return b""
