"""EXIF, IPTC and XMP of stills and camera RAW files through exiv2.

Source: Exif 3.0 (CIPA DC-008-2023), IPTC-NAA Information Interchange Model 4.2, IPTC Photo
Metadata Standard 2023, XMP (ISO 16684-1).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import exiv2
import pyvips

from museion.media import coordinates, sniff
from museion.media.capture_time import (
    CaptureTime,
    format_offset,
    offset_from_satellites,
    offset_minutes,
)
from museion.media.errors import one_line
from museion.media.exiv2_block import Block, collect
from museion.media.metadata import FieldValue, Metadata, Value
from museion.media.metadata_rules import RULES, Form
from museion.media.native_path import native_path
from museion.media.reading import Reading, read_all
from museion.media.sniff import MediaType

_NO_DATES = frozenset({"", "0000:00:00 00:00:00", ":  :     :  :"})
# What cameras write into every picture where a caption should stand.
_BOILERPLATE = frozenset(
    {"olympus digital camera", "sony dsc", "digital camera", "default", "samsung", "dav", "cof"}
    | {"minolta digital camera", "konica minolta digital camera", "dcim", "camera", "dsc"}
)
_TURNED_BY_LIBHEIF = (sniff.AVIF, sniff.HEIC)
_SIDEWAYS_ORIENTATIONS = range(5, 9)
# The standard C++ exceptions arrive as their Python counterparts beside Exiv2's own.
_UNREADABLE = (exiv2.Exiv2Error, ArithmeticError, LookupError, RuntimeError, ValueError)


def read_still_metadata(path: Path, media: MediaType) -> Metadata:
    """Return what EXIF, IPTC and XMP of a still say, and its upright size.

    Raises:
        OSError: the file cannot be read.
    """
    exiv2.LogMsg.setLevel(exiv2.LogMsg.Level.mute)
    with native_path(path) as name:
        try:
            image = exiv2.ImageFactory.open(name)
            image.readMetadata()
            read = _read(image)
            size = _upright_size(image, name, media, read.best("orientation"))
            return Metadata((*read.values, *size), read.warnings)
        except _UNREADABLE as reason:
            told = one_line(str(reason).replace(name, "the file"))
            return Metadata(warnings=(f"metadata: {told}",))


def _read(image: exiv2.Image) -> Metadata:
    block = collect(image)
    read = read_all([*_single_readings(block), *_joint_readings(block)], _UNREADABLE)
    return Metadata(read.values, (*read.warnings, *block.warnings))


def _upright_size(
    image: exiv2.Image, name: str, media: MediaType, orientation: FieldValue | None
) -> list[Value]:
    if media in _TURNED_BY_LIBHEIF:
        width, height = _turned_size(name)
    elif orientation in _SIDEWAYS_ORIENTATIONS:
        height, width = image.pixelWidth(), image.pixelHeight()
    else:
        width, height = image.pixelWidth(), image.pixelHeight()
    found = (("width", width), ("height", height))
    return [Value(field, size, "header") for field, size in found if size > 0]


def _turned_size(name: str) -> tuple[int, int]:
    # Reads the header only; the rotation is a box of the container that exiv2 does not follow.
    try:
        header = pyvips.Image.heifload(name, revalidate=True)
    except pyvips.Error:
        return 0, 0
    return header.width, header.height


def _single_readings(block: Block) -> list[Reading]:
    return [
        (rule.field, rule.source, partial(_READERS[rule.form], block, rule.key))
        for rule in RULES
        if rule.key in block
    ]


def _joint_readings(block: Block) -> list[Reading]:
    """Return the readings of values that are written in several parts."""
    return [
        ("capture_time", "exif:DateTimeOriginal", lambda: _exif_time(block, "Original")),
        ("capture_time", "exif:DateTimeDigitized", lambda: _exif_time(block, "Digitized")),
        ("capture_time", "iptc:DateCreated", lambda: _iptc_time(block)),
        ("capture_offset", "exif:OffsetTimeOriginal", lambda: _exif_offset(block, "Original")),
        ("capture_offset", "exif:OffsetTimeDigitized", lambda: _exif_offset(block, "Digitized")),
        ("capture_offset", "exif:GPSTimeStamp", lambda: _satellite_offset(block)),
        ("latitude", "exif:GPSLatitude", lambda: _coordinate(block, "GPSLatitude")),
        ("longitude", "exif:GPSLongitude", lambda: _coordinate(block, "GPSLongitude")),
        ("altitude_m", "exif:GPSAltitude", lambda: _altitude(block, "Exif.GPSInfo.GPSAltitude")),
        ("altitude_m", "xmp:exif:GPSAltitude", lambda: _altitude(block, "Xmp.exif.GPSAltitude")),
    ]


def _caption(block: Block, key: str) -> str | None:
    written = block.text(key)
    return None if written.lower() in _BOILERPLATE else written


def _names(block: Block, key: str) -> tuple[str, ...]:
    # Exif has one field for all creators; the Guidelines part them with semicolons.
    return _split(block.text(key))


def _split(written: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in written.split(";") if part.strip()))


def _rating(block: Block, key: str) -> int:
    rating = round(float(block.text(key)))
    if not -1 <= rating <= 5:
        raise ValueError(f"{rating} is not a rating from -1 to 5")
    return rating


def _orientation(block: Block, key: str) -> int | None:
    orientation = block.integer(key)
    if orientation == 0:
        return None
    if not 1 <= orientation <= 8:
        raise ValueError(f"{orientation} is not an orientation from 1 to 8")
    return orientation


def _xmp_time(block: Block, key: str) -> str | None:
    written = block.text(key)
    return CaptureTime.from_iso(written).iso() if written else None


def _exif_time(block: Block, name: str) -> str | None:
    time = _exif_local(block, name)
    return None if time is None else time.iso()


def _exif_local(block: Block, name: str) -> CaptureTime | None:
    written = block.text(f"Exif.Photo.DateTime{name}")
    if written in _NO_DATES:
        return None
    subseconds = block.text(f"Exif.Photo.SubSecTime{name}")
    return CaptureTime.from_exif(written, subseconds, block.text(f"Exif.Photo.OffsetTime{name}"))


def _exif_offset(block: Block, name: str) -> str | None:
    return format_offset(offset_minutes(block.text(f"Exif.Photo.OffsetTime{name}")))


def _iptc_time(block: Block) -> str | None:
    date = block.text("Iptc.Application2.DateCreated")
    if not date or date.startswith("0000"):
        return None
    clock = block.text("Iptc.Application2.TimeCreated")
    return CaptureTime.from_iso(f"{date}T{clock}" if clock else date).iso()


def _satellite_offset(block: Block) -> str | None:
    try:
        local = _exif_local(block, "Original")
    except ValueError:
        return None  # its own reading warns of it
    date = block.text("Exif.GPSInfo.GPSDateStamp")
    clock = block.fractions("Exif.GPSInfo.GPSTimeStamp")
    if local is None or not date or len(clock) != 3:
        return None
    seconds = sum(
        part[0] / part[1] * weight for part, weight in zip(clock, (3600, 60, 1), strict=True)
    )
    utc = datetime.strptime(date.replace("-", ":"), "%Y:%m:%d") + timedelta(seconds=seconds)
    return format_offset(offset_from_satellites(local.local, utc))


def _coordinate(block: Block, name: str) -> float | None:
    parts = block.fractions(f"Exif.GPSInfo.{name}")
    if not parts:
        return None
    return coordinates.from_exif(parts, block.text(f"Exif.GPSInfo.{name}Ref"))


def _altitude(block: Block, key: str) -> float | None:
    if key not in block:
        return None
    is_below_sea = block.text(f"{key}Ref") in ("1", "3")
    metres = block.number(key)
    return round(-metres if is_below_sea else metres, 3)


_READERS: dict[Form, Callable[[Block, str], FieldValue | None]] = {
    "text": Block.text,
    "texts": Block.texts,
    "integer": Block.integer,
    "number": Block.number,
    "rating": _rating,
    "flash": lambda block, key: bool(block.integer(key) & 1),
    "orientation": _orientation,
    "utf16": Block.utf16,
    "utf16_list": lambda block, key: _split(block.utf16(key)),
    "names": _names,
    "caption": _caption,
    "xmp_coordinate": lambda block, key: coordinates.from_xmp(block.text(key)),
    "xmp_time": _xmp_time,
}
