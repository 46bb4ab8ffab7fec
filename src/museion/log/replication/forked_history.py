"""A way out for a site that wrote on after a loss: its new events are appended anew.

The events keep what they say and get new identities, so the other sites, which know other events by
the old ones, take them as what they are: new.
"""

from __future__ import annotations

from dataclasses import dataclass

from museion.base.errors import InvalidInput
from museion.log.event import Event, EventId, NewEvent
from museion.log.event_log import EventLog
from museion.log.replication.finding import find_event
from museion.log.vector_time import VectorTime

APPENDED = "museion.appended-from-fork"
"""Name whose progress says up to which own time events of a forked log were appended anew."""

_PAGE = 256


class OtherOrigin(InvalidInput):
    """Two logs are not two histories of one log; nothing was done."""

    def __init__(self, forked: str, recovered: str) -> None:
        super().__init__(f"Expected two logs of one id, got {forked!r} and {recovered!r}.")


@dataclass(frozen=True, slots=True)
class Fork:
    """Where two histories of one log part.

    Attributes:
        common_to: own time of the last event that both have, 0 for none.
        events: how many own events come after it in the forked log.
    """

    common_to: int
    events: int


async def find_fork(forked: EventLog, recovered: EventLog) -> Fork:
    """Return from which own event on a forked log differs from the recovered one.

    Raises:
        OtherOrigin: they are not of one id.
    """
    if forked.log_id != recovered.log_id:
        raise OtherOrigin(forked.log_id, recovered.log_id)
    common_to = events = 0
    after = 0
    while page := await forked.read(after=after, limit=_PAGE, deleted=True):
        for event in page:
            if event.process_id != forked.log_id:
                continue
            # Once they part, all that follows is chained to something else.
            if events or not await _has(recovered, event):
                events += 1
            else:
                common_to = event.id.time
        after = page[-1].sequence_nr
    return Fork(common_to, events)


async def append_anew(forked: EventLog, recovered: EventLog) -> int:
    """Append the events that only a forked log has to the recovered one, and return how many.

    In their order, with their emitters and payloads; their stamps tell what of their past is known
    here. Idempotent: what an earlier call appended is not appended again, also after a crash.
    Events of other sites are left to replication.

    Args:
        forked: the old log, opened from its own store; it is not changed.
        recovered: the log after `recover`, of the same id.

    Raises:
        OtherOrigin: they are not of one id.
        InvalidEvent, WriteFailed, LogUnavailable, LogHeld, LogClosed, LogDefect: as
            `EventLog.append`; a repeat goes on.
    """
    fork = await find_fork(forked, recovered)
    done_to = max(fork.common_to, recovered.progress(APPENDED))
    after = appended = 0
    while page := await forked.read(after=after, limit=_PAGE, deleted=True):
        own = [e for e in page if e.process_id == forked.log_id and e.id.time > done_to]
        if own:
            events = [_anew(event, recovered.version, fork.common_to) for event in own]
            await recovered.append(events, progress={APPENDED: own[-1].id.time})
            appended += len(own)
        after = page[-1].sequence_nr
    return appended


async def _has(log: EventLog, event: Event) -> bool:
    known = await find_event(log, event.id)
    return known is not None and known.chain_digest == event.chain_digest


def _anew(event: Event, known: VectorTime, common_to: int) -> NewEvent:
    times = {
        name: min(time, common_to if name == event.process_id else known.local_time(name))
        for name, time in event.vector_timestamp.times.items()
    }
    return NewEvent(
        type_name=event.type_name,
        form=event.form,
        payload=event.payload,
        emitter_id=event.emitter_id,
        aggregate_id=event.aggregate_id,
        destinations=event.custom_destinations,
        vector_timestamp=VectorTime({name: time for name, time in times.items() if time}),
        cause=None if _is_lost(event.cause, event.process_id, common_to) else event.cause,
        delivery_id=event.delivery_id,
        subject_key_id=event.subject_key_id,
    )


def _is_lost(cause: EventId | None, process_id: str, common_to: int) -> bool:
    """Tell whether a cause got another identity, so that its old one means another event."""
    return cause is not None and cause.process_id == process_id and cause.time > common_to
