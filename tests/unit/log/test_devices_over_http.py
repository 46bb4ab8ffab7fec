"""Devices come to sites over HTTP: each is known, speaks for itself, and nothing counts twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from http_sites import HttpSite, http_site, served
from opened_log import new

from museion.log.event_log import EventLog
from museion.log.replication.devices.device_errors import (
    DeviceForked,
    DeviceIsRetired,
    InvalidDeviceEvent,
    TooManyWaiting,
)
from museion.log.replication.devices.device_event import DeviceEvent
from museion.log.replication.devices.device_log import DeviceLog
from museion.log.replication.devices.device_messages import DeviceRead, Submission
from museion.log.replication.devices.device_sync import SyncReport, sync
from museion.log.replication.devices.http_device_site import HttpDeviceSite
from museion.log.replication.devices.intake import DeviceIntake, IntakeLimits
from museion.log.replication.devices.once import Once
from museion.log.replication.filters import OfAggregate
from museion.log.replication.gate import open_gate
from museion.log.replication.invitations import Invitations, make_invitation
from museion.log.replication.joining import JoinDesk, join
from museion.log.replication.link import pull_all
from museion.log.replication.refusals import BadRequest, NotTrusted, OtherDevice, Unreachable
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop


class LosingProxy:
    """Stands before a site; where it loses, the request is served and its answer goes nowhere."""

    def __init__(self, door: Any) -> None:
        self._door = door
        self.loses: str | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.loses is None or not scope.get("path", "").endswith(self.loses):
            await self._door(scope, receive, send)
            return
        await self._door(scope, receive, _nowhere)
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 502, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


async def _nowhere(message: Any) -> None:
    del message


@dataclass
class Served:
    """A site that serves devices, and lets them in by invitation."""

    site: HttpSite
    intake: DeviceIntake
    proxy: LosingProxy
    url: str
    invitations: Invitations

    @property
    def log(self) -> EventLog:
        return self.site.log

    async def let_in(self, device: HttpSite) -> HttpDeviceSite:
        now_ms = device.now_ms
        code = make_invitation(self.invitations, self.site.keys, url=self.url, now_ms=now_ms())
        await join(
            code,
            keys=device.keys,
            directory=device.directory,
            name="Phone",
            url=None,
            now_ms=now_ms,
        )
        return self.door_for(device)

    def door_for(self, device: HttpSite) -> HttpDeviceSite:
        return HttpDeviceSite(
            self.url,
            self.site.site_id,
            keys=device.keys,
            directory=device.directory,
            now_ms=device.now_ms,
        )


@asynccontextmanager
async def serving_devices(
    folder: Path, site_id: str, limits: IntakeLimits | None = None
) -> AsyncIterator[Served]:
    async with http_site(folder, site_id) as site:
        intake = DeviceIntake(site.log, gate_for=open_gate, limits=limits)
        invitations = Invitations(folder / site_id / "invitations")
        desk = JoinDesk(
            invitations, own_site=site.known, directory=site.directory, now_ms=site.now_ms
        )
        proxy = LosingProxy(site.door(joins=desk, devices=intake))
        async with served(proxy) as url:
            yield Served(site, intake, proxy, url, invitations)


@asynccontextmanager
async def device_at(
    folder: Path, limits: IntakeLimits | None = None
) -> AsyncIterator[tuple[Served, HttpSite, HttpDeviceSite]]:
    """A site, a device, and the device's line to the site, where it has joined."""
    async with serving_devices(folder, "vienna", limits) as site, http_site(folder, "phone") as dev:
        line = await site.let_in(dev)
        try:
            yield site, dev, line
        finally:
            await line.close()


@in_event_loop
async def test_a_device_that_joined_brings_and_fetches_over_http(tmp_path: Path) -> None:
    async with device_at(tmp_path) as (vienna, _, line):
        await vienna.log.append([new(b"order", aggregate_id="job/1"), new(b"other")])
        with DeviceLog(tmp_path / "log", "phone") as log:
            log.subscribe(OfAggregate(("job/1",)))
            log.write("shot.taken", b"shot", aggregate_id="asset/1")
            report = await sync(log, line)
            assert [event.payload for event in log.received.values()] == [b"order"]
        assert report == SyncReport(submitted=1, missing=0, received=1)
        assert (line.statistics.sent_events, line.statistics.received_events) == (1, 1)


