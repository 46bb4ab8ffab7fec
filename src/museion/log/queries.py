"""Questions to a log: which aggregates there are, and the events of an aggregate or with a tag.

Each comes in two kinds. A *current* query ends with what was in the log when it began. A *live* one
goes on with what is written later, and ends with an error only (`LogClosed` when the log closes).

Events come in log order. The offset of an event query is the sequence number of the event handed
out last: asked with `after=` that number, it goes on behind it, without gap or double.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from museion.log.event import Event
from museion.log.log_errors import UnknownPosition
from museion.log.payloads.event_adapters import TAG_PREFIX, is_tag, tag

_PAGE = 512


class QueriedLog(Protocol):
    """What queries need of a log; `EventLog` has it."""

    @property
    def sequence_nr(self) -> int:
        """Sequence number of the last event on disk."""

    async def read(
        self, *, after: int, up_to: int | None, limit: int, aggregate_id: str | None
    ) -> Sequence[Event]:
        """Return events above `after` in log order, empty when there are no more."""

    def follow(
        self, after: int = 0, *, aggregate_id: str | None = None
    ) -> AsyncGenerator[Sequence[Event], None]:
        """Yield all events above `after`, then new ones."""

    async def aggregate_ids(self, *, after: str, limit: int) -> Sequence[str]:
        """Return the next ids, tags among them, in the order of their UTF-8 bytes."""


class Queries:
    """Answers questions to one log. Keeps nothing; any number may be under way at a time.

    Close a generator that is not read to its end (`contextlib.aclosing`), as always.
    """

    def __init__(self, log: QueriedLog) -> None:
        self._log = log

    async def current_aggregate_ids(self, *, after: str = "") -> AsyncGenerator[str, None]:
        """Yield the ids of all aggregates that have or had events, in the order of their bytes.

        Args:
            after: the id handed out last, to go on behind it.
        """
        async with aclosing(self._destinations(after)) as destinations:
            async for destination in destinations:
                if not is_tag(destination):
                    yield destination

    async def aggregate_ids(self) -> AsyncGenerator[str, None]:
        """Yield the ids of all aggregates, then each new one with its first event; none twice.

        Remembers all ids while it runs, so its memory grows with their number.
        """
        position = self._log.sequence_nr
        seen = set[str]()
        async with aclosing(self.current_aggregate_ids()) as current:
            async for aggregate_id in current:
                seen.add(aggregate_id)
                yield aggregate_id
        async with aclosing(self._events(position, None)) as events:
            async for event in events:
                for aggregate_id in sorted(event.destinations - seen):
                    if not is_tag(aggregate_id):
                        seen.add(aggregate_id)
                        yield aggregate_id

    async def current_tags(self) -> AsyncGenerator[str, None]:
        """Yield the names of all tags that events have or had, in the order of their bytes."""
        async with aclosing(self._destinations(TAG_PREFIX)) as destinations:
            async for destination in destinations:
                if not is_tag(destination):
                    return
                yield destination.removeprefix(TAG_PREFIX)

    def current_events_by_id(
        self, aggregate_id: str, *, after: int = 0
    ) -> AsyncGenerator[Event, None]:
        """Yield the events of an aggregate that are in the log now.

        Args:
            after: sequence number of the event handed out last, 0 for all.

        Raises:
            UnknownPosition: `after` lies beyond the end of the log, or below 0.
            DamagedEvent, ReadFailed, LogClosed: as `EventLog.read`.
        """
        return self._current_events(after, aggregate_id)

    def events_by_id(self, aggregate_id: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """Yield the events of an aggregate, then new ones. As `current_events_by_id` otherwise."""
        return self._events(after, aggregate_id)

    def current_events_by_tag(self, name: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """Yield the events with a tag that are in the log now. As `current_events_by_id`."""
        return self._current_events(after, tag(name))

    def events_by_tag(self, name: str, *, after: int = 0) -> AsyncGenerator[Event, None]:
        """Yield the events with a tag, then new ones. As `current_events_by_id` otherwise."""
        return self._events(after, tag(name))

    async def _current_events(self, after: int, destination: str) -> AsyncGenerator[Event, None]:
        end = self._log.sequence_nr
        if not 0 <= after <= end:
            raise UnknownPosition(after, end)
        while page := await self._log.read(
            after=after, up_to=end, limit=_PAGE, aggregate_id=destination
        ):
            for event in page:
                yield event
            after = page[-1].sequence_nr

    async def _events(self, after: int, destination: str | None) -> AsyncGenerator[Event, None]:
        async with aclosing(self._log.follow(after, aggregate_id=destination)) as batches:
            async for batch in batches:
                for event in batch:
                    yield event

    async def _destinations(self, after: str) -> AsyncGenerator[str, None]:
        while page := await self._log.aggregate_ids(after=after, limit=_PAGE):
            for destination in page:
                yield destination
            after = page[-1]
