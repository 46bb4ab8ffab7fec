"""Endpoints in one process that can be lost, set back to a backup, and opened again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace as replaced
from random import Random
from typing import Any, TypeVar

from joined_endpoints import QUICK, Line, everything, shared
from msgspec.structs import replace
from opened_log import new

from museion.log.circuit_breaker import WritePolicy
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.event_store import EventStore, WriteBatch, WriteFailed
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.connection import Connection, log_id_of
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.filters import EVERYTHING, Filter
from museion.log.replication.protocol import (
    EndpointInfo,
    InfoRequest,
    ReadAnswer,
    ReadRequest,
    RecoveryAnswer,
    RecoveryRequest,
)
from museion.log.replication.refusals import Unreachable
from museion.log.replication.topology import MemoryTopologyStore

T = TypeVar("T")


class FailingLine(Line):
    """A line that loses single answers.

    Attributes:
        fails_at: kind of call -> how many more calls until an answer is lost, 1 for the next.
        most_events: bound of what one answer brings.
        bytes_per_s: how fast answers come; None for at once.
    """

    def __init__(self, endpoint: Endpoint, caller_id: str) -> None:
        super().__init__(endpoint, caller_id)
        self.fails_at: dict[str, int] = {}
        self.most_events: int | None = None
        self.bytes_per_s: float | None = None

    async def info(self, request: InfoRequest) -> EndpointInfo:
        return self._kept("info", await super().info(request))

    async def read(self, request: ReadRequest) -> ReadAnswer:
        if self.most_events is not None:
            request = replace(request, max_events=self.most_events)
        answer = self._kept("read", await super().read(request))
        if self.bytes_per_s is not None:
            await asyncio.sleep(sum(len(e.envelope) for e in answer.events) / self.bytes_per_s)
        return answer

    async def recover(self, request: RecoveryRequest) -> RecoveryAnswer:
        return self._kept("recover", await super().recover(request))

    async def _over(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await super()._over(call)
        except Unreachable:
            # A cut line must not swallow that its caller is to end.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from None
            raise

    def _kept(self, kind: str, answer: T) -> T:
        if kind in self.fails_at:
            self.fails_at[kind] -= 1
            if self.fails_at[kind] == 0:
                raise Unreachable(self._remote_id, "the answer was lost")
        return answer


class Sites:
    """Some sites and their links; a site keeps its store and topology when it is closed."""

    def __init__(self, *names: str, new_store: Callable[[str], EventStore] | None = None) -> None:
        self._new_store = new_store or (lambda log_id: MemoryEventStore(log_id=log_id))
        self.stores: dict[str, EventStore] = {
            name: self._new_store(log_id_of(name, "")) for name in names
        }
        self.topologies = {name: MemoryTopologyStore() for name in names}
        self.endpoints: dict[str, Endpoint] = {}
        self.links: list[tuple[str, str, Filter]] = []
        self.lines: dict[tuple[str, str], FailingLine] = {}

    def __getitem__(self, name: str) -> Endpoint:
        return self.endpoints[name]

    def log(self, name: str) -> EventLog:
        return self.endpoints[name].logs[""]

    async def open(self, name: str, **more: Any) -> Endpoint:
        """Open a site and make its links again."""
        log = EventLog(self.stores[name], policy=WritePolicy(retries=0, open_after_retries=1000))
        endpoint = Endpoint(
            name,
            {"": log},
            settings=replaced(QUICK, wait_s=0.05),
            seed=Random(name),  # noqa: S311 (a repeatable test)
            now_ms=lambda: 1_000_000,
            topology_store=self.topologies[name],
            **more,
        )
        endpoint.activate()
        self.endpoints[name] = endpoint
        for target, source, only in self.links:
            if target == name and source in self.endpoints:
                await self._connect(target, source, only)
            elif source == name and target in self.endpoints:
                line = FailingLine(endpoint, target)
                self.lines[target, source] = line
                if any(each.remote_id == source for each in self[target].connections):
                    await self[target].replace_neighbour(source, line)
                else:
                    await self[target].connect(Connection(source, only), line)
        return endpoint

    async def close(self, name: str) -> None:
        """End a site; its neighbours find that it does not answer."""
        endpoint = self.endpoints.pop(name)
        for (_, source), line in self.lines.items():
            if source == name:
                line.cut()
        await endpoint.close()
        await endpoint.logs[""].close()

    async def lose(self, name: str, *, backup: EventStore | None = None, **more: Any) -> Endpoint:
        """End a site, put an empty log or a backup in the place of its log, and open it again."""
        await self.close(name)
        self.stores[name] = backup or self._new_store(log_id_of(name, ""))
        self.topologies[name] = MemoryTopologyStore()
        return await self.open(name, **more)

    async def join(self, first: str, second: str, only: Filter = EVERYTHING) -> None:
        """Let two read from each other; the second one only a part."""
        self.links += [(first, second, EVERYTHING), (second, first, only)]
        await self._connect(first, second, EVERYTHING)
        await self._connect(second, first, only)

    async def write(self, name: str, *payloads: bytes, **more: Any) -> list[Event]:
        """Write events that know all that is there."""
        log = self.log(name)
        return await log.append(
            [new(each, vector_timestamp=log.version, **more) for each in payloads]
        )

    async def settle(self, counts: Mapping[str, int] | int) -> None:
        """Wait until each log has that many events."""
        if isinstance(counts, int):
            counts = dict.fromkeys(self.endpoints, counts)
        for name, count in counts.items():
            while len(await self.payloads(name)) < count:  # noqa: ASYNC110 (threads write)
                await asyncio.sleep(0.001)

    async def payloads(self, name: str) -> list[bytes]:
        return [event.payload for event in await everything(self.log(name))]

    async def same(self, *names: str) -> bool:
        """Tell whether the logs hold the same events, byte for byte."""
        sets = [
            sorted(shared(event) for event in await everything(self.log(name))) for name in names
        ]
        return all(each == sets[0] for each in sets)

    async def _connect(self, target: str, source: str, only: Filter) -> None:
        line = FailingLine(self[source], target)
        self.lines[target, source] = line
        await self[target].connect(Connection(source, only), line)


def backup_of(store: EventStore) -> MemoryEventStore:
    """Return a copy of a store in memory, as a backup holds it."""
    assert isinstance(store, MemoryEventStore)
    copy = MemoryEventStore(log_id=store.recover().log_id)
    copy._events = list(store._events)
    for aggregate_id, events in store._by_aggregate.items():
        copy._by_aggregate[aggregate_id] = list(events)
    copy._progress = dict(store._progress)
    copy._state = store._state
    return copy


class FailingStore(MemoryEventStore):
    """Fails one write, certainly without effect.

    Attributes:
        fails_in: how many more writes until one fails, 1 for the next; 0 for none.
    """

    def __init__(self, *, log_id: str) -> None:
        super().__init__(log_id=log_id)
        self.fails_in = 0

    def write(self, batch: WriteBatch) -> None:
        """Write, or fail."""
        self._fail_in_turn()
        super().write(batch)

    def mark_deleted(self, to: int) -> None:
        """Mark, or fail."""
        self._fail_in_turn()
        super().mark_deleted(to)

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        """Remove, or fail."""
        self._fail_in_turn()
        super().remove(to, chain)

    def _fail_in_turn(self) -> None:
        if self.fails_in:
            self.fails_in -= 1
            if not self.fails_in:
                raise WriteFailed("the disk is full")


@asynccontextmanager
async def sites(
    *names: str, new_store: Callable[[str], EventStore] | None = None, **more: Any
) -> AsyncIterator[Sites]:
    """Open sites with empty logs."""
    opened = Sites(*names, new_store=new_store)
    try:
        for name in names:
            await opened.open(name, **more)
        yield opened
    finally:
        for name in list(opened.endpoints):
            await opened.close(name)
