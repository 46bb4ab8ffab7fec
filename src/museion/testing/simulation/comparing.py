"""Are the replicated values of all sites the same, and those that the events make?"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec

from museion.log.crdt.crdt import Stamp
from museion.log.crdt.service import OperationWritten, aggregate_id_of
from museion.log.event import Event
from museion.testing.simulation.log_ledger import Violated
from museion.testing.simulation.site import SimulatedSite
from museion.testing.simulation.workload import INSTANCES, Values, replicated_types
from museion.testing.simulation.world import SimulatedWorld

_OPERATION = "museion.crdt.operation-written"


async def require_equal_values(world: SimulatedWorld, chance: Random) -> None:
    """Compare the values of each site with those of all events in a causal order drawn by chance.

    Raises:
        Violated: they differ.
    """
    expected = _expected(world, chance)
    for site in world.sites.values():
        life = site.life
        assert life is not None
        found = await life.spawn(_values(site))
        may_have = world.ledger.log(next(iter(site.log_ids))).may_have
        for key, value in found.items():
            if may_have is not None and key[1].startswith("secret"):
                continue
            if value != expected[key]:
                raise Violated(
                    f"{site.site_id}: {' '.join(key)} is {value!r}, expected {expected[key]!r}"
                )


async def _values(site: SimulatedSite) -> dict[tuple[str, str], Any]:
    async with Values(site) as values:
        return await values.all()


def _expected(world: SimulatedWorld, chance: Random) -> dict[tuple[str, str], Any]:
    by_aggregate: dict[str | None, list[Event]] = {}
    for original in world.ledger.originals.values():
        if original.event.type_name == _OPERATION:
            by_aggregate.setdefault(original.event.aggregate_id, []).append(original.event)
    expected = {}
    for name, crdt in replicated_types().items():
        operations = msgspec.msgpack.Decoder(crdt.operation_type)
        for instance in INSTANCES:
            events = by_aggregate.get(aggregate_id_of(crdt.name, instance), [])
            state = crdt.zero()
            for event in _in_some_causal_order(events, chance):
                payload = msgspec.msgpack.decode(event.payload, type=OperationWritten)
                operation = operations.decode(payload.operation)
                state = crdt.effect(state, operation, Stamp.of(event))
            expected[name, instance] = crdt.value(state)
    return expected


def _in_some_causal_order(events: Sequence[Event], chance: Random) -> list[Event]:
    """Return events so that causes come before effects, and everything else is by chance."""
    waits_for = [
        {j for j, cause in enumerate(events) if cause.vector_timestamp < event.vector_timestamp}
        for event in events
    ]
    left = list(range(len(events)))
    ordered = []
    while left:
        free = [i for i in left if not waits_for[i]]
        chosen = chance.choice(free)
        left.remove(chosen)
        ordered.append(events[chosen])
        for i in left:
            waits_for[i].discard(chosen)
    return ordered
