"""What a file says about itself: every value with its source, and which one to believe.

Nothing is lost in reading: where EXIF, IPTC and XMP disagree, all candidates are kept, and
`Metadata.best` chooses by the order in `metadata_rules`. The structs go into events, so the names
of their members, of the fields and of the sources do not change.
"""

from __future__ import annotations

import msgspec

from museion.media.capture_time import CaptureTime
from museion.media.metadata_rules import precedence

FieldValue = bool | int | float | str | tuple[str, ...]
"""A value as written below in `metadata_rules.FIELDS`: lists (keywords, creators) are tuples."""


class Value(msgspec.Struct, frozen=True):
    """One value of one field as one part of a file states it.

    `source` names that part: "exif:ImageDescription", "iptc:Caption-Abstract",
    "xmp:dc:description", "container:title", "pdf:Author", "header" for what the structure tells.
    """

    field: str
    value: FieldValue
    source: str


class Metadata(msgspec.Struct, frozen=True):
    """All values of a file in the order of reading, and one line for each that was unreadable."""

    values: tuple[Value, ...] = ()
    warnings: tuple[str, ...] = ()

    def candidates(self, field: str) -> tuple[Value, ...]:
        """Return the values of a field, the most trusted source first."""
        order = precedence(field)
        found = [value for value in self.values if value.field == field]
        return tuple(sorted(found, key=lambda value: order.get(value.source, len(order))))

    def best_value(self, field: str) -> Value | None:
        """Return the value of a field from its most trusted source, None if there is none."""
        return next(iter(self.candidates(field)), None)

    def best(self, field: str) -> FieldValue | None:
        """Return what `best_value` holds, without its source."""
        found = self.best_value(field)
        return None if found is None else found.value

    def fields(self) -> dict[str, FieldValue]:
        """Return the best value of every field that has one, in the order of reading."""
        names = dict.fromkeys(value.field for value in self.values)
        return {name: self.candidates(name)[0].value for name in names}

    def capture_time(self) -> CaptureTime | None:
        """Return when the medium was taken, with the best offset that anything in it states."""
        written = self.best("capture_time")
        if not isinstance(written, str):
            return None
        offset = self.best("capture_offset")
        return CaptureTime.from_iso(written).with_offset(offset if isinstance(offset, str) else "")
