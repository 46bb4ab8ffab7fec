"""Places on Earth as EXIF, XMP and film containers write them, in signed degrees."""

from __future__ import annotations

import re
from collections.abc import Sequence

_XMP = re.compile(r"(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEW])")
_ISO_6709 = re.compile(r"([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?")
_MAX_DEGREES = {"N": 90.0, "S": 90.0, "E": 180.0, "W": 180.0}


def from_exif(parts: Sequence[tuple[int, int]], hemisphere: str) -> float:
    """Return degrees from up to three fractions (degrees, minutes, seconds) and N, S, E or W.

    Raises:
        ValueError: a fraction is over zero, the letter is unknown, or the place is not on Earth.
    """
    degrees = 0.0
    for (numerator, denominator), divisor in zip(parts, (1, 60, 3600), strict=False):
        if denominator == 0:
            if numerator == 0 and divisor > 1:
                continue
            raise ValueError(f"{numerator}/{denominator} is not a number")
        degrees += numerator / denominator / divisor
    return _signed(degrees, hemisphere)


def from_xmp(written: str) -> float:
    """Return degrees from XMP's form, as in 33,51.5S or 33,51,30S.

    Raises:
        ValueError: it is not a coordinate on Earth.
    """
    parts = _XMP.fullmatch(written.strip())
    if not parts:
        raise ValueError(f"{written!r} is not a coordinate")
    degrees, minutes, seconds = (float(part or 0) for part in parts.groups()[:3])
    return _signed(degrees + minutes / 60 + seconds / 3600, parts.group(4))


def from_iso_6709(written: str) -> tuple[float, float, float | None]:
    """Return latitude, longitude and altitude in metres (or None), as in +48.8577+002.295+35/.

    Raises:
        ValueError: it is not a point on Earth in decimal degrees.
    """
    parts = _ISO_6709.match(written.strip())
    if not parts:
        raise ValueError(f"{written!r} is not a point")
    latitude, longitude = float(parts.group(1)), float(parts.group(2))
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError(f"{written!r} is not on Earth")
    return latitude, longitude, float(parts.group(3)) if parts.group(3) else None


def _signed(degrees: float, hemisphere: str) -> float:
    letter = hemisphere.strip("\0 ")[:1].upper()
    if letter not in _MAX_DEGREES:
        raise ValueError(f"{hemisphere!r} is no hemisphere")
    if not degrees <= _MAX_DEGREES[letter]:
        raise ValueError(f"{degrees} degrees are too many")
    return round(-degrees if letter in "SW" else degrees, 9)
