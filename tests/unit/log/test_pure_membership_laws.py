"""Locations come and leave while others write, and what is stable still never shows in a value."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_world import KINDS, AnyCrdt, Kind

from museion.log.crdt.crdt import Stamp
from museion.log.crdt.pure.pure_events import (
    PURE_EVENTS,
    Acknowledged,
    LocationAdmitted,
    LocationRetired,
    Operated,
    PureEvent,
)
from museion.log.crdt.pure.replica import Replica
from museion.log.event import Event, EventId
from museion.log.vector_time import VectorTime

FOUNDERS = ("a", "b")
NEWCOMERS = ("c", "d")
INSTANCE = "instance"


class Place:
    """One location: its replica, and its log."""

    def __init__(self, crdt: AnyCrdt, name: str) -> None:
        self.name = name
        self.replica = Replica(crdt, name, FOUNDERS)
        self.log: list[Event] = []
        self.cut_off = False

    def take(self, event: Event) -> None:
        """Take in an event."""
        self.log.append(event)
        self.replica.take(event)

    def write(self, payload: PureEvent, time_ms: int) -> None:
        """Write an event of its own."""
        seen = self.replica.stability.seen
        stamp = seen.advance(self.name, seen.local_time(self.name) + 1)
        new = PURE_EVENTS.encode(payload, emitter_id=self.name)
        self.take(
            Event(
                new.type_name, 1, new.payload, self.name, None, (), time_ms, stamp, self.name, "", 1
            )
        )


class Region:
    """All locations, the ones that have not come yet too."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.places = {name: Place(kind.crdt, name) for name in FOUNDERS + NEWCOMERS}

    def act(self, random: Random) -> None:
        """Do one thing at random, and compare the location where it happened with the oracle."""
        place = random.choice(list(self.places.values()))
        takes_part = place.replica.stability.takes_part
        match random.randrange(12):
            case 0 | 1 | 2 if takes_part:
                content = place.replica.encode_operation(self.kind.operation(random))
                place.write(Operated(INSTANCE, content), random.randrange(4))
            case 3 | 4 if takes_part:
                place.write(Acknowledged(), 0)
            case 5 if takes_part and not place.cut_off:
                self._admit_or_retire(place, random)
            case 6 | 7:
                place.replica.settle()
            case _:
                self.deliver(place, random)
        self.check(place)

    def _admit_or_retire(self, place: Place, random: Random) -> None:
        other = self.places[random.choice(list(self.places))]
        tables = [each.replica.stability for each in self.places.values()]
        if not any(other.name in each.locations for each in tables):
            place.write(LocationAdmitted(other.name), 0)
        elif random.random() < 0.4 and not any(other.name in each.retired for each in tables):
            self._retire(place, other, random)

    def _retire(self, place: Place, other: Place, random: Random) -> None:
        table = place.replica.stability
        others = [each for each in table.locations if each not in (*table.retired, other.name)]
        if other.name not in table.locations or not others:
            return
        other.cut_off = True  # first its lines are cut
        for each in self.places.values():  # then all that anybody has of it is gathered
            if not each.cut_off and random.random() < 0.9:
                self._bring_all(each, place)
        reachable = [each for each in self.places.values() if not each.cut_off]
        left = {event for each in reachable for event in _ids(each.log, other.name)}
        if not left <= _ids(place.log, other.name):
            other.cut_off = False  # not gathered yet: not now
            return
        place.write(LocationRetired(other.name), 0)
        if other is place:  # its last word is heard by somebody
            self._bring_all(place, self.places[random.choice(others)])

    def _bring_all(self, source: Place, target: Place) -> None:
        for event in source.log:
            if not event.vector_timestamp <= target.replica.stability.seen:
                target.take(event)

    def deliver(self, place: Place, random: Random) -> bool:
        """Bring the location one event that it may take next."""
        if place.cut_off:
            return False
        ready = [
            event
            for source in self.places.values()
            if not source.cut_off
            for event in source.log
            if _is_next(event, place.replica.stability.seen)
        ]
        if ready:
            place.take(random.choice(ready))
        return bool(ready)

    def check(self, place: Place) -> None:
        """Compare a location with the oracle."""
        history = []
        for event in place.log:
            for payload in PURE_EVENTS.decode_known(event):
                if isinstance(payload, Operated):
                    operation = msgspec.msgpack.decode(
                        payload.operation, type=self.kind.crdt.operation_type
                    )
                    history.append((operation, Stamp.of(event)))
        value = self.kind.crdt.value(place.replica.state(INSTANCE))
        assert value == self.kind.oracle(history)


def _ids(log: Sequence[Event], writer: str) -> set[EventId]:
    return {event.id for event in log if event.process_id == writer}


def _is_next(event: Event, seen: VectorTime) -> bool:
    stamp, writer = event.vector_timestamp, event.process_id
    own = stamp.local_time(writer)
    return own == seen.local_time(writer) + 1 and stamp <= seen.advance(writer, own)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 32), steps=st.integers(1, 150))
def test_values_stay_those_of_the_oracle_while_locations_come_and_leave(
    kind: Kind, seed: int, steps: int
) -> None:
    random = Random(seed)  # noqa: S311 (seeded)
    region = Region(kind)
    for _ in range(steps):
        region.act(random)
    staying = [place for place in region.places.values() if not place.cut_off]
    while any(region.deliver(place, random) for place in staying):
        pass
    for place in staying:
        place.replica.settle()
        region.check(place)
