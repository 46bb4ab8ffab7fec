"""Sites reach each other through a real reverse proxy with TLS: Debian's nginx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from http_sites import HttpSite, served, two_sites
from opened_log import new
from tls_proxy import NGINX, WITHOUT_NGINX, TlsProxy, proxied

from museion.log.replication.http_neighbour import HttpNeighbour
from museion.log.replication.invitations import Invitations, make_invitation
from museion.log.replication.joining import JoinDesk, join
from museion.log.replication.protocol import InfoRequest, Offer, ReadAnswer, ReadRequest
from museion.log.replication.refusals import Unreachable
from museion.log.replication.wire import from_wire, to_wire
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until

pytestmark = pytest.mark.skipif(NGINX is None, reason=WITHOUT_NGINX)


@asynccontextmanager
async def sites_and_proxy(
    folder: Path,
) -> AsyncIterator[tuple[HttpSite, HttpSite, TlsProxy, HttpNeighbour, Invitations]]:
    """`there` stands behind the proxy; the neighbour is `there` as `here` sees it."""
    async with two_sites(folder) as (here, there):
        invitations = Invitations(folder / "invitations")
        desk = JoinDesk(
            invitations, own_site=there.known, directory=there.directory, now_ms=there.now_ms
        )
        async with (
            served(there.door(joins=desk)) as url,
            proxied(url, folder / "nginx") as proxy,
        ):
            neighbour = here.neighbour(proxy.url, "there", ca_file=proxy.ca_file)
            yield here, there, proxy, neighbour, invitations
            await neighbour.close()


def read_of(after: int, **more: object) -> ReadRequest:
    return ReadRequest("", "here", after, VectorTime(), **more)  # type: ignore[arg-type]  # of several types


@in_event_loop
async def test_reads_small_and_large_pass_through_a_proxy_with_tls(tmp_path: Path) -> None:
    async with sites_and_proxy(tmp_path) as (_, there, _, neighbour, _):
        assert (await neighbour.info(InfoRequest())).endpoint_id == "there"
        chance = b"".join(index.to_bytes(4, "little") for index in range(200_000))
        written = await there.log.append([new(chance), new(b"compressible" * 500_000)])
        answer = await neighbour.read(read_of(0, max_bytes=1 << 24))
        assert [from_wire(event).payload for event in answer.events] == [
            event.payload for event in written
        ]
        assert neighbour.statistics.received_raw_bytes > 6_800_000


@in_event_loop
async def test_a_read_is_held_beyond_five_seconds_behind_a_proxy(tmp_path: Path) -> None:
    async with sites_and_proxy(tmp_path) as (_, there, _, neighbour, _):
        loop = asyncio.get_running_loop()
        began = loop.time()
        held = asyncio.create_task(neighbour.read(read_of(0, wait_s=20.0)))
        await asyncio.wait([held], timeout=5.2)  # what is tested is that nothing ends it meanwhile
        assert not held.done()
        await there.log.append([new(b"at last")])
        answer = await held
        assert [from_wire(event).payload for event in answer.events] == [b"at last"]
        assert loop.time() - began < 8.0


@in_event_loop
async def test_a_cancelled_read_ends_at_the_source_behind_a_proxy(tmp_path: Path) -> None:
    async with sites_and_proxy(tmp_path) as (_, there, _, neighbour, _):
        held = asyncio.create_task(neighbour.read(read_of(0, wait_s=20.0)))
        await until(lambda: len(there.service.callers) == 1)
        held.cancel()
        await asyncio.wait([held])
        await until(lambda: there.service.cancelled == 1)


@in_event_loop
async def test_offers_pass_through_a_proxy(tmp_path: Path) -> None:
    async with sites_and_proxy(tmp_path) as (here, there, _, neighbour, _):
        written = await here.log.append([new(b"brought " * 100_000), new(b"2")])
        brought = ReadAnswer("here", tuple(map(to_wire, written)), 2, 2, here.log.version)
        taken = await neighbour.offer(Offer("", "here", 0, brought))
        assert taken.stored_to == 2
        assert there.log.version == here.log.version


@in_event_loop
async def test_a_site_joins_through_a_proxy(tmp_path: Path) -> None:
    async with sites_and_proxy(tmp_path) as (here, there, proxy, _, invitations):
        there.directory.remove("here")
        here.directory.remove("there")
        code = make_invitation(invitations, there.keys, url=proxy.url, now_ms=there.now_ms())
        found = await join(
            code,
            keys=here.keys,
            directory=here.directory,
            name="Here",
            url=None,
            now_ms=here.now_ms,
            ca_file=proxy.ca_file,
        )
        assert found.site_id == "there"
        known = there.directory.lookup("here")
        assert known is not None
        assert known.keys == here.known().keys


@in_event_loop
async def test_a_certificate_that_is_not_trusted_is_told_as_such(tmp_path: Path) -> None:
    async with sites_and_proxy(tmp_path) as (here, _, proxy, _, _):
        neighbour = here.neighbour(proxy.url, "there")
        with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            await neighbour.info(InfoRequest())
        await neighbour.close()


@in_event_loop
async def test_a_site_that_is_away_behind_its_proxy_is_told_as_such(tmp_path: Path) -> None:
    async with two_sites(tmp_path) as (here, there):
        async with served(there.door()) as url:
            pass
        async with proxied(url, tmp_path / "nginx") as proxy:
            neighbour = here.neighbour(proxy.url, "there", ca_file=proxy.ca_file)
            with pytest.raises(Unreachable, match="a proxy before it says 502 Bad Gateway"):
                await neighbour.info(InfoRequest())
            await neighbour.close()
