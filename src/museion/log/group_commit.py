"""Group commit: one thread writes requests to a store, those that wait together in one batch.

When it is idle a request goes out at once. While it writes, requests gather, and go out together up
to the limits. Every request is written whole and gets its own reply.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TypeAlias

from museion.base.errors import Damaged, InvalidInput, Unavailable
from museion.log.circuit_breaker import CircuitBreaker, WritePolicy
from museion.log.event import Event, NewEvent
from museion.log.event_store import (
    MAX_READ_BYTES,
    EventStore,
    OutcomeUnknown,
    StoreState,
    WriteBatch,
    WriteFailed,
)
from museion.log.stamping import GIVEN_TO, Head, Stamper
from museion.log.turns import ThreadTurns, Turns
from museion.log.vector_time import VectorTime


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Bounds of one group commit, of the requests that may wait for it, and of one replay read.

    A single request above a limit is still written, as a group of its own; a single event above
    `replay_batch_bytes` is still read, as a batch of its own. Bytes are those of payloads.

    Raises:
        InvalidInput: one of them is below 1; nothing would ever be written or read.
    """

    max_batch_events: int = 512
    max_batch_bytes: int = 8 << 20
    max_pending_requests: int = 1024
    replay_batch_events: int = 2048
    replay_batch_bytes: int = MAX_READ_BYTES

    def __post_init__(self) -> None:
        for name, limit in asdict(self).items():
            if limit < 1:
                raise InvalidInput(f"Expected {name} of at least 1, got {limit}.")


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """Events and progress that are to be written together, and where the answer goes.

    Attributes:
        emitted: new events.
        replicated: events of another log.
    """

    emitted: Sequence[NewEvent]
    replicated: Sequence[Event]
    progress: Mapping[str, int]
    size_bytes: int
    reply: asyncio.Future[list[Event]]


@dataclass(frozen=True, slots=True, eq=False)
class Upkeep:
    """Work on the store that only the writer may do, between two groups.

    It may be done more than once: it is repeated under the policy for writes.

    Attributes:
        is_done: tells by the state of the store whether it was done, where that is not known.
    """

    work: Callable[[], None]
    is_done: Callable[[StoreState], bool]
    reply: asyncio.Future[list[Event]]


@dataclass(frozen=True, slots=True)
class Written:
    """A group that is in the store: the events of each request, in its order."""

    group: Sequence[Request]
    answers: Sequence[list[Event]]
    events: Sequence[Event]
    version: VectorTime
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """Requests of which nothing is in the store, certainly."""

    group: Sequence[Request | Upkeep]
    error: WriteFailed


@dataclass(frozen=True, slots=True)
class Kept:
    """Upkeep that was done."""

    upkeep: Upkeep


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """The circuit breaker opened or closed."""

    is_open: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """The end: a defect met while a group was written, whose fate is unknown, and what waited."""

    group: Sequence[Request | Upkeep]
    waiting: Sequence[Request | Upkeep]
    defect: BaseException


