"""A process that appends is killed again and again: what was acknowledged is there, whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random

from museion.log.event import Event
from museion.log.event_store import EventStore
from museion.log.lmdb_store import LmdbEventStore
from museion.testing.killing import kill_rounds, run_until_killed

PROGRAM = Path(__file__).parent / "appending_program.py"
SEED = 20240611


def test_no_kill_loses_what_was_acknowledged_or_tears_a_batch(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 (repeatable)
    acknowledged: dict[str, int] = defaultdict(int)
    progress: dict[str, int] = defaultdict(int)
    last = 0
    for kill in range(kill_rounds(30)):
        arguments = [str(tmp_path), str(kill)]
        for line in run_until_killed(PROGRAM, arguments, random=random, longest_s=0.06):
            if line != "begun":
                emitter, batch_nr = line.split()
                acknowledged[emitter] = int(batch_nr)
        with closing(LmdbEventStore(tmp_path)) as store:
            last = _check_what_came_since(store, last, progress)
        for emitter, acknowledged_nr in acknowledged.items():
            assert progress[emitter] >= acknowledged_nr
    assert last > kill_rounds(30), "it got somewhere between the kills"


def _check_what_came_since(store: EventStore, last: int, progress: dict[str, int]) -> int:
    """Check all events above `last`; their batches go on from `progress` to where it stands now."""
    events = _all(store, last)
    assert [event.sequence_nr for event in events] == list(range(last + 1, last + 1 + len(events)))
    assert store.recover().sequence_nr == last + len(events)
    assert _all(store, last, "all") == events
    for emitter, batches in _whole_batches(events).items():
        assert _all(store, last, emitter) == [each for each in events if each.emitter_id == emitter]
        assert batches == list(range(progress[emitter] + 1, store.progress(emitter) + 1))
        progress[emitter] = batches[-1]
    assert all(store.progress(emitter) == batch_nr for emitter, batch_nr in progress.items())
    return last + len(events)


def _whole_batches(events: Sequence[Event]) -> dict[str, list[int]]:
    """Return the numbers of each emitter's batches, in order; a torn batch is an error."""
    batches: dict[str, list[int]] = defaultdict(list)
    rest = iter(events)
    for first in rest:
        emitter, batch_nr, place, size = first.payload.split()
        assert place == b"0"
        for expected in range(1, int(size)):
            assert next(rest).payload == b"%s %s %d %s" % (emitter, batch_nr, expected, size)
        batches[emitter.decode()].append(int(batch_nr))
    return batches


def _all(store: EventStore, after: int, aggregate_id: str | None = None) -> list[Event]:
    return list(store.read(after=after, limit=1 << 30, aggregate_id=aggregate_id))
