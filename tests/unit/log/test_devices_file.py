"""The single file of a device: whole after any crash, honest about damage."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from shutil import copyfile

import pytest
from device_world import everything, sites
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opened_log import new

from museion.log.replication.devices.device_errors import (
    DamagedDeviceLog,
    DeviceLogFull,
    InvalidDeviceEvent,
)
from museion.log.replication.devices.device_log import DeviceLog
from museion.log.replication.devices.device_sync import sync
from museion.log.replication.filters import EVERYTHING
from museion.testing.event_loop import in_event_loop


def state(log: DeviceLog) -> tuple[object, ...]:
    received = tuple(event.payload for event in log.received.values())
    return tuple(log.events()), received, log.subscription, dict(log.acknowledged)


async def filled(path: Path) -> None:
    """Make a log with records of all kinds."""
    async with sites("a") as (a,):
        await a.log.append([new(b"seen")])
        with DeviceLog(path, "phone") as log:
            log.write("t", b"first", aggregate_id="asset/1")
            log.subscribe(EVERYTHING)
            await sync(log, a)
            log.write("t", b"second", after=[1], after_events=list(log.received.values()))


@in_event_loop
async def test_a_file_torn_at_any_byte_holds_all_whole_records_and_takes_more(
    tmp_path: Path,
) -> None:
    await filled(tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    counts = []
    for size in range(len(content) + 1):
        torn = tmp_path / "torn"
        torn.write_bytes(content[:size])
        with DeviceLog(torn, "phone") as log:
            counts.append(log.count)
            log.write("t", b"after the crash")
        with DeviceLog(torn, "phone") as log:
            assert log.count == counts[-1] + 1
    assert counts == sorted(counts)
    assert counts[-1] == 2


@in_event_loop
async def test_a_sync_after_a_crash_at_any_byte_leads_to_each_event_once(tmp_path: Path) -> None:
    await filled(tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    for size in range(0, len(content) + 1, 7):
        (tmp_path / "torn").write_bytes(content[:size])
        async with sites("a") as (a,):
            await a.log.append([new(b"seen")])
            with DeviceLog(tmp_path / "torn", "phone") as log:
                log.subscribe(EVERYTHING)
                written = log.count
                await sync(log, a)
                assert len(log.received) == 1
            assert len(await everything(a.log)) == 1 + written


@in_event_loop
async def test_what_was_written_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    await filled(tmp_path / "log")
    with DeviceLog(tmp_path / "log", "phone") as log:
        before = state(log)
        assert log.events()[1].after_events == tuple(log.received)
    with DeviceLog(tmp_path / "log", "phone") as log:
        assert state(log) == before


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_changed_byte_passes_for_an_event(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    with DeviceLog(folder / "log", "phone") as log:
        for number in range(4):
            log.write("t", b"payload %d" % number)
        whole = tuple(log.events())
    content = bytearray((folder / "log").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (folder / "log").write_bytes(content)
    try:
        with DeviceLog(folder / "log", "phone") as log:
            found = tuple(log.events())
    except DamagedDeviceLog:
        assert (folder / "log").read_bytes() == bytes(content)
    else:
        assert found == whole[:3]


def test_the_log_of_another_device_is_refused(tmp_path: Path) -> None:
    DeviceLog(tmp_path / "log", "phone").close()
    with pytest.raises(InvalidDeviceEvent):
        DeviceLog(tmp_path / "log", "tablet")


def test_a_full_device_says_so_and_keeps_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with DeviceLog(tmp_path / "log", "phone") as log:
        log.write("t", b"1")
        monkeypatch.setattr(os, "fsync", fails)
        for _ in range(2):
            with pytest.raises(DeviceLogFull):
                log.write("t", b"lost")
        monkeypatch.undo()
        assert log.count == 1
        assert log.write("t", b"2").count == 2
    copyfile(tmp_path / "log", tmp_path / "copy")
    with DeviceLog(tmp_path / "copy", "phone") as log:
        assert [event.payload for event in log.events()] == [b"1", b"2"]


def test_an_own_event_cannot_follow_one_that_is_not_written_yet(tmp_path: Path) -> None:
    with DeviceLog(tmp_path / "log", "phone") as log:
        with pytest.raises(InvalidDeviceEvent):
            log.write("t", b"", after=[1])
        assert log.count == 0
