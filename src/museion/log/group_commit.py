"""Group commit: one thread writes requests to a store, those that wait together in one batch.

When it is idle a request goes out at once. While it writes, requests gather, and go out together up
to the limits. Every request is written whole and gets its own reply.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from museion.log.event import Event, NewEvent
from museion.log.event_store import MAX_READ_BYTES, EventStore, StoreState, WriteBatch, WriteFailed


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Bounds of one group commit, of the requests that may wait for it, and of one replay read.

    A single request above a limit is still written, as a group of its own; a single event above
    `replay_batch_bytes` is still read, as a batch of its own. Bytes are those of payloads.
    """

    max_batch_events: int = 512
    max_batch_bytes: int = 8 << 20
    max_pending_requests: int = 1024
    replay_batch_events: int = 512
    replay_batch_bytes: int = MAX_READ_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """Events and progress that are to be written together, and where the answer goes."""

    events: tuple[NewEvent, ...]
    progress: Mapping[str, int]
    size_bytes: int
    reply: asyncio.Future[list[Event]]


@dataclass(frozen=True, slots=True)
class Written:
    """A group that is in the store: the events of each request, in its order."""

    group: Sequence[Request]
    events: Sequence[list[Event]]


@dataclass(frozen=True, slots=True)
class Refused:
    """A group that is certainly not in the store."""

    group: Sequence[Request]
    error: WriteFailed


@dataclass(frozen=True, slots=True)
class Stopped:
    """The end: a defect met while a group was written, whose fate is unknown, and what waited."""

    group: Sequence[Request]
    waiting: Sequence[Request]
    defect: BaseException


class GroupCommit:
    """Owns the writer thread of one log.

    Args:
        state: of the store when it was opened.
        report: called from the thread with what became of each group, in log order.
    """

    def __init__(
        self,
        store: EventStore,
        state: StoreState,
        limits: BatchLimits,
        report: Callable[[Written | Refused | Stopped], None],
    ) -> None:
        self._store = store
        self._log_id = state.log_id
        # A log that was rebuilt from its neighbours may hold fewer events than it once wrote. Its
        # new events must not take the identities of those.
        self._last_nr = max(state.sequence_nr, state.version.local_time(state.log_id))
        self._limits = limits
        self._report = report
        self._waiting: deque[Request] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """How many requests wait for the thread."""
        return len(self._waiting)

    def submit(self, request: Request) -> bool:
        """Hand over a request; false when the thread takes no more."""
        with self._changed:
            if self._ending:
                return False
            self._waiting.append(request)
            self._changed.notify()
            return True

    def withdraw(self, request: Request) -> bool:
        """Take a request back; false when the thread has it already."""
        with self._changed:
            if request not in self._waiting:
                return False
            self._waiting.remove(request)
            return True

    def end(self) -> None:
        """Take no more requests; the thread ends when those that wait are written. Idempotent."""
        with self._changed:
            self._ending = True
            self._changed.notify()

    def join(self) -> None:
        """Block until the thread has ended."""
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            try:
                self._report(self._write(group))
            except BaseException as defect:  # whatever it is, those who wait must hear of it
                self._report(Stopped(group, self._give_up(), defect))

    def _next_group(self) -> list[Request]:
        """Wait for requests and take those that go out together; none at the end."""
        with self._changed:
            while not self._waiting and not self._ending:
                self._changed.wait()
            group: list[Request] = []
            events = size_bytes = 0
            while self._waiting:
                request = self._waiting[0]
                events += len(request.events)
                size_bytes += request.size_bytes
                if group and not self._fits(events, size_bytes):
                    break
                group.append(self._waiting.popleft())
            return group

    def _fits(self, events: int, size_bytes: int) -> bool:
        limits = self._limits
        return events <= limits.max_batch_events and size_bytes <= limits.max_batch_bytes

    def _give_up(self) -> list[Request]:
        with self._changed:
            self._ending = True
            waiting = list(self._waiting)
            self._waiting.clear()
            return waiting

    def _write(self, group: list[Request]) -> Written | Refused:
        stamped = self._stamp(group)
        events = [event for request_events in stamped for event in request_events]
        progress: dict[str, int] = {}
        for request in group:
            progress.update(request.progress)
        try:
            self._store.write(WriteBatch(events, progress))
        except WriteFailed as error:
            return Refused(group, error)
        if events:
            self._last_nr = events[-1].sequence_nr
        return Written(group, stamped)

    def _stamp(self, group: list[Request]) -> list[list[Event]]:
        now_ms = time.time_ns() // 1_000_000
        number = self._last_nr
        stamped = []
        for request in group:
            first = number + 1
            number += len(request.events)
            stamped.append(
                [
                    self._event(new, own_nr, now_ms)
                    for own_nr, new in enumerate(request.events, first)
                ]
            )
        return stamped

    def _event(self, new: NewEvent, number: int, now_ms: int) -> Event:
        return Event(
            type_name=new.type_name,
            form=new.form,
            payload=new.payload,
            emitter_id=new.emitter_id,
            aggregate_id=new.aggregate_id,
            custom_destinations=new.destinations,
            system_time_ms=now_ms,
            vector_timestamp=new.vector_timestamp.advance(self._log_id, number),
            process_id=self._log_id,
            log_id=self._log_id,
            sequence_nr=number,
            cause=new.cause,
        )
