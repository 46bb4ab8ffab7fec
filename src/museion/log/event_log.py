"""One append-only, totally ordered log with a single writer.

Writes of any number of emitters go through one thread. When it is idle a request goes out at once;
while it writes, requests gather, and go out together up to the limits (group commit). Every request
is written whole and gets its own reply.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from museion.base.errors import InvalidInput, MuseionError, Unavailable
from museion.log.event import Event, NewEvent
from museion.log.event_store import EventStore, WriteBatch
from museion.log.vector_time import VectorTime, merge_all


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Bounds of one group commit, and of the requests that may wait for it.

    A single request above a limit is still written, as a group of its own.
    """

    max_batch_events: int = 512
    max_batch_bytes: int = 8 << 20
    max_pending_requests: int = 1024
    replay_batch_events: int = 512


@dataclass(frozen=True, slots=True)
class LogStatistics:
    """What a log has done since it was opened."""

    requests: int
    groups: int
    events: int
    pending_requests: int


class LogClosed(Unavailable):
    """The log was closed; the request was not carried out."""

    def __init__(self) -> None:
        super().__init__("The event log is closed.", remedy="Open the site again.")


@dataclass(frozen=True, slots=True)
class _Request:
    events: Sequence[NewEvent]
    progress: Mapping[str, int]
    reply: asyncio.Future[list[Event]]
    size_bytes: int


