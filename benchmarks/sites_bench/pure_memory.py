"""How much the encoded state of a pure CRDT takes, with causal stability and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec
from figures import Figure

from museion.log.crdt.counter import Count
from museion.log.crdt.crdt import Stamp
from museion.log.crdt.pure.add_wins_set import Add, PureAddWinsSet
from museion.log.crdt.pure.counter import PureCounter
from museion.log.crdt.pure.pure_crdt import PureCrdt
from museion.log.crdt.pure.stability import Stability
from museion.log.vector_time import VectorTime

AnyCrdt: TypeAlias = PureCrdt[Any, Any, Any]
MakeOperation: TypeAlias = Callable[[int], object]

_CASES: Sequence[tuple[str, AnyCrdt, MakeOperation]] = (
    ("counter", PureCounter(), Count),
    ("add-wins set", PureAddWinsSet(str), lambda number: Add(f"asset-{number}")),
)
_HEARD_EVERY = 100


def pure_memory(operations: int = 2_000, sites: int = 3) -> Iterator[Figure]:
    """Return the sizes of states after some operations, written in turn by all sites.

    Args:
        operations: how many are written.
        sites: how many write; each hears of all others every 100 operations.
    """
    for name, crdt, make in _CASES:
        never, settled = state_bytes(crdt, make, operations=operations, sites=sites)
        yield Figure(
            f"state of a pure {name} after {operations:,} operations at {sites} sites",
            settled,
            "bytes",
            peer="the same without causal stability",
            ratio=round(settled / never, 4),
        )


def state_bytes(
    crdt: AnyCrdt, make: MakeOperation, *, operations: int, sites: int
) -> tuple[int, int]:
    """Return the encoded size of the state without stability, and with it."""
    names = [f"site-{number}" for number in range(sites)]
    table = Stability.at(names[0], names)
    never = settled = crdt.zero()
    for number in range(operations):
        site = names[number % sites]
        # Within a round of 100 the sites know of each other what they knew before it.
        times = dict.fromkeys(names, number // _HEARD_EVERY * _HEARD_EVERY)
        stamp = Stamp(VectorTime({**times, site: number + 1}), 0, site)
        never = crdt.effect(never, make(number), stamp)
        settled = crdt.effect(settled, make(number), stamp)
        table = table.hear(site, stamp.vector_timestamp)
        settled = crdt.stabilise(settled, table.stable)
    return len(msgspec.msgpack.encode(never)), len(msgspec.msgpack.encode(settled))
