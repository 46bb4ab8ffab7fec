"""The event log toolkit: event sourcing with causal order, usable alone.

    from museion.log import Aggregate, Aggregates, EventLog, LmdbEventStore, command, handles

What stands here is the door for most programs; each name is imported when it is first used.
Special parts have their own modules: `sourced.stateful_processor`, `sourced.delivery.channels`,
`sourced.delivery.outbox`, `sourced.delivery.request_reply`, `postgres_store`, `subject_keys`,
`queries`, `proof.verification`, `exports.export`, `replication.link`; further errors are in
`sourced.refusals`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from museion.log.erasure import erase
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
    from museion.log.event_types import (
        Erased,
        EventTypes,
        NotAnEventType,
        UndecodablePayload,
        UnencodablePayload,
        Unknown,
        event_type,
        tag,
        written_name,
    )
    from museion.log.file_snapshots import FileSnapshotStore
    from museion.log.file_subject_keys import FileSubjectKeys
    from museion.log.lmdb_environment import LogInUse
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
    from museion.log.sourced.conflicts.conflict_errors import ConflictDetected, ResolutionRejected
    from museion.log.sourced.conflicts.version_list import ListState, VersionList
    from museion.log.sourced.conflicts.version_tree import TreeState, VersionTree
    from museion.log.sourced.conflicts.versioned import Versioned
    from museion.log.sourced.delivery.deliveries import Deliveries
    from museion.log.sourced.delivery.redelivery import Delivery, DeliveryPolicy, Destination
    from museion.log.sourced.delivery.unconfirmed import TooManyUnconfirmed
    from museion.log.sourced.processor import ProcessorRunner
    from museion.log.sourced.recovery import Recovery
    from museion.log.sourced.refusals import (
        AggregateStopped,
        InvalidDefinition,
        NotHandled,
        NotReached,
        Overloaded,
        SnapshotRefused,
        UnhandledCommand,
        WrittenNotHandled,
    )
    from museion.log.sourced.view import View, running
    from museion.log.sourced.writer import WriterBusy, WriterRunner, writing
    from museion.log.statistics import LogStatistics
    from museion.log.subject_keys import KeyMissing
    from museion.log.subscription import SlowSubscriber, SubscriberTooSlow, Subscription
    from museion.log.vector_time import VectorTime, merge_all

_HOMES = {
    "erase": "erasure",
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
    "NotAnEventType": "event_types",
    "UndecodablePayload": "event_types",
    "UnencodablePayload": "event_types",
    "Unknown": "event_types",
    "event_type": "event_types",
    "tag": "event_types",
    "written_name": "event_types",
    "FileSnapshotStore": "file_snapshots",
    "FileSubjectKeys": "file_subject_keys",
    "LogInUse": "lmdb_environment",
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
    "ConflictDetected": "sourced.conflicts.conflict_errors",
    "ResolutionRejected": "sourced.conflicts.conflict_errors",
    "Deliveries": "sourced.delivery.deliveries",
    "ProcessorRunner": "sourced.processor",
    "Recovery": "sourced.recovery",
    "Delivery": "sourced.delivery.redelivery",
    "DeliveryPolicy": "sourced.delivery.redelivery",
    "Destination": "sourced.delivery.redelivery",
    "AggregateStopped": "sourced.refusals",
    "InvalidDefinition": "sourced.refusals",
    "NotHandled": "sourced.refusals",
    "NotReached": "sourced.refusals",
    "Overloaded": "sourced.refusals",
    "SnapshotRefused": "sourced.refusals",
    "UnhandledCommand": "sourced.refusals",
    "WrittenNotHandled": "sourced.refusals",
    "TooManyUnconfirmed": "sourced.delivery.unconfirmed",
    "ListState": "sourced.conflicts.version_list",
    "VersionList": "sourced.conflicts.version_list",
    "TreeState": "sourced.conflicts.version_tree",
    "VersionTree": "sourced.conflicts.version_tree",
    "Versioned": "sourced.conflicts.versioned",
    "View": "sourced.view",
    "running": "sourced.view",
    "WriterBusy": "sourced.writer",
    "WriterRunner": "sourced.writer",
    "writing": "sourced.writer",
    "LogStatistics": "statistics",
    "KeyMissing": "subject_keys",
    "SlowSubscriber": "subscription",
    "SubscriberTooSlow": "subscription",
    "Subscription": "subscription",
    "VectorTime": "vector_time",
    "merge_all": "vector_time",
}

__all__ = [
    "Aggregate",
    "AggregateStopped",
    "Aggregates",
    "BatchLimits",
    "Behaviour",
    "ConflictDetected",
    "DamagedEvent",
    "Deliveries",
    "Delivery",
    "DeliveryPolicy",
    "Destination",
    "EmitterInUse",
    "Erased",
    "Event",
    "EventId",
    "EventLog",
    "EventStore",
    "EventTypes",
    "FileSnapshotStore",
    "FileSubjectKeys",
    "InvalidDefinition",
    "InvalidEvent",
    "KeyMissing",
    "ListState",
    "LmdbEventStore",
    "LogClosed",
    "LogDefect",
    "LogInUse",
    "LogStatistics",
    "LogUnavailable",
    "MemoryEventStore",
    "MemorySnapshotStore",
    "NewEvent",
    "NotAnEventType",
    "NotHandled",
    "NotReached",
    "OutcomeUnknown",
    "Overloaded",
    "ProcessorRunner",
    "QueueLimits",
    "ReadFailed",
    "Recovery",
    "Relation",
    "ResolutionRejected",
    "Retention",
    "SlowSubscriber",
    "Snapshot",
    "SnapshotRefused",
    "SnapshotStore",
    "StoreState",
    "SubscriberTooSlow",
    "Subscription",
    "TooManyUnconfirmed",
    "TreeState",
    "UndecodablePayload",
    "UnencodablePayload",
    "UnhandledCommand",
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
    "WriterBusy",
    "WriterRunner",
    "WrittenNotHandled",
    "at_least",
    "command",
    "erase",
    "event_type",
    "handles",
    "merge_all",
    "relation",
    "running",
    "tag",
    "writing",
    "written_name",
]


def __getattr__(name: str) -> object:
    # Lazily, so that whoever wants one part does not load the others and what they depend on.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
