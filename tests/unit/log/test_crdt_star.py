"""Four locations, linked as a star, write to one instance while their disks fail now and then."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import pytest
from joined_endpoints import world

from museion.base.errors import Unavailable
from museion.log.crdt.add_wins_set import Add, AddWinsSet, Remove
from museion.log.crdt.counter import Count, Counter
from museion.log.crdt.crdt import StoredCrdt
from museion.log.crdt.field_map import (
    AddToField,
    FieldMap,
    MergeRule,
    RemoveFromField,
    SetField,
)
from museion.log.crdt.ordered_list import InsertElements, MoveElements, OrderedList, RemoveElements
from museion.log.crdt.service import CrdtService
from museion.log.event_log import EventLog, WritePolicy
from museion.log.event_store import WriteFailed
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.link import pull_all
from museion.testing.event_loop import in_event_loop, until
from museion.testing.failing_store import FailingStore, FailureRates

NAMES = ("hub", "east", "south", "west")
UPDATES = 100


def chance(name: str) -> Random:
    return Random(f"star of {name}")  # noqa: S311 (repeatable)


def new_log(name: str) -> EventLog:
    store = FailingStore(
        MemoryEventStore(log_id=name),
        random=chance(f"failing {name}"),
        rates=FailureRates(refused=0.1),
    )
    return EventLog(store, policy=WritePolicy(retries=0, open_after_retries=1_000_000))


async def link(hub: EventLog, leaf: EventLog, random: Random) -> None:
    """Let two logs hear of each other now and then, until cancelled."""
    while True:
        for source, target in ((hub, leaf), (leaf, hub)):
            try:
                await pull_all(source, target)
            except Unavailable:
                continue
        for _ in range(random.randint(1, 20)):
            await asyncio.sleep(0)


async def catch_up(hub: EventLog, leaf: EventLog) -> None:
    for source, target in ((leaf, hub), (hub, leaf)):
        while not source.version <= target.version:
            try:
                await pull_all(source, target)
            except Unavailable:
                continue


def operation_of(crdt: object, random: Random) -> object:
    word = random.choice("abcdefghij")
    if isinstance(crdt, Counter):
        return Count(random.randint(1, 5))
    if isinstance(crdt, AddWinsSet):
        return random.choice((Add(word), Remove(word)))
    return random.choice(
        (
            InsertElements((word,), index=random.randint(0, 5)),
            MoveElements((word,), index=random.randint(0, 5)),
            RemoveElements((word,)),
        )
    )


@pytest.mark.parametrize("crdt", [Counter(), AddWinsSet(str), OrderedList(str)])
@in_event_loop
async def test_four_locations_converge_with_a_hundred_updates_each_and_failing_writes(
    crdt: StoredCrdt[Any, Any, object],
) -> None:
    failed = total = 0

    async def update(service: CrdtService[Any, Any, object], random: Random) -> None:
        nonlocal failed, total
        for _ in range(UPDATES):
            operation = operation_of(crdt, random)
            try:
                await service.update("one", operation)
            except WriteFailed:  # certainly not written: it does not count
                failed += 1
            else:
                total += operation.by if isinstance(operation, Count) else 0
            await asyncio.sleep(0)

    async with AsyncExitStack() as stack:
        logs = [await stack.enter_async_context(new_log(name)) for name in NAMES]
        services = [
            await stack.enter_async_context(CrdtService(log, crdt, service_id="star"))
            for log in logs
        ]
        hub, *leaves = logs
        async with asyncio.TaskGroup() as links:
            lines = [links.create_task(link(hub, leaf, chance(leaf.log_id))) for leaf in leaves]
            async with asyncio.TaskGroup() as writers:
                for log, service in zip(logs, services, strict=True):
                    writers.create_task(update(service, chance(f"writing {log.log_id}")))
            for line in lines:
                line.cancel()
        for leaf in leaves * 2:
            await catch_up(hub, leaf)
        values = [await service.value("one") for service in services]

    assert values[1:] == values[:-1]
    assert failed > 3  # of some hundred writes, one in ten
    if isinstance(crdt, Counter):
        assert values[0] == total


@in_event_loop
async def test_four_locations_converge_over_endpoints_whose_lines_are_cut_and_mended() -> None:
    random = chance("lines")
    fields: Any = FieldMap(
        {"tags": MergeRule.ADD_WINS_SET, "caption": MergeRule.KEPT_UNTIL_RESOLVED}, str, str
    )
    async with world(*NAMES) as sites, AsyncExitStack() as stack:
        for leaf in NAMES[1:]:
            await sites.join(NAMES[0], leaf)
        services = [
            await stack.enter_async_context(CrdtService(sites.log(name), fields, service_id="star"))
            for name in NAMES
        ]
        for number in range(UPDATES):
            for line in sites.lines.values():
                line.mend() if random.random() < 0.7 else line.cut()
            for service in services:
                word = f"{random.choice('abc')}{number % 7}"
                wanted = (AddToField, RemoveFromField)[number % 2]("tags", word)
                await service.update("one", wanted)
        for service, caption in zip(services, ("hub", "east", "east", "west"), strict=True):
            await service.update("one", SetField("caption", caption))
        for line in sites.lines.values():
            line.mend()
        logs = [sites.log(name) for name in NAMES]
        await until(lambda: all(log.version == logs[0].version for log in logs))
        states = [await service.state("one") for service in services]

    assert states[1:] == states[:-1]
    assert fields.value(states[0])["tags"]
    assert fields.value(states[0])["caption"] in {"hub", "east", "west"}
