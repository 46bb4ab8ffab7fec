"""What a log must be like after its process was killed; `appending_program` is that process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from museion.log.chain import START, next_digest
from museion.log.event import Event
from museion.log.event_store import EventStore, StoreState
from museion.log.frame import envelope_of
from museion.log.vector_time import VectorTime, merge_all

_WINDOW = 500
"""Events behind the removed ones that are looked at each time."""


class KilledLog:
    """Knows what was acknowledged and what was found so far, and checks what came since.

    Attributes:
        last: sequence number of the last event that was checked.
        acknowledged: acknowledgements that were met.
        removed: how many events were removed.
    """

    def __init__(self) -> None:
        self.last = 0
        self.acknowledged = 0
        self.removed = 0
        self._came = 0
        self._told: dict[str, int] = defaultdict(int)
        self._progress: dict[str, int] = defaultdict(int)
        self._chain: dict[str, bytes] = {}
        self._version = VectorTime()

    def note(self, lines: Iterable[str]) -> None:
        """Take what a killed process had printed."""
        for line in lines:
            if line != "begun":
                what, number = line.split()
                self._told[what] = int(number)
                self.acknowledged += 1

    def check(self, store: EventStore, far: EventStore | None = None) -> None:
        """Check everything that came since the last time, and what was deleted."""
        state = store.recover()
        events = held(store, self.last)
        assert [e.sequence_nr for e in events] == list(range(self.last + 1, state.sequence_nr + 1))
        self._check_batches(store, state, events)
        self._check_chain(state, events)
        self._check_index(store, events)
        self._check_deletion(store, state)
        if far is not None:
            self._check_replicated(store, far, [e for e in events if e.process_id != e.log_id])
        self.last = state.sequence_nr

    def _check_batches(self, store: EventStore, state: StoreState, events: Sequence[Event]) -> None:
        """Batches are whole, go on from those found before, and end where progress says."""
        for emitter, batch_nr in _whole_batches(state.log_id, events):
            self._progress[emitter] += 1
            assert batch_nr == self._progress[emitter], f"a batch of {emitter} is missing or double"
        for emitter, found in self._progress.items():
            assert store.progress(emitter) == found
        for emitter, told in self._told.items():
            if emitter.startswith("emitter-"):
                assert self._progress[emitter] >= told, (
                    f"an acknowledged batch of {emitter} is lost"
                )

    def _check_chain(self, state: StoreState, events: Sequence[Event]) -> None:
        for event in events:
            before = self._chain.get(event.process_id, START)
            assert event.chain_digest == next_digest(before, envelope_of(event))
            self._chain[event.process_id] = event.chain_digest
        self._version = merge_all((self._version, *(e.vector_timestamp for e in events)))
        assert dict(state.chain) == self._chain
        assert state.version == self._version

    def _check_index(self, store: EventStore, events: Sequence[Event]) -> None:
        assert held(store, self.last, "all") == events
        for aggregate_id in {event.aggregate_id for event in events}:
            own = [event for event in events if event.aggregate_id == aggregate_id]
            assert held(store, self.last, aggregate_id) == own

    def _check_deletion(self, store: EventStore, state: StoreState) -> None:
        """What is removed is gone whole, from the index too, and the chain starts behind it."""
        assert state.deleted_to >= self._told["deleted"], "an acknowledged deletion is lost"
        assert state.removed_to <= state.deleted_to
        assert state.removed_to >= self.removed
        self.removed = state.removed_to
        rest = list(store.read(after=0, limit=_WINDOW))
        assert list(store.read(after=0, limit=_WINDOW, aggregate_id="all")) == rest
        assert [e.sequence_nr for e in rest[:1]] in ([], [state.removed_to + 1])
        chain = dict(state.removed_chain)
        for event in rest:
            before = chain.get(event.process_id, START)
            assert event.chain_digest == next_digest(before, envelope_of(event))
            chain[event.process_id] = event.chain_digest

    def _check_replicated(
        self, store: EventStore, far: EventStore, events: Sequence[Event]
    ) -> None:
        expected = held(far, self._came)[: len(events)]
        assert [event.id for event in events] == [event.id for event in expected]
        assert [envelope_of(e) for e in events] == [envelope_of(e) for e in expected]
        self._came += len(events)
        assert store.progress("far") == self._came
        assert self._came >= self._told["far"], "an acknowledged event is lost"


def held(store: EventStore, after: int, aggregate_id: str | None = None) -> list[Event]:
    """Return all events of a store above a number."""
    return list(
        store.read(after=after, limit=1 << 30, aggregate_id=aggregate_id, max_bytes=1 << 40)
    )


def _whole_batches(log_id: str, events: Sequence[Event]) -> Iterator[tuple[str, int]]:
    """Return emitter and number of each own batch, in order; a torn one is an error."""
    rest = iter(events)
    for first in rest:
        if first.process_id != log_id:
            continue
        emitter, batch_nr, place, size = first.payload.split()
        assert place == b"0"
        for expected in range(1, int(size)):
            assert next(rest).payload == b"%s %s %d %s" % (emitter, batch_nr, expected, size)
        yield emitter.decode(), int(batch_nr)
