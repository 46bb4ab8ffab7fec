"""One attempt to deliver a message, its outcome, and the policies for further attempts.

Aggregates (`delivery`) and channels (`channels`, `outbox`) share this: a destination is given a
delivery and confirms it, positively or negatively. What is not confirmed is delivered again, so a
destination may meet a message more than once; `Delivery.key` lets it see that (`idempotent`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

import msgspec

from museion.base.errors import InvalidInput, Unavailable
from museion.log.event import require_name

__all__ = [
    "Delivery",
    "DeliveryKey",
    "DeliveryPolicy",
    "Destination",
    "NotConfirmed",
    "OutboxPolicy",
    "RefusedByDestination",
    "Rounds",
    "attempt",
    "new_delivery",
]

M = TypeVar("M")


class DeliveryKey(msgspec.Struct, frozen=True, array_like=True, order=True):
    """What makes a message of one sender recognisable, the same in each attempt.

    Attributes:
        sequence_nr: of the event that the message follows from, in the sender's log.
        index: place among the messages that follow from that event, from 0.
    """

    sequence_nr: int
    index: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Delivery(Generic[M]):
    """One attempt to hand over a message.

    Attributes:
        sender: id of the aggregate, or name of the channel.
        delivery_id: names the delivery among those of its sender, the same in each attempt.
        key: tells a receiver whether it has seen the message; unique for one sender.
        attempt: counted from 1; counting begins anew after a crash.
    """

    sender: str
    delivery_id: str
    key: DeliveryKey
    message: M
    attempt: int
    _outcome: asyncio.Future[bool] = field(repr=False)

    def confirm(self, *, positive: bool = True) -> None:
        """Say that the message has arrived, or that it has to come again.

        Only the first word of an attempt counts. For destinations that do not confirm by
        returning (`Destination.confirms_by_returning`).
        """
        if not self._outcome.done():
            self._outcome.set_result(positive)

    async def confirmed(self) -> bool:
        """Wait for the word of the destination; the caller sets the limit."""
        return await asyncio.shield(self._outcome)


@dataclass(frozen=True, slots=True)
class Destination(Generic[M]):
    """An outside system that messages of one type go to.

    Attributes:
        name: stable; messages that wait for it are stored under this name.
        message_type: what a stored message is decoded as: a struct, dataclass or plain type.
        send: an async function, or an object with an async `__call__`.
        confirms_by_returning: returning from `send` confirms. Otherwise the destination, or who
            hears from it later, calls `Delivery.confirm`.
    """

    name: str
    message_type: type[M]
    send: Callable[[Delivery[M]], Awaitable[object]]
    confirms_by_returning: bool = True

    def __post_init__(self) -> None:
        require_name(self.name)


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """When an unconfirmed delivery of an aggregate is tried again, and when no more.

    Attributes:
        first_delay_s: wait after the first attempt; it doubles with each further one.
        longest_delay_s: the wait no longer grows beyond this.
        confirm_limit_s: an attempt without any word after this has failed.
        burst_limit: most redeliveries in one round; rounds are `first_delay_s` apart.
        warn_after: attempts after which the warning hook is called.
        park_after: attempts after which a delivery is parked.
        max_unconfirmed: deliveries beyond are refused; parked ones count.
    """

    first_delay_s: float = 1.0
    longest_delay_s: float = 60.0
    confirm_limit_s: float = 30.0
    burst_limit: int = 100
    warn_after: int = 5
    park_after: int = 20
    max_unconfirmed: int = 10_000

    def __post_init__(self) -> None:
        counts = (self.burst_limit, self.warn_after, self.park_after, self.max_unconfirmed)
        if min(counts) < 1 or not 0 <= self.first_delay_s <= self.longest_delay_s:
            raise InvalidInput(
                "Expected counts of at least 1 and 0 <= first_delay_s <= longest_delay_s,"
                f" got {self}."
            )

    def delay_s(self, attempts: int) -> float:
        """Return the wait after so many attempts."""
        # Beyond 32 doublings any delay has long reached its limit, and floats theirs soon after.
        return min(self.first_delay_s * 2.0 ** min(attempts - 1, 32), self.longest_delay_s)


@dataclass(frozen=True, slots=True)
class OutboxPolicy:
    """When a reliable channel tries its oldest message again, and when it stops.

    Attributes:
        redelivery_delay_s: wait between attempts.
        max_redeliveries: attempts after the first one, until the channel restarts.
        restart_delay_s: wait before it begins anew with a first attempt.
        max_restarts: how often it does; then delivery stops.
        confirm_limit_s: an attempt without any word after this has failed.
        max_pending: messages in the outbox; more are refused.
    """

    redelivery_delay_s: float = 1.0
    max_redeliveries: int = 5
    restart_delay_s: float = 30.0
    max_restarts: int = 5
    confirm_limit_s: float = 30.0
    max_pending: int = 100_000

    def __post_init__(self) -> None:
        least = min(self.max_redeliveries, self.max_restarts, self.max_pending - 1)
        if least < 0 or min(self.redelivery_delay_s, self.restart_delay_s) < 0:
            raise InvalidInput(f"Expected no negative count or delay, got {self}.")

    def delays_s(self) -> Iterator[float]:
        """Return the wait before each attempt until delivery stops."""
        for restart in range(self.max_restarts + 1):
            yield self.restart_delay_s if restart else 0.0
            for _ in range(self.max_redeliveries):
                yield self.redelivery_delay_s


class NotConfirmed(Unavailable):
    """A destination did not say within the limit whether a message has arrived."""

    def __init__(self, delivery_id: str, limit_s: float) -> None:
        super().__init__(
            f"Expected a confirmation of delivery {delivery_id!r} within {limit_s} s, got none.",
            remedy="It may have arrived; it is delivered again under the policy.",
        )


class RefusedByDestination(Unavailable):
    """A destination confirmed negatively."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(
            f"The destination confirmed delivery {delivery_id!r} negatively.",
            remedy="It is delivered again under the policy.",
        )


