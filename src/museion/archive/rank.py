"""An order of events that is the same at every site, whatever came first where."""

from __future__ import annotations

from typing import NamedTuple, Self

from museion.log.event import Event


class Rank(NamedTuple):
    """A total order of events that keeps causes before effects and asks no clock.

    The sum of a vector timestamp's entries grows from cause to effect: an effect has every entry of
    its cause, and more at its own origin. Origin and time there break ties.
    """

    total: int
    origin: str
    time: int

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return the rank of an event. O(sites)."""
        times = event.vector_timestamp.times
        return cls(sum(times.values()), event.process_id, times.get(event.process_id, 0))
