"""Moments as cameras and programs write them: local time first, zone only if somebody said it.

A camera without a zone knows the time on the wall and nothing else. So the local time and the
offset from UTC are kept apart, and nothing is guessed. The written form is ISO 8601, with the
offset at its end only where the same source states it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

_EXIF = re.compile(r"(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?")
_PDF = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?\s*(Z|[+-]\d\d'?\d\d)?")
_OFFSET = re.compile(r"([+-])(\d\d?):?'?(\d\d)?'?")
_ISO_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$")
_FRACTION = re.compile(r"(\.\d{1,6})\d*")
_MAX_OFFSET_MIN = 14 * 60


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """The time on the wall where a picture was taken, and how far that was from UTC if known."""

    local: datetime
    offset_min: int | None = None

    @classmethod
    def from_iso(cls, written: str) -> CaptureTime:
        """Read ISO 8601 with or without zone, also a year or a month alone.

        Raises:
            ValueError: it is no date.
        """
        written = written.strip()
        partial = _ISO_DATE.match(written)
        if partial:
            year, month, day = (int(part or 1) for part in partial.groups())
            return cls(datetime(year, month, day))
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", written))
        shift = moment.utcoffset()
        offset_min = None if shift is None else round(shift.total_seconds() / 60)
        return cls(moment.replace(tzinfo=None), offset_min)

    @classmethod
    def from_exif(cls, written: str, subseconds: str = "", offset: str = "") -> CaptureTime:
        """Read the three parts in which Exif writes a moment.

        Raises:
            ValueError: it is no date.
        """
        parts = _EXIF.match(written.strip())
        if not parts:
            raise ValueError(f"{written!r} is not a date")
        year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups())
        local = datetime(year, month, day, hour, minute, second)
        digits = re.sub(r"\D", "", subseconds)[:6]
        if digits:
            local = local.replace(microsecond=int(digits.ljust(6, "0")))
        return cls(local).with_offset(offset)

    @classmethod
    def from_pdf(cls, written: str) -> CaptureTime:
        """Read a date of a PDF, as in D:20240501101500+02'00'.

        Raises:
            ValueError: it is no date.
        """
        parts = _PDF.match(written.strip())
        if not parts:
            raise ValueError(f"{written!r} is not a date")
        year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups()[:6])
        local = datetime(year, month or 1, day or 1, hour, minute, second)
        return cls(local).with_offset(parts.group(7) or "")

    def with_offset(self, offset: str) -> CaptureTime:
        """Return this time with an offset such as +02:00 or Z, unless it has one already."""
        if self.offset_min is not None:
            return self
        return replace(self, offset_min=offset_minutes(offset))

    def iso(self) -> str:
        """Return the written form: microseconds only where there are any, offset if known."""
        return self.local.isoformat() + format_offset(self.offset_min)

    @property
    def moment(self) -> datetime | None:
        """The point in time, None while the offset is unknown."""
        if self.offset_min is None:
            return None
        return self.local.replace(tzinfo=timezone(timedelta(minutes=self.offset_min)))


def offset_minutes(written: str) -> int | None:
    """Return an offset from UTC in minutes, None if the text is none (blank, +99:99)."""
    written = written.strip()
    if written == "Z":
        return 0
    parts = _OFFSET.fullmatch(written)
    if not parts:
        return None
    minutes = int(parts.group(2)) * 60 + int(parts.group(3) or 0)
    if minutes > _MAX_OFFSET_MIN:
        return None
    return -minutes if parts.group(1) == "-" else minutes


def format_offset(offset_min: int | None) -> str:
    """Return an offset as ISO 8601 writes it (+02:00); empty if it is unknown."""
    if offset_min is None:
        return ""
    hours, minutes = divmod(abs(offset_min), 60)
    return f"{'-' if offset_min < 0 else '+'}{hours:02}:{minutes:02}"


def offset_from_satellites(local: datetime, utc: datetime) -> int | None:
    """Return the offset that a satellite fix implies, in minutes; None if the clocks disagree.

    Offsets are multiples of 15 minutes. A difference further than three minutes from one means
    that the camera's clock was wrong or the fix was old.
    """
    difference_min = (local - utc).total_seconds() / 60
    rounded = round(difference_min / 15) * 15
    if abs(difference_min - rounded) > 3 or not -12 * 60 <= rounded <= _MAX_OFFSET_MIN:
        return None
    return rounded
