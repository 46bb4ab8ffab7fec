"""Walking through a store in bounded batches, over damaged events too."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from museion.log.event import Event
from museion.log.event_store import DamagedEvent, EventStore

_BATCH_EVENTS = 512


class DamagedAt(msgspec.Struct, frozen=True):
    """What stands in the place of an event that the store refused to hand out."""

    sequence_nr: int
    error: DamagedEvent


def walk(
    store: EventStore, *, after: int = 0, to: int, aggregate_id: str | None = None
) -> Iterator[Event | DamagedAt]:
    """Yield the events above `after` up to `to`, and a value for each one that is damaged.

    In the order of the store. Holds one batch at a time. Ends even where a broken store would hand
    out the same events again and again.

    Raises:
        ReadFailed, UnreadableLog: as `EventStore.read`.
    """
    position = after
    while position < to:
        batch = _batch(store, position, _BATCH_EVENTS, aggregate_id)
        if not batch:
            return
        for event in batch:
            if event.sequence_nr > to:
                return
            yield event
        last = batch[-1].sequence_nr
        if last <= position:
            return
        position = last


def _batch(
    store: EventStore, after: int, limit: int, aggregate_id: str | None
) -> list[Event | DamagedAt]:
    """Return a batch; where one holds a damaged event, step towards that one by one."""
    try:
        return [*store.read(after=after, limit=limit, aggregate_id=aggregate_id)]
    except DamagedEvent as error:
        if limit > 1:
            return _steps(store, after, limit, aggregate_id)
        return [DamagedAt(error.sequence_nr, error)]


def _steps(
    store: EventStore, after: int, limit: int, aggregate_id: str | None
) -> list[Event | DamagedAt]:
    found: list[Event | DamagedAt] = []
    while len(found) < limit:
        step = _batch(store, after, 1, aggregate_id)
        found += step
        if not step or isinstance(step[0], DamagedAt) or step[0].sequence_nr <= after:
            break
        after = step[0].sequence_nr
    return found
