"""Own events that are being written: nothing may become stable here that one of them does not know.

What all others know may come into the log before an own event that was stamped without it. Were it
stable by then, the own event would be taken for one that knew it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from museion.log.vector_time import VectorTime


@dataclass(slots=True, eq=False)
class OwnWrite:
    """An own event on its way.

    Attributes:
        stamp: what it knows.
        end: where the log stood when the write was over, however it ended; None before.
    """

    stamp: VectorTime
    end: int | None = None


class OwnWrites:
    """Those that are not known to be handled, or never to come."""

    def __init__(self) -> None:
        self._under_way: list[OwnWrite] = []

    @property
    def stamps(self) -> Sequence[VectorTime]:
        """What each of them knows."""
        return [each.stamp for each in self._under_way]

    def begin(self, stamp: VectorTime) -> OwnWrite:
        """Note an event before it is written; set its `end` afterwards."""
        write = OwnWrite(stamp)
        self._under_way.append(write)
        return write

    def forget(self, position: int) -> None:
        """Forget those that are over, where all events up to a position were handled."""
        self._under_way = [
            each for each in self._under_way if each.end is None or each.end > position
        ]
