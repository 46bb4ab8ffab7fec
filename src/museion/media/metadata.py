"""What a file says about itself: every value with its source, and which one to believe.

Nothing is lost in reading: where EXIF, IPTC and XMP disagree, all candidates are kept, and
`Metadata.best` chooses by the order in `metadata_rules`. The structs go into events, so the names
of their members, of the fields and of the sources do not change.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

import msgspec

from museion.media.capture_time import CaptureTime
from museion.media.metadata_rules import precedence
from museion.media.sniff import MediaType

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


def extract_metadata(path: Path, media: MediaType) -> Metadata:
    """Return everything that a file says about itself.

    A value that cannot be read becomes a warning and never hinders the others; a file that no
    library can open gives a `Metadata` of warnings only.

    Raises:
        OSError: the file cannot be read.
    """
    if media.kind == "image" or media.kind == "raw":  # noqa: PLR1714 (narrows the type)
        from museion.media.still_metadata import read_still_metadata

        return read_still_metadata(path, media)
    if media.kind == "video":
        from museion.media.video_metadata import read_video_metadata

        return read_video_metadata(path, media)
    if media.kind == "document":
        from museion.media.document_metadata import read_document_metadata

        return read_document_metadata(path)
    if media.kind == "vector":
        from museion.media.svg_metadata import read_svg_metadata

        return read_svg_metadata(path)
    assert_never(media.kind)
