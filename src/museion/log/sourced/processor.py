"""A processor reads a log and emits derived events, exactly once for each event it reads.

Outputs and progress are written in one batch. A processor that is killed at any moment goes on
behind the last event whose outputs are in the log: nothing is missing, nothing doubled.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from museion.base.errors import Unavailable
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog


class Processor(Protocol):
    """Maps one event to none or more new events; called for several events at a time.

    `process` may run again for the same event after a crash, so what it does beside returning
    outputs must be idempotent. It answers bad input with an output that says so; an error it raises
    stops the processor, except `Unavailable`, which is tried again under the retry policy.
    """

    @property
    def name(self) -> str:
        """Stable name under which progress is kept."""

    @property
    def handles(self) -> frozenset[str]:
        """Type names of the events that `process` is called for."""

    async def process(self, event: Event) -> Sequence[NewEvent]:
        """Return the outputs for one event."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait between tries when a resource is unavailable: doubling, for ever."""

    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0


@dataclass(frozen=True, slots=True)
class _Pending:
    sequence_nr: int
    outputs: asyncio.Task[Sequence[NewEvent]] | None


class ProcessorRunner:
    """Drives one processor: reads ahead up to `window` events, writes outputs in log order.

    `position` is how far it has come; `trouble` names what it waits for, if anything.
    """

    _skipped_before_note = 1024

    def __init__(
        self,
        log: EventLog,
        processor: Processor,
        *,
        window: int = 16,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._log = log
        self._processor = processor
        self._window = window
        self._retry = retry or RetryPolicy()
        self._noted = log.progress(processor.name)
        self.position = self._noted
        self.trouble: str | None = None

    @property
    def name(self) -> str:
        """Name of the processor."""
        return self._processor.name

    async def run(self) -> None:
        """Follow the log until cancelled."""
        pending: deque[_Pending] = deque()
        async with asyncio.TaskGroup() as tasks:
            async for batch in self._log.follow(self.position):
                for event in batch:
                    if len(pending) >= self._window:
                        await self._write_finished(pending)
                    pending.append(self._start(event, tasks))
                await self._drain(pending)

    def _start(self, event: Event, tasks: asyncio.TaskGroup) -> _Pending:
        if event.type_name not in self._processor.handles:
            return _Pending(event.sequence_nr, None)
        return _Pending(event.sequence_nr, tasks.create_task(self._process(event)))

    async def _process(self, event: Event) -> Sequence[NewEvent]:
        delay_s = self._retry.first_delay_s
        while True:
            try:
                outputs = await self._processor.process(event)
            except Unavailable as reason:
                delay_s = await self._wait(reason, delay_s)
            else:
                self.trouble = None
                return outputs

    async def _drain(self, pending: deque[_Pending]) -> None:
        while pending:
            await self._write_finished(pending)

    async def _write_finished(self, pending: deque[_Pending]) -> None:
        """Wait for the oldest event, then write it and all finished ones behind it together."""
        outputs: list[NewEvent] = []
        first = pending.popleft()
        position = first.sequence_nr
        if first.outputs is not None:
            outputs.extend(await first.outputs)
        while pending and (pending[0].outputs is None or pending[0].outputs.done()):
            done = pending.popleft()
            position = done.sequence_nr
            if done.outputs is not None:
                outputs.extend(done.outputs.result())
        await self._note(outputs, position)

    async def _note(self, outputs: list[NewEvent], position: int) -> None:
        # Events that nobody handles cost no write of their own: a crash makes us skip them anew.
        if outputs or position - self._noted >= self._skipped_before_note:
            await self._append(outputs, position)
            self._noted = position
        self.position = position

    async def _append(self, outputs: list[NewEvent], position: int) -> None:
        delay_s = self._retry.first_delay_s
        while True:
            try:
                await self._log.append(outputs, progress={self._processor.name: position})
            except Unavailable as reason:
                delay_s = await self._wait(reason, delay_s)
            else:
                self.trouble = None
                return

    async def _wait(self, reason: Unavailable, delay_s: float) -> float:
        self.trouble = str(reason)
        await asyncio.sleep(delay_s)
        return min(delay_s * 2, self._retry.longest_delay_s)
