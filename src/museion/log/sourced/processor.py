"""A processor reads a log and emits derived events, exactly once for each event it reads.

Outputs and progress are written in one batch, to the same log or to another one. A processor that
is killed at any moment goes on behind the last event whose outputs are in the target log: nothing
is missing, nothing doubled. One that needs to remember what it saw is a `stateful_processor`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from msgspec.structs import replace

from museion.base.retry import Retries, RetryPolicy
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.vector_time import VectorTime

__all__ = ["Destinations", "Processor", "ProcessorRunner", "RetryPolicy", "WorkCancelled"]

Destinations = Callable[[NewEvent, Event], Iterable[str]]
"""Names further destinations of an output, which answers an event; they join the output's own."""


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
        """Return the outputs for one event.

        Each output happens after the event: an output that names no vector timestamp has that of
        the event, one that does has the merge of both; the event is their cause where they name
        none.
        """


class WorkCancelled(RuntimeError):
    """Something within a processor's work was cancelled, though the processor was not.

    A defect of the processor: it should tell what happened, with an output or an error.
    """

    def __init__(self, name: str, event: Event) -> None:
        super().__init__(f"Processor {name!r} dropped its work on event {event.sequence_nr}.")


@dataclass(slots=True)
class _Underway:
    """An event in work, and the position that is reached when its outputs are written.

    Events behind it that nobody handles move that position on, so they need no place of their own.
    """

    outputs: asyncio.Task[list[NewEvent]]
    reaches_nr: int


class ProcessorRunner:
    """Drives one processor: reads ahead, writes outputs in log order. One for each name at a time.

    `position` is the sequence number of the last event that needs no more work. The outputs of one
    event are never split over two batches, however many they are.

    Args:
        log: the source.
        target: where outputs go, and progress under the processor's name with them; the source
            where none is given. Its progress counts events of the source, so a name follows one
            source only.
        window: how many handled events may be in work, or wait for an earlier one to be written.
        retry: how to go on when the processor or the target is unavailable.
        destinations: further aggregates whose replay shall find an output.
    """

    _skipped_before_note = 1024

    def __init__(
        self,
        log: EventLog,
        processor: Processor,
        *,
        target: EventLog | None = None,
        window: int = 16,
        retry: RetryPolicy | None = None,
        destinations: Destinations | None = None,
    ) -> None:
        self._log = log
        self._target = target or log
        self._processor = processor
        self._window = window
        self._retries = Retries(retry or RetryPolicy())
        self._destinations = destinations
        self._noted = self.position = self._target.progress(processor.name)

    @property
    def name(self) -> str:
        """Name of the processor."""
        return self._processor.name

    @property
    def trouble(self) -> str | None:
        """What the processor waits for, if anything is unavailable."""
        return self._retries.trouble

    async def run(self) -> None:
        """Follow the log until cancelled. It can be run again afterwards.

        Raises:
            EmitterInUse: a processor of this name writes to the target already.
            LogClosed: the source or the target was closed.
            UnknownPosition: the source ends before the progress that the target holds.
            Exception: the first error that the processor raised, other than `Unavailable`. Nothing
                of the event it met is written; a new run meets the same event again.
        """
        self._noted = self._target.progress(self._processor.name)
        self.position = max(self.position, self._noted)
        self._underway: deque[_Underway] = deque()
        self._started = asyncio.Event()
        self._slots = asyncio.Semaphore(self._window)
        try:
            with self._target.claim(claimed_id(self.name)):
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._write_in_order())
                    await self._read_ahead(tasks)
        except BaseExceptionGroup as errors:
            # What follows the first is the same error, met again by the one who waited for it.
            raise errors.exceptions[0] from None

    async def _read_ahead(self, tasks: asyncio.TaskGroup) -> None:
        async with aclosing(self._log.follow(self.position)) as batches:
            async for batch in batches:
                for event in batch:
                    if event.type_name in self._processor.handles:
                        await self._slots.acquire()
                        outputs = tasks.create_task(self._process(event))
                        self._underway.append(_Underway(outputs, event.sequence_nr))
                        self._started.set()
                    else:
                        await self._skip(event.sequence_nr)

    async def _skip(self, sequence_nr: int) -> None:
        if self._underway:
            self._underway[-1].reaches_nr = sequence_nr
        else:
            await self._note([], sequence_nr)
            self.position = sequence_nr

    async def _process(self, event: Event) -> list[NewEvent]:
        try:
            outputs = await self._retries.until_done(lambda: self._processor.process(event))
        except asyncio.CancelledError as cancellation:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # A task group takes a cancelled task for a finished one and would go on without it.
            raise WorkCancelled(self.name, event) from cancellation
        stamp = event.vector_timestamp
        return [derived(output, event, stamp, self._destinations) for output in outputs]

    async def _write_in_order(self) -> None:
        while True:
            await self._started.wait()
            await self._write_finished()
            if not self._underway:
                self._started.clear()

    async def _write_finished(self) -> None:
        """Wait for the oldest event, then write it and all finished ones right behind it."""
        await self._underway[0].outputs
        finished = list(takewhile(lambda each: each.outputs.done(), self._underway))
        outputs = [output for each in finished for output in each.outputs.result()]
        await self._note(outputs, finished[-1].reaches_nr)
        # They kept their places until now, so that nothing behind them counted as reached.
        self.position = finished[-1].reaches_nr
        for _ in finished:
            self._underway.popleft()
            self._slots.release()

    async def _note(self, outputs: Sequence[NewEvent], position: int) -> None:
        # Events without outputs cost no write of their own: a crash makes us skip them anew.
        if outputs or position - self._noted >= self._skipped_before_note:
            progress = {self._processor.name: position}
            await self._retries.until_done(lambda: self._target.append(outputs, progress=progress))
            self._noted = position


def claimed_id(name: str) -> str:
    """Return what a processor of this name claims in its target, so that none runs twice."""
    return f"processor:{name}"


def derived(
    output: NewEvent, event: Event, stamp: VectorTime, destinations: Destinations | None
) -> NewEvent:
    """Return an output that happens after `stamp`, caused by `event`, with all its destinations."""
    further = () if destinations is None else tuple(destinations(output, event))
    return replace(
        output,
        vector_timestamp=output.vector_timestamp.merge(stamp),
        cause=output.cause or event.id,
        destinations=tuple(dict.fromkeys((*output.destinations, *further))),
    )
