"""Why an event exists: what led to it, as text and as plain values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from device_world import everything, sites
from opened_log import new

from museion.log.event import EventId
from museion.log.replication.devices.dependency_graph import (
    DependencyGraph,
    GraphTooLarge,
    UnknownNode,
    read_graph,
)
from museion.log.replication.devices.device_event import DeviceEventId
from museion.log.replication.devices.device_log import DeviceLog
from museion.log.replication.devices.device_sync import sync
from museion.log.replication.filters import EVERYTHING
from museion.log.replication.link import pull_all
from museion.testing.event_loop import in_event_loop

FINISHED = DeviceEventId("phone", 3)


async def told(tmp_path: Path, *, copies: bool = False) -> DependencyGraph:
    """Return the graph of a shooting: an order led to a shot, and both to a caption."""
    async with sites("a", "b") as (a, b):
        await a.log.append([new(b"", aggregate_id="job/1")])
        with DeviceLog(tmp_path / "log", "phone") as log:
            log.subscribe(EVERYTHING)
            await sync(log, a)
            [order] = log.received.values()
            log.write("shot.taken", b"", aggregate_id="asset/1", after_events=[order])
            log.write("shot.rated", b"", aggregate_id="asset/1", after=[1])
            log.write("caption.set", b"", aggregate_id="asset/1", after=[1], after_events=[order])
            if copies:
                await pull_all(a.log, b.log)
                await sync(log, b)
            await sync(log, a)
        await pull_all(b.log, a.log)
        return await read_graph(a.log)


@in_event_loop
async def test_ancestors_come_before_what_they_led_to(tmp_path: Path) -> None:
    graph = await told(tmp_path)
    names = [node.type_name for node in graph.ancestors(FINISHED)]
    assert names == ["test.happened", "shot.taken"]
    assert graph.predecessors(FINISHED) == (DeviceEventId("phone", 1), EventId("a", 1))


@in_event_loop
async def test_a_text_tells_why_an_event_exists(tmp_path: Path) -> None:
    graph = await told(tmp_path)
    assert graph.why(FINISHED).splitlines() == [
        "phone#3: caption.set of asset/1 by device:phone",
        "  because of phone#1: shot.taken of asset/1 by device:phone",
        "    because of a@1: test.happened of job/1 by emitter",
        "  because of a@1, see above",
    ]


@in_event_loop
async def test_plain_values_tell_it_to_programs(tmp_path: Path) -> None:
    told_of = (await told(tmp_path)).as_dict(FINISHED)
    events = json.loads(json.dumps(told_of))["events"]
    assert [each["id"] for each in events] == ["a@1", "phone#1", "phone#3"]
    assert told_of["missing"] == []


@in_event_loop
async def test_two_copies_of_an_event_are_one_node(tmp_path: Path) -> None:
    graph = await told(tmp_path, copies=True)
    assert len(graph) == 4
    node = graph.find(FINISHED)
    assert node is not None
    assert [each.process_id for each in node.copies] == ["a", "b"]
    assert graph.find(node.copies[1]) == node


@in_event_loop
async def test_what_is_not_here_is_named(tmp_path: Path) -> None:
    async with sites("a") as (a,):
        cause = EventId("elsewhere", 7)
        [event] = await a.log.append([new(b"", cause=cause)])
        graph = DependencyGraph(await everything(a.log))
        assert graph.missing(event.id) == [cause]
        assert "elsewhere@7, which is not here" in graph.why(event.id)
        with pytest.raises(UnknownNode):
            graph.predecessors(cause)
        with pytest.raises(GraphTooLarge):
            await read_graph(a.log, max_events=0)


@in_event_loop
async def test_events_that_name_each_other_do_not_hold_up_the_answer(tmp_path: Path) -> None:
    async with sites("a") as (a,):
        first, second = EventId("a", 1), EventId("a", 2)
        await a.log.append([new(b"", cause=second), new(b"", cause=first)])
        graph = await read_graph(a.log)
        assert len(graph.ancestors(second)) == 1
        assert graph.why(second)
