"""A simulated site: a disk, a clock, and the real program that is started, killed and restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from museion.base.errors import Conflict, InvalidInput, MuseionError
from museion.log.event_log import EventLog, LogClosed
from museion.log.replication.connection import (
    AlreadyConnected,
    Connection,
    NotConnected,
    log_id_of,
)
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.refusals import Refused
from museion.log.replication.service import EndpointService
from museion.testing.failing_store import FailingStore, FailureRates
from museion.testing.simulation.disk import DiskCopy, SimulatedDisk
from museion.testing.simulation.life import Life, PowerLost
from museion.testing.simulation.site_plan import SitePlan
from museion.testing.simulation.watched_log import WatchedLog
from museion.testing.simulation.writer_turns import SimulatedTurns

if TYPE_CHECKING:
    from museion.testing.simulation.world import SimulatedWorld

_RETRY_S = 1.0
_START_MS = 1_700_000_000_000


class SimulatedSite:
    """One site of a world. Its program runs between `start` and `stop` or `crash`.

    Attributes:
        plan: may be changed; the next start follows it.
        disk: what it keeps.
        clock_offset_ms: how far its wall clock is off.
        links: the connections that it has, and makes again with each start, by remote id.
        logs: by name; of the present life.
        endpoint: of the present life.
        turn: held by whoever starts, ends or kills the program.
        lost_events: what was lost has not been brought back yet.
        readers: the sites that were ever to get its events directly; deletion names them.
    """

    def __init__(self, world: SimulatedWorld, site_id: str, plan: SitePlan, chance: Random) -> None:
        self._world = world
        self._chance = chance
        self.site_id = site_id
        self.plan = plan
        self.disk = SimulatedDisk(chance, world)
        self.disk.on_power_lost = self._lose_power
        self.clock_offset_ms = 0
        self.links: dict[str, Connection] = {}
        self.logs: Mapping[str, EventLog] = {}
        self.endpoint: Endpoint | None = None
        self.life: Life | None = None
        self.turn = asyncio.Lock()
        self.lost_events = False
        self.readers: dict[str, None] = {}
        self._stores: list[FailingStore] = []
        self._program: asyncio.Task[None] | None = None
        self._is_stopping = False

    @property
    def log(self) -> EventLog:
        """The first log."""
        return next(iter(self.logs.values()))

    @property
    def service(self) -> EndpointService | None:
        """What answers other sites."""
        return self.endpoint.service if self.endpoint is not None else None

    @property
    def is_running(self) -> bool:
        """Tell whether its program runs."""
        return self.life is not None and self.life.is_alive

    @property
    def log_ids(self) -> Iterable[str]:
        """The ids of its logs."""
        return [log_id_of(self.site_id, name) for name in self.plan.log_names]

    def now_ms(self) -> int:
        """Return what its wall clock says."""
        return _START_MS + self.clock_offset_ms + round(self._world.now_s * 1000)

    def disk_delay_s(self) -> float:
        """Return how long half a disk access takes this time."""
        return self.plan.disk_delay_s * self._chance.uniform(0.1, 1.9)

    async def start(self) -> None:
        """Start the program on what is on the disk; it connects in the background."""
        assert not self.is_running, f"{self.site_id} runs already"
        self._world.trace(self.site_id, "starts" + (" after a loss" if self.lost_events else ""))
        life = Life(self._world.loop, self.site_id)
        self._is_stopping = False
        self.life = life
        await life.spawn(self._open(life))
        life.spawn(self._connect_all())
        if self.plan.program is not None and not self.lost_events:
            self._program = life.spawn(self._run_program())

    async def crash(self) -> None:
        """Kill the program at this very moment; the machine loses its power, too."""
        if self.life is None:
            return
        life, self.life = self.life, None
        life.is_alive = False
        self.disk.power_lost()
        self._world.trace(self.site_id, "crashes")
        self.endpoint, self.logs, self._stores = None, {}, []
        await life.end()

    async def stop(self) -> None:
        """End the program as a person does."""
        if self.life is None or self.endpoint is None:
            return
        life, endpoint, logs = self.life, self.endpoint, self.logs
        self._world.trace(self.site_id, "stops")
        self._is_stopping = True
        await life.spawn(self._close(endpoint, logs))
        self.endpoint, self.logs, self._stores, self.life = None, {}, [], None
        await life.end()

    def lose_disk(self, copy: DiskCopy | None = None, *, keep_snapshots: bool = False) -> None:
        """Lose everything that is kept, or all that came after a backup; only while it is down.

        Args:
            keep_snapshots: snapshots lie elsewhere, and so may cover events that are lost.
        """
        assert not self.is_running
        self._world.trace(self.site_id, "loses its disk" if copy is None else "is set back")
        self.disk.set_back(copy or DiskCopy({}, ()), keep_snapshots=keep_snapshots)
        for log_id in self.log_ids:
            self._world.ledger.lost(log_id, self.disk.journal(log_id))
        self.lost_events = True

    async def finished(self) -> None:
        """Wait until the program beside the endpoint has ended by itself, or was killed."""
        if self._program is not None:
            await asyncio.wait([self._program])

    async def stop_program(self) -> None:
        """End the program beside the endpoint; it starts again with the site."""
        if self._program is not None:
            self._program.cancel()
            await asyncio.wait([self._program])

    async def recover(self) -> None:
        """Bring back what was lost from the neighbours. Raises as `Endpoint.recover`."""
        assert self.life is not None
        await self.life.spawn(self._recover())

    async def connect(self, connection: Connection) -> None:
        """Make a connection now, and again with each start. Raises as `Endpoint.connect`."""
        self.links[connection.remote_id] = connection
        if connection.reads:
            self._world.sites[connection.remote_id].readers[self.site_id] = None
        if connection.offers:
            self.readers[connection.remote_id] = None
        life = self.life
        if life is None or self.endpoint is None:
            return
        try:
            await life.spawn(self._connect(connection))
        except AlreadyConnected:
            return  # it came back with a start
        except (Refused, InvalidInput, Conflict):
            self.links.pop(connection.remote_id, None)
            raise
        except (MuseionError, PowerLost, asyncio.CancelledError):
            if life.is_alive:  # the disk fails just now
                life.spawn(self._keep_connecting(connection))

    async def disconnect(self, remote_id: str) -> None:
        """End a connection, if there is one."""
        if self.links.pop(remote_id, None) is None:
            return
        if self.life is not None and self.endpoint is not None:
            with suppress(NotConnected):  # it was not made yet, or not again
                await self.life.spawn(self.endpoint.disconnect(remote_id))

    def disturb(self, rates: FailureRates) -> None:
        """Let the disk fail so often from now on."""
        self.plan = replace(self.plan, disk_rates=rates)
        for store in self._stores:
            store.rates = rates

    def requested(self, log_id: str, payloads: Sequence[bytes]) -> None:
        """Say that events are about to be written together: all of them, or none."""
        self._world.ledger.requested(log_id, payloads)

    def check(self) -> None:
        """Compare what the stores say of themselves with what was written to them."""
        for log_id, log in zip(self.log_ids, self.logs.values(), strict=True):
            journal = self.disk.journal(log_id)
            store = self._stores[list(self.log_ids).index(log_id)]
            state = store.recover()
            self._world.ledger.check_state(log_id, state, journal)
            if (log.sequence_nr, log.version) != (state.sequence_nr, state.version):
                self._world.violated(f"{log_id}: the log and its store end differently")

    async def _open(self, life: Life) -> None:
        names = self.plan.log_names
        logs = {name: self._open_log(life, log_id_of(self.site_id, name)) for name in names}
        self.logs = logs
        self.endpoint = Endpoint(
            self.site_id,
            logs,
            seed=Random(self._chance.random()),  # noqa: S311 (repeatable)
            now_ms=self.now_ms,
            application=self.plan.application,
            settings=self.plan.settings,
            gate=self.plan.gate,
            filters=self.plan.filters,
            lost_events=self.lost_events,
            topology_store=self.disk.topology_store(life),
        )
        self.endpoint.activate()

    def _open_log(self, life: Life, log_id: str) -> EventLog:
        store = FailingStore(self.disk.store(log_id, life), random=self._chance)
        self._stores.append(store)
        turns = SimulatedTurns(life, delay=self.disk_delay_s, now_ms=self.now_ms)
        log = WatchedLog(store, limits=self.plan.limits, policy=self.plan.policy, turns=turns)
        store.rates = self.plan.disk_rates  # from here on: a log that cannot be opened is no fault
        log.acknowledged = self._world.acknowledged
        life.spawn(self._restart_when_stopped(life, log))
        return log

    async def _restart_when_stopped(self, life: Life, log: EventLog) -> None:
        await log.closed()
        if life.is_alive and not self._is_stopping:
            try:
                log.require_open()
            except LogClosed as closed:
                self._world.trace(self.site_id, f"its log has stopped: {closed.__cause__!r}")
            self._world.in_background(self._world.restart(self))

    async def _connect_all(self) -> None:
        for connection in list(self.links.values()):
            await self._keep_connecting(connection)

    async def _keep_connecting(self, connection: Connection) -> None:
        """Try to make a connection until it is made, or not wanted any more."""
        while connection.remote_id in self.links:
            try:
                await self._connect(connection)
            except (AlreadyConnected, PowerLost):
                return
            except MuseionError as reason:
                self._world.trace(self.site_id, f"does not connect: {type(reason).__name__}")
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _connect(self, connection: Connection) -> None:
        assert self.endpoint is not None
        assert self.life is not None
        neighbour = self._world.network.neighbour(self.life, connection.remote_id)
        await self.endpoint.connect(connection, neighbour)
        self._world.trace(self.site_id, f"connects to {connection.remote_id}")

    async def _run_program(self) -> None:
        assert self.plan.program is not None
        life = self.life
        try:
            await self.plan.program(self)
        except Exception as error:
            if life is not None and life.is_alive:
                self._world.violated(f"{self.site_id}: its program failed: {error!r}", error)

    async def _recover(self) -> None:
        assert self.endpoint is not None
        snapshots = [self.disk.snapshot_store(log_id) for log_id in self.log_ids]
        await self.endpoint.recover(snapshots=snapshots)
        self.lost_events = False
        self._world.ledger.set_back.difference_update(self.log_ids)
        self._world.trace(self.site_id, "has recovered")
        if self.plan.program is not None and self.life is not None:
            self._program = self.life.spawn(self._run_program())

    async def _close(self, endpoint: Endpoint, logs: Mapping[str, EventLog]) -> None:
        await endpoint.close()
        for log in logs.values():
            await log.close()

    def _lose_power(self) -> None:
        life = self.life
        if life is not None:
            life.is_alive = False
            self._world.in_background(self._world.restart(self))
