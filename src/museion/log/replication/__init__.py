"""Replication: an endpoint joins the logs of one location with those of others, in causal order.

    from museion.log.replication import Connection, Endpoint, HttpNeighbour

An endpoint does not care how its messages travel: in one process (`LocalNeighbour`), over signed
HTTP (`HttpService`, `HttpNeighbour`; `pip install 'museion[sites]'`), or simulated
(`museion.testing.simulation`). Each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from museion.log.replication.connection import Connection, Direction, log_id_of
    from museion.log.replication.devices.http_device_site import HttpDeviceSite
    from museion.log.replication.directory import FileSiteDirectory, KnownKey, KnownSite
    from museion.log.replication.endpoint import Endpoint
    from museion.log.replication.endpoint_settings import EndpointSettings
    from museion.log.replication.failure_detector import Availability
    from museion.log.replication.filters import (
        EVERYTHING,
        AllOf,
        AnyOf,
        Everything,
        Filter,
        Named,
        Not,
        Nothing,
        OfAggregate,
        OfEmitter,
        OfOrigin,
        OfType,
    )
    from museion.log.replication.gate import Gate
    from museion.log.replication.http_neighbour import HttpNeighbour
    from museion.log.replication.http_service import HttpService
    from museion.log.replication.invitations import Invitations, make_invitation
    from museion.log.replication.joining import JoinDesk, join
    from museion.log.replication.local_neighbour import LocalNeighbour
    from museion.log.replication.protocol import Application, Neighbour
    from museion.log.replication.recovery_errors import (
        HistoryForked,
        RecoveryFailed,
        RecoveryImpossible,
    )
    from museion.log.replication.refusals import BadAnswer, FilteredCycle, Refused, Unreachable
    from museion.log.replication.site_keys import SiteKeys
    from museion.log.replication.source_filters import FilterPolicy, SourceFilters
    from museion.log.replication.status import EndpointStatus, LinkCondition
    from museion.log.replication.topology import FileTopologyStore, MemoryTopologyStore

_HOMES = {
    "Connection": "connection",
    "Direction": "connection",
    "log_id_of": "connection",
    "FileSiteDirectory": "directory",
    "KnownKey": "directory",
    "KnownSite": "directory",
    "Endpoint": "endpoint",
    "EndpointSettings": "endpoint_settings",
    "Availability": "failure_detector",
    "AllOf": "filters",
    "AnyOf": "filters",
    "EVERYTHING": "filters",
    "Everything": "filters",
    "Filter": "filters",
    "Named": "filters",
    "Not": "filters",
    "Nothing": "filters",
    "OfAggregate": "filters",
    "OfEmitter": "filters",
    "OfOrigin": "filters",
    "OfType": "filters",
    "Gate": "gate",
    "HttpDeviceSite": "devices.http_device_site",
    "HttpNeighbour": "http_neighbour",
    "HttpService": "http_service",
    "Invitations": "invitations",
    "make_invitation": "invitations",
    "JoinDesk": "joining",
    "join": "joining",
    "LocalNeighbour": "local_neighbour",
    "Application": "protocol",
    "Neighbour": "protocol",
    "HistoryForked": "recovery_errors",
    "RecoveryFailed": "recovery_errors",
    "RecoveryImpossible": "recovery_errors",
    "BadAnswer": "refusals",
    "FilteredCycle": "refusals",
    "Refused": "refusals",
    "Unreachable": "refusals",
    "SiteKeys": "site_keys",
    "FilterPolicy": "source_filters",
    "SourceFilters": "source_filters",
    "EndpointStatus": "status",
    "LinkCondition": "status",
    "FileTopologyStore": "topology",
    "MemoryTopologyStore": "topology",
}

__all__ = [
    "EVERYTHING",
    "AllOf",
    "AnyOf",
    "Application",
    "Availability",
    "BadAnswer",
    "Connection",
    "Direction",
    "Endpoint",
    "EndpointSettings",
    "EndpointStatus",
    "Everything",
    "FileSiteDirectory",
    "FileTopologyStore",
    "Filter",
    "FilterPolicy",
    "FilteredCycle",
    "Gate",
    "HistoryForked",
    "HttpDeviceSite",
    "HttpNeighbour",
    "HttpService",
    "Invitations",
    "JoinDesk",
    "KnownKey",
    "KnownSite",
    "LinkCondition",
    "LocalNeighbour",
    "MemoryTopologyStore",
    "Named",
    "Neighbour",
    "Not",
    "Nothing",
    "OfAggregate",
    "OfEmitter",
    "OfOrigin",
    "OfType",
    "RecoveryFailed",
    "RecoveryImpossible",
    "Refused",
    "SiteKeys",
    "SourceFilters",
    "Unreachable",
    "join",
    "log_id_of",
    "make_invitation",
]


def __getattr__(name: str) -> object:
    # Lazily, so that whoever joins logs within one process needs neither httpx nor zstandard.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
