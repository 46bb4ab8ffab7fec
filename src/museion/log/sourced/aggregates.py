"""The aggregates of one kind on one log: started on demand, one live instance each."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from museion.base.errors import InvalidInput
from museion.base.retry import RetryPolicy
from museion.log.event import require_name
from museion.log.event_log import EventLog
from museion.log.event_types import EventTypes
from museion.log.snapshots import Retention, SnapshotStore
from museion.log.sourced.aggregate import Aggregate
from museion.log.sourced.conditional import LIMIT_S
from museion.log.sourced.instance import Instance, Surroundings
from museion.log.sourced.payload_set import PayloadSet
from museion.log.sourced.recovery import Recovery
from museion.log.sourced.refusals import NotACommand, NotOpen, Overloaded
from museion.log.sourced.sourced import define
from museion.log.subject_keys import SubjectKeys
from museion.log.vector_time import VectorTime

__all__ = ["Aggregates", "Handle"]

_CLOSING_S = 5.0  # a command that hangs must not keep the program from ending
A = TypeVar("A", bound=Aggregate)


def wall_clock_ms() -> int:
    """Return the wall clock, milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Aggregates(Generic[A]):
    """Runs the aggregates of one kind. Use it in `async with`, within one event loop.

    Leaving the block refuses commands that wait, lets those that run end within some seconds,
    finishes writes under way, and unloads all.

    Args:
        kind: the class; `Counter` in the examples.
        snapshots: where snapshots are kept; None for none.
        retention: when they are saved by themselves, and how many stay.
        idle_after_s: unload what was not asked for anything so long, in seconds; None never.
            An unloaded aggregate does not react to events until it is asked for something.
        max_live: how many may be loaded; the one idle for longest makes room. None for any number.
        max_recoveries: how many may recover at a time.
        recovery: from where and how far they recover.
        types: event types with adapters; those that handlers name need not be in it.
        keys: of data subjects, where `types` is not given.
        location: makes emitter ids unique over all sites; by default the id of the log.
        create: makes an instance, where the class takes arguments.
        max_waiting: how many commands may wait at each aggregate, and be put aside by it.
        restart: how long to wait before an aggregate whose own events cannot be written recovers.
        now_ms: the wall clock that snapshots are stamped with.

    Raises:
        InvalidDefinition: the class is not written as an aggregate, or has no written name.
        NotAnEventType: a handler is for a class without a mark.
        NotSnapshotable: retention is asked for, and the declared state cannot be encoded.
        InvalidInput: `max_live` or `max_recoveries` is below 1.
    """

    def __init__(  # noqa: PLR0913 (each is a setting of its own, with a default)
        self,
        log: EventLog,
        kind: type[A],
        *,
        snapshots: SnapshotStore | None = None,
        retention: Retention | None = None,
        idle_after_s: float | None = None,
        max_live: int | None = None,
        max_recoveries: int = 8,
        recovery: Recovery | None = None,
        types: EventTypes | None = None,
        keys: SubjectKeys | None = None,
        location: str | None = None,
        create: Callable[[], A] | None = None,
        max_waiting: int = 1000,
        restart: RetryPolicy | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        _require_at_least_one(max_recoveries=max_recoveries, max_live=max_live)
        definition = define(kind, Aggregate)
        payloads = PayloadSet(types, keys=keys)
        payloads.know(definition.table(kind).kinds)
        self._name = definition.name
        self._kind = kind
        self._around = Surroundings(
            log=log,
            definition=definition,
            payloads=payloads,
            create=create or kind,
            location=location or log.log_id,
            snapshots=snapshots,
            retention=retention,
            recovery=recovery or Recovery(),
            permits=asyncio.Semaphore(max_recoveries),
            restart=restart or RetryPolicy(),
            max_waiting=max_waiting,
            now_ms=now_ms,
        )
        self._idle_after_s = idle_after_s
        self._max_live = max_live
        self._live: OrderedDict[str, Instance] = OrderedDict()
        self._ending: dict[Instance, asyncio.Task[None]] = {}
        self._open = False
        self._unloading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._open = True
        if self._idle_after_s is not None:
            self._unloading = asyncio.create_task(self._unload_idle(self._idle_after_s))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open = False
        if self._unloading is not None:
            self._unloading.cancel()
        await asyncio.gather(*(each.close(_CLOSING_S) for each in list(self._live.values())))
        await asyncio.gather(*self._ending.values())

    @property
    def live(self) -> tuple[str, ...]:
        """Ids of the aggregates that are loaded, the longest unused first."""
        return tuple(self._live)

    @property
    def trouble(self) -> str | None:
        """Why a snapshot that was due could not be saved, for one that has the trouble."""
        troubles = (instance.trouble for instance in self._live.values())
        return next((trouble for trouble in troubles if trouble is not None), None)

    async def get(self, aggregate_id: str) -> A:
        """Return a handle of an aggregate that has recovered, starting it if need be.

        The handle stays valid: a command starts the aggregate again where it was unloaded.

        Raises:
            InvalidEvent: the id is no name of 1 to 511 bytes.
            NotOpen: outside of the `async with` block.
            EmitterInUse: it is live elsewhere in this process.
            Overloaded: too many are loaded, and all of them are at work.
            Exception: what its recovery failed with.
        """
        await self._instance(aggregate_id).ready()
        return self.handle(aggregate_id)

    def handle(self, aggregate_id: str) -> A:
        """Return a handle without starting the aggregate; its first command does.

        Its attributes are the commands of the aggregate, `at_least`, and what `Handle` has.
        """
        return cast(A, Handle(self, self._kind, aggregate_id))

    def unload(self, aggregate_id: str) -> bool:
        """Unload an aggregate if it is idle, and tell whether it is not loaded now."""
        instance = self._live.get(aggregate_id)
        if instance is not None and instance.idle:
            instance.stop()
        return aggregate_id not in self._live

    def _instance(self, aggregate_id: str) -> Instance:
        if not self._open:
            raise NotOpen(self._name)
        instance = self._live.get(aggregate_id)
        if instance is None:
            require_name(aggregate_id)
            self._make_room()
            instance = Instance(self._around, aggregate_id, self._ended)
            self._live[aggregate_id] = instance
        self._live.move_to_end(aggregate_id)
        return instance

    def _make_room(self) -> None:
        if self._max_live is None or len(self._live) < self._max_live:
            return
        for instance in self._live.values():
            if instance.idle:
                instance.stop()
                return
        raise Overloaded(f"live aggregates of kind {self._name!r}", self._max_live)

    def _ended(self, instance: Instance) -> None:
        if self._live.get(instance.id) is instance:
            del self._live[instance.id]
        task = asyncio.get_running_loop().create_task(instance.settled())
        self._ending[instance] = task
        task.add_done_callback(lambda _: self._ending.pop(instance))

    async def _unload_idle(self, idle_after_s: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(idle_after_s / 2)
            last_s = loop.time() - idle_after_s
            for instance in list(self._live.values()):
                if instance.last_used_s <= last_s and instance.idle:
                    instance.stop()


def _require_at_least_one(**limits: int | None) -> None:
    for name, limit in limits.items():
        if limit is not None and limit < 1:
            raise InvalidInput(f"Expected {name} of at least 1, got {limit}.")


class Handle:
    """What a caller holds of an aggregate. For a type checker it is the aggregate's own class."""

    def __init__(self, owner: Aggregates[Any], kind: type[Aggregate], aggregate_id: str) -> None:
        self._owner = owner
        self._kind = kind
        self.id = aggregate_id
        self.version = VectorTime()

    async def at_least(self, token: VectorTime, *, limit_s: float = LIMIT_S) -> None:
        """See `Aggregate.at_least`."""
        await self._owner._instance(self.id).waits.at_least(token, limit_s=limit_s)

    # Any: the type checker sees the commands of the aggregate's class in place of this.
    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise NotACommand(self._kind.__qualname__, name)
        known = self._owner._around.definition.commands(self._kind)
        if name not in known and hasattr(self._kind, name):
            raise NotACommand(self._kind.__qualname__, name)

        async def call(*args: Any, **named: Any) -> Any:
            instance = self._owner._instance(self.id)
            try:
                return await instance.call(name, args, named)
            finally:
                self.version = self.version.merge(instance.version)

        self.__dict__[name] = call
        return call

    def __repr__(self) -> str:
        return f"<{self._kind.__qualname__} {self.id!r}>"
