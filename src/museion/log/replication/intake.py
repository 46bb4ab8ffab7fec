"""Taking over what a source answered: checked before anything of it is stored."""

from __future__ import annotations

from collections.abc import Sequence

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.replication.local_side import LocalSide
from museion.log.replication.protocol import ReadAnswer
from museion.log.replication.refusals import BadAnswer
from museion.log.replication.wire import UnusableEvent, from_wire


def checked_events(
    answer: ReadAnswer, *, remote_id: str, source_log_id: str, after: int, up_to: int | None
) -> list[Event]:
    """Return the events of an answer that keeps to the protocol.

    Raises:
        BadAnswer: it is of another log, its positions contradict what was asked, or an event in it
            cannot be stored.
    """
    if answer.source_log_id != source_log_id:
        raise BadAnswer(remote_id, f"it is of the log {answer.source_log_id!r}")
    last = answer.sequence_nr if up_to is None else min(up_to, answer.sequence_nr)
    if not after <= answer.scanned_to <= last:
        reason = f"it covers {after} to {answer.scanned_to}, and only {last} could be the last"
        raise BadAnswer(remote_id, reason)
    if len(answer.events) > answer.scanned_to - after:
        raise BadAnswer(remote_id, "it holds more events than numbers")
    try:
        events = [from_wire(each) for each in answer.events]
    except UnusableEvent as reason:
        raise BadAnswer(remote_id, str(reason)) from reason
    _require_order(events, remote_id)
    return events


def _require_order(events: Sequence[Event], remote_id: str) -> None:
    """Check that no event stands behind others that cover it.

    It would be dropped as known and never asked for again. A log does not hold such an event: it
    would have dropped it, too. The times of one origin need not rise, since a stamp does not cover
    what its emitter did not handle.
    """
    newest: dict[str, int] = {}
    for index, event in enumerate(events):
        origin = event.process_id
        time = event.vector_timestamp.local_time(origin)
        if time > newest.get(origin, 0):
            newest[origin] = time
        elif _is_covered(event, events[:index]):
            raise BadAnswer(remote_id, f"event {time} of {origin!r:.80} stands behind later ones")


def _is_covered(event: Event, earlier: Sequence[Event]) -> bool:
    return all(
        any(time <= each.vector_timestamp.local_time(name) for each in earlier)
        for name, time in event.vector_timestamp.times.items()
    )


async def take_answer(
    local: LocalSide,
    log: EventLog,
    answer: ReadAnswer,
    *,
    remote_id: str,
    source_log_id: str,
    after: int,
    up_to: int | None,
    generation: int,
) -> list[Event]:
    """Check an answer, store it with the progress in one batch, and return the new events.

    Raises:
        BadAnswer, OutdatedAnswer: nothing of it was used.
        InvalidEvent, WriteFailed, LogUnavailable, LogClosed, LogDefect: as
            `EventLog.append_replicated`.
    """
    events = checked_events(
        answer, remote_id=remote_id, source_log_id=source_log_id, after=after, up_to=up_to
    )
    local.remote_logs.heard(source_log_id, answer.version, generation)
    return await local.remote_logs.take(
        log, source_log_id, events, scanned_to=answer.scanned_to, generation=generation
    )
