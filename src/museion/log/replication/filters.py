"""Which events may travel: filters as values that can be stored, sent, combined and compared.

A filter is evaluated at the source. The log's own filters look at the envelope only, so a relay can
apply them to events whose payload it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from museion.base.errors import InvalidInput
from museion.log.event import Event

Predicate: TypeAlias = Callable[[Event], bool]
"""Tells whether an event may leave its log."""


class Everything(msgspec.Struct, frozen=True, tag="everything"):
    """All events pass."""


class Nothing(msgspec.Struct, frozen=True, tag="nothing"):
    """No event passes."""


class OfType(msgspec.Struct, frozen=True, tag="type"):
    """Events whose written type name is one of these; a name that ends in `*` stands for all that
    begin so."""

    names: tuple[str, ...]


class OfAggregate(msgspec.Struct, frozen=True, tag="aggregate"):
    """Events that concern one of these aggregates; `*` at the end as in `OfType`."""

    ids: tuple[str, ...]


class OfEmitter(msgspec.Struct, frozen=True, tag="emitter"):
    """Events of one of these emitters; `*` at the end as in `OfType`."""

    ids: tuple[str, ...]


class OfOrigin(msgspec.Struct, frozen=True, tag="origin"):
    """Events that one of these logs wrote first."""

    process_ids: tuple[str, ...]


class Named(msgspec.Struct, frozen=True, tag="named"):
    """A filter of the application: its name, and settings that only the application reads."""

    name: str
    settings: bytes = b""


class AllOf(msgspec.Struct, frozen=True, tag="all-of"):
    """Events that pass all of these; all events where there are none."""

    filters: tuple[Filter, ...]


class AnyOf(msgspec.Struct, frozen=True, tag="any-of"):
    """Events that pass one of these; none where there are none."""

    filters: tuple[Filter, ...]


class Not(msgspec.Struct, frozen=True, tag="not"):
    """Events that do not pass the other filter."""

    filter: Filter


Filter: TypeAlias = (
    Everything | Nothing | OfType | OfAggregate | OfEmitter | OfOrigin | Named | AllOf | AnyOf | Not
)
"""A closed set: msgpack and JSON hold it, and every site reads it alike."""

EVERYTHING = Everything()

NamedFilters: TypeAlias = Mapping[str, Callable[[bytes], Predicate]]
"""Name of an application's filter -> what makes a predicate of its settings."""


class UnknownFilter(InvalidInput):
    """The source has no filter of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no filter {name!r} here.",
            remedy="Use a filter that the source's program knows, or update that site first.",
        )
