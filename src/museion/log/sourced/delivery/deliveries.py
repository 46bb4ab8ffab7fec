"""Confirmed delivery from an aggregate to the outside, at least once.

An event handler says what is to be delivered, so what is due follows from the events alone; that it
has arrived is an event too, which names the delivery. Between the two the message is sent again
and again, by a policy. A crash between sending and confirmation sends it once more.

A little over 300 lines: what is asked for, attempted and confirmed shares one memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from msgspec.structs import replace

from museion.base.codec import Undecodable, decode, encode
from museion.base.errors import Unavailable
from museion.log.event import Event, require_name
from museion.log.sourced.component import Component, Host
from museion.log.sourced.delivery.redelivery import (
    Delivery,
    DeliveryKey,
    DeliveryPolicy,
    Destination,
    M,
    Rounds,
    attempt,
    new_delivery,
)
from museion.log.sourced.delivery.unconfirmed import (
    NoSuchDelivery,
    NotInEventHandler,
    StoredDelivery,
    TooManyUnconfirmed,
    Unconfirmed,
    UnknownDestination,
)

__all__ = [
    "Deliveries",
    "Delivery",
    "DeliveryPolicy",
    "Destination",
    "NoSuchDelivery",
    "NotInEventHandler",
    "TooManyUnconfirmed",
    "Unconfirmed",
    "UnknownDestination",
    "log_warning",
]

_LOG = logging.getLogger(__name__)


def log_warning(waiting: Unconfirmed) -> None:
    """Log that a delivery keeps failing."""
    state = "is parked" if waiting.parked else "will be tried again"
    _LOG.warning(
        "Delivery %r to %r failed %d times and %s: %s",
        waiting.delivery_id,
        waiting.destination,
        waiting.attempts,
        state,
        waiting.reason,
    )


class _Entry:
    """One unconfirmed delivery, and its attempt under way."""

    def __init__(self, waiting: Unconfirmed, message: object) -> None:
        self.waiting = waiting
        self.message = message
        self.task: asyncio.Task[None] | None = None
        self.delivery: Delivery[Any] | None = None
        self.confirming = False


class Deliveries(Component):
    """The deliveries of one aggregate: `self.deliveries = self.use(Deliveries(…))`.

    At least once: nothing is sent while the aggregate recovers; afterwards everything that is
    unconfirmed is sent again. Only an event that the same aggregate wrote confirms a delivery.
    Several deliveries are under way at a time, so they may arrive in any order; what needs order
    goes through a `ReliableChannel`.

    Args:
        destinations: all that this aggregate delivers to.
        policy: when to try again.
        confirmed: makes the payload of the event that confirms a delivery, when its destination has
            said that it arrived. Without it, the aggregate calls `persist_confirmation` itself.
        on_warning: called when an attempt failed and it was the `warn_after`-th or a later one; by
            default a warning is logged.
    """

    name: ClassVar[str] = "deliveries"

    def __init__(
        self,
        *destinations: Destination[Any],
        policy: DeliveryPolicy | None = None,
        confirmed: Callable[[Delivery[Any]], object] | None = None,
        on_warning: Callable[[Unconfirmed], None] = log_warning,
    ) -> None:
        self._destinations = {each.name: each for each in destinations}
        self._policy = policy or DeliveryPolicy()
        self._confirmed = confirmed
        self._on_warning = on_warning
        self._entries: dict[str, _Entry] = {}
        self._reset()

    @property
    def unconfirmed(self) -> list[Unconfirmed]:
        """What was not confirmed yet, parked or not, in the order of the events."""
        return sorted((each.waiting for each in self._entries.values()), key=_by_key)

    @property
    def parked(self) -> list[Unconfirmed]:
        """What was tried too often and waits for `retry` or `drop`."""
        return [each for each in self.unconfirmed if each.parked]

    @property
    def busy(self) -> bool:
        """Whether something is to be sent still."""
        return any(not each.waiting.parked for each in self._entries.values())

    def require_room(self, count: int = 1) -> None:
        """Check in a command handler that so many more deliveries are accepted.

        Raises:
            TooManyUnconfirmed: they are not.
        """
        if len(self._entries) + count > self._policy.max_unconfirmed:
            raise TooManyUnconfirmed(self._policy.max_unconfirmed)

    def deliver(self, delivery_id: str, message: M, destination: Destination[M]) -> None:
        """Deliver a message until it is confirmed; only in an event handler.

        An id that is unconfirmed already keeps its message.

        Args:
            delivery_id: unique among the deliveries of this aggregate, made from the event.

        Raises:
            NotInEventHandler: no event is handled at present.
            UnknownDestination, InvalidEvent: the destination or the id cannot be used.
            TooManyUnconfirmed: there are too many, and this is no replay. The event is in the log
                already, so the next recovery accepts it; `require_room` refuses it earlier.
        """
        event = self.host.current
        if event is None:
            raise NotInEventHandler(delivery_id)
        if self._destinations.get(destination.name) is not destination:
            raise UnknownDestination(destination.name, self._destinations)
        require_name(delivery_id)
        if delivery_id in self._entries:
            return
        if not self.host.recovering:
            self.require_room()
        waiting = Unconfirmed(delivery_id, destination.name, self._key(event))
        entry = self._entries[delivery_id] = _Entry(waiting, message)
        if self._working:
            # After the handler: what it throws away, and what confirms at once, is not sent.
            asyncio.get_running_loop().call_soon(self._begin, entry)

    async def persist_confirmation(self, payload: object, delivery_id: str) -> Event | None:
        """Write the event that confirms a delivery; None, and no event, when it is confirmed.

        Raises:
            WriteFailed and others: as `Aggregate.persist`; the delivery stays unconfirmed.
        """
        entry = self._entries.get(delivery_id)
        if entry is None or entry.confirming:
            return None
        entry.confirming = True
        try:
            (event,) = await self.host.persist(payload, delivery_id=delivery_id)
        finally:
            entry.confirming = False
        return event

    def redeliver(self) -> None:
        """Try everything unconfirmed again now, but for what is under way or parked."""
        if self._working:
            for each in self.unconfirmed:
                if not each.parked and self._entries[each.delivery_id].task is None:
                    self._plan(each.delivery_id, 0.0)

    def retry(self, delivery_id: str) -> None:
        """Take a delivery out of the parked ones; its attempts are counted anew.

        Raises:
            NoSuchDelivery: it is not parked.
        """
        entry = self._entries.get(delivery_id)
        if entry is None or not entry.waiting.parked:
            raise NoSuchDelivery(delivery_id)
        entry.waiting = replace(entry.waiting, attempts=0, parked=False)
        self.redeliver()

    async def drop(self, delivery_id: str, payload: object) -> None:
        """Give a delivery up: the event of this payload stands in the log for its confirmation.

        Raises:
            NoSuchDelivery: it is not unconfirmed.
            WriteFailed and others: as `Aggregate.persist`; nothing was done.
        """
        if await self.persist_confirmation(payload, delivery_id) is None:
            raise NoSuchDelivery(delivery_id)

    def attached(self, host: Host) -> None:
        """Begin without any delivery: the recovery brings them."""
        super().attached(host)
        self._reset()

    def event_folded(self, event: Event) -> None:
        """Take a confirmation by the aggregate itself."""
        if event.delivery_id is None or not self.host.is_own(event):
            return
        entry = self._entries.pop(event.delivery_id, None)
        if entry is not None:
            self._rounds.remove(event.delivery_id)
            self._changed.set()
            if entry.delivery is not None:
                entry.delivery.confirm()  # an attempt that waits for its word has it now

    def recovered(self) -> None:
        """Send everything that is unconfirmed, and from now on what comes.

        An aggregate that shows a past state sends nothing: what was due then may have arrived.
        """
        self._working = not getattr(self.host, "in_the_past", False)
        self.redeliver()

    def stopping(self) -> None:
        """Send nothing any more."""
        self._working = False

    def snapshot(self) -> bytes:
        """Return everything unconfirmed, with its messages."""
        entries = self._entries.values()
        stored = [StoredDelivery(entry.waiting, encode(entry.message)) for entry in entries]
        return encode(stored) if stored else b""

    def restore(self, content: bytes) -> None:
        """Take over what was unconfirmed when a snapshot was made.

        Raises:
            Undecodable: a destination is no longer declared, or takes another type of message.
        """
        for stored in decode(content, list[StoredDelivery]):
            waiting = stored.waiting
            destination = self._destinations.get(waiting.destination)
            if destination is None:
                reason = f"destination {waiting.destination!r} is not declared"
                raise Undecodable(StoredDelivery, reason)
            message = decode(stored.message, destination.message_type)
            self._entries[waiting.delivery_id] = _Entry(waiting, message)

    def _reset(self) -> None:
        self._entries.clear()
        self._rounds = Rounds(self._policy.burst_limit, pause_s=self._policy.first_delay_s)
        self._changed = asyncio.Event()
        self._last_key = DeliveryKey(0)
        self._working = False
        self._redelivering = False

    def _key(self, event: Event) -> DeliveryKey:
        last = self._last_key
        index = last.index + 1 if last.sequence_nr == event.sequence_nr else 0
        self._last_key = DeliveryKey(event.sequence_nr, index)
        return self._last_key

    def _plan(self, delivery_id: str, due_s: float) -> None:
        self._rounds.add(delivery_id, due_s)
        self._changed.set()
        if not self._redelivering:
            # It ends when nothing is planned, so that an idle aggregate has no task.
            self._redelivering = True
            self.host.spawn(self._redeliver_when_due())

    async def _redeliver_when_due(self) -> None:
        now_s = asyncio.get_running_loop().time
        while self._rounds.next_s is not None:
            self._changed.clear()
            for delivery_id in self._rounds.take_due(now_s()):
                self._begin(self._entries[delivery_id])
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._rounds.next_s):
                    if self._rounds.next_s is not None:
                        await self._changed.wait()
        self._redelivering = False

    def _begin(self, entry: _Entry) -> None:
        waiting = entry.waiting
        current = self._entries.get(waiting.delivery_id) is entry
        if self._working and current and entry.task is None and not waiting.parked:
            entry.task = self.host.spawn(self._attempt(entry))

    async def _attempt(self, entry: _Entry) -> None:
        waiting = entry.waiting = replace(entry.waiting, attempts=entry.waiting.attempts + 1)
        delivery = entry.delivery = new_delivery(
            self.host.emitter_id, waiting.delivery_id, waiting.key, entry.message, waiting.attempts
        )
        destination = self._destinations[waiting.destination]
        reason = "the aggregate has not confirmed it yet"
        try:
            await attempt(delivery, destination, limit_s=self._policy.confirm_limit_s)
        except Exception as error:  # whatever a destination raises, the policy answers it
            reason = str(error) or repr(error)
        else:
            reason = await self._persist_word(delivery) or reason
        finally:
            entry.task = entry.delivery = None
        self._again(entry, reason)

    async def _persist_word(self, delivery: Delivery[Any]) -> str | None:
        """Write the confirming event where that is wanted; return why it could not be."""
        if self._confirmed is None:
            return None
        try:
            await self.persist_confirmation(self._confirmed(delivery), delivery.delivery_id)
        except Unavailable as error:
            if error.lasting:
                raise
            return str(error)
        return None

    def _again(self, entry: _Entry, reason: str) -> None:
        """Plan the next attempt of a delivery, if it is still unconfirmed."""
        waiting = entry.waiting
        if self._entries.get(waiting.delivery_id) is not entry:
            return
        policy = self._policy
        parked = waiting.attempts >= policy.park_after
        waiting = entry.waiting = replace(waiting, parked=parked, reason=reason)
        if not parked:
            next_s = asyncio.get_running_loop().time() + policy.delay_s(waiting.attempts)
            self._plan(waiting.delivery_id, next_s)
        if waiting.attempts >= policy.warn_after:
            self._on_warning(waiting)


def _by_key(waiting: Unconfirmed) -> DeliveryKey:
    return waiting.key
