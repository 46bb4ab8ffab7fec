"""Causal stability: which operations every location is known to have.

An operation is stable once no operation can come any more that did not know it. It sheds its stamp
then. For each other location the table keeps the merge of the stamps heard from it; what all of
these cover is stable. So one silent location keeps everything from becoming stable, and is named.

What a location promises by the stamps it writes holds only if they grow: a stamp must cover all
earlier ones of that location. One `PureCrdtService` sees to this for its events, and only these are
heard. (The original hears all events that concern one instance. A stamp of an aggregate beside it
says nothing about what the CRDT had seen.)

Locations come and leave by events too, for a location that began to write without knowing what is
stable elsewhere would contradict it:

- Who admits a location does so in an event, and the newcomer writes only when it has that event,
  thus all that came before it. Nothing that does not come before it can have become stable without
  the newcomer: it took an event of the admitting location from after the admission.
- Who retires a location has all that it wrote, and its lines are cut, so nothing of it is to come
  behind that event. To be safe it is waited for until all others are known to have that event.
  What it wrote may tell of a newcomer whom nobody else has admitted; so to have most is not enough.

Source: Baquero, Almeida, Shoker, arXiv 1710.04469, 2017, the section on causal stability, with the
departures above; there the set of replicas is fixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

import msgspec
from msgspec.structs import replace

from museion.log.vector_time import VectorTime

NOTHING = VectorTime()


class Stability(msgspec.Struct, frozen=True):
    """What one location knows of what all others know. Every method returns a new table.

    Attributes:
        local: the location that the table belongs to.
        locations: those that take part, `local` among them or not, sorted.
        heard: merge of the stamps heard from each other location, by its id.
        retired: merge of the stamps of the events that retired a location, by its id.
        seen: merge of all stamps, own ones included.
    """

    local: str
    locations: tuple[str, ...]
    heard: dict[str, VectorTime] = {}
    retired: dict[str, VectorTime] = {}
    seen: VectorTime = NOTHING

    @classmethod
    def at(cls, local: str, locations: Iterable[str]) -> Self:
        """Return the table before anything was heard.

        Args:
            locations: the founders: those that take part from the beginning.
        """
        return cls(local, tuple(sorted({*locations})))

    @property
    def takes_part(self) -> bool:
        """Tell whether the location itself may write."""
        return self.local in self.locations and self.local not in self.retired

    @property
    def stable(self) -> VectorTime:
        """What all locations are known to have; nothing before all were heard. It only grows."""
        staying = [each for each in self._others if each not in self.retired]
        known = [self.heard.get(each, NOTHING) for each in staying]
        leaving = [
            self.heard.get(location, NOTHING)
            for location, retiring in self.retired.items()
            if location != self.local and not all(retiring <= each for each in known)
        ]
        # Where there is nobody else, all that is known here is known everywhere.
        return covered_by_all([*known, *leaving]) if known or leaving else self.seen

    def hear(self, location: str, stamp: VectorTime) -> Self:
        """Take in the stamp of an event that a location wrote.

        One that was never admitted, which is a mistake of whoever named the founders, takes part
        from here on.
        """
        table = replace(self, seen=self.seen.merge(stamp))
        return table if location == self.local else table._with(location, stamp)

    def admit(self, location: str, stamp: VectorTime) -> Self:
        """Let a location take part; `stamp` is of the event that says so. Once only for each."""
        if location in self.locations:
            return self
        # It writes nothing before it has this event, which is as good as having heard so.
        return self._with(location, stamp)

    def retire(self, location: str, stamp: VectorTime) -> Self:
        """Let a location leave for good; `stamp` is of the event that says so."""
        retiring = self.retired.get(location, NOTHING).merge(stamp)
        return replace(self, retired={**self.retired, location: retiring})

    def waiting_for(self, wanted: VectorTime) -> tuple[str, ...]:
        """Return the locations that are not known to have what is wanted, sorted.

        Args:
            wanted: merge of the stamps that should become stable.
        """
        return tuple(
            each
            for each in self._others
            if each not in self.retired and not wanted <= self.heard.get(each, NOTHING)
        )

    @property
    def _others(self) -> list[str]:
        return [each for each in self.locations if each != self.local]

    def _with(self, location: str, stamp: VectorTime) -> Self:
        locations = self.locations
        if location not in locations:
            locations = tuple(sorted((*locations, location)))
        known = self.heard.get(location, NOTHING).merge(stamp)
        return replace(self, locations=locations, heard={**self.heard, location: known})


def covered_by_all(times: Sequence[VectorTime]) -> VectorTime:
    """Return the element-wise minimum; of no times it is nothing."""
    first, *others = times or (NOTHING,)
    least: dict[str, int] = {}
    for process, time in first.times.items():
        if lowest := min([time, *(each.local_time(process) for each in others)]):
            least[process] = lowest
    return VectorTime(least)
