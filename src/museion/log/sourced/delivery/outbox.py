"""A reliable channel: an outbox in the log, from which messages go out in order, at least once.

To enqueue a message is an event, and so is its confirmation; whatever happens between the two, the
message goes out again. A destination that stays away stops the channel, and that is an event too:
nothing is thrown away, and order is never given up. It needs no aggregate.

A little over 300 lines: the two ends of the outbox share its place in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Generic

from museion.base.codec import decode, encode
from museion.base.errors import InvalidInput, Unavailable
from museion.base.retry import Retries, RetryPolicy
from museion.base.waiting import to_end
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.sourced.delivery.activation import Activation
from museion.log.sourced.delivery.outbox_events import (
    CHANNEL_EVENTS,
    DeliveryStopped,
    MessagesConfirmed,
    MessagesDropped,
    MessagesEnqueued,
)
from museion.log.sourced.delivery.redelivery import (
    DeliveryKey,
    Destination,
    M,
    OutboxPolicy,
    attempt,
    new_delivery,
)
from museion.log.sourced.while_open import while_open

__all__ = [
    "DeliveryStopped",
    "MessagesConfirmed",
    "MessagesDropped",
    "MessagesEnqueued",
    "NotStopped",
    "OutboxFull",
    "ReliableChannel",
]

_MAX_INDEX = (1 << 16) - 1
_PAGE_EVENTS = 64


class OutboxFull(Unavailable):
    """A channel has as many unconfirmed messages as its policy allows; nothing was enqueued."""

    def __init__(self, name: str, max_pending: int) -> None:
        super().__init__(
            f"Expected at most {max_pending} messages in the outbox of {name!r}, got more.",
            remedy="Wait until the destination has confirmed some.",
        )


class NotStopped(InvalidInput):
    """A channel delivers; there is nothing to restart or to drop."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Expected the channel {name!r} to have stopped; it delivers.")


