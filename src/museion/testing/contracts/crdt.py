"""What every CRDT must do. Inherit the suite, say what is to be tried, and run it.

class TestMyCounter(CrdtContract[CounterState, Count, int]):
    def crdt(self) -> Counter:
        return Counter()

    def operation(self, random: Random, state: CounterState) -> Count:
        return Count(random.randint(-5, 5))

    def oracle(self, written: Sequence[Written[Count]]) -> int:
        return sum(each.operation.by for each in written)

A history is made by sites that write by chance, with clocks that are wrong, and hear of each other
through lines that are cut and healed. The oracle recomputes the value from all operations together,
by the definition in the textbook; it is never told in which order they came anywhere.
"""

# ruff: noqa: D102 (the name of a test is its claim)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Generic, TypeVar

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from museion.log.crdt.crdt import Stamp, StoredCrdt
from museion.log.vector_time import VectorTime

__all__ = ["CrdtContract", "History", "Site", "Written", "any_causal_order"]

S = TypeVar("S")
O = TypeVar("O")  # noqa: E741 (an operation)
V = TypeVar("V")

_LAW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
)
_RANDOM = st.randoms(use_true_random=False)


@dataclass(frozen=True, slots=True)
class Written(Generic[O]):
    """An operation as it stands in the logs, and its stamp."""

    operation: O
    stamp: Stamp


@dataclass(slots=True)
class Site(Generic[S, O]):
    """One replica: its state, and the operations in its log in the order in which they came.

    Attributes:
        clock_ms: how far its wall clock is; clocks of sites have nothing to do with each other.
    """

    name: str
    state: S
    log: list[Written[O]] = field(default_factory=list)
    version: VectorTime = field(default_factory=VectorTime)
    clock_ms: int = 0

    def take(self, crdt: StoredCrdt[S, O, object], written: Written[O]) -> None:
        """Take an operation in."""
        self.state = crdt.effect(self.state, written.operation, written.stamp)
        self.version = self.version.merge(written.stamp.vector_timestamp)
        self.log.append(written)


class History(Generic[S, O]):
    """Sites that write, are cut off from each other, and hear of each other again.

    Args:
        random: decides everything.
    """

    def __init__(self, crdt: StoredCrdt[S, O, object], random: Random) -> None:
        self.crdt = crdt
        self._random = random
        names = ["A", "B", "C", "D"][: random.randint(2, 4)]
        self.sites = [Site[S, O](name, crdt.zero()) for name in names]
        for site in self.sites:
            site.clock_ms = random.randint(0, 20)

    @property
    def written(self) -> list[Written[O]]:
        """All operations, causes before effects."""
        known = {each.stamp.id: each for site in self.sites for each in site.log}
        return sorted(known.values(), key=lambda each: each.stamp.causal_rank)

    def write(self, site: Site[S, O], operation: O) -> Written[O] | None:
        """Let a site write what an operation comes to; None where that is nothing."""
        prepared = self.crdt.prepare(site.state, operation)
        if prepared is None:
            return None
        # A clock may stand still, or be set back.
        site.clock_ms = max(0, site.clock_ms + self._random.choice((-3, 0, 0, 1, 5)))
        # The own entry of a stamp is a place in the log, which counts what was received too.
        number = max(len(site.log), site.version.local_time(site.name)) + 1
        stamp = Stamp(site.version.advance(site.name, number), site.clock_ms, site.name)
        written = Written(prepared, stamp)
        site.take(self.crdt, written)
        return written

    def pull(self, target: Site[S, O], source: Site[S, O], *, at_most: int) -> None:
        """Let one site take over what it does not know of another one, from the beginning on."""
        known = {each.stamp.id for each in target.log}
        new = [each for each in source.log if each.stamp.id not in known]
        for each in new[:at_most]:
            target.take(self.crdt, each)

    def part(self) -> None:
        """Let sites hear of each other within the halves of a partition, a part of what is new."""
        halves = [self._random.random() < 0.5 for _ in self.sites]
        for _ in range(self._random.randint(1, 4)):
            first, second = self._random.sample(range(len(self.sites)), 2)
            if halves[first] == halves[second]:
                count = self._random.randint(1, 6)
                self.pull(self.sites[first], self.sites[second], at_most=count)

    def heal(self) -> None:
        """Let all sites hear of everything."""
        order = self.sites * 2
        self._random.shuffle(order)
        for target in self.sites + order:
            for source in order:
                if source is not target:
                    self.pull(target, source, at_most=1 << 30)


