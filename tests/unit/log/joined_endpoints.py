"""Endpoints in one process, with lines between them that can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any, TypeVar

from opened_log import new

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.frame import envelope_of
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.connection import Connection, log_id_of
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.local_neighbour import LocalNeighbour
from museion.log.replication.protocol import (
    EndpointInfo,
    InfoRequest,
    Link,
    Offer,
    OfferTaken,
    ReadAnswer,
    ReadRequest,
    RecoveryAnswer,
    RecoveryRequest,
)
from museion.log.replication.refusals import Unreachable
from museion.log.replication.status import ConnectionStatus
from museion.testing.event_loop import until

T = TypeVar("T")

QUICK = EndpointSettings(
    retry_delay_s=0.05,
    first_retry_delay_s=0.005,
    remote_read_timeout_s=1.0,
    failure_detection_limit_s=2.0,
)
PATIENT = EndpointSettings(first_retry_delay_s=0.005)
"""So that nothing quick can come from trying again."""


class Line:
    """The door of an endpoint, at the end of a line that can be cut and delayed."""

    def __init__(self, endpoint: Endpoint, caller_id: str, *, delay_s: float = 0.0) -> None:
        self._door = LocalNeighbour(endpoint.service, caller_id)
        self._remote_id = endpoint.endpoint_id
        self._calls: list[asyncio.Task[Any]] = []
        self.delay_s = delay_s
        self.is_cut = False
        self.is_closed = False
        self.reads: list[ReadRequest] = []
        self.answers: list[ReadAnswer] = []
        self.most_at_once = 0
        self._at_once = 0

    def cut(self) -> None:
        self.is_cut = True
        for call in list(self._calls):
            call.cancel()

    def mend(self) -> None:
        self.is_cut = False

    async def info(self, request: InfoRequest) -> EndpointInfo:
        return await self._over(lambda: self._door.info(request))

    async def read(self, request: ReadRequest) -> ReadAnswer:
        self.reads.append(request)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            answer = await self._over(lambda: self._door.read(request))
        finally:
            self._at_once -= 1
        self.answers.append(answer)
        return answer

    async def offer(self, offer: Offer) -> OfferTaken:
        return await self._over(lambda: self._door.offer(offer))

    async def recover(self, request: RecoveryRequest) -> RecoveryAnswer:
        return await self._over(lambda: self._door.recover(request))

    async def close(self) -> None:
        self.is_closed = True

    async def _over(self, call: Callable[[], Awaitable[T]]) -> T:
        task = asyncio.create_task(self._delayed(call))
        self._calls.append(task)
        try:
            return await task
        except asyncio.CancelledError:
            asks = asyncio.current_task()
            # Not whether it is cut: it may have been mended before this came to run.
            if asks is not None and not asks.cancelling():
                raise Unreachable(self._remote_id, "the line is cut") from None
            task.cancel()
            raise
        finally:
            self._calls.remove(task)

    async def _delayed(self, call: Callable[[], Awaitable[T]]) -> T:
        if self.is_cut:
            raise Unreachable(self._remote_id, "the line is cut")
        if self.delay_s:
            await asyncio.sleep(self.delay_s / 2)
        answer = await call()
        if self.delay_s:
            await asyncio.sleep(self.delay_s / 2)
        return answer


class World:
    """Some endpoints and the lines between them."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self.endpoints = endpoints
        self.lines: dict[tuple[str, str], Line] = {}

    def __getitem__(self, endpoint_id: str) -> Endpoint:
        return self.endpoints[endpoint_id]

    def log(self, endpoint_id: str, name: str = "") -> EventLog:
        return self.endpoints[endpoint_id].logs[name]

    async def read(self, target: str, source: str, *, delay_s: float = 0.0, **more: Any) -> Line:
        """Let one endpoint read from another."""
        line = Line(self[source], target, delay_s=delay_s)
        self.lines[target, source] = line
        await self[target].connect(Connection(source, **more), line)
        return line

    async def join(self, first: str, second: str, **more: Any) -> None:
        """Let two read from each other."""
        await self.read(first, second, **more)
        await self.read(second, first, **more)

    async def write(self, endpoint_id: str, *payloads: bytes, **more: Any) -> list[Event]:
        """Write events that know all that is there."""
        log = self.log(endpoint_id)
        stamp = log.version
        return await log.append([new(each, vector_timestamp=stamp, **more) for each in payloads])

    async def settle(self, count: int) -> None:
        """Wait until each log has that many events."""
        logs = [log for each in self.endpoints.values() for log in each.logs.values()]
        await until(lambda: all(log.sequence_nr >= count for log in logs))


@asynccontextmanager
async def world(
    *names: str,
    settings: EndpointSettings = QUICK,
    log_names: Sequence[str] = ("",),
    each: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> AsyncIterator[World]:
    """Open endpoints with empty logs in memory.

    Args:
        each: endpoint id -> further arguments of that endpoint.
    """
    async with AsyncExitStack() as stack:
        endpoints: dict[str, Endpoint] = {}
        for number, name in enumerate(names):
            logs = {}
            for log_name in log_names:
                logs[log_name] = EventLog(MemoryEventStore(log_id=log_id_of(name, log_name)))
                stack.push_async_callback(logs[log_name].close)
            arguments = {**more, **(each or {}).get(name, {})}
            endpoints[name] = Endpoint(
                name,
                logs,
                settings=arguments.pop("settings", settings),
                seed=Random(number),  # noqa: S311 (repeatable)
                now_ms=lambda: 1_000_000,
                **arguments,
            )
        for endpoint in endpoints.values():
            await stack.enter_async_context(endpoint)
        yield World(endpoints)


async def everything(log: EventLog) -> list[Event]:
    return list(await log.read(limit=100_000, deleted=True))


def shared(event: Event) -> bytes:
    """Return all that must be the same everywhere."""
    return envelope_of(event) + (event.chain_digest or b"")


def require_causal_order(events: Sequence[Event]) -> None:
    """Fail if an event stands before one that it knew of."""
    for index, event in enumerate(events):
        for later in events[index + 1 :]:
            assert not later.vector_timestamp < event.vector_timestamp


def link(sites: World, endpoint_id: str, remote_id: str) -> ConnectionStatus:
    links = sites[endpoint_id].status().connections
    return next(each for each in links if each.remote_id == remote_id)


def condition(sites: World, endpoint_id: str, remote_id: str) -> Callable[[str], bool]:
    return lambda expected: link(sites, endpoint_id, remote_id).condition == expected


async def until_heard(sites: World, endpoint_id: str, *links: Link) -> None:
    """Wait until an endpoint knows of connections of others."""

    def heard() -> bool:
        told = {each for state in sites[endpoint_id].status().topology for each in state.links}
        return told >= set(links)

    await until(heard)


def endpoint_of(log: EventLog) -> Endpoint:
    chance = Random(1)  # noqa: S311 (repeatable)
    return Endpoint("a", {"": log}, settings=QUICK, seed=chance, now_ms=lambda: 1)
