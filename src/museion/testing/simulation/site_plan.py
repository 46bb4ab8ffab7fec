"""How a simulated site is built, each time it starts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from museion.log.circuit_breaker import WritePolicy
from museion.log.group_commit import BatchLimits
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.gate import GateFor, open_gate
from museion.log.replication.protocol import Application
from museion.log.replication.source_filters import SourceFilters
from museion.testing.failing_store import HEALTHY, FailureRates

if TYPE_CHECKING:
    from museion.testing.simulation.site import SimulatedSite

Program: TypeAlias = "Callable[[SimulatedSite], Awaitable[None]]"
"""What runs at a site beside its endpoint; started with each start, killed with each crash."""


@dataclass(frozen=True, slots=True)
class SitePlan:
    """How a site is built, each time it starts.

    Attributes:
        log_names: of its logs; "" is the only log of a site that has one.
        disk_delay_s: mean time of half a disk access.
        disk_rates: how often what goes wrong with its disk.
        program: what runs there beside the endpoint.
    """

    log_names: tuple[str, ...] = ("",)
    settings: EndpointSettings = field(default_factory=EndpointSettings)
    limits: BatchLimits = field(default_factory=BatchLimits)
    policy: WritePolicy = field(default_factory=WritePolicy)
    application: Application = field(default_factory=Application)
    gate: GateFor = open_gate
    filters: SourceFilters = field(default_factory=SourceFilters)
    disk_delay_s: float = 0.002
    disk_rates: FailureRates = HEALTHY
    program: Program | None = None
