"""Sites that exchange the operations of one pure CRDT: the pure code, no logs, no event loop.

Messages travel from site to site as events do between logs: whoever has one passes it on, over a
line that is not cut, and only when the receiver has all that came before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeAlias

from museion.log.crdt.counter import Count
from museion.log.crdt.crdt import Stamp
from museion.log.crdt.pure.add_wins_set import Add, PureAddWinsSet, Remove
from museion.log.crdt.pure.cart import PureCart, Put
from museion.log.crdt.pure.counter import PureCounter
from museion.log.crdt.pure.last_writer_wins import PureLastWriterWins
from museion.log.crdt.pure.multi_value import Assign, PureMultiValue, distinct_sorted
from museion.log.crdt.pure.pure_crdt import Clear, PureCrdt
from museion.log.crdt.pure.stability import NOTHING, Stability
from museion.log.crdt.pure.two_phase_set import PureTwoPhaseSet
from museion.log.vector_time import VectorTime

AnyCrdt: TypeAlias = PureCrdt[Any, Any, Any]
History: TypeAlias = Sequence[tuple[object, Stamp]]
"""All operations that a site has, none ever removed."""

ELEMENTS = ("x", "y", "z")


@dataclass(frozen=True)
class Kind:
    """A type, its operations, and what its value is by definition."""

    crdt: AnyCrdt
    operation: Callable[[Random], object]
    oracle: Callable[[History], object]


@dataclass
class Site:
    """One site's state, with stability and without."""

    crdt: AnyCrdt
    table: Stability
    state: Any
    never_settled: Any
    applied: VectorTime = NOTHING
    noted: VectorTime = NOTHING
    history: list[tuple[object, Stamp]] = field(default_factory=list)

    def take(self, operation: object, stamp: Stamp) -> None:
        """Take in a message; None for an acknowledgement."""
        self.history.append((operation, stamp))
        self.table = self.table.hear(stamp.creator, stamp.vector_timestamp)
        if operation is not None:
            self.state = self.crdt.effect(self.state, operation, stamp)
            self.never_settled = self.crdt.effect(self.never_settled, operation, stamp)

    def settle(self, stable: VectorTime) -> None:
        """Let what a stable vector time covers shed its stamps."""
        self.state = self.crdt.stabilise(self.state, stable)
        self.applied = self.applied.merge(stable)

    def check(self, kind: Kind) -> None:
        """Compare with the oracle and with a log that is never pruned; check the law of states."""
        operations = [each for each in self.history if each[0] is not None]
        value = self.crdt.value(self.state)
        assert value == kind.oracle(operations)
        assert value == self.crdt.value(self.never_settled)
        assert self.state == self.crdt.stabilise(self.never_settled, self.applied)


class World:
    """Some sites, and which lines between them are cut."""

    def __init__(self, kind: Kind, names: Sequence[str] = ("a", "b", "c")) -> None:
        self.kind = kind
        crdt = kind.crdt
        self.sites = {
            name: Site(crdt, Stability.at(name, names), crdt.zero(), crdt.zero()) for name in names
        }
        self._cut: set[frozenset[str]] = set()

    def act(self, random: Random) -> None:
        """Do one thing at random, and check the site where it happened."""
        name = random.choice(list(self.sites))
        match random.randrange(10):
            case 0 | 1 | 2:
                self.write(name, self.kind.operation(random), time_ms=random.randrange(4))
            case 3:
                self.write(name, None)
            case 4:
                line = frozenset(random.sample(list(self.sites), 2))
                self._cut ^= {line}
            case 5:  # what is stable now is applied later
                self.sites[name].noted = self.sites[name].table.stable
            case 6:
                self.sites[name].settle(self.sites[name].noted)
            case _:
                self._deliver(name, random)
        self.sites[name].check(self.kind)

    def write(self, name: str, operation: object, *, time_ms: int = 0) -> None:
        """Write at a site; None acknowledges only."""
        site = self.sites[name]
        seen = site.table.seen
        stamp = Stamp(seen.advance(name, seen.local_time(name) + 1), time_ms, name)
        site.take(operation, stamp)

    def exchange(self, random: Random) -> None:
        """Bring everything everywhere, whatever was cut."""
        self._cut.clear()
        while any(self._deliver(name, random) for name in self.sites):
            pass

    def settle_all(self, random: Random) -> None:
        """Let all hear of all, and what is stable shed its stamps."""
        self.exchange(random)
        for name in self.sites:
            self.write(name, None)
        self.exchange(random)
        for site in self.sites.values():
            site.settle(site.table.stable)

    def _deliver(self, name: str, random: Random) -> bool:
        site = self.sites[name]
        ready = [
            message
            for other, source in self.sites.items()
            if other != name and frozenset((name, other)) not in self._cut
            for message in source.history
            if _is_next(message[1], site.table.seen)
        ]
        if ready:
            site.take(*random.choice(ready))
        return bool(ready)


