"""Runs the instances of one replicated type on a log: loaded on demand, one live one for each id.

    async with CrdtService(log, AddWinsSet(str), service_id="tags") as tags:
        await tags.update("asset-1", Add("dawn"))
        await tags.value("asset-1")

An instance is an aggregate whose events are operations, so it is recovered, replicated, unloaded
and kept in snapshots as aggregates are. The same instance at another site has the same id and the
same type; its service may have another name.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from museion.base.errors import InvalidInput
from museion.log.crdt.crdt import Stamp, StoredCrdt
from museion.log.crdt.operation_form import (
    KnowsStates,
    OperationForm,
    OperationWritten,
    UnreadableOperation,
    UnwritableOperation,
    ValueForm,
)
from museion.log.event_log import EventLog
from museion.log.snapshots import Retention, Snapshot, SnapshotStore
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates, wall_clock_ms

__all__ = [
    "CrdtService",
    "InvalidCrdtName",
    "KnowsStates",
    "OperationWritten",
    "UnreadableOperation",
    "UnwritableOperation",
    "ValueForm",
    "aggregate_id_of",
]

S = TypeVar("S")
O = TypeVar("O")  # noqa: E741 (an operation)
V = TypeVar("V")


class InvalidCrdtName(InvalidInput):
    """A name would not keep instances of different types apart."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Expected a name of a CRDT without ':', and not empty; got {name!r:.200}."
        )


def aggregate_id_of(crdt_name: str, instance_id: str) -> str:
    """Return the aggregate id of an instance: types do not share ids.

    Raises:
        InvalidCrdtName: the name could be taken for a name and the beginning of an id.
    """
    if not crdt_name or ":" in crdt_name:
        raise InvalidCrdtName(crdt_name)
    return f"{crdt_name}:{instance_id}"


class CrdtService(Generic[S, O, V]):
    """The instances of one type on one log. Use it in `async with`, within one event loop.

    Where the type needs no state to prepare its operations, updates of one instance do not wait for
    each other, and go to disk together.

    Args:
        service_id: stable name of this service, part of the id under which it writes and keeps
            snapshots; unique on the log for each type.
        snapshots: where snapshots are kept; None for none.
        retention: when they are saved by themselves, and how many stay.
        form: how values of types of your own are stored.
        max_live: how many instances may be loaded; None for any number.
        idle_after_s: unload instances that nobody asked for so long; None never.
        max_waiting: how many updates may wait at each instance.
        now_ms: the wall clock that snapshots are stamped with.

    Raises:
        InvalidCrdtName: the name of the type is empty or holds a ':'.
    """

    def __init__(  # noqa: PLR0913 (each is a setting of its own, with a default)
        self,
        log: EventLog,
        crdt: StoredCrdt[S, O, V],
        *,
        service_id: str,
        snapshots: SnapshotStore | None = None,
        retention: Retention | None = None,
        form: ValueForm | None = None,
        max_live: int | None = None,
        idle_after_s: float | None = None,
        max_waiting: int = 1000,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._crdt = crdt
        aggregate_id_of(crdt.name, "")
        stored = OperationForm(crdt, form or ValueForm())
        kind = _kind(service_id, crdt)
        self._instances: Aggregates[_Instance] = Aggregates(
            log,
            kind,
            snapshots=snapshots,
            retention=retention,
            max_live=max_live,
            idle_after_s=idle_after_s,
            max_waiting=max_waiting,
            now_ms=now_ms,
            create=lambda: kind(stored),
        )

    async def __aenter__(self) -> Self:
        await self._instances.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._instances.__aexit__(kind, error, traceback)

    @property
    def live(self) -> tuple[str, ...]:
        """Ids of the instances that are loaded, the longest unused first."""
        return tuple(each.partition(":")[2] for each in self._instances.live)

    async def value(self, instance_id: str) -> V:
        """Return the value of an instance, of everything that is in the log; zero for a new one.

        Raises:
            NotOpen, EmitterInUse, Overloaded: as `Aggregates.get`.
            Exception: what its recovery failed with.
        """
        value: V = await self._handle(instance_id).value()
        return value

    async def state(self, instance_id: str) -> S:
        """Return the state of an instance, for what else its type can tell, such as conflicts.

        Raises: as `value`.
        """
        state: S = await self._handle(instance_id).state()
        return state

    async def update(self, instance_id: str, operation: O) -> V:
        """Carry out an operation and return the value after it.

        When it returns, the operation is on disk, or there was nothing to do.

        Raises:
            InvalidInput, Conflict: the operation is not allowed; nothing was written.
            UnwritableOperation: it has no stored form; nothing was written.
            WriteFailed, LogUnavailable: certainly nothing was written; the instance goes on.
            LogDefect: whether it is written is not known.
            WrittenNotHandled: it is written, but the instance stopped.
            Exception: as `value`.
        """
        value: V = await self._handle(instance_id).update(operation)
        return value

    async def save(self, instance_id: str) -> Snapshot:
        """Save a snapshot of an instance; it is on disk when this returns.

        Raises: as `Aggregate.save_snapshot`, and as `value`.
        """
        return await self._handle(instance_id).save()

    def unload(self, instance_id: str) -> bool:
        """Unload an instance if it is idle, and tell whether it is not loaded now."""
        return self._instances.unload(aggregate_id_of(self._crdt.name, instance_id))

    def _handle(self, instance_id: str) -> _Instance:
        return self._instances.handle(aggregate_id_of(self._crdt.name, instance_id))


class _Instance(Aggregate):
    """One instance; its subclasses have the names of the services."""

    def __init__(self, form: OperationForm) -> None:
        self._form = form
        self._state = form.crdt.zero()

    @command
    async def value(self) -> Any:
        return self._form.crdt.value(self._state)

    @command
    async def state(self) -> Any:
        return self._state

    @command
    async def update(self, operation: object) -> Any:
        crdt = self._form.crdt
        prepared = crdt.prepare(self._state, operation)
        if prepared is not None:
            await self.persist(self._form.write(prepared))
        return crdt.value(self._state)

    @command
    async def save(self) -> Snapshot:
        return await self.save_snapshot()

    @handles
    def _written(self, event: OperationWritten) -> None:
        operation = self._form.read(event)
        self._state = self._form.crdt.effect(self._state, operation, Stamp.of(self.current))

    def snapshot_state(self) -> bytes:
        return self._form.encode_state(self._state)

    def restore(self, state: bytes) -> None:
        self._state = self._form.decode_state(state)


def _kind(service_id: str, crdt: StoredCrdt[Any, Any, Any]) -> type[_Instance]:
    class Instance(_Instance, name=service_id, state_sync=crdt.needs_state):
        """An instance under the name of one service."""

    return Instance
