"""Pure CRDTs on an event log: one service for all instances of one type at one location.

    async with PureCrdtService(log, PureAddWinsSet(str), locations=("a", "b", "c")) as sets:
        await sets.update("favourites", Add("asset-7"))
        print(await sets.value("favourites"))

Aggregates do not fit here: what is stable follows from the events of all instances, and one that
nobody asks for has to become stable too. So the service folds them all, and stamps what it writes
with all that it has folded; that makes its stamps grow, which is what stability rests on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Generic, Self, TypeVar

from museion.base.errors import MuseionError
from museion.base.retry import Retries, RetryPolicy
from museion.log.crdt.pure.own_writes import OwnWrites
from museion.log.crdt.pure.pure_crdt import PureCrdt
from museion.log.crdt.pure.pure_events import (
    PURE_EVENTS,
    Acknowledged,
    LocationAdmitted,
    LocationRetired,
    Operated,
    PureEvent,
    aggregate_id_of,
    shared_tag,
)
from museion.log.crdt.pure.replica import PureStatus, Replica
from museion.log.crdt.pure.replica_snapshots import ReplicaSnapshots
from museion.log.crdt.pure.service_refusals import (
    NoFounders,
    NoSuchChange,
    NotTakingPart,
    PureServiceStopped,
)
from museion.log.event_log import EventLog
from museion.log.snapshots import Snapshot, SnapshotStore
from museion.log.sourced.aggregates import wall_clock_ms
from museion.log.sourced.refusals import WrittenNotHandled
from museion.log.subscription import Subscription

__all__ = ["PureCrdtService", "PureStatus"]

O = TypeVar("O")  # noqa: E741 (an operation)
B = TypeVar("B")
V = TypeVar("V")


class PureCrdtService(Generic[O, B, V]):
    """Keeps all instances of one pure CRDT. Use it in `async with`, within one event loop.

    Entering recovers from the newest snapshot and the log. All instances are in memory. Every
    location that takes part has to take all events of the service: a replication filter must not
    part them.

    Args:
        crdt: the type; its name parts it from all others, so instances of two types never meet.
        locations: ids of the logs that take part from the beginning, the same at all of them, and
            for good; others come by `admit`.
        snapshots: where snapshots are kept; None for none.
        now_ms: wall clock that snapshots are stamped with, milliseconds since 1970.
        limit_s: how long `update` waits until what it wrote is handled.
        policy: how long to wait before a log that cannot be read is tried again.

    Raises:
        NoFounders: `locations` is empty.
    """

    def __init__(
        self,
        log: EventLog,
        crdt: PureCrdt[O, B, V],
        *,
        locations: Iterable[str],
        snapshots: SnapshotStore | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
        limit_s: float = 10.0,
        policy: RetryPolicy | None = None,
    ) -> None:
        if not (founders := tuple(locations)):
            raise NoFounders
        self._log = log
        self._crdt = crdt
        self._tag = shared_tag(crdt.name)
        self._emitter_id = f"pure-crdt:{crdt.name}@{log.log_id}"
        self._founders = founders
        self._replica = Replica(crdt, log.log_id, founders)
        self._snapshots = ReplicaSnapshots(self._emitter_id, log.log_id, snapshots, now_ms)
        self._limit_s = limit_s
        self._retries = Retries(policy or RetryPolicy())
        self._subscription: Subscription | None = None
        self._follower: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._handled: list[tuple[int, asyncio.Future[None]]] = []
        self._own_writes = OwnWrites()
        self._claim = ExitStack()

    async def __aenter__(self) -> Self:
        self._claim.enter_context(self._log.claim(self._emitter_id))
        try:
            self._failure = None
            self._replica = Replica(self._crdt, self._log.log_id, self._founders)
            position = await self._snapshots.restore(self._replica, up_to=self._log.sequence_nr)
            end = self._log.sequence_nr
            await self._retries.until_done(lambda: self._replay(position, end))
            self._subscription = self._log.subscribe(end, aggregate_id=self._tag)
        except BaseException:
            self._claim.close()
            raise
        self._follower = asyncio.create_task(self._follow(self._subscription))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.wait([self._follower])
        self._claim.close()

    @property
    def status(self) -> PureStatus:
        """How far operations have become stable, and who is waited for."""
        return self._replica.status

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Locations whose silence keeps operations from becoming stable."""
        return self._replica.waiting_for

    @property
    def position(self) -> int:
        """Sequence number up to which all events of the type were handled, 0 before it runs."""
        return 0 if self._subscription is None else self._subscription.position

    @property
    def trouble(self) -> str | None:
        """Why the service stands still: it has failed, or the log cannot be read now; else None."""
        failure = self._failure
        return str(failure) if isinstance(failure, Exception) else self._retries.trouble

    async def value(self, instance_id: str) -> V:
        """Return the value of an instance, as far as the log was handled here.

        Raises:
            PureServiceStopped: it does not run.
        """
        self._require_running()
        return self._crdt.value(self._replica.state(instance_id))

    async def update(self, instance_id: str, operation: O) -> V:
        """Write an operation and return the value with it; when it returns, it is on disk.

        Raises:
            InvalidInput: the operation makes no sense; nothing was written.
            NotTakingPart: this location may not write yet, or any more; nothing was written.
            PureServiceStopped, WriteFailed, LogUnavailable, LogClosed: nothing was written.
            LogDefect: whether it is written is not known.
            WrittenNotHandled: it is written, but the value is not known here yet.
        """
        self._require_running()
        prepared = self._crdt.prepare(self._replica.state(instance_id), operation)
        if prepared is not None:
            content = self._replica.encode_operation(prepared)
            await self._write(
                Operated(instance_id, content),
                aggregate_id=aggregate_id_of(self._crdt.name, instance_id),
            )
        return self._crdt.value(self._replica.state(instance_id))

    async def acknowledge(self) -> bool:
        """Tell the others what this location has, unless they know; whether an event was written.

        A location that seldom writes calls this from time to time, or nothing becomes stable
        anywhere. An acknowledgement asks for no other. Raises as `update`.
        """
        self._require_running()
        if not self._replica.has_news or not self._replica.stability.takes_part:
            return False
        await self._write(Acknowledged())
        return True

    async def admit(self, location: str) -> None:
        """Let a location take part; it may write as soon as it has this event. At one place only.

        Raises:
            NoSuchChange: it took part already. Otherwise as `update`.
        """
        if location in self._replica.stability.locations:
            raise NoSuchChange(location, expected="does not take part and never did")
        await self._write(LocationAdmitted(location))

    async def retire(self, location: str) -> None:
        """Let a location leave for good, so that nobody waits for it any more.

        Best done by the location itself, as its last act. Elsewhere, and at one place only, first
        cut its lines and exchange events between all that are left, so that everything of it that
        any log still holds is here. What comes of it later makes locations differ for good.

        Raises:
            NoSuchChange: it does not take part. Otherwise as `update`.
        """
        stability = self._replica.stability
        if location not in stability.locations or location in stability.retired:
            raise NoSuchChange(location, expected="takes part")
        await self._write(LocationRetired(location))

    async def save(self) -> Snapshot:
        """Save everything as it is now: all instances, and the table of stability.

        Raises:
            NoSnapshotStore, SnapshotNotSaved: it is not, or may not be saved.
            PureServiceStopped: it does not run.
        """
        subscription = self._require_running()
        return await self._snapshots.save(self._replica, subscription.position)

    async def _write(self, payload: PureEvent, *, aggregate_id: str | None = None) -> None:
        subscription = self._require_running()
        stability = self._replica.stability
        if not stability.takes_part:
            raise NotTakingPart(self._log.log_id, stability.locations)
        event = PURE_EVENTS.encode(
            payload,
            emitter_id=self._emitter_id,
            aggregate_id=aggregate_id,
            destinations=(self._tag,),
            vector_timestamp=stability.seen,
        )
        write = self._own_writes.begin(stability.seen)
        try:
            (written,) = await self._log.append([event])
        finally:
            # However it ended, it is in the log by now or never will be.
            write.end = self._log.sequence_nr
            self._settle(subscription)
        await self._until_handled(subscription, written.sequence_nr)

    async def _until_handled(self, subscription: Subscription, sequence_nr: int) -> None:
        if subscription.position >= sequence_nr:
            return
        done = asyncio.get_running_loop().create_future()
        self._handled.append((sequence_nr, done))
        try:
            if self._failure is not None:
                raise PureServiceStopped(self._emitter_id, self._failure)
            async with asyncio.timeout(self._limit_s):
                await done
        except (MuseionError, TimeoutError) as reason:
            raise WrittenNotHandled(self._emitter_id, reason) from reason

    async def _replay(self, position: int, end: int) -> None:
        """Handle what the log has; only then is it known what own events came late."""
        while page := await self._log.read(after=position, up_to=end, aggregate_id=self._tag):
            for event in page:
                self._replica.take(event)
            position = page[-1].sequence_nr
        self._replica.settle()

    async def _follow(self, subscription: Subscription) -> None:
        try:
            while True:
                for event in await self._retries.until_done(subscription.next):
                    self._replica.take(event)
                self._settle(subscription)
                self._tell_waiting(subscription.position)
        except BaseException as reason:
            self._failure = reason
            for _, done in self._handled:
                if not done.done():
                    done.set_exception(PureServiceStopped(self._emitter_id, reason))
            if not isinstance(reason, Exception):
                raise
        finally:
            subscription.close()

    def _settle(self, subscription: Subscription) -> None:
        self._own_writes.forget(subscription.position)
        self._replica.settle(self._own_writes.stamps)

    def _tell_waiting(self, position: int) -> None:
        for sequence_nr, done in self._handled:
            if sequence_nr <= position and not done.done():
                done.set_result(None)
        self._handled = [each for each in self._handled if not each[1].done()]

    def _require_running(self) -> Subscription:
        subscription, follower = self._subscription, self._follower
        if subscription is None or follower is None or follower.done():
            raise PureServiceStopped(self._emitter_id, self._failure)
        return subscription
