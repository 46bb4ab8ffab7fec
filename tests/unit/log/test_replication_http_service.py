"""Two sites talk over HTTP through a real server."""

from __future__ import annotations

from pathlib import Path

from http_sites import served, two_sites
from opened_log import new

from museion.log.replication.protocol import (
    InfoRequest,
    ReadRequest,
)
from museion.log.replication.wire import from_wire
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop

NOTHING = VectorTime()


def read_of(after: int = 0, **more: object) -> ReadRequest:
    return ReadRequest("", "here", after, NOTHING, **more)  # type: ignore[arg-type]  # of several types


@in_event_loop
async def test_a_known_site_reads_the_events_of_another(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        written = await there.log.append([new(b"payload %d" % i) for i in range(100)])
        neighbour = here.neighbour(url, "there")
        info = await neighbour.info(InfoRequest())
        answer = await neighbour.read(read_of())
        await here.log.append_replicated([from_wire(event) for event in answer.events])
        await neighbour.close()
        assert info.endpoint_id == "there"
        assert info.logs[0].sequence_nr == 100
        assert [e.payload for e in await here.log.read()] == [e.payload for e in written]
        assert answer.scanned_to == 100
        assert there.service.callers == ["here", "here"]
