"""One append-only, totally ordered log with a single writer.

The event loop never waits on the disk: one thread writes (`group_commit`), a few others read.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Self, assert_never

from museion.base.errors import InvalidInput
from museion.base.waiting import to_end
from museion.log.circuit_breaker import WritePolicy
from museion.log.deletion import Deletion
from museion.log.event import (
    MAX_NUMBER,
    Event,
    InvalidEvent,
    NewEvent,
    require_name,
    require_relayable,
    require_writable,
)
from museion.log.event_store import MAX_READ_BYTES, EventStore, StoreState
from museion.log.group_commit import (
    BatchLimits,
    BreakerChanged,
    GroupCommit,
    Kept,
    Outcome,
    Refused,
    Request,
    Stopped,
    Upkeep,
    Written,
)
from museion.log.log_errors import (
    EmitterInUse,
    LogClosed,
    LogDefect,
    LogHeld,
    LogUnavailable,
    UnknownPosition,
)
from museion.log.statistics import LogStatistics
from museion.log.subscription import QueueLimits, Subscription, Subscriptions
from museion.log.turns import Turns
from museion.log.vector_time import VectorTime
from museion.log.write_hold import WriteHold

__all__ = [
    "BatchLimits",
    "EmitterInUse",
    "EventLog",
    "LogClosed",
    "LogDefect",
    "LogHeld",
    "LogStatistics",
    "LogUnavailable",
    "QueueLimits",
    "UnknownPosition",
    "WritePolicy",
]

_READERS = 4  # a few suffice: what a replay reads lies in memory more often than not
_MAX_KNOWN_NAMES = 1 << 16


class EventLog:
    """Appends events, replays them, and lets readers follow; all from within one event loop.

    `append` returns when the events are on disk (as durable as the store's `write`). Readers see an
    event only after it is on disk; all see the same order. Closing the log closes its store; the
    end of an `async with` statement closes it.

    Args:
        limits: bounds of a group commit and of a replay page.
        policy: what happens when the store fails.
        on_breaker: called with true when the circuit breaker opens, with false when it closes.
        turns: where the writer runs; a thread of its own when left out.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        limits: BatchLimits | None = None,
        policy: WritePolicy | None = None,
        on_breaker: Callable[[bool], None] | None = None,
        turns: Turns | None = None,
    ) -> None:
        self._store = store
        self._limits = limits or BatchLimits()
        self._on_breaker = on_breaker
        state = store.recover()
        self.write_hold = WriteHold(self, store)
        self.log_id = state.log_id
        self._sequence_nr = state.sequence_nr
        self._version = state.version
        self._counts = LogStatistics()
        self._loop = asyncio.get_running_loop()
        self._subscriptions = Subscriptions()
        self._emitters: set[str] = set()
        self._known_names: set[str] = set()
        self._slots = asyncio.Semaphore(self._limits.max_pending_requests)
        self._closed = False
        self._ended = asyncio.Event()
        self._defect: BaseException | None = None
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="log-reader")
        self._commits = GroupCommit(
            store,
            state,
            self._report,
            limits=self._limits,
            policy=policy or WritePolicy(),
            turns=turns,
        )
        self._deletion = Deletion(self, store, state)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def sequence_nr(self) -> int:
        """Sequence number of the last event on disk, 0 when the log is empty."""
        return self._sequence_nr

    @property
    def version(self) -> VectorTime:
        """Merge of the vector timestamps of all events on disk."""
        return self._version

    @property
    def own_time(self) -> int:
        """The largest time that an event of this log is known to have got, lost ones included."""
        return self._commits.own_time

    def chain_digest(self, process_id: str) -> bytes | None:
        """Return the chain digest of the newest event of an origin, None when there is none."""
        return self._commits.chain_digest(process_id)

    @property
    def deleted_to(self) -> int:
        """Events up to this number are deleted: no reader sees them any more."""
        return self._deletion.deleted_to

    @property
    def deletion(self) -> Deletion:
        """How far deleted events were removed from the store."""
        return self._deletion

    @property
    def statistics(self) -> LogStatistics:
        """Counts since opening."""
        return replace(
            self._counts,
            pending_requests=self._commits.pending,
            retries=self._commits.retries,
            breaker_open=self._commits.breaker.is_open,
            subscriptions=len(self._subscriptions),
            catch_ups=self._subscriptions.catch_ups,
        )

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
            WriteFailed: certainly nothing of this request was written, after some tries.
            LogUnavailable, LogHeld: the store keeps failing, or lost events; nothing was done.
            LogClosed: the log was closed before the request was taken; nothing was done.
            LogDefect: the log stopped while it wrote; the outcome is not known.
        """
        self.require_open()
        if not events and not progress:
            return []
        self._require_writable(events)
        size_bytes = sum([len(event.payload) for event in events])
        return await self._write(Request(events, (), *self._rest(progress, size_bytes)))

    async def append_replicated(
        self, events: Sequence[Event], *, progress: Mapping[str, int] | None = None
    ) -> list[Event]:
        """Take over events of another log, in its order, and return those that were new here.

        Events that the version vector covers are dropped, so a repeat does no harm and each event
        gets in once, whatever way it came. Only the local fields of the others change. The progress
        is kept also when no event was new. Raises as `append`; an event that no log can have
        written is refused with the whole request, so a broken neighbour cannot stop this log.
        """
        self.require_open()
        if not events and not progress:
            return []
        self._forget_names()
        for event in events:
            require_relayable(event, self._known_names)
        size_bytes = sum([len(event.payload) for event in events])
        return await self._write(Request((), events, *self._rest(progress, size_bytes)))

    async def read(
        self,
        *,
        after: int = 0,
        up_to: int | None = None,
        limit: int = 512,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
        deleted: bool = False,
    ) -> Sequence[Event]:
        """Return at most `limit` events above `after`, in log order, up to `sequence_nr`.

        Args:
            up_to: number of the last event that is wanted.
            aggregate_id: only events that have it among their destinations.
            max_bytes: stop before the payloads exceed this, but not before the first event.
            deleted: return events that are deleted but not removed yet, too.

        Raises:
            InvalidInput: `limit` is below 1 or `after` below 0.
            DamagedEvent: a stored event does not match its checksum.
            ReadFailed, LogClosed: the log cannot be read now, or any more.
        """
        if limit < 1 or not 0 <= after < MAX_NUMBER:
            raise InvalidInput(f"Expected limit >= 1 and after >= 0, got {limit} and {after}.")
        self.require_open()
        # The store may be ahead of what the log has announced; all readers see the same end.
        end = self._sequence_nr if up_to is None else min(up_to, self._sequence_nr)
        if not deleted:
            after = max(after, self.deleted_to)
        if after >= end:
            return []
        read = partial(
            self._store.read,
            after=after,
            limit=limit,
            aggregate_id=aggregate_id,
            max_bytes=max_bytes,
        )
        events = await self._loop.run_in_executor(self._readers, read)
        if events and events[-1].sequence_nr > end:
            return [event for event in events if event.sequence_nr <= end]
        return events

    def subscribe(
        self,
        after: int = 0,
        *,
        aggregate_id: str | None = None,
        limits: QueueLimits | None = None,
    ) -> Subscription:
        """Follow the log from behind an event, or the events of one aggregate; close it at the end.

        Raises:
            UnknownPosition: `after` lies beyond the end of the log, or below 0.
        """
        self.require_open()
        if not 0 <= after <= self._sequence_nr:
            raise UnknownPosition(after, self._sequence_nr)
        subscription = Subscription(
            self,
            partial(self._page, aggregate_id),
            after=after,
            aggregate_id=aggregate_id,
            limits=limits or QueueLimits(),
            page_limits=QueueLimits(
                self._limits.replay_batch_events, self._limits.replay_batch_bytes
            ),
            release=self._subscriptions.discard,
        )
        self._subscriptions.add(subscription)
        return subscription

    async def follow(
        self,
        after: int = 0,
        *,
        aggregate_id: str | None = None,
        limits: QueueLimits | None = None,
    ) -> AsyncGenerator[Sequence[Event], None]:
        """Yield all events above `after` in batches, then new ones as they are written.

        No gap and no double at the border of replay and live. While it replays, the next page is
        read only when the reader asks for it; live, events wait in a bounded queue (`QueueLimits`
        says what happens when it is full). So a slow reader holds nobody up. Ends only with an
        error, `LogClosed` when the log is closed.

        Raises:
            UnknownPosition: `after` lies beyond the end of the log, or below 0.
            DamagedEvent, ReadFailed, LogClosed: as `read`.
        """
        subscription = self.subscribe(after, aggregate_id=aggregate_id, limits=limits)
        try:
            while True:
                yield await subscription.next()
        finally:
            subscription.close()

    @contextmanager
    def claim(self, emitter_id: str) -> Iterator[None]:
        """Be the only one that emits under an id, as long as the `with` statement runs.

        Raises:
            EmitterInUse: another one does.
        """
        if emitter_id in self._emitters:
            raise EmitterInUse(emitter_id)
        self._emitters.add(emitter_id)
        try:
            yield
        finally:
            self._emitters.discard(emitter_id)

    async def delete(self, to: int, *, keep_for: Collection[str] = ()) -> int:
        """Delete all events up to a number, and return the number really deleted up to.

        From then on no reader of this log sees them, also not by aggregate; smaller requests undo
        nothing. They are removed from the store in the background, each once the readers named in
        `keep_for` (the logs that replicate from this one) have come past it; the last event stays.

        Raises:
            InvalidInput: `to` is below 0.
            WriteFailed, LogClosed, LogDefect: as `append`.
        """
        return await self._deletion.delete(to, keep_for=keep_for)

    async def aggregate_ids(self, *, after: str = "", limit: int = 512) -> Sequence[str]:
        """Return at most `limit` ids of aggregates above `after`, in the order of their bytes."""
        self.require_open()
        ids = partial(self._store.aggregate_ids, after=after, limit=limit)
        return await self._loop.run_in_executor(self._readers, ids)

    def progress(self, name: str) -> int:
        """Return the last stored progress of a reader, 0 when there is none.

        Reads the store in the caller's thread: one key. Raises as `read`.
        """
        self.require_open()
        return self._store.progress(name)

    async def maintain(
        self, work: Callable[[], None], is_done: Callable[[StoreState], bool]
    ) -> None:
        """Let the writer thread work on the store between two batches. Raises as `append`."""
        self.require_open()
        await self._write(Upkeep(work, is_done, self._loop.create_future()))

    async def close(self) -> None:
        """Write what is pending, end all readers with `LogClosed`, close the store. Idempotent."""
        self._stop()
        await self._deletion.close()
        await to_end(self._release())

    async def closed(self) -> None:
        """Wait until the log is closed, or has stopped at a defect. No limit: most never do."""
        await self._ended.wait()

    def require_open(self) -> None:
        """Raise `LogClosed` if the log is closed."""
        if self._closed:
            raise self._closed_error()

    async def _release(self) -> None:
        await self._commits.ended()
        await asyncio.to_thread(self._close_store)

    def _close_store(self) -> None:
        self._readers.shutdown()
        self._store.close()

    async def _write(self, request: Request | Upkeep) -> list[Event]:
        async with self._slots:
            if self._commits.breaker.refuses():
                raise LogUnavailable
            if isinstance(request, Request) and request.emitted:
                self.write_hold.require_none()
            if not self._commits.submit(request):
                raise self._closed_error()
            try:
                return await asyncio.shield(request.reply)
            except asyncio.CancelledError:
                if not self._commits.withdraw(request):
                    try:
                        await to_end(asyncio.wait([request.reply]))
                    finally:
                        request.reply.exception()  # else the event loop reports it as lost
                raise

    async def _page(self, aggregate_id: str | None, after: int, up_to: int) -> Sequence[Event]:
        return await self.read(
            after=after,
            up_to=up_to,
            limit=self._limits.replay_batch_events,
            aggregate_id=aggregate_id,
            max_bytes=self._limits.replay_batch_bytes,
        )

    def _forget_names(self) -> None:
        if len(self._known_names) > _MAX_KNOWN_NAMES:
            self._known_names.clear()

    def _require_writable(self, events: Sequence[NewEvent]) -> None:
        self._forget_names()
        known = self._version.local_time(self.log_id)
        for event in events:
            require_writable(event, self._known_names)
            claimed = event.vector_timestamp.times.get(self.log_id, 0)
            if claimed > known:
                raise InvalidEvent(f"a vector timestamp of at most {known} at this log", claimed)

    def _rest(
        self, progress: Mapping[str, int] | None, size_bytes: int
    ) -> tuple[Mapping[str, int], int, asyncio.Future[list[Event]]]:
        for name, position in (progress or {}).items():
            require_name(name)
            if not 0 <= position <= MAX_NUMBER:
                raise InvalidEvent("progress that is not below 0", position)
        return dict(progress or {}), size_bytes, self._loop.create_future()

    def _closed_error(self) -> LogClosed:
        error = LogClosed()
        error.__cause__ = self._defect
        return error

    def _stop(self) -> None:
        self._closed = True
        self._ended.set()
        self._commits.end()
        self._subscriptions.wake()

    def _report(self, outcome: Outcome) -> None:
        """Bring what the writer thread did to the event loop."""
        with suppress(RuntimeError):  # the loop was closed over an open log: nobody waits any more
            self._loop.call_soon_threadsafe(self._take, outcome)

    def _take(self, outcome: Outcome) -> None:
        match outcome:
            case Written():
                self._publish(outcome)
            case Refused(group, error):
                refused = self._counts.refused_requests + len(group)
                self._counts = replace(self._counts, refused_requests=refused)
                for request in group:
                    request.reply.set_exception(copy.copy(error).with_traceback(None))
            case Kept(upkeep):
                upkeep.reply.set_result([])
            case BreakerChanged(is_open):
                if self._on_breaker is not None:
                    self._on_breaker(is_open)
            case Stopped():
                self._take_stop(outcome)
            case _:
                assert_never(outcome)

    def _take_stop(self, stopped: Stopped) -> None:
        self._defect = stopped.defect
        self._stop()
        for request in stopped.group:
            defect = LogDefect(stopped.defect)
            defect.__cause__ = stopped.defect
            request.reply.set_exception(defect)
        for request in stopped.waiting:
            request.reply.set_exception(self._closed_error())

    def _publish(self, written: Written) -> None:
        """Make a group visible to readers, then answer those who asked."""
        events = written.events
        if events:
            self._sequence_nr = events[-1].sequence_nr
            self._version = written.version
            self._subscriptions.hand_out(events)
        done = self._counts
        self._counts = replace(
            done,
            requests=done.requests + len(written.group),
            groups=done.groups + 1,
            events=done.events + len(events),
            write_seconds=done.write_seconds + written.seconds,
            largest_group=max(done.largest_group, len(events)),
        )
        for request, answer in zip(written.group, written.answers, strict=True):
            request.reply.set_result(answer)