def _is_next(stamp: Stamp, seen: VectorTime) -> bool:
    own = stamp.vector_timestamp.local_time(stamp.creator)
    return own == seen.local_time(stamp.creator) + 1 and stamp.vector_timestamp <= seen.advance(
        stamp.creator, own
    )


def _survivors(history: History, is_removed: Callable[[Any, Any], bool]) -> list[Any]:
    """Return the operations that none which knew them removes, with their stamps."""
    return [
        (operation, stamp)
        for operation, stamp in history
        if not any(
            stamp.vector_timestamp < later.vector_timestamp and is_removed(operation, by)
            for by, later in history
        )
    ]


def _counter(history: History) -> int:
    left = _survivors(history, lambda _, by: isinstance(by, Clear))
    return sum(each.by for each, _ in left if isinstance(each, Count))


def _takes_out(item: object, by: object) -> bool:
    return isinstance(by, Clear) or (isinstance(by, Remove) and by.element == item)


def _set(history: History) -> frozenset[str]:
    adds = [each for each in history if not isinstance(each[0], Count)]
    left = _survivors(adds, lambda old, by: isinstance(old, Add) and _takes_out(old.element, by))
    return frozenset(each.element for each, _ in left if isinstance(each, Add))


def _cart(history: History) -> Mapping[str, int]:
    left = _survivors(history, lambda old, by: isinstance(old, Put) and _takes_out(old.item, by))
    sums: dict[str, int] = {}
    for put in (each for each, _ in left if isinstance(each, Put)):
        sums[put.item] = sums.get(put.item, 0) + put.quantity
    return sums


def _written(history: History) -> list[Any]:
    left = _survivors(history, lambda _, by: True)
    return [each for each in left if isinstance(each[0], Assign)]


def _values(history: History) -> tuple[object, ...]:
    return distinct_sorted(each.value for each, _ in _written(history))


def _winner(history: History) -> object:
    ranked = [(s.time_ms, s.creator, each.value) for each, s in _written(history)]
    return max(ranked)[2] if ranked else None


def _two_phases(history: History) -> frozenset[str]:
    left = _survivors(history, lambda old, by: isinstance(old, Add) and isinstance(by, Clear))
    removed = {each.element for each, _ in history if isinstance(each, Remove)}
    return frozenset(each.element for each, _ in left if isinstance(each, Add)) - removed


def _set_operation(random: Random) -> object:
    kind = random.choice((Add, Add, Remove, Clear))
    return Clear() if kind is Clear else kind(random.choice(ELEMENTS))


def _cart_operation(random: Random) -> object:
    operation = _set_operation(random)
    return Put(operation.element, random.randint(1, 3)) if isinstance(operation, Add) else operation


def _register_operation(random: Random) -> object:
    return random.choice((Assign(random.randrange(9)),) * 4 + (Clear(),))


def _counter_operation(random: Random) -> object:
    return random.choice((Count(random.randint(-3, 3)),) * 4 + (Clear(),))


KINDS = {
    "counter": Kind(PureCounter(), _counter_operation, _counter),
    "add-wins set": Kind(PureAddWinsSet(str), _set_operation, _set),
    "cart": Kind(PureCart(str), _cart_operation, _cart),
    "multi-value register": Kind(PureMultiValue(int), _register_operation, _values),
    "last-writer-wins register": Kind(PureLastWriterWins(int), _register_operation, _winner),
    "two-phase set": Kind(PureTwoPhaseSet(str), _set_operation, _two_phases),
}
