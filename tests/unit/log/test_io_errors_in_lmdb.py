"""Errors of the system below LMDB: what is told is what is there, and the log goes on."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from pathlib import Path

import pytest
from failing_rounds import fail_disk
from opened_log import new

from museion.log.event import Event
from museion.log.event_log import EventLog, WritePolicy
from museion.log.event_store import WriteFailed
from museion.log.lmdb_environment import LogNotOpened
from museion.log.lmdb_store import LmdbEventStore
from museion.log.log_errors import LogClosed, LogDefect, LogUnavailable
from museion.testing.contracts.event_store import numbers
from museion.testing.event_loop import in_event_loop, until
from museion.testing.io_errors import Call, IoErrors, with_io_errors

META_PAGES_BYTES = 8192
"""Writes that begin below make a commit valid; those above only prepare it."""

QUICK = WritePolicy(first_delay_s=0.001, longest_delay_s=0.002, probe_after_s=0.0)
IMPATIENT = WritePolicy(first_delay_s=0.001, longest_delay_s=0.01, resolve_for_s=0.1)


def opened(folder: Path, policy: WritePolicy = QUICK) -> EventLog:
    return EventLog(LmdbEventStore(folder), policy=policy)


async def goes_on(log: EventLog, folder: Path, *, expected: list[bytes]) -> None:
    """See that the same log takes an event, and that all is there when it is opened again."""
    await log.append([new(b"goes on")])
    expected = [*expected, b"goes on"]
    assert payloads(await log.read()) == expected
    await log.close()
    log = opened(folder)
    events = await log.read()
    assert payloads(events) == expected
    assert numbers(events) == list(range(1, len(expected) + 1))
    await log.close()


def payloads(events: object) -> list[bytes]:
    assert isinstance(events, list)
    return [event.payload for event in events if isinstance(event, Event)]


@with_io_errors
@in_event_loop
async def test_a_write_that_fails_once_is_tried_again(folder: Path, disk: IoErrors) -> None:
    log = opened(folder)
    disk.fail(Call.WRITE, errno.EIO, times=1, from_byte=META_PAGES_BYTES)
    assert numbers(await log.append([new(b"a")])) == [1]
    assert (disk.failed, log.statistics.retries) == (1, 1)
    await goes_on(log, folder, expected=[b"a"])


@with_io_errors
@in_event_loop
async def test_a_flush_that_fails_once_is_tried_again(folder: Path, disk: IoErrors) -> None:
    log = opened(folder)
    disk.fail(Call.FLUSH, errno.EIO, times=1)
    assert numbers(await log.append([new(b"a")])) == [1]
    assert (disk.failed, log.statistics.retries) == (1, 1)
    await goes_on(log, folder, expected=[b"a"])


async def refused(log: EventLog, disk: IoErrors, folder: Path, reason: str) -> None:
    """See that writes are certainly not written while reads go on, and work when it is healthy."""
    with pytest.raises(WriteFailed, match=reason):
        await log.append([new(b"refused", aggregate_id="x")], progress={"reader": 1})
    assert payloads(await log.read()) == [b"before"]
    assert list(await log.read(aggregate_id="x")) == []
    with pytest.raises((WriteFailed, LogUnavailable)):
        await log.delete(1)
    assert (log.deleted_to, log.progress("reader"), log.sequence_nr) == (0, 0, 1)
    disk.heal()
    await goes_on(log, folder, expected=[b"before"])


@with_io_errors
@in_event_loop
async def test_a_disk_that_does_not_write_refuses_and_lets_read(
    folder: Path, disk: IoErrors
) -> None:
    log = opened(folder)
    await log.append([new(b"before")])
    disk.fail(Call.WRITE, errno.EIO, from_byte=META_PAGES_BYTES)
    await refused(log, disk, folder, "Input/output error")


@with_io_errors
@in_event_loop
async def test_a_disk_that_does_not_flush_refuses_and_lets_read(
    folder: Path, disk: IoErrors
) -> None:
    log = opened(folder)
    await log.append([new(b"before")])
    disk.fail(Call.FLUSH, errno.EIO)
    await refused(log, disk, folder, "Input/output error")


@with_io_errors
@in_event_loop
async def test_a_full_disk_refuses_and_lets_read(folder: Path, disk: IoErrors) -> None:
    log = opened(folder)
    await log.append([new(b"before")])
    disk.fail(Call.WRITE, errno.ENOSPC, from_byte=META_PAGES_BYTES)
    await refused(log, disk, folder, "No space left")


@with_io_errors
@in_event_loop
async def test_a_disk_that_became_read_only_refuses_and_lets_read(
    folder: Path, disk: IoErrors
) -> None:
    log = opened(folder)
    await log.append([new(b"before")])
    disk.fail(Call.WRITE, errno.EROFS, from_byte=META_PAGES_BYTES)
    disk.fail(Call.FLUSH, errno.EROFS)
    await refused(log, disk, folder, "Read-only file system")


@with_io_errors
@in_event_loop
async def test_a_commit_that_did_not_become_valid_is_tried_again(
    folder: Path, disk: IoErrors
) -> None:
    log = opened(folder)
    disk.fail(Call.WRITE, errno.EIO, times=1, to_byte=META_PAGES_BYTES)
    assert numbers(await log.append([new(b"a")], progress={"reader": 1})) == [1]
    assert (disk.failed, log.progress("reader")) == (1, 1)
    await goes_on(log, folder, expected=[b"a"])


@with_io_errors
@in_event_loop
async def test_a_commit_that_became_valid_all_the_same_is_not_written_twice(
    folder: Path, disk: IoErrors
) -> None:
    log = opened(folder)
    disk.fail(Call.WRITE, errno.EIO, times=1, done=True, to_byte=META_PAGES_BYTES)
    disk.fail(Call.WRITE, errno.EIO, times=1, to_byte=META_PAGES_BYTES)  # LMDB's taking it back
    assert numbers(await log.append([new(b"a"), new(b"b")])) == [1, 2]
    assert (disk.failed, log.statistics.retries) == (2, 0)
    await goes_on(log, folder, expected=[b"a", b"b"])


@with_io_errors
@in_event_loop
async def test_a_commit_that_was_seen_is_acknowledged_only_once_the_disk_has_it(
    folder: Path, disk: IoErrors
) -> None:
    log = opened(folder, IMPATIENT)
    disk.fail(Call.WRITE, errno.EIO, times=1, done=True, to_byte=META_PAGES_BYTES)
    disk.fail(Call.WRITE, errno.EIO, to_byte=META_PAGES_BYTES)
    with pytest.raises(LogDefect):
        await log.append([new(b"a")])
    await log.close()


@with_io_errors
@in_event_loop
async def test_a_commit_whose_fate_stays_unknown_stops_the_log_and_reads_go_on_until_then(
    folder: Path, disk: IoErrors
) -> None:
    log = opened(folder, WritePolicy(first_delay_s=0.001, longest_delay_s=0.01, resolve_for_s=0.5))
    await log.append([new(b"before")])
    disk.fail(Call.WRITE, errno.EIO, to_byte=META_PAGES_BYTES)
    lost = asyncio.create_task(log.append([new(b"lost")]))
    await until(lambda: disk.failed > 4)
    read = 0
    while not lost.done():
        await asyncio.sleep(0)
        with suppress(LogClosed):  # it may stop meanwhile
            read += payloads(await log.read()) == [b"before"]
    assert read > 5
    with pytest.raises(LogDefect, match="is not known"):
        await lost
    await log.close()
    disk.heal()
    log = opened(folder)
    await goes_on(log, folder, expected=[b"before"])


@with_io_errors
@in_event_loop
async def test_deletion_comes_through_a_commit_that_did_not_become_valid(
    folder: Path, disk: IoErrors
) -> None:
    log = opened(folder)
    await log.append([new(aggregate_id="x")] * 5)
    disk.fail(Call.WRITE, errno.EIO, times=1, to_byte=META_PAGES_BYTES)
    assert await log.delete(3) == 3
    disk.fail(Call.WRITE, errno.EIO, times=1, after=1, to_byte=META_PAGES_BYTES)
    await until(lambda: log.deletion.removed_to == 3)
    assert numbers(await log.append([new()])) == [6]
    assert numbers(await log.read(aggregate_id="x")) == [4, 5]
    await log.close()


@with_io_errors
@in_event_loop
async def test_what_a_killed_process_left_is_flushed_before_it_is_read(
    folder: Path, disk: IoErrors
) -> None:
    log = opened(folder)
    await log.append([new(b"a")])
    await log.close()
    disk.fail(Call.FLUSH, errno.EIO, times=1)
    with pytest.raises(LogNotOpened, match="Input/output error"):
        LmdbEventStore(folder)
    await goes_on(opened(folder), folder, expected=[b"a"])


@with_io_errors
@in_event_loop
async def test_many_emitters_at_a_failing_disk_are_told_what_is_there(
    folder: Path, disk: IoErrors
) -> None:
    fates = await fail_disk(folder, disk, rounds=60, seed=20240614)
    assert fates.written
    assert fates.refused
    assert fates.unknown


@with_io_errors
@in_event_loop
async def test_no_read_fails_while_the_files_are_opened_anew_again_and_again(
    folder: Path, disk: IoErrors
) -> None:
    log = opened(folder)
    await log.append([new(bytes(50_000))] * 20)

    async def read_on() -> int:
        reads = 0
        while log.sequence_nr < 50:
            assert numbers(await log.read(limit=20)) == list(range(1, 21))
            reads += 1
        return reads

    readers = [asyncio.create_task(read_on()) for _ in range(4)]
    while log.sequence_nr < 50:
        disk.heal()
        disk.fail(Call.WRITE, errno.EIO, times=1, to_byte=META_PAGES_BYTES)
        await log.append([new()])
    assert all(await asyncio.gather(*readers))
    await log.close()
