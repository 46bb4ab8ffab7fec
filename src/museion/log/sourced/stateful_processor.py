"""A stateful processor derives events from all that it has seen, exactly once for each event.

Its state is not stored: at every start it is rebuilt from all events of the source. Outputs of
events that the target log has progress over are made again and dropped; only what is new is
written. So the same events must always lead to the same outputs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from museion.base.retry import Retries, RetryPolicy
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog, UnknownPosition
from museion.log.sourced.conditional import LIMIT_S, CausalWaits
from museion.log.sourced.processor import Destinations, claimed_id, derived
from museion.log.vector_time import VectorTime

__all__ = ["StatefulProcessor", "StatefulProcessorRunner"]


class StatefulProcessor(Protocol):
    """Folds events into a state of its own, and maps each to none or more new events."""

    @property
    def name(self) -> str:
        """Stable name under which progress is kept."""

    @property
    def handles(self) -> frozenset[str]:
        """Type names of the events that `process` is called for."""

    def process(self, event: Event) -> Sequence[NewEvent]:
        """Take an event into the state and return the outputs for it.

        Called for each event in log order, and again for all of them at the next start: it depends
        on nothing but the events so far, and does nothing beside returning outputs. An error ends
        the processor.
        """


@dataclass(frozen=True, slots=True)
class _Batch:
    outputs: list[NewEvent]
    reaches_nr: int


class StatefulProcessorRunner:
    """Drives one stateful processor. One for each name at a time.

    Each output happens after everything that was handled before it: its vector timestamp is the
    processor's `version` then. The outputs of one event are never split over two batches.

    Args:
        source: the log that is read.
        make: gives a processor without state; called at the start of each run.
        target: where outputs go, and progress under the processor's name with them; the source
            where none is given.
        max_batch_events: outputs of several events are written together up to this number; more
            where one event has more.
        retry: how to go on when the target is unavailable.
        destinations: further aggregates whose replay shall find an output.
    """

    def __init__(
        self,
        source: EventLog,
        make: Callable[[], StatefulProcessor],
        *,
        target: EventLog | None = None,
        max_batch_events: int = 512,
        retry: RetryPolicy | None = None,
        destinations: Destinations | None = None,
    ) -> None:
        self._source = source
        self._target = target or source
        self._make = make
        self._max_batch_events = max_batch_events
        self._retries = Retries(retry or RetryPolicy())
        self._destinations = destinations
        self._moved = asyncio.Condition()
        self._waits = CausalWaits(source, self)
        self._written_nr = 0
        self._begin(make())

    @property
    def name(self) -> str:
        """Name of the processor."""
        return self._processor.name

    @property
    def processor(self) -> StatefulProcessor:
        """The processor of this run, with its state as of `version`."""
        return self._processor

    @property
    def version(self) -> VectorTime:
        """Merge of the stamps of everything that it has handled in this run."""
        return self._version

    @property
    def position(self) -> int:
        """Sequence number in the source up to which everything is handled, outputs written."""
        return self._position

    @property
    def trouble(self) -> str | None:
        """What the processor waits for, if anything is unavailable."""
        return self._retries.trouble

    async def run(self) -> None:
        """Rebuild the state, then follow the source until cancelled. It can be run again.

        Raises:
            EmitterInUse: a processor of this name writes to the target already.
            LogClosed: the source or the target was closed.
            UnknownPosition: the source ends before the progress that the target holds.
            Exception: what the processor raised; a new run meets the same event again.
        """
        with self._target.claim(claimed_id(self.name)):
            self._begin(self._make())
            if self._written_nr > self._source.sequence_nr:
                raise UnknownPosition(self._written_nr, self._source.sequence_nr)
            await self._follow()

    async def at_least(self, token: VectorTime, *, limit_s: float = LIMIT_S) -> None:
        """Return once the outputs of all that a causal token covers are written; see `at_least`.

        Raises:
            NotReached: not within the limit.
            LogClosed: the source was closed.
        """
        await self._waits.at_least(token, limit_s=limit_s)

    def has_received(self, sequence_nr: int) -> bool:
        """Tell whether everything up to this number of the source is handled and written."""
        return self._position >= sequence_nr

    async def receive_up_to(self, sequence_nr: int) -> None:
        """Wait until everything up to this number of the source is handled and written."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.has_received(sequence_nr))

    def _begin(self, processor: StatefulProcessor) -> None:
        self._processor = processor
        self._version = VectorTime()
        self._position = 0
        self._written_nr = self._target.progress(processor.name)

    async def _follow(self) -> None:
        async with aclosing(self._source.follow()) as batches:
            async for events in batches:
                for batch in self._batches(events):
                    await self._write(batch)
                self._position = events[-1].sequence_nr
                await self._tell()

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    def _batches(self, events: Sequence[Event]) -> Iterator[_Batch]:
        """Process events; give what is to be written whenever it is enough for a batch.

        Each batch reaches the last event whose outputs it completes. A later number would lose
        outputs at a crash between two batches, an earlier one would double them.
        """
        outputs: list[NewEvent] = []
        reaches_nr = self._written_nr
        for event in events:
            answers = self._process(event)
            if event.sequence_nr <= self._written_nr:
                continue
            if outputs and len(outputs) + len(answers) > self._max_batch_events:
                yield _Batch(outputs, reaches_nr)
                outputs = []
            outputs += answers
            reaches_nr = event.sequence_nr
        if outputs:
            yield _Batch(outputs, reaches_nr)

    def _process(self, event: Event) -> list[NewEvent]:
        if event.type_name not in self._processor.handles:
            return []
        self._version = self._version.merge(event.vector_timestamp)
        outputs = self._processor.process(event)
        return [derived(each, event, self._version, self._destinations) for each in outputs]

    async def _write(self, batch: _Batch) -> None:
        progress = {self._processor.name: batch.reaches_nr}
        await self._retries.until_done(
            lambda: self._target.append(batch.outputs, progress=progress)
        )
        self._written_nr = batch.reaches_nr
