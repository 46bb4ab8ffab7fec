"""A location's gateway: the logs it offers, and the connections over which they replicate.

An endpoint asks its neighbours for what is new and answers them through its service; which
transport carries that is not its business. Connections come and go while everything runs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Self

from museion.base.waiting import to_end
from museion.log.event_log import EventLog
from museion.log.replication.connection import (
    Connection,
    ForeignLog,
    NotActive,
    log_id_of,
    require_endpoint_id,
)
from museion.log.replication.connections import Connections
from museion.log.replication.covered import CoveredEvents, NothingLacking
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.failure_detector import Availability
from museion.log.replication.filters import NamedFilters
from museion.log.replication.gate import GateFor, open_gate
from museion.log.replication.gossip import Gossip
from museion.log.replication.link import READ_BY
from museion.log.replication.local_side import LocalSide
from museion.log.replication.protocol import (
    Application,
    Neighbour,
    RecoveryAnswer,
    RecoveryRequest,
)
from museion.log.replication.recovery import recover
from museion.log.replication.recovery_answer import answer_recovery
from museion.log.replication.retirements import Retirements
from museion.log.replication.service import EndpointService
from museion.log.replication.source import Source
from museion.log.replication.source_filters import SourceFilters
from museion.log.replication.status import EndpointStatus
from museion.log.replication.topology import MemoryTopologyStore, TopologyStore
from museion.log.snapshots import SnapshotStore

__all__ = ["Endpoint", "log_id_of"]


class Endpoint:
    """Replicates the logs of one location with those of others.

    Active while its `async with` statement runs. It does not close its logs.

    Args:
        endpoint_id: unique among all that ever replicate with each other; without a colon.
        logs: name -> log; each log's id is `log_id_of(endpoint_id, name)`.
        application: the program, for the check of versions.
        gate: what may leave to which endpoint; asked at each read, so it should be quick.
        covered: finds events that a gate kept from some, where these came to cover them; all
            endpoints that have such gates need one.
        filters: filters of this source, beside what targets ask for.
        named_filters: filters of the application that others may ask for by name.
        seed: for the jitter of waits.
        now_ms: wall clock, milliseconds since 1970; for the status only.
        lost_events: begin in recovery: connections wait, nobody is served and no new events are
            taken until `recover` has brought back what is missing. A recovery that an earlier
            process did not end is remembered without it.
        topology_store: what is known of all connections; has to outlive the process.
        on_availability: called when a link becomes available or unavailable.

    Raises:
        BadEndpointId, ForeignLog: an id does not fit.
        Undecodable: the stored topology cannot be read.
    """

    def __init__(  # noqa: PLR0913 (each is a part that the owner chooses)
        self,
        endpoint_id: str,
        logs: Mapping[str, EventLog],
        *,
        seed: random.Random,
        now_ms: Callable[[], int],
        application: Application | None = None,
        settings: EndpointSettings | None = None,
        gate: GateFor = open_gate,
        covered: CoveredEvents | None = None,
        filters: SourceFilters | None = None,
        named_filters: NamedFilters | None = None,
        lost_events: bool = False,
        topology_store: TopologyStore | None = None,
        on_availability: Callable[[Availability], None] | None = None,
    ) -> None:
        require_endpoint_id(endpoint_id)
        for name, log in logs.items():
            if log.log_id != (expected := log_id_of(endpoint_id, name)):
                raise ForeignLog(name, expected=expected, found=log.log_id)
        application = application or Application()
        self._local = LocalSide(
            endpoint_id,
            dict(logs),
            application,
            settings or EndpointSettings(),
            Gossip(endpoint_id, application, topology_store or MemoryTopologyStore()),
            seed,
            now_ms,
            on_availability or (lambda _: None),
            covered or NothingLacking(),
        )
        self._source = Source(
            self._local,
            gate_for=gate,
            filters=filters or SourceFilters(),
            named_filters=named_filters or {},
        )
        held = [log.write_hold for log in logs.values() if lost_events or log.write_hold.is_held]
        self._local.is_recovering = bool(held)
        if held:
            self._local.recoveries.needed = "a recovery has to come to its end before it goes on"
        for hold in held:
            hold.hold_now()
        self._service = EndpointService(self._local, self._source)
        self._service.answer_recovery = self._answer_recovery
        self._connections = Connections(self._local, self._source, self._service)
        self._retirements = Retirements(self._local, self._service)
        self._following: asyncio.Task[None] | None = None
        self._was_active = False

    @property
    def endpoint_id(self) -> str:
        """Id of this endpoint."""
        return self._local.endpoint_id

    @property
    def logs(self) -> Mapping[str, EventLog]:
        """The logs by name."""
        return self._local.logs

    @property
    def service(self) -> EndpointService:
        """What answers other endpoints."""
        return self._service

    @property
    def local(self) -> LocalSide:
        """What the parts of this endpoint share; for recovery and tests."""
        return self._local

    @property
    def neighbours(self) -> Mapping[str, Neighbour]:
        """The doors of the connected endpoints, by their id."""
        return self._connections.neighbours

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The present connections."""
        return self._connections.present

    def activate(self) -> None:
        """Begin to answer others. Once only.

        Raises:
            NotActive: it was activated before, whether it is recovering meanwhile or has recovered.
        """
        if self._was_active:
            state = "it is recovering" if self._local.is_recovering else "it was activated before"
            raise NotActive(state)
        self._was_active = self._local.is_active = True
        self._following = asyncio.create_task(self._retirements.run())

    async def close(self) -> None:
        """End all connections and answer nobody any more. Idempotent.

        Raises:
            Exception: the first defect of this program that stopped a connection, if one did.
        """
        self._local.is_active = False
        self._local.gossip.wake()
        if self._following is not None:
            self._following.cancel()
            await to_end(asyncio.wait([self._following]))
        await self._connections.end()

    async def __aenter__(self) -> Self:
        self.activate()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self, connection: Connection, neighbour: Neighbour) -> None:
        """Begin to replicate over a connection; it is kept up until it is disconnected.

        First both tell each other which connections they know of. Where the remote endpoint does
        not answer now, the connection is kept and tried again; nothing is read before both have
        met. The neighbour belongs to the endpoint from then on, and is closed at the end.

        Raises:
            FilteredCycle: the connection, or another one that it would close a cycle with, is
                filtered, so events would be lost; names the cycle. Nothing was read or kept.
            Retired: this endpoint or the remote one takes part no more.
            AlreadyConnected, UnsuitableConnection, NotActive: it cannot be made.
        """
        await self._connections.connect(connection, neighbour)

    async def disconnect(self, remote_id: str) -> None:
        """End a connection; what was read stays, and so does the progress.

        A connection of an earlier process of this endpoint that was not made again is forgotten:
        until then others take it for one that comes back.

        Raises:
            NotConnected: there is none.
        """
        await self._connections.disconnect(remote_id)

    async def replace_neighbour(self, remote_id: str, neighbour: Neighbour) -> None:
        """Go on with a connection through another door, for example at a new address.

        Raises:
            NotConnected: there is none.
        """
        await self._connections.replace_neighbour(remote_id, neighbour)

    async def retire(self, remote_id: str) -> None:
        """Let an endpoint take part no more, for good and everywhere.

        Its requests are refused, links with it end, and deletion does not wait for it. That spreads
        to all that this endpoint reaches. Idempotent.
        """
        self._local.gossip.retire(remote_id)
        if remote_id in self._connections.neighbours:
            await self.disconnect(remote_id)
        await self._retirements.carry_out(remote_id)

    async def delete(self, log_name: str, to: int, remote_ids: Collection[str] = ()) -> int:
        """Delete all events of a log up to a number, and return the number really deleted up to.

        No reader here sees them from then on. The named endpoints still get them; they are removed
        from the store once each has stored them, also after a restart.

        Raises:
            InvalidInput, WriteFailed, LogClosed, LogDefect: as `EventLog.delete`.
        """
        waiting = [each for each in remote_ids if not self._local.gossip.has_retired(each)]
        keep_for = [READ_BY + log_id_of(each, log_name) for each in waiting]
        return await self._local.logs[log_name].delete(to, keep_for=keep_for)

    async def recover(
        self, *, snapshots: Sequence[SnapshotStore] = (), limit_s: float = 60.0
    ) -> None:
        """Bring back lost events from all neighbours; as `replication.recovery.recover` says."""
        await recover(self, snapshots=snapshots, limit_s=limit_s)

    async def begin_recovery(self) -> None:
        """Stop all connections and serve nobody, until `end_recovery`. Idempotent.

        Nothing is read or offered any more when it returns.

        Raises:
            NotActive: it is not active.
        """
        if not self._local.is_active:
            raise NotActive("it is not active")
        self._local.is_recovering = True
        self._local.gossip.wake()
        await self._connections.pause()

    def end_recovery(self) -> None:
        """Serve again and let all connections go on. Idempotent."""
        if self._local.is_recovering:
            self._local.is_recovering = False
            self._connections.go_on()

    async def set_back(self, remote_id: str, log_name: str, position: int) -> int:
        """Note that a remote log lost events and ends at `position` now.

        The progress falls to there if it was larger, what is asked of that log just now is not
        used, and nothing is believed of what it once knew. Idempotent.

        Returns:
            The progress before.

        Raises:
            WriteFailed, LogUnavailable, LogClosed, LogDefect: as `EventLog.append`.
        """
        log_id = log_id_of(remote_id, log_name)
        log = self._local.logs[log_name]
        return await self._local.remote_logs.set_back(log, log_id, position)

    def status(self) -> EndpointStatus:
        """Return how it stands with all connections; cheap, never waits."""
        gossip = self._local.gossip
        return EndpointStatus(
            self.endpoint_id,
            self._local.is_active,
            self._local.is_recovering,
            self._connections.status(),
            self._service.readers(),
            gossip.greeting("", full=True).topology,
            gossip.topology.retired,
            self._local.recoveries.needed,
        )

    async def _answer_recovery(self, caller_id: str, request: RecoveryRequest) -> RecoveryAnswer:
        return await answer_recovery(self._local, self._source, caller_id, request)
