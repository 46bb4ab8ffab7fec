"""Rows in PostgreSQL's binary COPY format, packed by hand: the hot path of a write.

Source: PostgreSQL documentation, COPY, "Binary Format".
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Sequence

from museion.log.event import Event

_BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_EVENT = struct.Struct(">hiiiqi")  # fields, then size and value of each: log, number; size of frame
_DESTINATION = struct.Struct(">hiiiiiq")
_AGGREGATE_BEGIN = struct.Struct(">hiii")
_AGGREGATE_END = struct.Struct(">ii")


def places_of(events: Sequence[Event]) -> Iterator[tuple[str, int]]:
    """Return each destination of each event, with the event's number."""
    for event in events:
        if event.custom_destinations:
            for destination in sorted(event.destinations):
                yield destination, event.sequence_nr
        elif event.aggregate_id is not None:
            yield event.aggregate_id, event.sequence_nr


def event_rows(log: int, events: Sequence[Event], frames: Sequence[bytes]) -> bytes:
    """Return rows of the table `events`."""
    pack = _EVENT.pack
    parts = [_BEGIN]
    for event, frame in zip(events, frames, strict=True):
        parts.append(pack(3, 4, log, 8, event.sequence_nr, len(frame)))
        parts.append(frame)
    parts.append(_END)
    return b"".join(parts)


def destination_rows(log: int, places: Iterable[tuple[int, int]]) -> bytes:
    """Return rows of the table `destinations`: an aggregate's number and a sequence number each."""
    pack = _DESTINATION.pack
    return b"".join(
        (_BEGIN, *(pack(3, 4, log, 4, aggregate, 8, nr) for aggregate, nr in places), _END)
    )


def aggregate_rows(log: int, numbers: Collection[tuple[bytes, int]]) -> bytes:
    """Return rows of the table `aggregates`: an id and its number each."""
    rows = (
        _AGGREGATE_BEGIN.pack(3, 4, log, len(id_)) + id_ + _AGGREGATE_END.pack(4, number)
        for id_, number in numbers
    )
    return b"".join((_BEGIN, *rows, _END))