class AcknowledgedEventsLost(Damaged):
    """A store that was lost for a while came back without events that it had acknowledged."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            f"The store of the log ends at event {found}, but had acknowledged event {expected}.",
            remedy="Look whether its disk or server was restored or does not flush; recover the "
            "missing events from another site before the log is opened again.",
        )


Outcome: TypeAlias = Written | Refused | Kept | BreakerChanged | Stopped


class GroupCommit:
    """Owns the writer thread of one log.

    Args:
        state: of the store when it was opened.
        report: called from the thread with what became of each group, in log order.
        turns: where the writer runs when it is not to be a thread.
    """

    def __init__(
        self,
        store: EventStore,
        state: StoreState,
        report: Callable[[Outcome], None],
        *,
        limits: BatchLimits,
        policy: WritePolicy,
        turns: Turns | None = None,
    ) -> None:
        self._store = store
        self._head = Head.of(state, given_to=store.progress(GIVEN_TO))
        self._limits = limits
        self._policy = policy
        self._report = report
        self._turns = turns or ThreadTurns()
        self.breaker = CircuitBreaker(
            policy, lambda opened: report(BreakerChanged(opened)), now_s=self._turns.now_s
        )
        self.retries = 0
        self._waiting: deque[Request | Upkeep] = deque()
        self._lock = self._turns.lock
        self._ending = False
        self._turns.begin(self._run)

    @property
    def pending(self) -> int:
        """How many requests wait for the thread."""
        return len(self._waiting)

    @property
    def own_time(self) -> int:
        """The largest time that an own event is known to have got."""
        return self._head.own_time

    def chain_digest(self, process_id: str) -> bytes | None:
        """Return the chain digest of the newest event of an origin that is in the store."""
        return self._head.chain.get(process_id)

    def submit(self, request: Request | Upkeep) -> bool:
        """Hand over a request; false when the thread takes no more."""
        with self._lock:
            if self._ending:
                return False
            self._waiting.append(request)
            self._turns.wake()
            return True

    def withdraw(self, request: Request | Upkeep) -> bool:
        """Take a request back; false when the thread has it already."""
        with self._lock:
            if request not in self._waiting:
                return False
            self._waiting.remove(request)
            return True

    def end(self) -> None:
        """Take no more requests; the thread ends when those that wait are written. Idempotent."""
        with self._lock:
            self._ending = True
            self._turns.wake()

    async def ended(self) -> None:
        """Wait until the thread has ended."""
        await self._turns.ended()

    async def _run(self) -> None:
        while group := await self._next_group():
            try:
                self._report(await self._do(group))
            except BaseException as defect:  # whatever it is, those who wait must hear of it
                self._report(Stopped(group, self._give_up(), _as_raised(defect)))

    async def _next_group(self) -> list[Request | Upkeep]:
        """Wait for requests and take those that go out together; none at the end."""
        with self._lock:
            await self._turns.wait_for(self._has_work)
            group: list[Request | Upkeep] = []
            events = size_bytes = 0
            while self._waiting:
                request = self._waiting[0]
                if isinstance(request, Upkeep):
                    return group or [self._waiting.popleft()]
                events += len(request.emitted) + len(request.replicated)
                size_bytes += request.size_bytes
                if group and not self._fits(events, size_bytes):
                    break
                group.append(request)
                self._waiting.popleft()
            return group

    def _has_work(self) -> bool:
        return bool(self._waiting) or self._ending

    def _fits(self, events: int, size_bytes: int) -> bool:
        limits = self._limits
        return events <= limits.max_batch_events and size_bytes <= limits.max_batch_bytes

    def _give_up(self) -> list[Request | Upkeep]:
        with self._lock:
            self._ending = True
            waiting = list(self._waiting)
            self._waiting.clear()
            return waiting

    async def _do(self, group: list[Request | Upkeep]) -> Outcome:
        first = group[0]
        if isinstance(first, Upkeep):
            error = await self._insist(partial(self._try_upkeep, first))
            return Kept(first) if error is None else Refused(group, error)
        return await self._write([request for request in group if isinstance(request, Request)])

    async def _write(self, group: list[Request]) -> Written | Refused:
        start = self._turns.now_s()
        stamper = Stamper(self._head, now_ms=self._turns.now_ms())
        answers = [
            stamper.emitted(request.emitted) + stamper.replicated(request.replicated)
            for request in group
        ]
        progress: dict[str, int] = {}
        for request in group:
            progress.update(request.progress)
        if stamper.events or progress:
            batch = stamper.batch(progress)
            error = await self._insist(partial(self._try, batch))
            if error is not None:
                return Refused(group, error)
            self._head = stamper.head
        seconds = self._turns.now_s() - start
        return Written(group, answers, stamper.events, self._head.version, seconds)

    async def _insist(
        self, attempt: Callable[[], Awaitable[WriteFailed | None]]
    ) -> WriteFailed | None:
        """Write, trying again under the policy; the error if nothing of it is in the store."""
        delays_s = self._policy.delays_s()
        while True:
            error = await attempt()
            if error is None:
                self.breaker.succeeded()
                return None
            self.breaker.failed()
            delay_s = next(delays_s, None)
            if delay_s is None or await self._ends_within(delay_s):
                return error
            self.retries += 1

    async def _try(self, batch: WriteBatch) -> WriteFailed | None:
        try:
            await self._turns.do(partial(self._store.write, batch))
        except WriteFailed as error:
            return error
        except OutcomeUnknown as unknown:
            return None if await self._holds(batch, unknown) else WriteFailed(unknown.reason)
        return None

    async def _try_upkeep(self, upkeep: Upkeep) -> WriteFailed | None:
        try:
            await self._turns.do(upkeep.work)
        except WriteFailed as error:
            return error
        except OutcomeUnknown as unknown:
            done = await self._looked_into(unknown, upkeep.is_done)
            return None if done else WriteFailed(unknown.reason)
        return None

    async def _holds(self, batch: WriteBatch, unknown: OutcomeUnknown) -> bool:
        """Find out whether a batch is in the store. Raises `OutcomeUnknown` after the limit."""

        def holds(state: StoreState) -> bool:
            if batch.events:
                return state.sequence_nr >= batch.events[-1].sequence_nr
            return all(self._store.progress(n) == nr for n, nr in batch.progress.items())

        return await self._looked_into(unknown, holds)

    async def _looked_into(
        self, unknown: OutcomeUnknown, holds: Callable[[StoreState], bool]
    ) -> bool:
        """Ask a store that has recovered, as soon as it has."""
        until = self._turns.now_s() + self._policy.resolve_for_s
        delay_s = self._policy.first_delay_s
        while True:
            try:
                state = await self._turns.do(self._store.recover)
                if state.sequence_nr < self._head.sequence_nr:
                    raise AcknowledgedEventsLost(self._head.sequence_nr, state.sequence_nr)
                return holds(state)
            except Unavailable as reason:
                if self._turns.now_s() >= until or await self._ends_within(delay_s):
                    raise unknown from reason
                delay_s = min(delay_s * 2, self._policy.longest_delay_s)

    async def _ends_within(self, delay_s: float) -> bool:
        """Wait, unless the log is closed meanwhile: then tell so at once."""
        with self._lock:
            return await self._turns.wait_for(lambda: self._ending, delay_s)


def _as_raised(defect: BaseException) -> BaseException:
    # No coroutine lets a StopIteration out as such.
    cause = defect.__cause__
    return cause if isinstance(cause, StopIteration) else defect
