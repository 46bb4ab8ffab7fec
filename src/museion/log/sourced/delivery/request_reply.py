"""A reliable channel whose destination answers: requests go out at least once, replies come so too.

The request stays in the outbox until its outcome has been handled, so after a crash in between the
request is made again and the outcome is handled again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from museion.base.retry import RetryPolicy
from museion.log.event_log import EventLog
from museion.log.sourced.delivery.outbox import DeliveryStopped, ReliableChannel
from museion.log.sourced.delivery.redelivery import (
    Delivery,
    DeliveryKey,
    Destination,
    M,
    NotConfirmed,
    OutboxPolicy,
)

__all__ = ["DestinationFailure", "DestinationNotResponding", "Reply", "RequestReplyChannel"]

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Reply(Generic[R]):
    """The destination has answered."""

    value: R


@dataclass(frozen=True, slots=True)
class DestinationNotResponding:
    """In all attempts that the policy allows the destination gave no reply within the limit."""

    attempts: int
    limit_s: float


@dataclass(frozen=True, slots=True)
class DestinationFailure:
    """The last attempt that the policy allows ended with an error of the destination."""

    attempts: int
    reason: str


class RequestReplyChannel(Generic[M, R]):
    """Sends requests in order and hands on one outcome for each, at least once.

    A destination that gives no reply, or fails, is asked again as often as `max_redeliveries` says;
    then that is the outcome. Restarts, and at last a stop, answer an `on_outcome` that fails.

    Args:
        request: returns the reply; any error counts as a failure of the destination.
        on_outcome: the outcome is handled when it returns; it may be called again with the same
            `Delivery.key`.
        reply_limit_s: how long an attempt waits for the reply.
        policy: `confirm_limit_s` is for `on_outcome`.
    """

    def __init__(
        self,
        log: EventLog,
        name: str,
        request_type: type[M],
        request: Callable[[Delivery[M]], Awaitable[R]],
        on_outcome: Callable[
            [Delivery[M], Reply[R] | DestinationNotResponding | DestinationFailure],
            Awaitable[object],
        ],
        *,
        reply_limit_s: float = 30.0,
        policy: OutboxPolicy | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.name = name
        self._request = request
        self._on_outcome = on_outcome
        self._reply_limit_s = reply_limit_s
        self._policy = policy or OutboxPolicy()
        both_s = reply_limit_s + self._policy.confirm_limit_s
        self._channel = ReliableChannel(
            log,
            name,
            Destination(name, request_type, self._exchange),
            replace(self._policy, confirm_limit_s=both_s),
            retry=retry,
        )

    @property
    def pending(self) -> int:
        """How many requests have no outcome yet; known after the first `send` or `run`."""
        return self._channel.pending

    @property
    def stopped(self) -> DeliveryStopped | None:
        """Why the channel has stopped, if it has; see `ReliableChannel`."""
        return self._channel.stopped

    @property
    def trouble(self) -> str | None:
        """Why the last attempt failed, or what else the channel waits for."""
        return self._channel.trouble

    async def send(self, request: M, *, cause: DeliveryKey | None = None) -> bool:
        """Put a request into the outbox, on disk. As `ReliableChannel.enqueue`."""
        return await self._channel.enqueue(request, cause=cause)

    async def run(self) -> None:
        """Deliver until cancelled, from the activation on. As `ReliableChannel.run`."""
        await self._channel.run()

    def activate(self) -> None:
        """Let requests go out. Idempotent; does not wait."""
        self._channel.activate()

    async def activated(self, *, limit_s: float = 30.0) -> None:
        """Wait until requests go out; raises `NotActivated`."""
        await self._channel.activated(limit_s=limit_s)

    def restart(self) -> None:
        """Try again what the channel stopped at. As `ReliableChannel.restart`."""
        self._channel.restart()

    async def drop(self, reason: str) -> None:
        """Give up the request that the channel stopped at. As `ReliableChannel.drop`."""
        await self._channel.drop(reason)

    async def _exchange(self, delivery: Delivery[M]) -> None:
        outcome: Reply[R] | DestinationNotResponding | DestinationFailure
        is_last = delivery.attempt > self._policy.max_redeliveries
        limit = asyncio.timeout(self._reply_limit_s)
        try:
            async with limit:
                outcome = Reply(await self._request(delivery))
        except Exception as error:  # whatever a destination raises is its failure
            if not is_last:
                if limit.expired():
                    raise NotConfirmed(delivery.delivery_id, self._reply_limit_s) from error
                raise
            if limit.expired():
                outcome = DestinationNotResponding(delivery.attempt, self._reply_limit_s)
            else:
                outcome = DestinationFailure(delivery.attempt, str(error) or repr(error))
        await self._on_outcome(delivery, outcome)
