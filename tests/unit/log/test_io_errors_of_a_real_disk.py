"""A real file system that is full or read-only under a log."""

from __future__ import annotations

from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from opened_log import new

from museion.log.event_log import EventLog, WritePolicy
from museion.log.event_store import WriteFailed
from museion.log.lmdb_environment import LogNotOpened
from museion.log.lmdb_store import LmdbEventStore
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop
from museion.testing.tiny_disk import read_only, resize_disk, tiny_disk

MIB = 1 << 20
QUICK = WritePolicy(first_delay_s=0.001, longest_delay_s=0.002, probe_after_s=0.0)


async def fill(log: EventLog) -> int:
    """Append until the disk is full; return how many events were acknowledged."""
    with pytest.raises(WriteFailed, match="KiB left on the disk"):  # noqa: PT012 (which is unknown)
        for written in count():
            await log.append([new(bytes(50_000), aggregate_id="x")], progress={"reader": written})
    return written


@in_event_loop
async def test_on_a_full_disk_what_was_acknowledged_is_there_and_reads_go_on(
    tmp_path: Path,
) -> None:
    with tiny_disk(tmp_path, size_bytes=3 * MIB) as folder:
        log = EventLog(LmdbEventStore(folder), policy=QUICK)
        written = await fill(log)
        assert numbers(await log.read()) == list(range(1, written + 1))
        assert numbers(await log.read(aggregate_id="x")) == list(range(1, written + 1))
        assert log.progress("reader") == written - 1
        await log.close()
        with closing(LmdbEventStore(folder)) as store:
            assert store.recover().sequence_nr == written


@in_event_loop
async def test_when_there_is_space_again_the_same_log_goes_on(tmp_path: Path) -> None:
    with tiny_disk(tmp_path, size_bytes=3 * MIB) as folder:
        log = EventLog(LmdbEventStore(folder), policy=QUICK)
        written = await fill(log)
        assert log.statistics.breaker_open
        resize_disk(folder, size_bytes=8 * MIB)
        assert numbers(await log.append([new(bytes(50_000))])) == [written + 1]
        assert not log.statistics.breaker_open
        await log.close()


def test_a_log_on_a_read_only_disk_is_not_opened_for_writing(tmp_path: Path) -> None:
    with tiny_disk(tmp_path, size_bytes=8 * MIB) as folder:
        LmdbEventStore(folder).close()
        with read_only(folder), pytest.raises(LogNotOpened, match="Read-only file system"):
            LmdbEventStore(folder)
        LmdbEventStore(folder).close()


@in_event_loop
async def test_a_log_on_a_read_only_disk_can_be_looked_into(tmp_path: Path) -> None:
    with tiny_disk(tmp_path, size_bytes=8 * MIB) as folder:
        log = EventLog(LmdbEventStore(folder))
        await log.append([new(aggregate_id="x")] * 3)
        await log.close()
        with read_only(folder), closing(LmdbEventStore(folder, writable=False)) as store:
            assert numbers(store.read(limit=9, aggregate_id="x")) == [1, 2, 3]
