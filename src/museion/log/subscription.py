"""Following a log: first what is there, then what comes, without a gap or a double between.

A subscription is registered with the log before it reads the past, so what is written meanwhile
waits in its queue. The queue is bounded. A subscriber that is too slow for it either goes back to
reading the store, losing nothing and holding nobody up, or ends with an error, as it chose.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from museion.base.errors import Conflict, InvalidInput
from museion.log.event import Event
from museion.log.event_store import DamagedEvent, within


class SlowSubscriber(Enum):
    """What happens to a subscription whose queue is full."""

    CATCH_UP = "catch up"
    """It reads what it missed from the store, then goes on live."""
    FAIL = "fail"
    """Its next call raises `SubscriberTooSlow`."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Bounds of the queue of one subscription; bytes are those of payloads."""

    max_events: int = 1024
    max_bytes: int = 8 << 20
    when_full: SlowSubscriber = SlowSubscriber.CATCH_UP

    def __post_init__(self) -> None:
        if min(self.max_events, self.max_bytes) < 1:
            raise InvalidInput(f"Expected a queue for 1 event and 1 byte or more, got {self}.")


class SubscriberTooSlow(Conflict):
    """A subscription that chose to fail could not take events as fast as they came."""

    def __init__(self, position: int, limits: QueueLimits) -> None:
        super().__init__(
            f"Expected the subscriber to keep within {limits.max_events} events or"
            f" {limits.max_bytes} bytes of the log's end; it stands at event {position}.",
            remedy="Subscribe anew behind that event, or choose SlowSubscriber.CATCH_UP.",
        )


class Followed(Protocol):
    """What a subscription needs of its log."""

    @property
    def sequence_nr(self) -> int:
        """Sequence number of the last event on disk."""

    @property
    def deleted_to(self) -> int:
        """Events up to this number are deleted."""

    def require_open(self) -> None:
        """Raise if the log is closed."""


ReadPage = Callable[[int, int], Awaitable[Sequence[Event]]]
"""Returns the next events above the first number and up to the second; none when there are none."""


