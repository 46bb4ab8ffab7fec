"""A transient channel: each message goes out once, and what fails again at the next recovery.

It keeps no messages. The application asks for the same deliveries again when it replays the
events that they follow from, and the channel, which has its confirmations in the log, sends only
those that were not confirmed. A channel that keeps messages and their order is in `outbox`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic

import msgspec

from museion.base.errors import InvalidInput, Unavailable
from museion.base.retry import Retries, RetryPolicy
from museion.log.event_log import EventLog
from museion.log.event_types import EventTypes, event_type
from museion.log.sourced.delivery.activation import Activation
from museion.log.sourced.delivery.redelivery import (
    DeliveryKey,
    Destination,
    M,
    attempt,
    new_delivery,
)
from museion.log.sourced.while_open import while_open

__all__ = ["Channel", "ChannelFull", "ChannelNotRecovered", "DeliveryConfirmed"]

_PAGE_EVENTS = 512


@event_type("museion.channel-confirmed")
class DeliveryConfirmed(msgspec.Struct, frozen=True):
    """A message has arrived, or a series whose last message has this key."""

    key: DeliveryKey


CONFIRMATIONS = EventTypes(DeliveryConfirmed)
"""What a transient channel writes; immutable."""


class ChannelFull(Unavailable):
    """Too many messages wait in a channel; this one was not taken."""

    def __init__(self, name: str, max_buffered: int) -> None:
        super().__init__(
            f"Expected at most {max_buffered} messages to wait in the channel {name!r}, got more.",
            remedy="Activate it, or wait; a ReliableChannel keeps its messages on disk.",
        )


class ChannelNotRecovered(InvalidInput):
    """A channel does not know yet what is confirmed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Expected recover() of the channel {name!r} to be awaited before.")


@dataclass(frozen=True, slots=True)
class _Series(Generic[M]):
    first: DeliveryKey
    messages: tuple[M, ...]

    @property
    def last(self) -> DeliveryKey:
        return DeliveryKey(self.first.sequence_nr, self.first.index + len(self.messages) - 1)