def any_causal_order(written: Sequence[Written[O]], random: Random) -> list[Written[O]]:
    """Return the operations in some order with causes before effects."""
    ordered: list[Written[O]] = []
    left = sorted(written, key=lambda each: each.stamp.causal_rank)
    while left:
        # Walk to the left from a random one, from each to what must come before it.
        at = random.randrange(len(left))
        for before in range(at - 1, -1, -1):
            if left[before].stamp.vector_timestamp < left[at].stamp.vector_timestamp:
                at = before
        ordered.append(left.pop(at))
    return ordered


class CrdtContract(Generic[S, O, V]):
    """For every CRDT that has a stored form."""

    def crdt(self) -> StoredCrdt[S, O, V]:
        """Return the type under test."""
        raise NotImplementedError

    def operation(self, random: Random, state: S) -> O:
        """Return what somebody who sees a state may ask for; now and then in vain."""
        raise NotImplementedError

    def oracle(self, written: Sequence[Written[O]]) -> object:
        """Return the value that a set of operations has by definition, whatever their order."""
        raise NotImplementedError

    def history(self, random: Random) -> History[S, O]:
        """Return a history that has not healed yet."""
        history = History(self.crdt(), random)
        for _ in range(random.randint(1, 12)):
            for _ in range(random.randint(0, 3)):
                site = random.choice(history.sites)
                history.write(site, self.operation(random, site.state))
            history.part()
        return history

    @_LAW
    @given(_RANDOM)
    def test_replicas_that_were_parted_are_equal_once_they_heard_of_everything(
        self, random: Random
    ) -> None:
        history = self.history(random)
        history.heal()
        states = [site.state for site in history.sites]
        values = [history.crdt.value(state) for state in states]
        assert all(state == states[0] for state in states)
        assert all(value == values[0] for value in values)
        assert values[0] == self.oracle(history.written)

    @_LAW
    @given(_RANDOM)
    def test_a_replica_has_the_value_of_what_it_heard_of_even_while_parted(
        self, random: Random
    ) -> None:
        history = self.history(random)
        for site in history.sites:
            shuffled = list(site.log)
            random.shuffle(shuffled)
            assert history.crdt.value(site.state) == self.oracle(shuffled)

    @_LAW
    @given(_RANDOM)
    def test_every_order_with_causes_before_effects_leads_to_the_same_state(
        self, random: Random
    ) -> None:
        history = self.history(random)
        crdt, written = history.crdt, history.written
        states = []
        for _ in range(3):
            state = crdt.zero()
            for each in any_causal_order(written, random):
                state = crdt.effect(state, each.operation, each.stamp)
            states.append(state)
        assert states[0] == states[1] == states[2]

    @_LAW
    @given(_RANDOM)
    def test_states_and_operations_come_back_from_their_stored_forms(self, random: Random) -> None:
        history = self.history(random)
        crdt = history.crdt
        for each in history.written:
            assert _stored(each.operation, crdt.operation_type) == each.operation
            assert _stored(each.stamp, Stamp) == each.stamp
        for site in history.sites:
            assert _stored(site.state, crdt.state_type) == site.state

    @_LAW
    @given(_RANDOM)
    def test_a_replica_that_goes_on_from_a_stored_state_misses_nothing(
        self, random: Random
    ) -> None:
        history = self.history(random)
        crdt, written = history.crdt, any_causal_order(history.written, random)
        straight = resumed = crdt.zero()
        for each in written:
            straight = crdt.effect(straight, each.operation, each.stamp)
            resumed = crdt.effect(_stored(resumed, crdt.state_type), each.operation, each.stamp)
        assert resumed == straight

    @_LAW
    @given(_RANDOM)
    def test_an_effect_leaves_the_state_before_it_as_it_was(self, random: Random) -> None:
        history = self.history(random)
        crdt, state = history.crdt, history.crdt.zero()
        for each in history.written:
            before = msgspec.msgpack.encode(state)
            after = crdt.effect(state, each.operation, each.stamp)
            assert msgspec.msgpack.encode(state) == before
            state = after


def _stored(value: V, kind: object) -> V:
    decoded: V = msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind)
    return decoded