class Subscription:
    """One subscriber's place in a log. Made by `EventLog.subscribe`; use it from one task.

    Args:
        limits: of its queue.
        page_limits: of what `next` returns at once.

    Attributes:
        catch_ups: how often its queue was full.
    """

    def __init__(
        self,
        log: Followed,
        read_page: ReadPage,
        *,
        after: int,
        aggregate_id: str | None,
        limits: QueueLimits,
        page_limits: QueueLimits,
        release: Callable[[Subscription], None],
    ) -> None:
        self._log = log
        self._read_page = read_page
        self._limits = limits
        self._page_limits = page_limits
        self._release = release
        self.aggregate_id = aggregate_id
        self.catch_ups = 0
        self._position = after
        self._border: int | None = log.sequence_nr if after < log.sequence_nr else None
        self._replaying = self._border is not None
        self._queue: deque[Event] = deque()
        self._queued_bytes = 0
        self._overflowed = False
        self._came = asyncio.Event()

    @property
    def caught_up(self) -> bool:
        """Tell whether everything in the log that concerns the subscriber was handed out."""
        return not self._replaying and not self._queue and not self._overflowed

    @property
    def position(self) -> int:
        """Sequence number up to which everything that concerns the subscriber was handed out."""
        return self._log.sequence_nr if self.caught_up else self._position

    async def next(self) -> Sequence[Event]:
        """Return the next events in log order, at least one; wait while there are none.

        The wait has no limit of its own: put one around it where one is wanted.

        Raises:
            SubscriberTooSlow: the queue was full, and that was to be an error.
            DamagedEvent, ReadFailed, LogClosed: as `EventLog.read`.
        """
        while True:
            self._log.require_open()
            self._go_back_if_overflowed()
            if self._replaying:
                if page := await self._page():
                    return page
            elif events := self._take(self._page_limits):
                return events
            else:
                self._came.clear()
                await self._came.wait()

    def take_ready(self) -> list[Event]:
        """Return all that waits in the queue, without waiting; nothing while the past is read."""
        return self._take(self._limits)

    def close(self) -> None:
        """Take no more events. Idempotent."""
        self._release(self)

    def offer(self, events: Sequence[Event]) -> None:
        """Take over what the log has just written; called by the log, never waits."""
        if not self._overflowed:
            self._queued_bytes += sum(len(event.payload) for event in events)
            self._queue.extend(events)
            limits = self._limits
            if len(self._queue) > limits.max_events or self._queued_bytes > limits.max_bytes:
                self._drop_queue()
        self._came.set()

    def wake(self) -> None:
        """Let a waiting subscriber look again; called when the log is closed."""
        self._came.set()

    def _take(self, limits: QueueLimits) -> list[Event]:
        self._go_back_if_overflowed()
        if self._replaying or not self._queue:
            return []
        events = within(self._queue, limit=limits.max_events, max_bytes=limits.max_bytes)
        for event in events:
            self._queue.popleft()
            self._queued_bytes -= len(event.payload)
        self._position = events[-1].sequence_nr
        return events

    def _drop_queue(self) -> None:
        self._queue.clear()
        self._queued_bytes = 0
        self._overflowed = True
        self.catch_ups += 1

    def _go_back_if_overflowed(self) -> None:
        if not self._overflowed or self._replaying:
            return
        if self._limits.when_full is SlowSubscriber.FAIL:
            raise SubscriberTooSlow(self._position, self._limits)
        self._replaying = True

    async def _page(self) -> Sequence[Event]:
        """Read one page of the past; behind the last one the queue is up to date."""
        if self._border is None:
            # From here on the queue takes what comes; the store has everything before.
            self._overflowed = False
            self._border = self._log.sequence_nr
        border = self._border
        self._position = min(max(self._position, self._log.deleted_to), border)
        page: Sequence[Event] = ()
        if self._position < border:
            page = await self._read_page(self._position, border)
        if page:
            self._position = page[-1].sequence_nr
        elif self._position < border and self.aggregate_id is None:
            if self._position < self._log.deleted_to:
                return page
            raise DamagedEvent(border, "it was written, but it is missing")
        if not page or self._position >= border:
            self._position, self._border, self._replaying = border, None, False
        return page


class Subscriptions:
    """All subscriptions of one log; hands each the events that concern it.

    Attributes:
        catch_ups: how often any of them, ended ones too, was too slow for its queue.
    """

    def __init__(self) -> None:
        # Dictionaries in place of sets: those keep the order of subscribing.
        self._by_aggregate: dict[str | None, dict[Subscription, None]] = {}
        self._catch_ups_of_ended = 0

    def __len__(self) -> int:
        return sum(map(len, self._by_aggregate.values()))

    @property
    def catch_ups(self) -> int:
        """Count over all."""
        return self._catch_ups_of_ended + sum(each.catch_ups for each in self._all())

    def add(self, subscription: Subscription) -> None:
        """Register a subscription."""
        self._by_aggregate.setdefault(subscription.aggregate_id, {})[subscription] = None

    def discard(self, subscription: Subscription) -> None:
        """Forget a subscription. Idempotent."""
        group = self._by_aggregate.get(subscription.aggregate_id, {})
        if subscription in group:
            del group[subscription]
            self._catch_ups_of_ended += subscription.catch_ups
            if not group:
                del self._by_aggregate[subscription.aggregate_id]

    def hand_out(self, events: Sequence[Event]) -> None:
        """Offer events that were just written to those whom they concern."""
        followers = self._by_aggregate
        for subscription in followers.get(None, ()):
            subscription.offer(events)
        if len(followers) == (None in followers):
            return
        routed: dict[str, list[Event]] = {}
        for event in events:
            for destination in event.destinations:
                if destination in followers:
                    routed.setdefault(destination, []).append(event)
        for destination, own in routed.items():
            for subscription in followers[destination]:
                subscription.offer(own)

    def wake(self) -> None:
        """Let all look again."""
        for subscription in self._all():
            subscription.wake()

    def _all(self) -> list[Subscription]:
        return [each for group in self._by_aggregate.values() for each in group]
