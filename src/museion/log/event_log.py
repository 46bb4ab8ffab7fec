"""One append-only, totally ordered log with a single writer.

The event loop never waits on the disk: one thread writes (`group_commit`), a few others read.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from museion.base.errors import InvalidInput, Unavailable
from museion.base.waiting import to_end
from museion.log.event import Event, InvalidEvent, NewEvent, require_name, require_writable
from museion.log.event_store import MAX_READ_BYTES, DamagedEvent, EventStore
from museion.log.group_commit import BatchLimits, GroupCommit, Refused, Request, Stopped, Written
from museion.log.vector_time import VectorTime, merge_all

__all__ = ["BatchLimits", "EventLog", "LogClosed", "LogDefect", "LogStatistics", "UnknownPosition"]

_READERS = 4  # a few suffice: what a replay reads lies in memory more often than not
_MAX_POSITION = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class LogStatistics:
    """What a log has done since it was opened, and how many requests wait now."""

    requests: int
    groups: int
    events: int
    pending_requests: int


class LogClosed(Unavailable):
    """The log was closed, or stopped at a defect; the request was not carried out."""

    lasting = True

    def __init__(self) -> None:
        super().__init__("The event log is closed.", remedy="Open the site again.")


class LogDefect(RuntimeError):
    """A defect met while a request was written; whether it is in the log is not known.

    Not of the five families: there is nothing that a caller could do but open the log again, and
    look. The log is closed by it. The cause is the error that was met.
    """

    def __init__(self, defect: BaseException) -> None:
        super().__init__(
            f"The event log stopped at a defect ({type(defect).__name__}: {defect}); whether this"
            " request was written is not known. Open the site again and look."
        )


class UnknownPosition(InvalidInput):
    """A reader claims to have read what this log does not hold."""

    def __init__(self, position: int, end: int) -> None:
        super().__init__(
            f"Expected a position from 0 to {end}, the end of the event log, got {position}.",
            remedy="If the log was restored from a backup, rebuild from it what follows it.",
        )


class EventLog:
    """Appends events, replays them, and lets readers follow; all from within one event loop.

    `append` returns when the events are on disk (as durable as the store's `write`). Readers see an
    event only after it is on disk; all see the same order. Closing the log closes its store.
    """

    def __init__(self, store: EventStore, *, limits: BatchLimits | None = None) -> None:
        self._store = store
        self._limits = limits or BatchLimits()
        state = store.recover()
        self.log_id = state.log_id
        self._sequence_nr = state.sequence_nr
        self._version = state.version
        self._statistics = LogStatistics(0, 0, 0, 0)
        self._loop = asyncio.get_running_loop()
        self._grown = asyncio.Event()
        self._slots = asyncio.Semaphore(self._limits.max_pending_requests)
        self._closed = False
        self._defect: BaseException | None = None
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="log-reader")
        self._commits = GroupCommit(store, state, self._limits, self._report)

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
        """Counts since opening; requests that failed are not counted."""
        done = self._statistics
        return LogStatistics(done.requests, done.groups, done.events, self._commits.pending)

    async def append(
        self, events: Sequence[NewEvent], *, progress: Mapping[str, int] | None = None
    ) -> list[Event]:
        """Write events and progress, all or nothing, and return the written events.

        Waits while too many requests are pending. When it ends, in whatever way, nothing of it is
        under way any more: a cancelled request is taken back if the writer has not begun with it;
        otherwise the cancellation waits until the request is written or refused.

        Raises:
            InvalidEvent: a name, payload or position cannot be written, or a vector timestamp
                claims to know events that this log has not written yet; nothing was done.
            WriteFailed: certainly nothing of this request was written.
            LogClosed: the log was closed before the request was taken; nothing was done.
            LogDefect: the log stopped while it wrote; the outcome is not known.
        """
        self._require_open()
        if not events and not progress:
            return []
        request = self._request(tuple(events), dict(progress or {}))
        async with self._slots:
            if not self._commits.submit(request):
                raise self._closed_error()
            try:
                return await asyncio.shield(request.reply)
            except asyncio.CancelledError:
                if not self._commits.withdraw(request):
                    await to_end(asyncio.wait([request.reply]))
                raise

    async def read(
        self,
        *,
        after: int = 0,
        limit: int = 512,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        """Return at most `limit` events above `after`, in log order, up to `sequence_nr`.

        With `aggregate_id`, only events that have it among their destinations. Stops before the
        payloads exceed `max_bytes`, but not before the first event; empty when there are no more.

        Raises:
            InvalidInput: `limit` is below 1 or `after` below 0.
            DamagedEvent: a stored event does not match its checksum.
            ReadFailed, LogClosed: the log cannot be read now, or any more.
        """
        if limit < 1 or not 0 <= after < _MAX_POSITION:
            raise InvalidInput(f"Expected limit >= 1 and after >= 0, got {limit} and {after}.")
        self._require_open()
        end = self._sequence_nr
        read = partial(
            self._store.read,
            after=after,
            limit=limit,
            aggregate_id=aggregate_id,
            max_bytes=max_bytes,
        )
        events = await self._loop.run_in_executor(self._readers, read)
        if events and events[-1].sequence_nr > end:
            # The store is ahead of what the log has announced; all readers see the same end.
            return [event for event in events if event.sequence_nr <= end]
        return events

    async def follow(self, after: int = 0) -> AsyncGenerator[Sequence[Event], None]:
        """Yield all events above `after` in batches, then new ones as they are written.

        No gap and no double at the border of replay and live. The next batch is read only when the
        reader asks for it, so a slow reader holds nobody up and needs no queue. Ends only with an
        error, `LogClosed` when the log is closed.

        Raises:
            UnknownPosition: `after` lies beyond the end of the log, or below 0.
            DamagedEvent, ReadFailed, LogClosed: as `read`.
        """
        self._require_open()
        if not 0 <= after <= self._sequence_nr:
            raise UnknownPosition(after, self._sequence_nr)
        position = after
        while True:
            self._require_open()
            if position < self._sequence_nr:
                batch = await self._replay(position)
                position = batch[-1].sequence_nr
                yield batch
            else:
                await self._grown.wait()

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none.

        Reads the store in the caller's thread: one key. Raises as `read`.
        """
        self._require_open()
        return self._store.progress(name)

    async def close(self) -> None:
        """Write what is pending, end all readers with `LogClosed`, close the store. Idempotent."""
        self._stop()
        await to_end(asyncio.to_thread(self._release))

    def _release(self) -> None:
        self._commits.join()
        self._readers.shutdown()
        self._store.close()

    async def _replay(self, position: int) -> Sequence[Event]:
        limits = self._limits
        batch = await self.read(
            after=position, limit=limits.replay_batch_events, max_bytes=limits.replay_batch_bytes
        )
        if not batch:
            raise DamagedEvent(self._sequence_nr, "it was written, but it is missing")
        return batch

    def _request(self, events: tuple[NewEvent, ...], progress: dict[str, int]) -> Request:
        known = self._version.local_time(self.log_id)
        for event in events:
            require_writable(event)
            claimed = event.vector_timestamp.local_time(self.log_id)
            if claimed > known:
                raise InvalidEvent(f"a vector timestamp of at most {known} at this log", claimed)
        for name, position in progress.items():
            require_name(name)
            if not 0 <= position <= _MAX_POSITION:
                raise InvalidEvent("progress that is not below 0", position)
        size_bytes = sum(len(event.payload) for event in events)
        return Request(events, progress, size_bytes, self._loop.create_future())

    def _require_open(self) -> None:
        if self._closed:
            raise self._closed_error()

    def _closed_error(self) -> LogClosed:
        error = LogClosed()
        error.__cause__ = self._defect
        return error

    def _stop(self) -> None:
        self._closed = True
        self._commits.end()
        self._wake_readers()

    def _wake_readers(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def _report(self, outcome: Written | Refused | Stopped) -> None:
        """Bring what the writer thread did to the event loop."""
        with suppress(RuntimeError):  # the loop was closed over an open log: nobody waits any more
            self._loop.call_soon_threadsafe(self._take, outcome)

    def _take(self, outcome: Written | Refused | Stopped) -> None:
        match outcome:
            case Written():
                self._publish(outcome)
            case Refused(group, error):
                for request in group:
                    request.reply.set_exception(copy.copy(error).with_traceback(None))
            case Stopped():
                self._defect = outcome.defect
                self._stop()
                for request in outcome.group:
                    defect = LogDefect(outcome.defect)
                    defect.__cause__ = outcome.defect
                    request.reply.set_exception(defect)
                for request in outcome.waiting:
                    request.reply.set_exception(self._closed_error())
            case _:
                assert_never(outcome)

    def _publish(self, written: Written) -> None:
        """Make a group visible to readers, then answer those who asked."""
        events = [event for request_events in written.events for event in request_events]
        if events:
            self._sequence_nr = events[-1].sequence_nr
            times = (event.vector_timestamp for event in events)
            self._version = merge_all((self._version, *times))
            self._wake_readers()
        done = self._statistics
        self._statistics = LogStatistics(
            done.requests + len(written.group), done.groups + 1, done.events + len(events), 0
        )
        for request, request_events in zip(written.group, written.events, strict=True):
            request.reply.set_result(request_events)
