"""The event log toolkit: event sourcing with causal order, usable alone.

    from museion.log import Aggregate, Aggregates, EventLog, LmdbEventStore, command, handles

What stands here is the door for most programs; each name is imported when it is first used.
Special parts have their own modules: `sourced.processor`, `sourced.writer`, `sourced.delivery`,
`sourced.channels`, `sourced.conflicts`, `postgres_store`, `subject_keys`, `erasure`, `queries`,
`verification`, `export`, `replication.link`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from museion.log.event import Event, EventId, InvalidEvent, NewEvent, Relation, relation
    from museion.log.event_log import BatchLimits, EventLog, QueueLimits, WritePolicy
    from museion.log.event_store import (
        DamagedEvent,
        EventStore,
        OutcomeUnknown,
        ReadFailed,
        StoreState,
        WriteBatch,
        WriteFailed,
    )
    from museion.log.event_types import Erased, EventTypes, Unknown, event_type, tag, written_name
    from museion.log.file_snapshots import FileSnapshotStore
    from museion.log.lmdb_store import LmdbEventStore
    from museion.log.log_errors import (
        EmitterInUse,
        LogClosed,
        LogDefect,
        LogUnavailable,
        UnknownPosition,
    )
    from museion.log.memory_store import MemoryEventStore
    from museion.log.snapshots import MemorySnapshotStore, Retention, Snapshot, SnapshotStore
    from museion.log.sourced.aggregate import Aggregate, command, handles
    from museion.log.sourced.aggregates import Aggregates
    from museion.log.sourced.behaviour import Behaviour
    from museion.log.sourced.conditional import at_least
    from museion.log.sourced.recovery import Recovery
    from museion.log.sourced.version_list import ListState, VersionList
    from museion.log.sourced.version_tree import TreeState, VersionTree
    from museion.log.sourced.versioned import Versioned
    from museion.log.sourced.view import View, running
    from museion.log.statistics import LogStatistics
    from museion.log.subscription import SlowSubscriber, SubscriberTooSlow, Subscription
    from museion.log.vector_time import VectorTime, merge_all

_HOMES = {
    "Event": "event",
    "EventId": "event",
    "InvalidEvent": "event",
    "NewEvent": "event",
    "Relation": "event",
    "relation": "event",
    "BatchLimits": "event_log",
    "EventLog": "event_log",
    "QueueLimits": "event_log",
    "WritePolicy": "event_log",
    "DamagedEvent": "event_store",
    "EventStore": "event_store",
    "OutcomeUnknown": "event_store",
    "ReadFailed": "event_store",
    "StoreState": "event_store",
    "WriteBatch": "event_store",
    "WriteFailed": "event_store",
    "Erased": "event_types",
    "EventTypes": "event_types",
    "Unknown": "event_types",
    "event_type": "event_types",
    "tag": "event_types",
    "written_name": "event_types",
    "FileSnapshotStore": "file_snapshots",
    "LmdbEventStore": "lmdb_store",
    "EmitterInUse": "log_errors",
    "LogClosed": "log_errors",
    "LogDefect": "log_errors",
    "LogUnavailable": "log_errors",
    "UnknownPosition": "log_errors",
    "MemoryEventStore": "memory_store",
    "MemorySnapshotStore": "snapshots",
    "Retention": "snapshots",
    "Snapshot": "snapshots",
    "SnapshotStore": "snapshots",
    "Aggregate": "sourced.aggregate",
    "command": "sourced.aggregate",
    "handles": "sourced.aggregate",
    "Aggregates": "sourced.aggregates",
    "Behaviour": "sourced.behaviour",
    "at_least": "sourced.conditional",
    "Recovery": "sourced.recovery",
    "ListState": "sourced.version_list",
    "VersionList": "sourced.version_list",
    "TreeState": "sourced.version_tree",
    "VersionTree": "sourced.version_tree",
    "Versioned": "sourced.versioned",
    "View": "sourced.view",
    "running": "sourced.view",
    "LogStatistics": "statistics",
    "SlowSubscriber": "subscription",
    "SubscriberTooSlow": "subscription",
    "Subscription": "subscription",
    "VectorTime": "vector_time",
    "merge_all": "vector_time",
}

__all__ = [
    "Aggregate",
    "Aggregates",
    "BatchLimits",
    "Behaviour",
    "DamagedEvent",
    "EmitterInUse",
    "Erased",
    "Event",
    "EventId",
    "EventLog",
    "EventStore",
    "EventTypes",
    "FileSnapshotStore",
    "InvalidEvent",
    "ListState",
    "LmdbEventStore",
    "LogClosed",
    "LogDefect",
    "LogStatistics",
    "LogUnavailable",
    "MemoryEventStore",
    "MemorySnapshotStore",
    "NewEvent",
    "OutcomeUnknown",
    "QueueLimits",
    "ReadFailed",
    "Recovery",
    "Relation",
    "Retention",
    "SlowSubscriber",
    "Snapshot",
    "SnapshotStore",
    "StoreState",
    "SubscriberTooSlow",
    "Subscription",
    "TreeState",
    "Unknown",
    "UnknownPosition",
    "VectorTime",
    "VersionList",
    "VersionTree",
    "Versioned",
    "View",
    "WriteBatch",
    "WriteFailed",
    "WritePolicy",
    "at_least",
    "command",
    "event_type",
    "handles",
    "merge_all",
    "relation",
    "running",
    "tag",
    "written_name",
]


def __getattr__(name: str) -> object:
    # Lazily, so that whoever wants one part does not load the others and what they depend on.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