class Channel(Generic[M]):
    """Delivers what one sender asks for, at least once over all recoveries. One for each name.

    Messages go out one after the other in the order of asking. One that fails is not tried again
    until the sender recovers; so order is kept only as long as nothing fails. Call `recover`, let
    the sender replay, then `activate`; `run` delivers meanwhile.

    Args:
        log: where confirmations are kept.
        name: stable; no other emitter of the log has it.
        max_buffered: messages that may wait, for the activation above all.
        confirm_limit_s: an attempt without any word after this has failed.
    """

    def __init__(
        self,
        log: EventLog,
        name: str,
        destination: Destination[M],
        *,
        max_buffered: int = 1024,
        confirm_limit_s: float = 30.0,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.name = name
        self._log = log
        self._destination = destination
        self._max_buffered = max_buffered
        self._confirm_limit_s = confirm_limit_s
        self._retries = Retries(retry or RetryPolicy())
        self._activation = Activation(name)
        self._recovered = False
        self._confirmed_before = 0
        self._confirmed: set[DeliveryKey] = set()
        self._waiting: deque[_Series[M]] = deque()
        self._unconfirmed: dict[DeliveryKey, str] = {}
        self._buffered = 0
        self._newest_nr = 0
        self._grown = asyncio.Event()

    @property
    def unconfirmed(self) -> dict[DeliveryKey, str]:
        """Keys of what was asked for and not confirmed, with the reason where it has failed."""
        return dict(self._unconfirmed)

    @property
    def trouble(self) -> str | None:
        """What the channel waits for, if the log cannot be written."""
        return self._retries.trouble

    async def recover(self) -> None:
        """Learn what was confirmed. Idempotent.

        Raises:
            ReadFailed, LogClosed: the log cannot be read now, or any more.
        """
        if self._recovered:
            return
        self._confirmed_before = self._log.progress(self._progress)
        position = 0
        while page := await self._log.read(
            after=position, limit=_PAGE_EVENTS, aggregate_id=self.name
        ):
            for event in page:
                if event.emitter_id == self.name and event.process_id == self._log.log_id:
                    (payload,) = CONFIRMATIONS.decode_known(event)
                    assert isinstance(payload, DeliveryConfirmed)
                    self._note_confirmed(payload.key)
            position = page[-1].sequence_nr
        self._recovered = True

    def deliver(self, message: M, *, key: DeliveryKey) -> bool:
        """Ask for a message to go out; see `deliver_series`."""
        return self.deliver_series([message], key=key)

    def deliver_series(self, messages: Iterable[M], *, key: DeliveryKey) -> bool:
        """Ask for messages to go out in order, with one confirmation for all at the end.

        Does not wait, so it can be called in an event handler. After a failure all of them go out
        again at the next recovery.

        Args:
            key: of the first message; the others have the indexes behind it. Sequence numbers
                rise from call to call, as those of events do in a replay.

        Returns:
            False when they are confirmed, or wait already: nothing is done.

        Raises:
            ChannelNotRecovered: `recover` was not awaited before.
            ChannelFull: nothing was done.
            InvalidInput: there is no message.
        """
        if not self._recovered:
            raise ChannelNotRecovered(self.name)
        series = _Series(key, tuple(messages))
        if not series.messages:
            raise InvalidInput("Expected at least one message, got none.")
        if self._is_done(series.last):
            return False
        if self._buffered + len(series.messages) > self._max_buffered:
            raise ChannelFull(self.name, self._max_buffered)
        self._buffered += len(series.messages)
        self._newest_nr = max(self._newest_nr, key.sequence_nr)
        self._unconfirmed[series.last] = ""
        self._waiting.append(series)
        self._grown.set()
        return True

    async def run(self) -> None:
        """Deliver until cancelled, from the activation on. It can be run again.

        Raises:
            EmitterInUse: another emitter of the log has this name.
            LogClosed: the log was closed.
        """
        await self.recover()
        with self._log.claim(self.name):
            self._activation.ready()
            await while_open(self._log, self._deliver_all())

    async def _deliver_all(self) -> None:
        await self._activation.activated(limit_s=None)
        while True:
            self._grown.clear()
            while self._waiting:
                await self._deliver(self._waiting[0])
                self._buffered -= len(self._waiting.popleft().messages)
            await self._grown.wait()

    def activate(self) -> None:
        """Let messages go out. Idempotent; does not wait."""
        self._activation.activate()

    async def activated(self, *, limit_s: float = 30.0) -> None:
        """Wait until messages go out; raises `NotActivated`."""
        await self._activation.activated(limit_s=limit_s)

    @property
    def _progress(self) -> str:
        return f"channel:{self.name}"

    def _is_done(self, key: DeliveryKey) -> bool:
        failed = self._unconfirmed.get(key)
        if failed is not None:
            return not failed
        return key.sequence_nr <= self._confirmed_before or key in self._confirmed

    async def _deliver(self, series: _Series[M]) -> None:
        self._unconfirmed[series.last] = await self._attempt(series) or ""
        if self._unconfirmed[series.last]:
            return
        confirmed = DeliveryConfirmed(series.last)
        event = CONFIRMATIONS.encode(confirmed, emitter_id=self.name, aggregate_id=self.name)
        everything_before = self._everything_before(series.last)
        progress = {self._progress: everything_before}
        await self._retries.until_done(lambda: self._log.append([event], progress=progress))
        del self._unconfirmed[series.last]
        self._note_confirmed(series.last)
        if everything_before > self._confirmed_before:
            self._confirmed_before = everything_before
            self._confirmed = {each for each in self._confirmed if not self._is_before(each)}

    async def _attempt(self, series: _Series[M]) -> str | None:
        sequence_nr, first = series.first.sequence_nr, series.first.index
        for index, message in enumerate(series.messages, first):
            key = DeliveryKey(sequence_nr, index)
            delivery = new_delivery(self.name, f"{sequence_nr}-{index}", key, message, 1)
            try:
                await attempt(delivery, self._destination, limit_s=self._confirm_limit_s)
            except Exception as error:  # whatever a destination raises, the next recovery answers
                return str(error) or repr(error)
        return None

    def _everything_before(self, confirmed: DeliveryKey) -> int:
        """Return the number up to which nothing is unconfirmed, once this key is confirmed.

        The newest number stays above it: its event may ask for more.
        """
        open_nrs = [each.sequence_nr for each in self._unconfirmed if each != confirmed]
        return max(self._confirmed_before, min([*open_nrs, self._newest_nr]) - 1)

    def _note_confirmed(self, key: DeliveryKey) -> None:
        if not self._is_before(key):
            self._confirmed.add(key)

    def _is_before(self, key: DeliveryKey) -> bool:
        return key.sequence_nr <= self._confirmed_before
