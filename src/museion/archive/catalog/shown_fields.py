"""Metadata as people read it: one line a field, its value as text, and where else it differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from museion.archive.catalog.records import FieldValue
from museion.media.metadata_rules import precedence

_LABELS = {
    "capture_time": "Taken",
    "capture_offset": "Time zone",
    "camera_make": "Camera maker",
    "camera_model": "Camera",
    "exposure_time_s": "Exposure",
    "f_number": "Aperture",
    "iso": "ISO",
    "focal_length_mm": "Focal length",
    "focal_length_35mm_mm": "Focal length (35 mm)",
    "flash_fired": "Flash",
    "altitude_m": "Altitude",
    "duration_s": "Duration",
    "rights_url": "Rights statement",
    "country_code": "Country code",
    "page_count": "Pages",
}
_LONGEST_FRACTION_S = 0.3


class OtherValue(msgspec.Struct, frozen=True):
    """What a less trusted part of the original says."""

    value: str
    source: str


class ShownField(msgspec.Struct, frozen=True):
    """One field with the value of its most trusted source, and the others where they differ."""

    field: str
    label: str
    value: str
    source: str
    others: list[OtherValue]


def shown_fields(values: Sequence[FieldValue]) -> list[ShownField]:
    """Return the fields in the order in which they were read."""
    by_field: defaultdict[str, list[FieldValue]] = defaultdict(list)
    for value in values:
        by_field[value.field].append(value)
    return [_shown(field, candidates) for field, candidates in by_field.items()]


def _shown(field: str, candidates: list[FieldValue]) -> ShownField:
    order = precedence(field)
    best, *rest = sorted(candidates, key=lambda each: order.get(each.source, len(order)))
    label = _LABELS.get(field, field.replace("_", " ").capitalize())
    others = [OtherValue(readable(field, each.value), each.source) for each in rest]
    differing = [
        other for other, each in zip(others, rest, strict=True) if each.value != best.value
    ]
    return ShownField(field, label, readable(field, best.value), best.source, differing)


def readable(field: str, value: str) -> str:
    """Return a value as people write it: `1/250 s`, `f/2.8`, `50 mm`."""
    write = _WRITERS.get(field)
    return write(value) if write else value


def _duration(value: str) -> str:
    minutes, seconds = divmod(round(float(value)), 60)
    return f"{minutes}:{seconds:02d}"


def _exposure(value: str) -> str:
    seconds = float(value)
    if 0 < seconds <= _LONGEST_FRACTION_S:
        return f"1/{round(1 / seconds)} s"
    return f"{seconds:g} s"


_WRITERS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "exposure_time_s": _exposure,
        "f_number": lambda value: f"f/{float(value):g}",
        "focal_length_mm": lambda value: f"{float(value):g} mm",
        "focal_length_35mm_mm": lambda value: f"{float(value):g} mm",
        "altitude_m": lambda value: f"{float(value):.0f} m",
        "latitude": lambda value: f"{float(value):.5f}°",
        "longitude": lambda value: f"{float(value):.5f}°",
        "flash_fired": lambda value: "fired" if value == "True" else "did not fire",
        "duration_s": _duration,
    }
)
