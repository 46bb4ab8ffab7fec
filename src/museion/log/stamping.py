"""Giving events their place: number, stamp, chain digest, and the frame that is stored.

Pure: the writer thread keeps a `Head`, and moves it on only when the store has the events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from blake3 import blake3
from msgspec.structs import force_setattr, replace

from museion.log.chain import START
from museion.log.event import UNWRITTEN, Event, NewEvent
from museion.log.event_store import StoreState, WriteBatch
from museion.log.frame import encode_envelope, envelope_of, pack_frame
from museion.log.vector_time import VectorTime

GIVEN_TO = "museion.own-times-given-to"
"""Name whose progress is an own time up to which all were given, though not every event is here.

A log that lost its events hears of it from its neighbours. What they may not give back is covered
by no stamp that comes, so the version vector does not tell.
"""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends.

    Attributes:
        sequence_nr: of the last event.
        version: merge of the vector timestamps of all events.
        chain: chain digest of the last event of each origin.
        given_to: progress under `GIVEN_TO`.
    """

    log_id: str
    sequence_nr: int
    version: VectorTime
    chain: Mapping[str, bytes]
    given_to: int = 0

    @classmethod
    def of(cls, state: StoreState, *, given_to: int = 0) -> Head:
        """Return the head of a log as its store knows it."""
        return cls(state.log_id, state.sequence_nr, state.version, state.chain, given_to)

    @property
    def own_time(self) -> int:
        """The largest time that an event of this log is known to have got."""
        return max(self.version.local_time(self.log_id), self.given_to)


class Stamper:
    """Stamps the events of one batch; `head` is where the log ends after them.

    Args:
        now_ms: the time that new events get, milliseconds since 1970 UTC.
    """

    def __init__(self, head: Head, *, now_ms: int) -> None:
        self._log_id = head.log_id
        self._number = head.sequence_nr
        self._times = dict(head.version.times)
        self._chain = dict(head.chain)
        self._given_to = head.given_to
        self._now_ms = now_ms
        self.events: list[Event] = []
        self.frames: list[bytes] = []

    @property
    def head(self) -> Head:
        """Where the log ends after the events that were stamped."""
        version = VectorTime(dict(self._times))
        return Head(self._log_id, self._number, version, self._chain, self._given_to)

    def batch(self, progress: Mapping[str, int]) -> WriteBatch:
        """Return the events that were stamped, and progress, for a store."""
        self._given_to = max(self._given_to, progress.get(GIVEN_TO, 0))
        head = self.head
        return WriteBatch(self.events, progress, self.frames, head.version, head.chain)

    def emitted(self, new_events: Sequence[NewEvent]) -> list[Event]:
        """Stamp events of this log: its next numbers, its entry in their stamps, its chain."""
        log_id, now_ms = self._log_id, self._now_ms
        # A log that was rebuilt from its neighbours may hold fewer events than it once wrote. Its
        # new events must not take the identities of those.
        number = max(self._number, self._times.get(log_id, 0), self._given_to)
        digest = self._chain.get(log_id, START)
        events, frames = [], []
        known: Mapping[str, int] = {}
        for new in new_events:
            number += 1
            times = new.vector_timestamp.times
            if times is not known:  # events of one request mostly share their stamp
                self._merge(times.items())
                known = times
            event = Event(
                new.type_name,
                new.form,
                new.payload,
                new.emitter_id,
                new.aggregate_id,
                new.destinations,
                now_ms,
                VectorTime({**times, log_id: number}),
                log_id,
                "",
                UNWRITTEN,
                new.cause,
                new.delivery_id,
                None,
                new.subject_key_id,
            )
            # In place of `chain.next_digest` and `_fill_in`: a hot path.
            envelope = encode_envelope(event)
            digest = blake3(digest + envelope).digest()
            frames.append(pack_frame(envelope, digest, number))
            force_setattr(event, "log_id", log_id)
            force_setattr(event, "sequence_nr", number)
            force_setattr(event, "chain_digest", digest)
            events.append(event)
        if events:
            self._number = self._times[log_id] = number
            self._chain[log_id] = digest
            self.events += events
            self.frames += frames
        return events

    def replicated(self, events: Iterable[Event]) -> list[Event]:
        """Take over events of other logs that this one does not know yet; drop the others.

        Everything but their local fields stays as it is. The causality filter: an event whose
        stamp is covered by the version vector is in the log already, or was.
        """
        first = len(self.events)
        for event in events:
            if not self._merge(event.vector_timestamp.times.items()):
                continue
            self._number += 1
            # Blank, so that `envelope_of` need not make a copy of its own.
            taken = replace(event, log_id="", sequence_nr=UNWRITTEN, chain_digest=None)
            if not event.system_time_ms and event.chain_digest is None:
                taken = replace(taken, system_time_ms=self._now_ms)
            self.frames.append(pack_frame(envelope_of(taken), event.chain_digest, self._number))
            if event.chain_digest is not None:
                self._chain[event.process_id] = event.chain_digest
            self._fill_in(taken, self._number, event.chain_digest)
        return self.events[first:]

    def _fill_in(self, event: Event, number: int, digest: bytes | None) -> None:
        # NOTE: nobody has seen this object yet, so filling it in spares a copy of a hot path.
        force_setattr(event, "log_id", self._log_id)
        force_setattr(event, "sequence_nr", number)
        force_setattr(event, "chain_digest", digest)
        self.events.append(event)

    def _merge(self, times: Iterable[tuple[str, int]]) -> bool:
        """Lift the version vector; tell whether anything in these times was new to it."""
        known, is_new = self._times, False
        for name, time_there in times:
            if time_there > known.get(name, 0):
                known[name] = time_there
                is_new = True
        return is_new
