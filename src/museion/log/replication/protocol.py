"""What two replication endpoints say to each other: plain values, the same over every transport.

A connection is directed: the target asks, the source answers. Events travel as the bytes of their
envelope and their chain digest, so what is stored is the same everywhere, also where a site does
not know their types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from museion.log.replication.filters import EVERYTHING, Filter
from museion.log.vector_time import VectorTime

PROTOCOL_VERSION = 1
"""Endpoints of different versions refuse each other with a reason."""

MAX_WAIT_S = 60.0
"""Longest time that a source holds a read for a target."""

Position = Annotated[int, Meta(ge=0)]
"""A sequence number of one log; 0 is its beginning."""


class Application(msgspec.Struct, frozen=True, array_like=True):
    """The program behind an endpoint.

    Between endpoints of one application name a source serves a target only if the target's version
    is not older than its own: an older program may not understand newer events. An empty name is
    never compared.
    """

    name: str = ""
    major: Annotated[int, Meta(ge=0)] = 0
    minor: Annotated[int, Meta(ge=0)] = 0


class Link(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A connection as others hear of it: `target` reads from `source`, all or a part."""

    target: str
    source: str
    filtered: bool = False


class LinkState(msgspec.Struct, frozen=True, array_like=True):
    """The connections of one endpoint, as it told them itself.

    Attributes:
        number: grows with every change; of two states of one endpoint the larger number holds.
        links: the connections in which it is the target, and those over which it brings its events
            to another endpoint.
        retired: it takes part no more, for good.
    """

    endpoint_id: str
    number: Position
    links: tuple[Link, ...] = ()
    retired: bool = False


class Greeting(msgspec.Struct, frozen=True, array_like=True):
    """What an endpoint says of itself with each request.

    Attributes:
        topology: the connections it knows of, its own first; empty where nothing has changed since
            the last request that was answered.
    """

    application: Application = Application()
    protocol: int = PROTOCOL_VERSION
    topology: tuple[LinkState, ...] = ()


class OriginHead(msgspec.Struct, frozen=True, array_like=True):
    """The newest event that one endpoint has of the log of another one.

    Attributes:
        time: own time of that event, 0 for none.
        digest: its chain digest; empty where the event itself may not have come.
    """

    time: Position
    digest: bytes = b""


class LogInfo(msgspec.Struct, frozen=True, array_like=True):
    """One log of an endpoint, and how far it has come.

    Attributes:
        filtered: the endpoint leaves out some of its events for the one that asks.
        head: what this log has of its namesake at the one that asks.
        recovered_ms: when this log was last recovered, milliseconds since 1970; its numbers mean
            other events since, so it is read from the beginning. 0 for never.
    """

    name: str
    log_id: str
    sequence_nr: Position
    version: VectorTime
    filtered: bool = False
    head: OriginHead = OriginHead(0)
    recovered_ms: Position = 0


class EndpointInfo(msgspec.Struct, frozen=True, array_like=True):
    """Who a remote endpoint is and which logs it offers."""

    endpoint_id: str
    logs: tuple[LogInfo, ...]
    greeting: Greeting = Greeting()


class InfoRequest(msgspec.Struct, frozen=True, array_like=True):
    """Asks an endpoint who it is.

    Attributes:
        heads: log name -> what the one that asks has of that log of the other one.
        recovered_ms: log name -> when that log of the one that asks was last recovered, as in
            `LogInfo`.
    """

    greeting: Greeting = Greeting()
    heads: Mapping[str, OriginHead] = {}
    recovered_ms: Mapping[str, Position] = {}


class WireEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event on its way: the envelope that all sites share, and its chain digest."""

    envelope: bytes
    chain_digest: bytes | None = None


class ReadRequest(msgspec.Struct, frozen=True, array_like=True):
    """Asks for the next events of a log.

    Attributes:
        target_log_id: the log that asks.
        after: events above this number of the source are wanted.
        known: version vector of the target; what it covers is not sent.
        stored_to: how far the target has stored what it read; below `after` when several reads are
            under way. The source may forget deleted events up to there.
        up_to: last number to look at; None for the end of the log.
        max_events, max_bytes, max_scanned: bounds of the answer, as `ReadLimits`.
        wait_s: how long to hold the answer while there is nothing to send, seconds.
        only: the part of the log that the target wants; its own filter, beside those of the source.
        recovering: the target lost events: send what `known` does not cover, whatever was sent.
    """

    log_name: str
    target_log_id: str
    after: Position
    known: VectorTime
    stored_to: Position = 0
    up_to: Position | None = None
    max_events: Annotated[int, Meta(ge=1)] = 512
    max_bytes: Annotated[int, Meta(ge=1)] = 4 << 20
    max_scanned: Annotated[int, Meta(ge=1)] = 65_536
    wait_s: Annotated[float, Meta(ge=0, le=MAX_WAIT_S)] = 0.0
    only: Filter = EVERYTHING
    recovering: bool = False
    greeting: Greeting = Greeting()


class ReadAnswer(msgspec.Struct, frozen=True, array_like=True):
    """Events of the source in its order, and how far it was looked through.

    Attributes:
        source_log_id: the log that was read; progress is kept under it.
        scanned_to: the target's progress once it has stored the events. Covers events that were
            left out because they are known or may not leave.
        sequence_nr: where the source ended when it answered.
        version: version vector of the source then.
        oldest_ms: when the first event above `scanned_to` was written, milliseconds since 1970;
            0 when there is none. Tells how long the target lags behind.
        filtered: the source leaves out some events for this target.
    """

    source_log_id: str
    events: tuple[WireEvent, ...]
    scanned_to: Position
    sequence_nr: Position
    version: VectorTime
    oldest_ms: int = 0
    greeting: Greeting = Greeting()
    filtered: bool = False


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """Events that a site without a door of its own brings along: a read that nobody had to ask for.

    Attributes:
        log_name: the log in question.
        answer: what a read by the receiver would have given; None only asks for the position.
        after: the position from which `answer` was read.
    """

    log_name: str
    source_log_id: str
    after: Position = 0
    answer: ReadAnswer | None = None
    greeting: Greeting = Greeting()


class OfferTaken(msgspec.Struct, frozen=True, array_like=True):
    """How far the receiver has stored the offering log, and what it knows."""

    stored_to: Position
    known: VectorTime
    greeting: Greeting = Greeting()


class RecoveryState(msgspec.Struct, frozen=True, array_like=True):
    """How far the recovery of one endpoint has come, as it told itself.

    Where several recover at once, none may end before what is left anywhere has come to all.

    Attributes:
        began_ms: wall clock when it began, milliseconds since 1970; 0 if it has not begun.
        phase: 0 it reads from those that lost nothing; 1 it has all that those have; 2 it ended.
        versions: log name -> version vector, from phase 1 on.
    """

    endpoint_id: str
    began_ms: Position
    phase: Position = 0
    versions: Mapping[str, VectorTime] = {}


class RecoveryRequest(msgspec.Struct, frozen=True, array_like=True):
    """Tells a neighbour that this endpoint lost events, and where its logs end now.

    Attributes:
        positions: log name -> sequence number of the last event that is left.
        heads: log name -> chain digest of the last own event that is left, empty for none.
        versions: log name -> version vector of what is left.
        states: endpoints that recover now, as far as this one knows, itself among them.
    """

    positions: Mapping[str, Position]
    heads: Mapping[str, bytes] = {}
    versions: Mapping[str, VectorTime] = {}
    greeting: Greeting = Greeting()
    states: tuple[RecoveryState, ...] = ()


class RecoveryPoint(msgspec.Struct, frozen=True, array_like=True):
    """What a neighbour knows of one log of the recovering endpoint.

    Attributes:
        log_id: the neighbour's log.
        sequence_nr: where the neighbour's log ends: recovery has to come that far.
        read_to: how far the neighbour had read the lost log, before it set that back.
        own_time: the newest event of the lost log that the neighbour has.
        forked: the neighbour has another event under an identity that is left here, too: this log
            was written on after events had been lost.
        own_head: chain digest of the newest event of the lost log that the neighbour has, empty
            for none.
        recovered_ms: when the neighbour's own log was last recovered, milliseconds since 1970; its
            numbers mean other events since. 0 for never.
        filtered: the neighbour leaves out some events for the recovering endpoint.
    """

    log_id: str
    sequence_nr: Position
    read_to: Position
    own_time: Position
    forked: bool = False
    own_head: bytes = b""
    recovered_ms: Position = 0
    filtered: bool = False


class RecoveryAnswer(msgspec.Struct, frozen=True, array_like=True):
    """A neighbour's word on each common log: log name -> point.

    Attributes:
        states: as in the request.
    """

    points: Mapping[str, RecoveryPoint]
    greeting: Greeting = Greeting()
    states: tuple[RecoveryState, ...] = ()


class Neighbour(Protocol):
    """The door of a remote endpoint, as one endpoint sees it. Transports implement it.

    Every call ends within a limit of the transport's own. A call that failed had no effect on what
    is stored, or one that a repeat does not double.

    Raises (all calls):
        Unreachable: no answer came; the remote endpoint may have served the request or not.
        Refused: the remote endpoint says no; its subclass says why.
        BadAnswer: the answer is not what the protocol allows.
    """

    async def info(self, request: InfoRequest) -> EndpointInfo:
        """Return who the remote endpoint is."""

    async def read(self, request: ReadRequest) -> ReadAnswer:
        """Return the next events of a log, or hold on until there are some."""

    async def offer(self, offer: Offer) -> OfferTaken:
        """Bring events to an endpoint that cannot come and fetch them."""

    async def recover(self, request: RecoveryRequest) -> RecoveryAnswer:
        """Let the remote endpoint set back what it believes to know of this one."""

    async def close(self) -> None:
        """Release connections. Idempotent."""
