"""The mark that makes a class the payload of an event type: its written name and present form.

The mark stays on the class itself; nothing is registered anywhere, and subclasses do not inherit
it, so that no class is written under a name that was not given to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from museion.base.errors import InvalidInput
from museion.log.event import MAX_NAME_BYTES, InvalidEvent, require_name
from museion.log.payloads.upcasting import Upcaster

T = TypeVar("T")

_MARK = "__museion_event_type__"


class EventMark(msgspec.Struct, frozen=True):
    """What a class was marked with; see `event_type`."""

    type_name: str
    form: int
    upcasters: Mapping[int, Upcaster]
    subject: Callable[[Any], str | None] | None


class InvalidEventType(InvalidInput):
    """A class cannot be marked in this way; found when the class is defined."""

    def __init__(self, kind: type, expected: str, found: object) -> None:
        super().__init__(
            f"Class {kind.__qualname__}: expected {expected}, got {found!r:.200}.",
            remedy="See docs/how-to/evolve-an-event.md.",
        )


class NotAnEventType(InvalidInput):
    """A class is not marked as an event type, or is not among those that a reader was given."""

    def __init__(self, kind: type, expected: str = "a class marked with @event_type") -> None:
        super().__init__(
            f"Expected {expected}, got {kind.__qualname__}.",
            remedy="Mark the class itself (a mark is not inherited) and pass it to EventTypes.",
        )


def event_type(
    name: str,
    *,
    form: int = 1,
    upcasters: Mapping[int, Upcaster] | None = None,
    # Any: a lambda over the class that is being decorated has no type to be checked against.
    subject: Callable[[Any], str | None] | None = None,
) -> Callable[[type[T]], type[T]]:
    """Mark a frozen msgspec Struct or a dataclass as the payload of an event type.

    Args:
        name: stable written name, 1 to 511 bytes of UTF-8; data that lasts, unlike the class's.
        form: number of the present stored form, from 1; raised with each change that old readers
            or old bytes do not bear.
        upcasters: for each older form, the function that makes the next form of it.
        subject: tells which data subject a payload is about; such payloads are encrypted. None, or
            a function that returns None, where there is nobody.

    Raises:
        InvalidEventType: the class or an argument is none of these, or the class has a mark.
    """

    def mark(kind: type[T]) -> type[T]:
        _require_fields_by_name(kind)
        given = dict(upcasters or {})
        _require_valid(kind, name, form, given)
        setattr(kind, _MARK, EventMark(name, form, MappingProxyType(given), subject))
        return kind

    return mark


def mark_of(kind: type) -> EventMark:
    """Return a class's own mark. Raises `NotAnEventType` where it has none."""
    mark = vars(kind).get(_MARK)
    if not isinstance(mark, EventMark):
        raise NotAnEventType(kind)
    return mark


def written_name(kind: type) -> tuple[str, int]:
    """Return the written name and the present form of a marked class.

    Raises:
        NotAnEventType: the class itself has no mark.
    """
    mark = mark_of(kind)
    return mark.type_name, mark.form


def _require_fields_by_name(kind: type) -> None:
    """Refuse what could not evolve: fields by position, or readers that refuse what is new."""
    if issubclass(kind, msgspec.Struct):
        config = kind.__struct_config__
        if config.array_like:
            raise InvalidEventType(kind, "fields written by name", "array_like=True")
        if config.forbid_unknown_fields:
            raise InvalidEventType(
                kind, "a class that passes over fields it does not know", "forbid_unknown_fields"
            )
    elif not is_dataclass(kind):
        raise InvalidEventType(kind, "a msgspec Struct or a dataclass", kind.__mro__[-2:])


def _require_valid(kind: type, name: str, form: int, upcasters: dict[int, Upcaster]) -> None:
    if _MARK in vars(kind):
        raise InvalidEventType(kind, "one mark on a class", vars(kind)[_MARK].type_name)
    try:
        require_name(name)
    except InvalidEvent as reason:
        expected = f"a written name of 1 to {MAX_NAME_BYTES} bytes of UTF-8"
        raise InvalidEventType(kind, expected, name) from reason
    if form < 1:
        raise InvalidEventType(kind, "a form from 1", form)
    older = list(range(1, form))
    if sorted(upcasters) != older:
        raise InvalidEventType(kind, f"an upcaster for each of the forms {older}", list(upcasters))
