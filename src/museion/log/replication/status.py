"""How it stands between this endpoint and the others: values for people and programs to read."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from museion.log.replication.protocol import LinkState


class LinkCondition(StrEnum):
    """The closed set of conditions that a link can be in."""

    CONNECTING = "connecting"
    """The remote endpoint has not said yet who it is."""
    CATCHING_UP = "catching up"
    UP_TO_DATE = "up to date"
    WAITING_TO_RETRY = "waiting to retry"
    """The last try failed; the next one comes by itself."""
    UNAVAILABLE = "unavailable"
    """Nothing worked for as long as the failure detection limit; it is tried on."""
    REFUSED = "refused"
    """The remote endpoint says no; it is tried on."""
    FILTERED_CYCLE = "filtered cycle"
    """Stopped: going on would lose events, until a connection is removed."""
    RECOVERING = "recovering"
    RETIRED = "retired"
    DISCONNECTED = "disconnected"


class LogStatus(msgspec.Struct, frozen=True):
    """One log over one connection.

    Attributes:
        position: how far the source was read and stored (of an offer: how far the target stored).
        source_sequence_nr: where the source ended when it was last heard of.
        lag_events: what is missing, in numbers of the source; what may not leave counts, too.
        lag_s: age of the oldest event that is missing; while the source is silent, the time since
            the last success.
        events, size_bytes: what came (or was brought) since the start; bytes are of envelopes.
        last_success_ms, last_error_ms: wall clock, milliseconds since 1970; 0 for never.
        causes: why it is unavailable.
    """

    log_name: str
    condition: LinkCondition
    position: int = 0
    source_sequence_nr: int = 0
    lag_events: int = 0
    lag_s: float = 0.0
    events: int = 0
    size_bytes: int = 0
    reads: int = 0
    failures: int = 0
    last_success_ms: int = 0
    last_error: str = ""
    last_error_ms: int = 0
    causes: tuple[str, ...] = ()


class ConnectionStatus(msgspec.Struct, frozen=True):
    """One connection of this endpoint.

    Attributes:
        direction: `read` or `offer`.
        reason: why it does not run, where it does not.
    """

    remote_id: str
    direction: str
    filtered: bool
    condition: LinkCondition
    reason: str = ""
    logs: tuple[LogStatus, ...] = ()


class ReaderStatus(msgspec.Struct, frozen=True):
    """A remote endpoint that reads from this one.

    Attributes:
        stored_to: how far it has stored what it read.
        lag_events: what it has not stored yet.
        last_read_ms: when it last asked, milliseconds since 1970.
    """

    remote_id: str
    log_name: str
    stored_to: int
    lag_events: int
    last_read_ms: int


class EndpointStatus(msgspec.Struct, frozen=True):
    """Everything that an endpoint knows of its links.

    Attributes:
        topology: the connections of all endpoints it heard of, its own first.
        retired: endpoints that take part no more.
        needs_recovery: how it shows that this endpoint lost events; empty where it does not.
    """

    endpoint_id: str
    is_active: bool
    is_recovering: bool
    connections: tuple[ConnectionStatus, ...]
    readers: tuple[ReaderStatus, ...]
    topology: tuple[LinkState, ...]
    retired: tuple[str, ...] = ()
    needs_recovery: str = ""
