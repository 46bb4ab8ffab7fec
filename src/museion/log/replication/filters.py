"""Which events may travel: filters as values that can be stored, sent, combined and compared.

A filter is evaluated at the source. The log's own filters look at the envelope only, so a relay can
apply them to events whose payload it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, assert_never

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


class TooManyFilters(InvalidInput):
    """A filter is nested too deeply, or has too many parts, to be evaluated for each event."""

    def __init__(self) -> None:
        super().__init__(
            f"Expected a filter of at most {MAX_PARTS} parts, {MAX_DEPTH} deep.",
            remedy="Give it a name in the application and ask for it by that.",
        )


MAX_PARTS = 10_000
"""Filters and names in one filter. It comes from another site and is evaluated for each event."""

MAX_DEPTH = 32


def predicate_of(wanted: Filter, named: NamedFilters | None = None) -> Predicate:
    """Return what a filter means, ready to be asked for many events.

    Raises:
        UnknownFilter: it asks for a filter of the application that is not there.
        TooManyFilters: it is too large.
    """
    _require_bounded(wanted)
    return _predicate(wanted, named or {})


def is_everything(wanted: Filter) -> bool:
    """Tell whether a filter certainly lets all events pass; a link without it is unfiltered."""
    match wanted:
        case Everything():
            return True
        case AllOf(filters):
            return all(is_everything(each) for each in filters)
        case AnyOf(filters):
            return any(is_everything(each) for each in filters)
        case Not(inner):
            return is_nothing(inner)
        case OfType(names) | OfAggregate(names) | OfEmitter(names):
            # NOTE: not for aggregates, though `*` is any: an event may concern none.
            return "*" in names and not isinstance(wanted, OfAggregate)
        case _:
            return False


def is_nothing(wanted: Filter) -> bool:
    """Tell whether a filter certainly lets no event pass."""
    match wanted:
        case Nothing():
            return True
        case AllOf(filters):
            return any(is_nothing(each) for each in filters)
        case AnyOf(filters):
            return all(is_nothing(each) for each in filters)
        case Not(inner):
            return is_everything(inner)
        case OfType(names) | OfAggregate(names) | OfEmitter(names) | OfOrigin(names):
            return not names
        case _:
            return False


def described(wanted: Filter) -> str:
    """Return a filter in words for people."""
    match wanted:
        case AllOf(filters):
            return _joined(filters, " and ", "everything")
        case AnyOf(filters):
            return _joined(filters, " or ", "nothing")
        case Not(inner):
            return f"all but ({described(inner)})"
        case Named(name, settings):
            return f"{name} ({settings.decode(errors='replace')})" if settings else name
        case _:
            return _described_simple(wanted)


def _described_simple(
    wanted: Everything | Nothing | OfType | OfAggregate | OfEmitter | OfOrigin,
) -> str:
    match wanted:
        case Everything() | Nothing():
            return type(wanted).__name__.lower()
        case OfType(names):
            return f"events of type {_listed(names)}"
        case OfAggregate(ids):
            return f"events of {_listed(ids)}"
        case OfEmitter(ids):
            return f"events written by {_listed(ids)}"
        case OfOrigin(process_ids):
            return f"events first written at {_listed(process_ids)}"
        case _:
            assert_never(wanted)


def _listed(names: tuple[str, ...]) -> str:
    return " or ".join(names) or "none"


def _joined(filters: tuple[Filter, ...], word: str, none: str) -> str:
    if len(filters) < 2:
        return described(filters[0]) if filters else none
    return word.join(f"({described(each)})" for each in filters)


def _require_bounded(wanted: Filter) -> None:
    waiting: list[tuple[Filter, int]] = [(wanted, 1)]
    parts = 0
    while waiting:
        each, depth = waiting.pop()
        match each:
            case AllOf(filters) | AnyOf(filters):
                waiting += [(inner, depth + 1) for inner in filters]
            case Not(inner):
                waiting.append((inner, depth + 1))
            case OfType(names) | OfAggregate(names) | OfEmitter(names) | OfOrigin(names):
                parts += len(names)
            case _:
                pass
        parts += 1
        if parts + len(waiting) > MAX_PARTS or depth > MAX_DEPTH:
            raise TooManyFilters


def _predicate(wanted: Filter, named: NamedFilters) -> Predicate:
    match wanted:
        case Everything() | Nothing():
            passes = isinstance(wanted, Everything)
            return lambda event: passes
        case Named(name, settings):
            if name not in named:
                raise UnknownFilter(name)
            return named[name](settings)
        case AllOf() | AnyOf() | Not():
            return _combined(wanted, named)
        case _:
            return _envelope_predicate(wanted)


def _combined(wanted: AllOf | AnyOf | Not, named: NamedFilters) -> Predicate:
    if isinstance(wanted, Not):
        inner = _predicate(wanted.filter, named)
        return lambda event: not inner(event)
    parts = [_predicate(each, named) for each in wanted.filters]
    if isinstance(wanted, AllOf):
        return lambda event: all(part(event) for part in parts)
    return lambda event: any(part(event) for part in parts)


def _envelope_predicate(wanted: OfType | OfAggregate | OfEmitter | OfOrigin) -> Predicate:
    match wanted:
        case OfType(names):
            is_type = _matcher(names)
            return lambda event: is_type(event.type_name)
        case OfAggregate(ids):
            is_aggregate = _matcher(ids)
            return lambda event: any(is_aggregate(each) for each in event.destinations)
        case OfEmitter(ids):
            is_emitter = _matcher(ids)
            return lambda event: is_emitter(event.emitter_id)
        case OfOrigin(process_ids):
            origins = frozenset(process_ids)
            return lambda event: event.process_id in origins
        case _:
            assert_never(wanted)


def _matcher(names: tuple[str, ...]) -> Callable[[str], bool]:
    whole = frozenset(name for name in names if not name.endswith("*"))
    beginnings = tuple(name[:-1] for name in names if name.endswith("*"))
    return lambda name: name in whole or name.startswith(beginnings)
