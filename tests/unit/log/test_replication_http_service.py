"""Two sites talk over HTTP through a real server."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import httpx
import pytest
from http_sites import HttpSite, served, two_sites, wall_clock_ms
from litestar import Litestar, asgi
from opened_log import new

from museion.log.replication.bodies import MEDIA_TYPE
from museion.log.replication.http_service import HttpLimits
from museion.log.replication.protocol import (
    InfoRequest,
    Offer,
    ReadAnswer,
    ReadRequest,
    RecoveryRequest,
)
from museion.log.replication.refusals import (
    BadRequest,
    NotTrusted,
    ReplayedRequest,
    UnknownLog,
    Unreachable,
)
from museion.log.replication.signing import Target, sign_request
from museion.log.replication.wire import from_wire, to_wire
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until

NOTHING = VectorTime()


def read_of(after: int = 0, log_name: str = "", **more: object) -> ReadRequest:
    return ReadRequest(log_name, "here", after, NOTHING, **more)  # type: ignore[arg-type]  # of several types


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


@in_event_loop
async def test_events_are_offered_to_a_site_that_cannot_fetch_them(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        written = await here.log.append([new(b"brought")])
        brought = ReadAnswer("here", tuple(map(to_wire, written)), 1, 1, here.log.version)
        neighbour = here.neighbour(url, "there")
        taken = await neighbour.offer(Offer("", "here", 0, brought))
        await neighbour.close()
        assert (taken.stored_to, taken.known) == (1, here.log.version)
        assert neighbour.statistics.sent_events == 1


@in_event_loop
async def test_a_recovery_request_is_answered(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        neighbour = here.neighbour(url, "there")
        answer = await neighbour.recover(RecoveryRequest({"": 0}))
        await neighbour.close()
        assert answer.points[""].log_id == "there"


@in_event_loop
async def test_a_refusal_arrives_as_what_it_is(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        neighbour = here.neighbour(url, "there")
        with pytest.raises(UnknownLog, match="There is no log 'other' here"):
            await neighbour.read(read_of(log_name="other"))
        await neighbour.close()
        assert (neighbour.statistics.requests, neighbour.statistics.refused) == (1, 1)


@in_event_loop
async def test_a_held_read_is_answered_when_an_event_is_written(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        neighbour = here.neighbour(url, "there")
        held = asyncio.create_task(neighbour.read(read_of(wait_s=20.0)))
        await until(lambda: len(there.service.callers) == 1)
        await there.log.append([new(b"at last")])
        answer = await held
        await neighbour.close()
        assert [from_wire(event).payload for event in answer.events] == [b"at last"]


@in_event_loop
async def test_a_held_read_ends_when_the_client_goes_away(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there):
        door = there.door()
        async with served(door) as url:
            neighbour = here.neighbour(url, "there")
            held = asyncio.create_task(neighbour.read(read_of(wait_s=20.0)))
            await until(lambda: door.served_now == 1 and len(there.service.callers) == 1)
            held.cancel()
            await asyncio.wait([held])
            await until(lambda: there.service.cancelled == 1)
            await until(lambda: door.served_now == 0)
            await neighbour.close()


@in_event_loop
async def test_a_door_that_closes_ends_the_reads_that_it_holds(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there):
        door = there.door()
        async with served(door) as url:
            neighbour = here.neighbour(url, "there")
            held = asyncio.create_task(neighbour.read(read_of(wait_s=20.0)))
            await until(lambda: len(there.service.callers) == 1)
            door.close()
            with pytest.raises(Unreachable, match="The site is stopping"):
                await held
            with pytest.raises(Unreachable, match="The site is stopping"):
                await neighbour.info(InfoRequest())
            await neighbour.close()
            assert there.service.cancelled == 1


@in_event_loop
async def test_one_site_holds_no_more_reads_than_it_may(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there):
        door = there.door(limits=HttpLimits(max_requests_of_a_site=2))
        async with served(door) as url:
            neighbour = here.neighbour(url, "there")
            held = [asyncio.create_task(neighbour.read(read_of(wait_s=20.0))) for _ in range(2)]
            await until(lambda: door.served_now == 2)
            with pytest.raises(Unreachable, match="2 requests of this site are served just now"):
                await neighbour.read(read_of(wait_s=20.0))
            for each in held:
                each.cancel()
            await asyncio.wait(held)
            await until(lambda: door.served_now == 0)
            await neighbour.read(read_of())
            await neighbour.close()


@in_event_loop
async def test_a_large_answer_travels_compressed_and_is_counted(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there):
        door = there.door()
        async with served(door) as url:
            await there.log.append([new(b"a quiet harbour at dusk " * 40) for _ in range(400)])
            neighbour = here.neighbour(url, "there")
            answer = await neighbour.read(read_of())
            await neighbour.close()
        at_target, at_source = neighbour.statistics, door.statistics
        assert at_target.received_events == at_source.sent_events == len(answer.events) == 400
        assert at_target.received_raw_bytes > 400 * 960
        assert at_target.received_bytes < at_target.received_raw_bytes / 10
        assert at_source.sent_bytes == at_target.received_bytes


@in_event_loop
async def test_a_stranger_is_refused_and_learns_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        there.directory.remove("here")
        neighbour = here.neighbour(url, "there")
        with caplog.at_level(logging.WARNING), pytest.raises(NotTrusted) as refused:
            await neighbour.info(InfoRequest())
        await neighbour.close()
        assert refused.value.message == "The request is not signed by a key that is trusted here."
        assert "the site 'here' is not known" in caplog.text
        assert there.service.callers == []


@in_event_loop
async def test_a_revoked_site_is_refused_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        neighbour = here.neighbour(url, "there")
        await neighbour.info(InfoRequest())
        type(there.directory)(tmp_path / "there" / "sites.json").revoke("here")
        with pytest.raises(NotTrusted, match="not signed by a key that is trusted here"):
            await neighbour.info(InfoRequest())
        await neighbour.close()
        assert "is revoked" in caplog.text


@in_event_loop
async def test_a_site_goes_on_with_a_rolled_key(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        neighbour = here.neighbour(url, "there")
        here.keys.roll(wall_clock_ms())
        await neighbour.info(InfoRequest())
        there.keys.roll(wall_clock_ms())
        there.keys.roll(wall_clock_ms())
        await neighbour.info(InfoRequest())
        await neighbour.close()
        known = here.directory.lookup("there")
        assert known is not None
        assert known.keys[-1].key_id == there.keys.key_id


@in_event_loop
async def test_a_request_for_another_site_is_refused(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        neighbour = here.neighbour(url, "elsewhere")
        with pytest.raises(Exception, match="another site gave it: 'there'"):
            await neighbour.info(InfoRequest())
        await neighbour.close()
        assert there.service.callers == []


@in_event_loop
async def test_clocks_too_far_apart_are_told_both(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        here.now_ms = lambda: wall_clock_ms() - 312_000
        neighbour = here.neighbour(url, "there")
        with pytest.raises(ReplayedRequest, match=r"signed at 20.* here it is 20.*: 31\d\.\d s"):
            await neighbour.info(InfoRequest())
        await neighbour.close()


@in_event_loop
async def test_a_recorded_request_is_not_served_again(tmp_path: Path) -> None:
    async with (
        two_sites(tmp_path) as (here, there),
        served(there.door()) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        headers, body = _signed(here, "recover", b"\x91\x80")
        answers = [
            await client.post("/replication/1/recover", content=body, headers=headers)
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [200, 401]
        assert b"served before" in answers[1].content


@in_event_loop
async def test_a_changed_body_is_refused(tmp_path: Path) -> None:
    async with (
        two_sites(tmp_path) as (here, there),
        served(there.door()) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        headers, _ = _signed(here, "recover", b"\x91\x80")
        answer = await client.post("/replication/1/recover", content=b"\x91\x81", headers=headers)
        assert answer.status_code == 401
        assert there.service.callers == []


@in_event_loop
async def test_a_body_that_is_too_large_is_refused_with_its_limit(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there):
        limits = HttpLimits(max_offer_bytes=10_000, max_request_bytes=10_000)
        async with served(there.door(limits=limits)) as url:
            written = await here.log.append([new(bytes(20_000))])
            brought = ReadAnswer("here", tuple(map(to_wire, written)), 1, 1, here.log.version)
            neighbour = here.neighbour(url, "there")
            # It is small while it travels, and too large once it is unpacked.
            with pytest.raises(BadRequest, match="at most 10000 bytes"):
                await neighbour.offer(Offer("", "here", 0, brought))
            await neighbour.close()
            assert there.log.sequence_nr == 0


@in_event_loop
async def test_the_door_works_under_a_prefix_of_another_application(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there):
        app = Litestar(
            [asgi("/museion", is_mount=True, copy_scope=True)(there.door())], openapi_config=None
        )
        async with served(app) as url:
            neighbour = here.neighbour(url + "/museion/", "there")
            assert (await neighbour.info(InfoRequest())).endpoint_id == "there"
            await neighbour.close()


@in_event_loop
async def test_a_defect_of_the_service_is_told_as_such(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with two_sites(tmp_path) as (here, there):

        async def broken(caller_id: str, request: object) -> None:
            raise ZeroDivisionError

        there.service.info = broken  # type: ignore[method-assign,assignment]
        async with served(there.door()) as url:
            neighbour = here.neighbour(url, "there")
            with pytest.raises(Unreachable, match="met a defect"):
                await neighbour.info(InfoRequest())
            await neighbour.close()
        assert "ZeroDivisionError" in caplog.text


@in_event_loop
async def test_a_log_that_was_closed_is_told_as_unavailable(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there), served(there.door()) as url:
        neighbour = here.neighbour(url, "there")
        await there.log.append([new()])
        await there.log.close()
        with pytest.raises(Unreachable, match="The event log is closed"):
            await neighbour.read(read_of())
        await neighbour.close()


def _signed(site: HttpSite, name: str, body: bytes) -> tuple[dict[str, str], bytes]:
    headers = sign_request(
        site.keys,
        Target("POST", f"/replication/1/{name}"),
        recipient_id="there",
        now_ms=wall_clock_ms(),
        body=body,
        covered={"museion-encoding": "identity", "museion-accept": ""},
    )
    return headers | {"content-type": MEDIA_TYPE}, body
