"""Finding out that an endpoint lost events, before it gives their identities to others.

Whenever two endpoints meet, each tells the newest event that it has of the other one's log. Who
does not hold that event has lost it; who holds another one under its identity wrote on after that.
"""

from __future__ import annotations

from collections.abc import Mapping

from museion.log.event import EventId
from museion.log.event_log import EventLog
from museion.log.replication.connection import log_id_of
from museion.log.replication.finding import find_event
from museion.log.replication.local_side import LocalSide
from museion.log.replication.protocol import OriginHead, ReadRequest
from museion.log.replication.recovery_states import RECOVERED
from museion.log.replication.refusals import NeedsRecovery, NotMet


async def heads_of(local: LocalSide, remote_id: str, *, filtered: bool) -> dict[str, OriginHead]:
    """Return what each log here has of its namesake at another endpoint.

    Args:
        filtered: events may be left out between the two. Then stamps tell of events that did not
            come, so there is a time but no digest.
    """
    heads = {}
    for name, log in local.logs.items():
        remote_log_id = log_id_of(remote_id, name)
        time = log.version.local_time(remote_log_id)
        if time:
            digest = b"" if filtered else await _head_digest(log, EventId(remote_log_id, time))
            heads[name] = OriginHead(time, digest)
    return heads


async def require_nothing_lost(
    local: LocalSide, remote_id: str, heads: Mapping[str, OriginHead]
) -> None:
    """Hold back new events if others have events that are lost here, or other ones.

    Raises:
        NeedsRecovery: it is so; the status says it as well.
    """
    if local.is_recovering:
        return
    for name, log in local.logs.items():
        head = heads.get(name)
        trouble = "" if head is None else await _trouble(log, remote_id, head)
        if trouble:
            log.write_hold.hold_now()
            local.recoveries.needed = trouble
            raise needs_recovery(trouble)
    local.met.add(remote_id)


def require_met(local: LocalSide, remote_id: str, log: EventLog, request: ReadRequest) -> None:
    """Raise `NotMet` if a reader that has events from this log did not compare histories yet.

    A log that was set back and grew again would else go on under identities that the reader has,
    or its new numbers would be taken for the old ones.
    """
    if remote_id in local.met:
        return
    renumbered = request.after and log.progress(RECOVERED)
    if renumbered or request.known.local_time(log.log_id):
        raise NotMet(
            f"{remote_id} has events of this site, which was started since they met.",
            remedy="It asks again by itself.",
        )


def needs_recovery(reason: str) -> NeedsRecovery:
    """Return the refusal of an endpoint that lost events."""
    return NeedsRecovery(
        f"The site has lost events: {reason}.",
        remedy="Recover it from its neighbours; until then it takes no new events.",
    )


async def _trouble(log: EventLog, remote_id: str, head: OriginHead) -> str:
    if head.time > log.own_time:
        return f"{remote_id} has its event {head.time}, and here the last is {log.own_time}"
    if not head.digest or head.digest == log.chain_digest(log.log_id):
        return ""
    own = await find_event(log, EventId(log.log_id, head.time))
    if own is None or own.chain_digest in (None, head.digest):
        return ""
    return f"{remote_id} has another event {head.time} of it, so it wrote on after a loss"


async def _head_digest(log: EventLog, event_id: EventId) -> bytes:
    digest = log.chain_digest(event_id.process_id)
    known = await find_event(log, event_id)
    return digest or b"" if known is not None and known.chain_digest == digest else b""
