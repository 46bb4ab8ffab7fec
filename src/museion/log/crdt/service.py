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
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from museion.base.errors import Damaged, InvalidInput
from museion.log.crdt.crdt import Stamp, StoredCrdt
from museion.log.event_log import EventLog
from museion.log.event_types import event_type
from museion.log.snapshots import Retention, Snapshot, SnapshotStore
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates, wall_clock_ms
from museion.log.sourced.refusals import SnapshotRefused

__all__ = [
    "CrdtService",
    "InvalidCrdtName",
    "OperationWritten",
    "UnreadableOperation",
    "UnwritableOperation",
    "ValueForm",
    "aggregate_id_of",
]

S = TypeVar("S")
O = TypeVar("O")  # noqa: E741 (an operation)
V = TypeVar("V")


@event_type("museion.crdt.operation-written")
class OperationWritten(msgspec.Struct, frozen=True):
    """An operation of a replicated type took place.

    Attributes:
        crdt: the name of the type.
        operation: its stored form.
    """

    crdt: str
    operation: bytes


class InvalidCrdtName(InvalidInput):
    """A name would not keep instances of different types apart."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Expected a name of a CRDT without ':', and not empty; got {name!r:.200}."
        )


class UnwritableOperation(InvalidInput):
    """An operation has no stored form that it could be read back from; nothing was written."""

    def __init__(self, crdt: str, operation: object, reason: Exception) -> None:
        super().__init__(
            f"Expected an operation of {crdt!r}, got {operation!r:.200}: {reason}.",
            remedy="Give values of the declared type, or a ValueForm for types of your own.",
        )


class UnreadableOperation(Damaged):
    """A stored operation is not of the form that its type has here."""

    def __init__(self, crdt: str, reason: Exception) -> None:
        super().__init__(
            f"Expected the stored form of an operation of {crdt!r}; {reason}.",
            remedy="Use one type of values under one name of a CRDT at all sites.",
        )


@dataclass(frozen=True, slots=True)
class ValueForm:
    """How values of types that msgspec does not know are written and read back.

    Args:
        to_plain: makes something that msgspec encodes; as `enc_hook` of `msgspec`.
        from_plain: makes a value of a type from it; as `dec_hook` of `msgspec`.
    """

    to_plain: Callable[[Any], Any] | None = None
    from_plain: Callable[[type, Any], Any] | None = None


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
        form: ValueForm = ValueForm(),
        max_live: int | None = None,
        idle_after_s: float | None = None,
        max_waiting: int = 1000,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._crdt = crdt
        aggregate_id_of(crdt.name, "")
        codec = _Codec(crdt, form)
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
            create=lambda: kind(codec),
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


class _Codec:
    """Writes and reads the states and operations of one type."""

    def __init__(self, crdt: StoredCrdt[Any, Any, Any], form: ValueForm) -> None:
        self.crdt = crdt
        self._encoder = msgspec.msgpack.Encoder(enc_hook=form.to_plain)
        self._operations = msgspec.msgpack.Decoder(crdt.operation_type, dec_hook=form.from_plain)
        self._states = msgspec.msgpack.Decoder(crdt.state_type, dec_hook=form.from_plain)

    def write(self, operation: object) -> OperationWritten:
        """Return the payload of an operation. Raises `UnwritableOperation`."""
        try:
            content = self._encoder.encode(operation)
            # What could not be read back would stop, for good, every site that replays it.
            self._operations.decode(content)
        except Exception as reason:  # hooks may raise anything
            raise UnwritableOperation(self.crdt.name, operation, reason) from reason
        return OperationWritten(self.crdt.name, content)

    def read(self, written: OperationWritten) -> Any:
        """Return the operation of a payload. Raises `UnreadableOperation`."""
        try:
            return self._operations.decode(written.operation)
        except Exception as reason:
            raise UnreadableOperation(self.crdt.name, reason) from reason

    def encode_state(self, state: object) -> bytes:
        """Return the stored form of a state."""
        return self._encoder.encode(state)

    def decode_state(self, content: bytes) -> Any:
        """Return a state. Raises `SnapshotRefused`, so that the operations are replayed."""
        try:
            return self._states.decode(content)
        except Exception as reason:
            raise SnapshotRefused(f"its state is not one of {self.crdt.name!r}") from reason


class _Instance(Aggregate):
    """One instance; its subclasses have the names of the services."""

    def __init__(self, codec: _Codec) -> None:
        self._codec = codec
        self._state = codec.crdt.zero()

    @command
    async def value(self) -> Any:
        return self._codec.crdt.value(self._state)

    @command
    async def update(self, operation: object) -> Any:
        crdt = self._codec.crdt
        prepared = crdt.prepare(self._state, operation)
        if prepared is not None:
            await self.persist(self._codec.write(prepared))
        return crdt.value(self._state)

    @command
    async def save(self) -> Snapshot:
        return await self.save_snapshot()

    @handles
    def _written(self, event: OperationWritten) -> None:
        operation = self._codec.read(event)
        self._state = self._codec.crdt.effect(self._state, operation, Stamp.of(self.current))

    def snapshot_state(self) -> bytes:
        return self._codec.encode_state(self._state)

    def restore(self, state: bytes) -> None:
        self._state = self._codec.decode_state(state)


def _kind(service_id: str, crdt: StoredCrdt[Any, Any, Any]) -> type[_Instance]:
    class Instance(_Instance, name=service_id, state_sync=crdt.needs_state):
        """An instance under the name of one service."""

    return Instance