class ReliableChannel(Generic[M]):
    """Delivers messages in the order of `enqueue`, each at least once. One for each name.

    `run` delivers once the channel is activated, so that an application can first recover what
    enqueues. Meanwhile the outbox holds what comes, up to `OutboxPolicy.max_pending`.

    Args:
        log: where the outbox is; it is found under the channel's name as an aggregate id.
        name: stable; no other emitter of the log has it.
        destination: where messages go. It sees `Delivery.key`, which is the same in each attempt.
    """

    def __init__(
        self,
        log: EventLog,
        name: str,
        destination: Destination[M],
        policy: OutboxPolicy | None = None,
        *,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.name = name
        self._log = log
        self._destination = destination
        self._policy = policy or OutboxPolicy()
        self._retries = Retries(retry or RetryPolicy())
        self._activation = Activation(name)
        self._recovering = asyncio.Lock()
        self._recovered = False
        self._enqueuing = asyncio.Lock()
        self._grown = asyncio.Event()
        self._resumed = asyncio.Event()
        self._position = 0
        self._pending = 0
        self._reached_cause = DeliveryKey(0)
        self._stopped: DeliveryStopped | None = None
        self._reason: str | None = None

    @property
    def pending(self) -> int:
        """How many messages are not confirmed; known after the first `enqueue` or `run`."""
        return self._pending

    @property
    def stopped(self) -> DeliveryStopped | None:
        """Why the channel has stopped, if it has; see `restart` and `drop`."""
        return self._stopped

    @property
    def trouble(self) -> str | None:
        """Why the last attempt failed, or what else the channel waits for."""
        return self._retries.trouble or self._reason

    def activate(self) -> None:
        """Let messages go out. Idempotent; does not wait."""
        self._activation.activate()

    async def activated(self, *, limit_s: float = 30.0) -> None:
        """Wait until the channel is activated and knows its outbox; raises `NotActivated`."""
        await self._activation.activated(limit_s=limit_s)

    async def enqueue(self, message: M, *, cause: DeliveryKey | None = None) -> bool:
        """Put a message into the outbox, on disk; see `enqueue_series`."""
        return await self.enqueue_series([message], cause=cause)

    async def enqueue_series(
        self, messages: Iterable[M], *, cause: DeliveryKey | None = None
    ) -> bool:
        """Put messages into the outbox that go out in order under one confirmation at the end.

        If one of them fails all are delivered again.

        Args:
            cause: key of what they follow from, rising; a repeat after a replay is then recognised.

        Returns:
            False when a message of this or a later cause is in the outbox, or was: nothing is done.

        Raises:
            OutboxFull: nothing was done.
            InvalidInput: there is no message, or more than 65,536; or one cannot be encoded.
            WriteFailed and others: as `EventLog.append`.
        """
        encoded = tuple(encode(message) for message in messages)
        if not 1 <= len(encoded) <= _MAX_INDEX + 1:
            raise InvalidInput(f"Expected 1 to {_MAX_INDEX + 1} messages, got {len(encoded)}.")
        await self._recover()
        # To its end, so that the count and the log agree also when the caller is cancelled.
        return await to_end(self._enqueue(encoded, cause))

    async def run(self) -> None:
        """Deliver until cancelled, from the activation on. It can be run again.

        A channel that has stopped begins anew.

        Raises:
            EmitterInUse: another emitter of the log has this name.
            LogClosed: the log was closed.
            UndecodablePayload, UnknownForm: an event of the outbox cannot be read.
        """
        await self._recover()
        self._stopped = None
        with self._log.claim(self.name):
            self._activation.ready()
            await while_open(self._log, self._deliver_all())

    def restart(self) -> None:
        """Try again what the channel stopped at. Raises `NotStopped`."""
        if self._stopped is None:
            raise NotStopped(self.name)
        self._stopped = None
        self._resumed.set()

    async def drop(self, reason: str) -> None:
        """Give up the messages that the channel stopped at, and go on behind them.

        Raises:
            NotStopped: it has not stopped.
            WriteFailed and others: as `EventLog.append`; nothing was done.
        """
        stopped = self._stopped
        if stopped is None:
            raise NotStopped(self.name)
        progress = {self._delivered: stopped.sequence_nr}
        await self._write(MessagesDropped(stopped.sequence_nr, reason), progress)
        if self._stopped is stopped:
            self.restart()

    async def _deliver_all(self) -> None:
        await self._activation.activated(limit_s=None)
        async with aclosing(self._outbox()) as outbox:
            async for event, enqueued in outbox:
                await self._deliver(event, enqueued)

    @property
    def _delivered(self) -> str:
        return f"outbox:{self.name}"

    @property
    def _causes(self) -> str:
        return f"outbox-causes:{self.name}"

    async def _enqueue(self, encoded: tuple[bytes, ...], cause: DeliveryKey | None) -> bool:
        if cause is None:
            await self._put(MessagesEnqueued(encoded), {})
            return True
        # One after another: were a later cause written and this one refused, it would pass for
        # written when it comes again.
        async with self._enqueuing:
            if cause <= self._reached_cause:
                return False
            await self._put(MessagesEnqueued(encoded, cause), {self._causes: _packed(cause)})
            self._reached_cause = cause
        return True

    async def _put(self, enqueued: MessagesEnqueued, progress: dict[str, int]) -> None:
        count = len(enqueued.messages)
        if self._pending + count > self._policy.max_pending:
            raise OutboxFull(self.name, self._policy.max_pending)
        self._pending += count
        try:
            await self._write(enqueued, progress)
        except BaseException:
            self._pending -= count
            raise
        self._grown.set()

    async def _recover(self) -> None:
        """Find out what waits in the outbox, once."""
        async with self._recovering:
            if self._recovered:
                return
            self._position = self._log.progress(self._delivered)
            self._reached_cause = _unpacked(self._log.progress(self._causes))
            position = self._position
            while page := await self._page(position):
                for event in page:
                    enqueued = self._enqueued(event)
                    self._pending += 0 if enqueued is None else len(enqueued.messages)
                position = page[-1].sequence_nr
            self._recovered = True

    async def _page(self, after: int) -> Sequence[Event]:
        return await self._log.read(after=after, limit=_PAGE_EVENTS, aggregate_id=self.name)

    def _enqueued(self, event: Event) -> MessagesEnqueued | None:
        """Return what an event enqueued in this very outbox, not in one of its name elsewhere."""
        if event.emitter_id != self.name or event.process_id != self._log.log_id:
            return None
        (payload,) = CHANNEL_EVENTS.decode_known(event)
        return payload if isinstance(payload, MessagesEnqueued) else None

    async def _outbox(self) -> AsyncGenerator[tuple[Event, MessagesEnqueued], None]:
        """Yield what is to be delivered, in order, for ever."""
        while True:
            self._grown.clear()
            page = await self._retries.until_done(lambda: self._page(self._position))
            for event in page:
                enqueued = self._enqueued(event)
                if enqueued is not None:
                    yield event, enqueued
                self._position = event.sequence_nr
            if not page:
                await self._grown.wait()

    async def _deliver(self, event: Event, enqueued: MessagesEnqueued) -> None:
        """Deliver until confirmed, dropped or cancelled; then the outbox moves on."""
        attempts = 0
        while self._log.progress(self._delivered) < event.sequence_nr:
            attempts = await self._attempts(event, enqueued, attempts)
            if self._reason is None:
                confirmed = MessagesConfirmed(event.sequence_nr, attempts)
                await self._write_surely(confirmed, {self._delivered: event.sequence_nr})
            else:
                await self._stop(DeliveryStopped(event.sequence_nr, attempts, self._reason))
        self._pending -= len(enqueued.messages)
        self._reason = None

    async def _attempts(self, event: Event, enqueued: MessagesEnqueued, attempts: int) -> int:
        """Try as often as the policy says; `_reason` is None when it worked."""
        for delay_s in self._policy.delays_s():
            await asyncio.sleep(delay_s)
            attempts += 1
            self._reason = await self._attempt(event, enqueued, attempts)
            if self._reason is None:
                break
        return attempts

    async def _attempt(
        self, event: Event, enqueued: MessagesEnqueued, attempt_nr: int
    ) -> str | None:
        for index, encoded in enumerate(enqueued.messages):
            key = DeliveryKey(event.sequence_nr, index)
            delivery_id = f"{event.sequence_nr}-{index}"
            try:
                message = decode(encoded, self._destination.message_type)
                delivery = new_delivery(self.name, delivery_id, key, message, attempt_nr)
                await attempt(delivery, self._destination, limit_s=self._policy.confirm_limit_s)
            except Exception as error:  # whatever a destination raises, the policy answers it
                return str(error) or repr(error)
        return None

    async def _stop(self, stopped: DeliveryStopped) -> None:
        self._resumed.clear()
        await self._write_surely(stopped, {})
        self._stopped = stopped
        await self._resumed.wait()

    async def _write_surely(self, payload: object, progress: dict[str, int]) -> None:
        await self._retries.until_done(lambda: self._write(payload, progress))

    async def _write(self, payload: object, progress: dict[str, int]) -> None:
        event = CHANNEL_EVENTS.encode(payload, emitter_id=self.name, aggregate_id=self.name)
        await self._log.append([event], progress=progress)


def _packed(cause: DeliveryKey) -> int:
    if cause.index > _MAX_INDEX or cause.sequence_nr >= 1 << 48:
        raise InvalidInput(f"Expected an index up to {_MAX_INDEX} in the cause, got {cause}.")
    return cause.sequence_nr << 16 | cause.index


def _unpacked(progress: int) -> DeliveryKey:
    return DeliveryKey(progress >> 16, progress & _MAX_INDEX)
