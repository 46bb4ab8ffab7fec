"""Collecting values one by one, so that one that is broken never hinders the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from museion.media.errors import one_line
from museion.media.metadata import FieldValue, Metadata, Value

Reading = tuple[str, str, Callable[[], FieldValue | None]]
"""A field, the source of its value, and how to read it; None or blank where there is none."""


def read_all(
    readings: Iterable[Reading], unreadable: type[Exception] | tuple[type[Exception], ...]
) -> Metadata:
    """Return the values of all readings; one that raises `unreadable` becomes a warning."""
    values: list[Value] = []
    warnings: list[str] = []
    for field, source, read in readings:
        try:
            value = read()
        except unreadable as reason:
            warnings.append(f"{source}: {one_line(str(reason))}")
            continue
        if value not in (None, "", ()):
            values.append(Value(field, value, source))
    return Metadata(tuple(values), tuple(warnings))
