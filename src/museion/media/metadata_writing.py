"""Writing EXIF, IPTC and XMP into a file, so that programs of any age find the same values.

Source: Metadata Working Group, "Guidelines for handling image metadata" 2.0: what several blocks
hold is written to all of them, in UTF-8, and IPTC is marked as such.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import exiv2

from museion.base.errors import InvalidInput
from museion.media import sniff
from museion.media.capture_time import CaptureTime, format_offset
from museion.media.errors import CorruptMedia, UnsupportedMedia, one_line
from museion.media.metadata import FieldValue
from museion.media.metadata_rules import RULES, Form, Rule

_WRITABLE = (sniff.JPEG, sniff.PNG, sniff.WEBP, sniff.TIFF)
_WITHOUT_IPTC = (sniff.WEBP,)
_LANGUAGE_ALTERNATIVES = frozenset(
    {"Xmp.dc.title", "Xmp.dc.description", "Xmp.dc.rights", "Xmp.xmpRights.UsageTerms"}
)
_XMP_LISTS = {"Xmp.dc.subject": exiv2.TypeId.xmpBag, "Xmp.dc.creator": exiv2.TypeId.xmpSeq}
# Sources that mean something else or repeat a neighbour; Exif has no rating for rejected.
_READ_ONLY = frozenset({"exif:ISOSpeed", "xmp:aux:Lens", "xmp:exif:DateTimeOriginal"})
_TEXT_FORMS: frozenset[Form] = frozenset({"text", "texts", "caption", "names"})
_NUMBER_FORMS: frozenset[Form] = frozenset({"integer", "number", "rating", "flash", "orientation"})
_MAX_DENOMINATOR = 1_000_000

Entries = list[tuple[str, str]]
"""Keys of exiv2 with the texts to write; a list has its key once for each term."""


class UnwritableField(InvalidInput):
    """A field has no place in the blocks that are written."""

    def __init__(self, field: str) -> None:
        super().__init__(
            f"The field {field!r} cannot be written into a file.",
            remedy="Leave it out, or write one of the fields of the metadata table.",
        )


class UnfittingValue(InvalidInput):
    """A value cannot be written as what its field holds."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"A value does not fit its field: {one_line(reason)}.",
            remedy="Give values in the types and units of the metadata table.",
        )


def write_metadata(path: Path, values: Mapping[str, FieldValue]) -> None:
    """Write fields into a JPEG, PNG, WebP or TIFF, leaving its pixels and other entries alone.

    The file is replaced in one step: it holds either all new values or, after an error, none.

    Args:
        values: by the names and in the units of `metadata_rules.FIELDS`.

    Raises:
        UnwritableField: a field has no place in EXIF, IPTC or XMP.
        UnsupportedMedia: the format of the file takes no metadata.
        UnfittingValue: a value has the wrong type or range for its field.
        CorruptMedia: the file cannot be read.
        UnknownMedia, EmptyFile: the file is no medium.
        OSError: the file cannot be read or replaced.
    """
    media = sniff.sniff(path)
    if media not in _WRITABLE:
        raise UnsupportedMedia(media.format_name, "metadata cannot be written into it")
    try:
        entries = [entry for field, value in values.items() for entry in _entries(field, value)]
    except ValueError as reason:
        raise UnfittingValue(str(reason)) from None
    if media in _WITHOUT_IPTC:
        entries = [(key, text) for key, text in entries if not key.startswith("Iptc.")]
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".writing-", delete=False) as copy:
        aside = Path(copy.name)
    try:
        shutil.copy2(path, aside)
        _write(aside, entries)
        os.replace(aside, path)
    except ValueError as reason:
        raise UnfittingValue(str(reason)) from None
    except exiv2.Exiv2Error as reason:
        told = str(reason).replace(str(aside), "the file")
        raise CorruptMedia(media.format_name, told) from None
    finally:
        aside.unlink(missing_ok=True)


def _write(path: Path, entries: Entries) -> None:
    exiv2.LogMsg.setLevel(exiv2.LogMsg.Level.mute)
    image = exiv2.ImageFactory.open(str(path))
    image.readMetadata()
    for key, text in entries:
        if key.startswith("Exif."):
            image.exifData()[key] = text
    _write_iptc(image.iptcData(), [entry for entry in entries if entry[0].startswith("Iptc.")])
    _write_xmp(image.xmpData(), [entry for entry in entries if entry[0].startswith("Xmp.")])
    image.writeMetadata()


