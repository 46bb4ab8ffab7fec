"""Appends whose answers are noted, and compared with what the log holds."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.event_store import EventStore, WriteFailed
from museion.log.log_errors import LogClosed, LogDefect, LogUnavailable


class Fates:
    """What was told of each batch.

    Attributes:
        written, refused, unknown: numbers of batches.
    """

    def __init__(self) -> None:
        self.written: list[int] = []
        self.refused: list[int] = []
        self.unknown: list[int] = []
        self._sizes: dict[int, int] = {}

    async def append(self, log: EventLog, size: int = 3) -> None:
        """Append a batch and note the answer; all but the known ones are errors."""
        batch_nr = len(self._sizes) + 1
        self._sizes[batch_nr] = size
        try:
            events = await log.append(_events(batch_nr, size), progress={f"batch-{batch_nr}": 1})
        except (WriteFailed, LogUnavailable, LogClosed):
            self.refused.append(batch_nr)
        except LogDefect:
            self.unknown.append(batch_nr)
        else:
            assert [event.payload for event in events] == _payloads(batch_nr, size)
            self.written.append(batch_nr)

    def require_kept_by(self, store: EventStore) -> None:
        """Check that a store holds exactly what was told: whole, once, in order, with progress."""
        found = self._found(store.read(limit=1 << 30, max_bytes=1 << 40))
        assert dict(store.all_progress()) == {f"batch-{batch_nr}": 1 for batch_nr in found}

    def _found(self, events: Iterable[Event]) -> list[int]:
        numbers, found = [0], []
        rest = iter(events)
        for first in rest:
            numbers.append(first.sequence_nr)
            batch_nr = int(first.payload.split()[0])
            others = [next(rest) for _ in range(self._sizes[batch_nr] - 1)]
            payloads = [event.payload for event in (first, *others)]
            assert payloads == _payloads(batch_nr, self._sizes[batch_nr]), "a batch is torn"
            numbers += [event.sequence_nr for event in others]
            found.append(batch_nr)
        assert numbers == list(range(len(numbers))), "there is a gap"
        assert len(found) == len(set(found)), "a batch is there twice"
        assert set(self.written) <= set(found), "an acknowledged batch is lost"
        assert set(found) <= {*self.written, *self.unknown}, "a refused batch is there"
        return found


def random_size(random: Random) -> int:
    """Return a size of a batch."""
    return random.randint(1, 6)


def _payloads(batch_nr: int, size: int) -> list[bytes]:
    return [b"%d %d" % (batch_nr, place) for place in range(size)]


def _events(batch_nr: int, size: int) -> list[NewEvent]:
    return [
        NewEvent(type_name="test.happened", payload=payload, emitter_id="e", aggregate_id="a")
        for payload in _payloads(batch_nr, size)
    ]
