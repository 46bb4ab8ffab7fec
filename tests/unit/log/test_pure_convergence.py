"""Pure CRDTs on three logs that are linked and cut at random come to the same values."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from random import Random

import pytest
from pure_sites import AnyService, acknowledged, logs, services
from pure_world import KINDS, Kind

from museion.log.event_log import EventLog
from museion.log.replication.link import linked
from museion.testing.event_loop import in_event_loop

LINES = ((0, 1), (1, 2), (2, 0))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_sites_converge_through_partitions(kind: Kind, seed: int) -> None:
    _run(kind, Random(seed))  # noqa: S311 (seeded)


@in_event_loop
async def _run(kind: Kind, random: Random) -> None:
    async with logs("a", "b", "c") as sites, services(kind.crdt, *sites) as all_three:
        for _ in range(6):
            async with AsyncExitStack() as lines:
                for one, other in LINES:
                    if random.random() < 0.6:  # else the line is cut in this round
                        await lines.enter_async_context(linked(sites[one], sites[other]))
                await asyncio.gather(*(_write_some(each, kind, random) for each in all_three))
        await acknowledged(all_three, sites)
        await _require_equal(kind, all_three, sites)


async def _write_some(service: AnyService, kind: Kind, random: Random) -> None:
    for _ in range(random.randrange(5)):
        await service.update(random.choice(("one", "two")), kind.operation(random))
        if random.random() < 0.2:
            await service.acknowledge()


async def _require_equal(kind: Kind, all_three: list[AnyService], sites: list[EventLog]) -> None:
    assert len({site.sequence_nr for site in sites}) == 1
    for instance in ("one", "two"):
        values = [await each.value(instance) for each in all_three]
        assert values[1:] == values[:1] * 2, kind
    assert [each.status.unstable for each in all_three] == [0, 0, 0]
    assert [each.waiting_for for each in all_three] == [()] * 3