def _write_iptc(iptc: exiv2.IptcData, entries: Entries) -> None:
    for key in {key for key, _ in entries}:
        while (place := iptc.findKey(exiv2.IptcKey(key))) != iptc.end():
            iptc.erase(place)
    for key, text in entries:
        iptc.add(exiv2.IptcKey(key), _iptc_value(key, text))
    if entries:
        iptc["Iptc.Envelope.CharacterSet"] = "\x1b%G"


def _write_xmp(xmp: exiv2.XmpData, entries: Entries) -> None:
    terms: dict[str, list[str]] = {}
    for key, text in entries:
        terms.setdefault(key, []).append(text)
    for key, texts in terms.items():
        kind = _XMP_LISTS.get(key)
        xmp[key] = texts[0] if kind is None else exiv2.XmpArrayValue(texts, kind)


def _iptc_value(key: str, text: str) -> exiv2.Value:
    kinds = {"DateCreated": exiv2.DateValue, "TimeCreated": exiv2.TimeValue}
    value = kinds.get(key.rpartition(".")[2], exiv2.StringValue)()
    value.read(text)
    return value


def _entries(field: str, value: FieldValue) -> Entries:
    if field in _JOINT_WRITERS:
        return _JOINT_WRITERS[field](value)
    entries = [entry for rule in RULES if rule.field == field for entry in _entries_of(rule, value)]
    if not entries:
        raise UnwritableField(field)
    return entries


def _entries_of(rule: Rule, value: FieldValue) -> Entries:
    is_rejection = rule.form == "rating" and value == -1
    if rule.source in _READ_ONLY or (is_rejection and rule.key.startswith("Exif.")):
        return []
    if rule.form in _NUMBER_FORMS and not isinstance(value, str | tuple):
        return [(rule.key, _number(rule.form, value))]
    if rule.form not in _TEXT_FORMS:
        return []
    texts = value if isinstance(value, tuple) else (str(value),)
    if rule.form == "names":
        return [(rule.key, "; ".join(texts))]
    if rule.key in _LANGUAGE_ALTERNATIVES:
        return [(rule.key, f'lang="x-default" {texts[0]}')]
    return [(rule.key, text) for text in texts]


def _number(form: Form, value: FieldValue) -> str:
    assert isinstance(value, int | float)
    if form != "number":
        return str(int(value))
    fraction = Fraction(value).limit_denominator(_MAX_DENOMINATOR)
    return f"{fraction.numerator}/{fraction.denominator}"


def _capture_time(value: FieldValue) -> Entries:
    time = CaptureTime.from_iso(str(value))
    offset = format_offset(time.offset_min)
    entries = [
        ("Exif.Photo.DateTimeOriginal", time.local.strftime("%Y:%m:%d %H:%M:%S")),
        ("Xmp.photoshop.DateCreated", time.iso()),
        ("Iptc.Application2.DateCreated", time.local.strftime("%Y-%m-%d")),
    ]
    if offset:
        # IPTC has no time without an offset, so a local time alone is left out of it.
        clock = time.local.strftime("%H:%M:%S") + offset
        entries += [
            ("Exif.Photo.OffsetTimeOriginal", offset),
            ("Iptc.Application2.TimeCreated", clock),
        ]
    if time.local.microsecond:
        entries.append(("Exif.Photo.SubSecTimeOriginal", f"{time.local.microsecond:06}"))
    return entries


def _coordinate(name: str, hemispheres: str, value: FieldValue) -> Entries:
    degrees = abs(float(str(value)))
    micro = round(degrees * 3600 * 10_000)
    minutes, rest = divmod(micro, 60 * 10_000)
    letter = hemispheres[1 if float(str(value)) < 0 else 0]
    return [
        (f"Exif.GPSInfo.{name}", f"{minutes // 60}/1 {minutes % 60}/1 {rest}/10000"),
        (f"Exif.GPSInfo.{name}Ref", letter),
    ]


def _altitude(value: FieldValue) -> Entries:
    metres = float(str(value))
    return [
        ("Exif.GPSInfo.GPSAltitude", f"{round(abs(metres) * 1000)}/1000"),
        ("Exif.GPSInfo.GPSAltitudeRef", "1" if metres < 0 else "0"),
    ]


_JOINT_WRITERS: dict[str, Callable[[FieldValue], Entries]] = {
    "capture_time": _capture_time,
    "latitude": lambda value: _coordinate("GPSLatitude", "NS", value),
    "longitude": lambda value: _coordinate("GPSLongitude", "EW", value),
    "altitude_m": _altitude,
}