async def attempt(delivery: Delivery[M], destination: Destination[M], *, limit_s: float) -> None:
    """Deliver once, and return when it is confirmed positively.

    Raises:
        NotConfirmed: there was no word within the limit.
        RefusedByDestination: the word was negative.
        Exception: what the destination raised.
    """
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            await destination.send(delivery)
            if destination.confirms_by_returning:
                delivery.confirm()
            positive = await delivery.confirmed()
    except TimeoutError as reason:
        if not limit.expired():
            raise
        raise NotConfirmed(delivery.delivery_id, limit_s) from reason
    except asyncio.CancelledError as cancellation:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # The destination gave up from within; taken for our own end it would pass unnoticed.
        raise RefusedByDestination(delivery.delivery_id) from cancellation
    if not positive:
        raise RefusedByDestination(delivery.delivery_id)


def new_delivery(
    sender: str, delivery_id: str, key: DeliveryKey, message: M, attempt_nr: int
) -> Delivery[M]:
    """Return an attempt that has no word yet; within an event loop."""
    outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    return Delivery(sender, delivery_id, key, message, attempt_nr, outcome)


class Rounds:
    """When which delivery is due, given out in rounds of bounded size. Knows no clock."""

    def __init__(self, burst_limit: int, *, pause_s: float) -> None:
        self._burst_limit = burst_limit
        self._pause_s = pause_s
        self._numbers = count()
        self._planned: dict[str, int] = {}
        # What was planned anew or removed stays here until it comes to the front.
        self._queue: list[tuple[float, int, str]] = []
        self._not_before_s = 0.0

    @property
    def next_s(self) -> float | None:
        """When the next round can begin; None when nothing is planned."""
        while self._queue and not self._is_planned(*self._queue[0]):
            heappop(self._queue)
        return max(self._queue[0][0], self._not_before_s) if self._queue else None

    def add(self, delivery_id: str, due_s: float) -> None:
        """Plan a delivery, instead of what was planned for it."""
        number = self._planned[delivery_id] = next(self._numbers)
        heappush(self._queue, (due_s, number, delivery_id))

    def remove(self, delivery_id: str) -> None:
        """Plan nothing for a delivery."""
        self._planned.pop(delivery_id, None)

    def take_due(self, now_s: float) -> list[str]:
        """Return what is due, longest first, at most a burst; nothing while a round lasts."""
        burst: list[str] = []
        while len(burst) < self._burst_limit:
            next_s = self.next_s
            if next_s is None or next_s > now_s:
                break
            _, _, delivery_id = heappop(self._queue)
            del self._planned[delivery_id]
            burst.append(delivery_id)
        if burst:
            self._not_before_s = now_s + self._pause_s
        return burst

    def _is_planned(self, _due_s: float, number: int, delivery_id: str) -> bool:
        return self._planned.get(delivery_id) == number
