"""Choosing events of a log by number, aggregate and type."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import msgspec

from museion.log.event import Event
from museion.log.event_store import EventStore
from museion.log.proof.stepping import DamagedAt, walk

_PROGRESS_EVERY = 512
_FIRST_WIDTH = 512


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which events of a log are meant.

    Attributes:
        after: events above this number.
        to: events up to this number; None means up to the present end.
        aggregate_id: only those that its replay finds.
        type_names: only those of these types, all types when empty.
    """

    after: int = 0
    to: int | None = None
    aggregate_id: str | None = None
    type_names: frozenset[str] = frozenset()

    def has(self, event: Event) -> bool:
        """Tell whether an event of the aggregate is of a type that is meant."""
        return not self.type_names or event.type_name in self.type_names


def selected(
    store: EventStore,
    selection: Selection,
    *,
    to: int,
    on_event: Callable[[int], None] = lambda sequence_nr: None,
) -> Iterator[Event]:
    """Yield the selected events up to `to`, in the order of the log.

    Args:
        on_event: called with the number reached, every few hundred events.

    Raises:
        DamagedEvent: an event is damaged.
        ReadFailed: the store cannot be read.
    """
    steps = walk(store, after=selection.after, to=to, aggregate_id=selection.aggregate_id)
    for count, met in enumerate(steps, 1):
        if isinstance(met, DamagedAt):
            raise met.error
        if selection.has(met):
            yield met
        if count % _PROGRESS_EVERY == 0:
            on_event(met.sequence_nr)


def last_events(
    store: EventStore, count: int, selection: Selection, *, to: int, floor: int = 0
) -> list[Event | DamagedAt]:
    """Return the last selected events up to `to`, damaged ones too, oldest first.

    Looks back in growing steps, so that it costs with what it returns where all are selected.

    Args:
        floor: no event stands at or below this number.
    """
    found: list[Event | DamagedAt] = []
    width = max(count, _FIRST_WIDTH)
    high = to
    while len(found) < count and high > floor:
        low = max(floor, high - width)
        found = [*_tail(store, count - len(found), selection, low, high), *found]
        high, width = low, width * 2
    return found


def _tail(
    store: EventStore, count: int, selection: Selection, after: int, to: int
) -> Iterable[Event | DamagedAt]:
    steps = walk(store, after=after, to=to, aggregate_id=selection.aggregate_id)
    meant = (met for met in steps if isinstance(met, DamagedAt) or selection.has(met))
    return deque(meant, maxlen=count)
