"""What a neighbour does for an endpoint that lost events."""

from __future__ import annotations

from museion.log.event import EventId
from museion.log.event_log import EventLog
from museion.log.replication.connection import log_id_of
from museion.log.replication.finding import find_event
from museion.log.replication.local_side import LocalSide
from museion.log.replication.protocol import (
    Position,
    RecoveryAnswer,
    RecoveryPoint,
    RecoveryRequest,
)
from museion.log.replication.recovery_states import RECOVERED, RECOVERY_OF
from museion.log.replication.source import Source
from museion.log.vector_time import VectorTime


async def answer_recovery(
    local: LocalSide, source: Source, caller_id: str, request: RecoveryRequest
) -> RecoveryAnswer:
    """Set back what is known of the caller's logs, and tell what this endpoint has of them.

    Idempotent: within one recovery of the caller only the first request sets back anything.

    Args:
        source: tells what the caller may read here.

    Raises:
        WriteFailed, LogUnavailable, LogClosed, LogDefect: as `EventLog.append`; a repeat goes on.
        DamagedEvent, ReadFailed: as `EventLog.read`.
    """
    began_ms = max([s.began_ms for s in request.states if s.endpoint_id == caller_id], default=0)
    is_new = local.recoveries.served.get(caller_id) != began_ms
    common = {name: at for name, at in request.positions.items() if name in local.logs}
    points = {}
    for name, position in common.items():
        log, lost_id = local.logs[name], log_id_of(caller_id, name)
        read_to = local.remote_logs.progress(log, lost_id)
        if is_new:
            read_to = await local.remote_logs.set_back(log, lost_id, position)
            await log.append([], progress={RECOVERY_OF + lost_id: began_ms})
        filtered = source.is_filtered(caller_id, name, lost_id)
        points[name] = await _point(log, lost_id, read_to, request, name, filtered=filtered)
    local.recoveries.served[caller_id] = began_ms
    if not local.is_filtered(caller_id):
        local.recoveries.hear(request.states)
    return RecoveryAnswer(points, states=local.recoveries.told(is_recovering=local.is_recovering))


async def _point(
    log: EventLog,
    lost_id: str,
    read_to: Position,
    request: RecoveryRequest,
    name: str,
    *,
    filtered: bool,
) -> RecoveryPoint:
    left = request.versions.get(name, VectorTime()).local_time(lost_id)
    own_time = log.version.local_time(lost_id)
    return RecoveryPoint(
        log.log_id,
        log.sequence_nr,
        read_to,
        own_time,
        await _knows_another(log, EventId(lost_id, left), request.heads.get(name, b"")),
        log.chain_digest(lost_id) or b"",
        log.progress(RECOVERED),
        filtered,
    )


async def _knows_another(log: EventLog, event_id: EventId, digest: bytes) -> bool:
    """Tell whether a log has an event of that identity, and it is another one."""
    if not event_id.time or not digest:
        return False
    known = await find_event(log, event_id)
    return known is not None and known.chain_digest not in (None, digest)
