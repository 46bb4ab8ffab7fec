"""What the parts of one endpoint share: its identity, its logs, and what it knows of others."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from museion.log.event_log import EventLog
from museion.log.replication.covered import CoveredEvents, NothingLacking
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.failure_detector import Availability
from museion.log.replication.gossip import Gossip
from museion.log.replication.protocol import Application, Greeting
from museion.log.replication.recovery_states import RecoveryStates
from museion.log.replication.remote_logs import RemoteLogs
from museion.log.replication.topology import edge_of


@dataclass(slots=True)
class LocalSide:
    """One endpoint's own side.

    Attributes:
        chance: for the jitter of waits.
        now_ms: wall clock, milliseconds since 1970.
        is_active: it was activated and has not ended.
        is_recovering: it brings back lost events; nobody is served meanwhile.
        met: the endpoints with which it compared histories since it was started.
        covered: what is known of events that not all endpoints may have.
        recoveries: what is known of recoveries, the own one and those of others.
    """

    endpoint_id: str
    logs: Mapping[str, EventLog]
    application: Application
    settings: EndpointSettings
    gossip: Gossip
    chance: random.Random
    now_ms: Callable[[], int]
    report: Callable[[Availability], None]
    covered: CoveredEvents = field(default_factory=NothingLacking)
    remote_logs: RemoteLogs = field(init=False)
    is_active: bool = False
    is_recovering: bool = False
    met: set[str] = field(default_factory=set)
    recoveries: RecoveryStates = field(init=False)

    def __post_init__(self) -> None:
        self.remote_logs = RemoteLogs(self.covered)
        self.recoveries = RecoveryStates(self.endpoint_id)

    def greeting(self, remote_id: str, *, full: bool = False) -> Greeting:
        """Return what to say of this endpoint to another one."""
        return self.gossip.greeting(remote_id, full=full)

    def is_filtered(self, remote_id: str) -> bool:
        """Tell whether something may be left out between this endpoint and another, either way."""
        edges = self.gossip.topology.edges()
        return edges.get(edge_of(self.endpoint_id, remote_id), False)