class EventLog:
    """Appends events, replays them, and lets readers follow. Open it inside the event loop.

    `append` returns when the events are on disk (as durable as the store's `write`). Readers see an
    event only after it is on disk; all readers see the same order.
    """

    def __init__(self, store: EventStore, *, limits: BatchLimits | None = None) -> None:
        self._store = store
        self._limits = limits or BatchLimits()
        state = store.recover()
        self.log_id = state.log_id
        self._sequence_nr = state.sequence_nr
        self._written_nr = state.sequence_nr  # the writer thread's own count, ahead of the above
        self._version = state.version
        self._loop = asyncio.get_running_loop()
        self._grown = asyncio.Event()
        self._slots = asyncio.Semaphore(self._limits.max_pending_requests)
        self._requests: queue.Queue[_Request | None] = queue.Queue()
        self._closed = False
        self._statistics = LogStatistics(0, 0, 0, 0)
        self._writer = threading.Thread(target=self._write_groups, name="log-writer", daemon=True)
        self._writer.start()

    @property
    def sequence_nr(self) -> int:
        """Sequence number of the last event on disk, 0 when the log is empty."""
        return self._sequence_nr

    @property
    def version(self) -> VectorTime:
        """Merge of the vector timestamps of all events on disk."""
        return self._version

    @property
    def statistics(self) -> LogStatistics:
        """Counts since opening."""
        return self._statistics

    async def append(
        self, events: Sequence[NewEvent], *, progress: Mapping[str, int] | None = None
    ) -> list[Event]:
        """Write events and progress, all or nothing, and return the written events.

        Waits while too many requests are pending. Cancelling the wait does not take the request
        back: it may still be written.

        Raises:
            WriteFailed: certainly nothing of this request was written.
            LogClosed: the log was closed before the request was taken.
        """
        if not events and not progress:
            return []
        async with self._slots:
            if self._closed:
                raise LogClosed
            reply: asyncio.Future[list[Event]] = self._loop.create_future()
            size_bytes = sum(len(event.payload) for event in events)
            self._requests.put_nowait(_Request(events, progress or {}, reply, size_bytes))
            return await reply

    async def read(
        self, *, after: int = 0, limit: int = 512, aggregate_id: str | None = None
    ) -> Sequence[Event]:
        """Return at most `limit` events above `after`, in log order; off the event loop.

        Raises:
            InvalidInput: `limit` is below 1 or `after` below 0.
            DamagedEvent: a stored event does not match its checksum.
        """
        if limit < 1 or after < 0:
            raise InvalidInput(f"Expected limit >= 1 and after >= 0, got {limit} and {after}.")
        return await asyncio.to_thread(
            self._store.read, after=after, limit=limit, aggregate_id=aggregate_id
        )

    async def follow(self, after: int = 0) -> AsyncIterator[Sequence[Event]]:
        """Yield all events above `after` in batches, then new ones as they are written, for ever.

        No gap and no double at the border of replay and live. The next batch is read only when the
        reader asks for it, so a slow reader holds nobody up and needs no queue.
        """
        position = after
        while True:
            grown = self._grown
            if position < self._sequence_nr:
                batch = await self.read(after=position, limit=self._limits.replay_batch_events)
                position = batch[-1].sequence_nr
                yield batch
            else:
                await grown.wait()

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none."""
        return self._store.progress(name)

    async def close(self) -> None:
        """Write what is pending, then close the store. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._requests.put_nowait(None)
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._store.close)

    def _write_groups(self) -> None:
        """Run the writer thread until the closing mark, which comes after all requests."""
        while (first := self._requests.get()) is not None:
            group, last = self._gather(first)
            self._write(group)
            if last:
                return

    def _gather(self, first: _Request) -> tuple[list[_Request], bool]:
        """Collect what waits, up to the limits; tell whether the closing mark was met."""
        group, events, size_bytes = [first], len(first.events), first.size_bytes
        while events < self._limits.max_batch_events and size_bytes < self._limits.max_batch_bytes:
            try:
                request = self._requests.get_nowait()
            except queue.Empty:
                break
            if request is None:
                return group, True
            group.append(request)
            events += len(request.events)
            size_bytes += request.size_bytes
        return group, False

    def _write(self, group: list[_Request]) -> None:
        written = self._stamp(group)
        progress: dict[str, int] = {}
        for request in group:
            progress.update(request.progress)
        events = [event for request_events in written for event in request_events]
        try:
            self._store.write(WriteBatch(events, progress))
        except MuseionError as error:
            self._loop.call_soon_threadsafe(_fail, group, error)
        except BaseException as error:
            # A defect stops the writer. Those who wait must hear of it, and nobody may wait anew.
            self._closed = True
            self._loop.call_soon_threadsafe(_fail, group, error)
            raise
        else:
            if events:
                self._written_nr = events[-1].sequence_nr
            self._loop.call_soon_threadsafe(self._publish, group, written)

    def _stamp(self, group: list[_Request]) -> list[list[Event]]:
        now_ms = time.time_ns() // 1_000_000
        number = self._written_nr
        written: list[list[Event]] = []
        for request in group:
            events = []
            for new in request.events:
                number += 1
                events.append(self._event(new, number, now_ms))
            written.append(events)
        return written

    def _event(self, new: NewEvent, number: int, now_ms: int) -> Event:
        return Event(
            type_name=new.type_name,
            form=new.form,
            payload=new.payload,
            emitter_id=new.emitter_id,
            aggregate_id=new.aggregate_id,
            custom_destinations=new.destinations,
            system_time_ms=now_ms,
            vector_timestamp=new.vector_timestamp.advance(self.log_id, number),
            process_id=self.log_id,
            log_id=self.log_id,
            sequence_nr=number,
            cause=new.cause,
        )

    def _publish(self, group: list[_Request], written: list[list[Event]]) -> None:
        """Make a written group visible to readers, then answer those who asked (event loop)."""
        events = [event for request_events in written for event in request_events]
        if events:
            self._sequence_nr = events[-1].sequence_nr
            times = (self._version, *(event.vector_timestamp for event in events))
            self._version = merge_all(times)
            grown, self._grown = self._grown, asyncio.Event()
            grown.set()
        old = self._statistics
        self._statistics = LogStatistics(
            old.requests + len(group),
            old.groups + 1,
            old.events + len(events),
            self._requests.qsize(),
        )
        for request, request_events in zip(group, written, strict=True):
            if not request.reply.done():
                request.reply.set_result(request_events)


def _fail(group: list[_Request], error: BaseException) -> None:
    for request in group:
        if not request.reply.done():
            request.reply.set_exception(error)