@in_event_loop
async def test_an_answer_that_was_lost_and_a_sync_at_another_site_leave_one_effect(
    tmp_path: Path,
) -> None:
    async with (
        device_at(tmp_path) as (vienna, device, to_vienna),
        serving_devices(tmp_path, "tokyo") as tokyo,
    ):
        to_tokyo = await tokyo.let_in(device)
        with DeviceLog(tmp_path / "log", "phone") as log:
            for number in range(3):
                log.write("shot.rated", b"%d" % number, aggregate_id="asset/1")
            # The question how far the site has come is answered, the submission's answer is lost.
            await to_vienna.submit(Submission("phone"))
            vienna.proxy.loses = "/device-submit"
            with pytest.raises(Unreachable):
                await to_vienna.submit(Submission("phone", tuple(log.events())))
            assert (vienna.log.sequence_nr, dict(log.acknowledged)) == (3, {})

            assert (await sync(log, to_tokyo)).submitted == 3
            vienna.proxy.loses = None
            assert (await sync(log, to_vienna)).submitted == 0
        await to_tokyo.close()
        await pull_all(tokyo.log, vienna.log)

        once = Once()
        effects = [event.payload for event in await vienna.log.read() if once.is_first(event)]
        assert effects == [b"0", b"1", b"2"]


@in_event_loop
async def test_a_device_that_speaks_for_another_one_is_refused(tmp_path: Path) -> None:
    async with device_at(tmp_path) as (vienna, _, line):
        event = DeviceEvent(1, "shot.rated", b"5")
        with pytest.raises(OtherDevice, match=r"'phone' speaks for device 'camera'"):
            await line.submit(Submission("camera", (event,)))
        with pytest.raises(OtherDevice):
            await line.read(DeviceRead("camera"))
        assert vienna.log.sequence_nr == 0


@in_event_loop
async def test_a_revoked_device_is_refused(tmp_path: Path) -> None:
    async with device_at(tmp_path) as (vienna, _, line):
        await line.submit(Submission("phone"))
        vienna.site.directory.revoke("phone")
        with pytest.raises(NotTrusted):
            await line.submit(Submission("phone", (DeviceEvent(1, "shot.rated", b"5"),)))
        with pytest.raises(NotTrusted):
            await line.read(DeviceRead("phone"))
        assert vienna.log.sequence_nr == 0


@in_event_loop
async def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    async with (
        serving_devices(tmp_path, "vienna") as vienna,
        http_site(tmp_path, "stranger") as stranger,
    ):
        stranger.directory.put(vienna.site.known(vienna.url))
        line = vienna.door_for(stranger)
        with pytest.raises(NotTrusted):
            await line.submit(Submission("stranger", (DeviceEvent(1, "shot.rated", b"5"),)))
        await line.close()
        assert vienna.log.sequence_nr == 0


@in_event_loop
async def test_what_a_site_says_to_a_device_arrives_as_the_error_that_it_is(tmp_path: Path) -> None:
    async with device_at(tmp_path, IntakeLimits(max_waiting_events=1)) as (vienna, _, line):
        with pytest.raises(InvalidDeviceEvent, match="event 2 of the device"):
            await line.submit(
                Submission("phone", (DeviceEvent(1, "t", b""), DeviceEvent(3, "t", b"")))
            )
        early = [DeviceEvent(n, "t", b"", seen=VectorTime({"tokyo": 9})) for n in (1, 2)]
        await line.submit(Submission("phone", (early[0],)))
        with pytest.raises(TooManyWaiting):
            await line.submit(Submission("phone", tuple(early)))
        await vienna.intake.retire("phone", VectorTime())
        with pytest.raises(DeviceIsRetired):
            await line.submit(Submission("phone"))


@in_event_loop
async def test_a_device_that_was_set_back_and_wrote_on_is_refused_over_http(tmp_path: Path) -> None:
    async with device_at(tmp_path) as (vienna, _, line):
        with DeviceLog(tmp_path / "first", "phone") as log:
            log.write("shot.rated", b"5")
            await sync(log, line)
        with pytest.raises(DeviceForked):
            await line.submit(Submission("phone", (DeviceEvent(1, "shot.rated", b"1"),)))
        assert vienna.log.sequence_nr == 1


@in_event_loop
async def test_a_site_without_devices_says_that_there_is_nothing(tmp_path: Path) -> None:
    async with http_site(tmp_path, "vienna") as site, http_site(tmp_path, "phone") as device:
        site.directory.put(device.known())
        device.directory.put(site.known())
        async with served(site.door()) as url:
            line = HttpDeviceSite(
                url, "vienna", keys=device.keys, directory=device.directory, now_ms=site.now_ms
            )
            with pytest.raises(BadRequest, match="nothing at"):
                await line.submit(Submission("phone"))
            await line.close()
