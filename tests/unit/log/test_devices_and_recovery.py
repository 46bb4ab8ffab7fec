"""Devices and a site that loses its log: nothing is missed, nothing comes twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from lost_sites import sites

from museion.log.event_log import LogHeld
from museion.log.replication.devices.device_log import DeviceLog
from museion.log.replication.devices.device_sync import sync
from museion.log.replication.devices.intake import DeviceIntake
from museion.log.replication.devices.once import Once
from museion.log.replication.filters import EVERYTHING
from museion.log.replication.gate import open_gate
from museion.testing.event_loop import in_event_loop


@in_event_loop
async def test_a_device_goes_on_at_a_site_that_was_recovered(tmp_path: Path) -> None:
    async with sites("a", "b") as world:
        await world.join("a", "b")
        with DeviceLog(tmp_path / "log", "phone") as device:
            device.subscribe(EVERYTHING)
            await world.write("a", b"a1")
            device.write("t", b"1")
            await sync(device, DeviceIntake(world.log("a"), gate_for=open_gate))
            await world.write("b", b"b1")
            await world.settle(3)
            await world.lose("a", lost_events=True)
            device.write("t", b"2")
            with pytest.raises(LogHeld):
                await sync(device, DeviceIntake(world.log("a"), gate_for=open_gate))
            await world["a"].recover()
            report = await sync(device, DeviceIntake(world.log("a"), gate_for=open_gate))
            assert (report.missing, report.received) == (0, 1)
            received = [event.payload for event in device.received.values()]
            assert received == [b"a1", b"b1"]
        await world.settle(4)
        events = await world.log("b").read()
        own = [e for e in Once().only_first(events) if e.emitter_id == "device:phone"]
        assert [event.payload for event in own] == [b"1", b"2"]
