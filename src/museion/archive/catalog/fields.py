"""Which of an original's metadata values become columns of the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from museion.archive.events import MetadataValue
from museion.media.metadata import FieldValue, Metadata, Value

EMBEDDED_FIELDS = ("title", "caption", "creator", "credit", "copyright", "rights", "rating")
"""Columns that people can set, too; what they say counts above what the original says of itself."""
_PLAIN_COLUMNS = (
    *("width", "height", "duration_s", "title", "caption", "credit", "copyright", "rights"),
    *("lens", "rating", "latitude", "longitude", "city", "country"),
)
_LISTS_AS_TEXT = ("creator",)


def asset_columns(values: Sequence[MetadataValue]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return the catalog's columns and the keywords, each from its most trusted source."""
    metadata = Metadata(tuple(Value(each.field, each.value, each.source) for each in values))
    columns: dict[str, object] = {name: metadata.best(name) for name in _PLAIN_COLUMNS}
    columns |= {name: _joined(metadata.best(name)) for name in _LISTS_AS_TEXT}
    columns["camera"] = _camera(metadata)
    columns |= _capture_columns(metadata)
    return columns, _keywords(metadata)


def _capture_columns(metadata: Metadata) -> dict[str, object]:
    """Return capture time as shown, as compared by filters, and as sorted by; none if unknown."""
    taken = metadata.capture_time()
    if taken is None:
        return {"capture_time": None, "capture_local": None, "capture_sort": None}
    text = taken.iso()
    local = datetime.fromisoformat(text).replace(tzinfo=None)
    # Days and order are those of the place's own wall clock: a morning stays a morning.
    sort_time_ms = round(local.replace(tzinfo=UTC).timestamp() * 1000)
    return {
        "capture_time": text,
        "capture_local": local.isoformat(timespec="seconds"),
        "capture_sort": sort_time_ms,
    }


def _camera(metadata: Metadata) -> str | None:
    """Return maker and model; many models repeat the maker."""
    make, model = metadata.best("camera_make"), metadata.best("camera_model")
    if make and model and str(model).lower().startswith(str(make).split()[0].lower()):
        return str(model)
    return " ".join(str(part) for part in (make, model) if part) or None


def _keywords(metadata: Metadata) -> tuple[str, ...]:
    """Return the keywords of all sources: programs often write only one of them."""
    found = (value.value for value in metadata.candidates("keywords"))
    terms = (term.strip() for value in found if isinstance(value, tuple) for term in value)
    return tuple({term.casefold(): term for term in terms if term}.values())


def _joined(value: FieldValue | None) -> str | None:
    return "; ".join(value) if isinstance(value, tuple) else None if value is None else str(value)
