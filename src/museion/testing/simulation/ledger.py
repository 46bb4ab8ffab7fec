"""The one who sees everything: what was written where, and whether that may be.

It looks at each change when it gets to a disk, and knows what no site knows: who wrote what first,
what was acknowledged to whom, and what was lost with a disk and is excused.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence

from blake3 import blake3

from museion.log.chain import START
from museion.log.event import Event, EventId
from museion.log.event_store import StoreState, WriteBatch
from museion.log.replication.connection import log_id_of
from museion.log.replication.link import PROGRESS
from museion.log.replication.protocol import ReadAnswer
from museion.log.replication.wire import from_wire
from museion.log.vector_time import merge_all
from museion.testing.simulation.disk import Deleted, Entry, Removed
from museion.testing.simulation.log_ledger import LogLedger, Original, Violated


class Ledger:
    """Checks every change of every log; each method raises `Violated` with the reason.

    Attributes:
        logs: log id -> what is known of it.
        originals: event id -> as it was first seen.
        excused: events that were lost with a disk before any other had them.
        removed: events that were removed from some log.
        lost_once: events that were lost with some disk; where they were removed from the others
            they are gone, also for those that had yet to get them over the one that lost them.
        set_back: logs that lost events: progress in them may fall.
    """

    def __init__(self) -> None:
        self.logs: dict[str, LogLedger] = {}
        self.originals: dict[EventId, Original] = {}
        self.excused: set[EventId] = set()
        self.removed: set[EventId] = set()
        self.lost_once: set[EventId] = set()
        self.set_back: set[str] = set()
        self._order: dict[str, list[int]] = {}
        self._lost: dict[EventId, Original] = {}
        self._requests: list[tuple[str, tuple[bytes, ...]]] = []

    def log(self, log_id: str) -> LogLedger:
        """Return what is known of a log."""
        return self.logs.setdefault(log_id, LogLedger(log_id))

    def mounted(self, log_id: str, journal: Sequence[Entry]) -> None:
        """Look through the whole of a log that was opened."""
        known = self.log(log_id)
        known.numbers, known.by_number, known.have = {}, [], {}
        known.progress, known.removed_to = {}, 0
        for entry in journal:
            self._take(known, entry, is_new=False)
        gone = [each for each in known.acknowledged if each not in known.numbers]
        if gone:
            raise Violated(f"{log_id}: {gone[0]} was acknowledged, and is gone after a restart")

    def written(self, log_id: str, entry: Entry) -> None:
        """Look at a change of a log."""
        self._take(self.log(log_id), entry, is_new=True)

    def _take(self, known: LogLedger, entry: Entry, *, is_new: bool) -> None:
        match entry:
            case Deleted():
                pass
            case Removed(to, _):
                known.removed_to = max(known.removed_to, to)
                end = bisect_right(known.by_number, to, key=_number)
                self.removed.update(event_id for _, event_id in known.by_number[:end])
            case _:
                for event, frame in zip(entry.events, entry.frames, strict=True):
                    self._see(known, event, frame[4:])
                for name, position in entry.progress.items():
                    if name.startswith(PROGRESS):
                        source_id = name.removeprefix(PROGRESS)
                        if is_new:
                            self._check_progress(known, source_id, position)
                        known.progress[source_id] = position

    def acknowledge(self, log_id: str, events: Iterable[Event]) -> None:
        """Note that somebody was told that these are written."""
        known = self.log(log_id)
        for event in events:
            if event.id not in known.numbers:
                raise Violated(f"{log_id}: {event.id} was acknowledged before it was durable")
            known.acknowledged[event.id] = None

    def requested(self, log_id: str, payloads: Sequence[bytes]) -> None:
        """Note that somebody wants to write these together; they are written by nobody else."""
        self._requests.append((log_id, tuple(payloads)))

    def left(self, source: str, target: str, answer: ReadAnswer) -> None:
        """Look at what leaves a site: what the target may not have never does."""
        may_have = self.log(log_id_of(target, _name(answer.source_log_id))).may_have
        if may_have is None:
            return
        for wire in answer.events:
            event = from_wire(wire)
            if not may_have(event):
                raise Violated(f"{source}: {event.id} leaves for {target}, which may not have it")

    def lost(self, log_id: str, journal: Sequence[Entry]) -> None:
        """Note that a log lost its disk and has only this journal now."""
        known = self.log(log_id)
        left = {
            event.id for entry in journal if isinstance(entry, WriteBatch) for event in entry.events
        }
        elsewhere = [other.numbers for other in self.logs.values() if other is not known]
        for event_id in [each for each in known.numbers if each not in left]:
            self.lost_once.add(event_id)
            if not any(event_id in numbers for numbers in elsewhere):
                self.excused.add(event_id)
                self._lost[event_id] = self.originals.pop(event_id)
                self._order[event_id.process_id].remove(event_id.time)
        known.numbers = {}
        known.acknowledged = {each: None for each in known.acknowledged if each in left}
        known.is_new_since_loss = True
        self.set_back.add(log_id)

    # What must hold at the end

    def check_state(self, log_id: str, state: StoreState, journal: Sequence[Entry]) -> None:
        """Compare what a store says of itself with all that was written to it."""
        batches = [entry for entry in journal if isinstance(entry, WriteBatch)]
        events = [event for batch in batches for event in batch.events]
        stamps = merge_all(event.vector_timestamp for event in events)
        if state.version != stamps:
            raise Violated(f"{log_id}: its version {state.version} is not the merge {stamps}")
        chain = {e.process_id: e.chain_digest for e in events if e.chain_digest is not None}
        if dict(state.chain) != chain:
            raise Violated(f"{log_id}: it ends with other chain digests than its events")

    def check_complete(self) -> None:
        """Compare all logs: the same events everywhere, but for what may not be there."""
        for name in dict.fromkeys(map(_name, self.logs)):
            logs = [known for log_id, known in self.logs.items() if _name(log_id) == name]
            everything = {each for known in logs for each in known.numbers}
            for event_id in [each for known in logs for each in known.acknowledged]:
                if event_id not in everything:
                    raise Violated(f"{event_id} was acknowledged, and nobody has it")
            for known in logs:
                self._check_log(known, everything)

        self._check_requests()

    def _check_requests(self) -> None:
        written = {(each.event.process_id, each.event.payload) for each in self.originals.values()}
        for log_id, payloads in self._requests:
            if self.log(log_id).is_new_since_loss:
                continue  # a part may have got away before the rest was lost
            there = sum((log_id, payload) in written for payload in payloads)
            if 0 < there < len(payloads):
                raise Violated(f"{log_id}: {there} of {len(payloads)} events of one request")

    def _check_log(self, known: LogLedger, everything: set[EventId]) -> None:
        for event_id in sorted(everything, key=_identity):
            if event_id not in known.numbers:
                if not self._may_lack(known, event_id):
                    raise Violated(f"{known.log_id}: lacks {event_id} at the end")
            elif not self._may_have(known, event_id):
                raise Violated(f"{known.log_id}: has {event_id}, which may not be there")

    # Each event

    def _see(self, known: LogLedger, event: Event, shared: bytes) -> None:
        event_id = event.id
        if event_id in known.numbers:
            raise Violated(f"{known.log_id}: {event_id} is there twice")
        if known.by_number and event.sequence_nr <= known.by_number[-1][0]:
            raise Violated(f"{known.log_id}: number {event.sequence_nr} comes out of order")
        original = self.originals.get(event_id)
        if original is None:
            self._see_first(event, shared)
        elif original.shared != shared:
            raise Violated(f"{known.log_id}: {event_id} is another event than elsewhere")
        self._check_causes(known, event)
        known.numbers[event_id] = event.sequence_nr
        known.by_number.append((event.sequence_nr, event_id))
        known.have[event_id.process_id] = event_id.time

    def _see_first(self, event: Event, shared: bytes) -> None:
        event_id = event.id
        order = self._order.setdefault(event_id.process_id, [])
        lost = self._lost.pop(event_id, None)
        if lost is not None and lost.shared == shared:  # it was on its way when its disk was lost
            insort(order, event_id.time)
            self.originals[event_id] = lost
            self.excused.discard(event_id)
            return
        if order and event_id.time < order[-1]:
            raise Violated(f"{event_id} is new, but {order[-1]} of its origin was there before")
        before = START
        if order:
            last = self.originals[EventId(event_id.process_id, order[-1])]
            before = last.event.chain_digest or START
        envelope = shared[1 + len(START) :]
        if event.chain_digest != blake3(before + envelope).digest() and not self._jumps(
            event, order, envelope
        ):
            raise Violated(f"{event_id}: its chain digest does not follow the one before it")
        insort(order, event_id.time)
        self.originals[event_id] = Original(event, shared)
        self.excused.discard(event_id)

    def _jumps(self, event: Event, order: Sequence[int], envelope: bytes) -> bool:
        """Tell whether an event follows an older one of a log that did not get back all of its own.

        It has to leave out an identity, so that everybody sees a gap and no forged event.
        """
        origin = event.process_id
        if not self.log(origin).is_new_since_loss or not order or event.id.time <= order[-1] + 1:
            return False
        older = [self.originals[EventId(origin, time)].event.chain_digest for time in order]
        return any(
            event.chain_digest == blake3((each or START) + envelope).digest()
            for each in (START, *older)
        )

    def _check_causes(self, known: LogLedger, event: Event) -> None:
        event_id = event.id
        if event_id.time <= known.have.get(event_id.process_id, 0):
            raise Violated(f"{known.log_id}: {event_id} comes behind a later one of its origin")
        for process_id, time in event.vector_timestamp.times.items():
            up_to = time - 1 if process_id == event_id.process_id else time
            for missing in self._missing(known, process_id, up_to):
                raise Violated(f"{known.log_id}: {event_id} is there before its cause {missing}")

    def _missing(self, known: LogLedger, process_id: str, up_to: int) -> Iterable[EventId]:
        have = known.have.get(process_id, 0)
        if have >= up_to:
            return
        order = self._order.get(process_id, [])
        for time in order[bisect_right(order, have) : bisect_right(order, up_to)]:
            missing = EventId(process_id, time)
            if not self._may_lack(known, missing):
                yield missing

    def _may_lack(self, known: LogLedger, event_id: EventId) -> bool:
        if event_id in self.removed and (known.is_new_since_loss or event_id in self.lost_once):
            return True
        # What a leaf wrote itself and lost does not come back where it may not have it.
        own = event_id.process_id == known.log_id and not known.is_new_since_loss
        if known.may_have is None or own:
            return False
        return not known.may_have(self.originals[event_id].event)

    def _may_have(self, known: LogLedger, event_id: EventId) -> bool:
        if known.may_have is None or event_id.process_id == known.log_id:
            return True
        return known.may_have(self.originals[event_id].event)

    def _check_progress(self, known: LogLedger, source_id: str, position: int) -> None:
        before = known.progress.get(source_id, 0)
        if position < before:
            # Who was away while the source recovered reads it from the beginning later.
            anew = position == 0 and self.log(source_id).is_new_since_loss
            if not anew and not {source_id, known.log_id} & self.set_back:
                raise Violated(
                    f"{known.log_id}: progress in {source_id} falls from {before} to {position}"
                )
            return
        source = self.logs.get(source_id)
        if source is None or source_id in self.set_back:
            return
        first = bisect_right(source.by_number, before, key=_number)
        last = bisect_right(source.by_number, position, key=_number)
        for _, event_id in source.by_number[first:last]:
            if event_id not in known.numbers and not self._may_lack(known, event_id):
                raise Violated(
                    f"{known.log_id}: progress in {source_id} is {position}, but {event_id} is not"
                    " here"
                )


def _name(log_id: str) -> str:
    return log_id.partition(":")[2]


def _number(entry: tuple[int, EventId]) -> int:
    return entry[0]


def _identity(event_id: EventId) -> tuple[str, int]:
    return event_id.process_id, event_id.time
