"""A writer: start from where the database stands, batches, waiting requests, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import pytest
from opened_log import new, opened
from sqlite_writer import SqliteWriter, written_rows

from museion.base.retry import RetryPolicy
from museion.log.event import Event
from museion.log.event_log import BatchLimits, EmitterInUse, EventLog, LogClosed, UnknownPosition
from museion.log.memory_store import MemoryEventStore
from museion.log.snapshots import MemorySnapshotStore, Snapshot
from museion.log.sourced.conditional import at_least
from museion.log.sourced.writer import (
    Verdict,
    WriteCancelled,
    WriterBusy,
    WriterRunner,
    restart_always,
)
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until

AT_ONCE = RetryPolicy(first_delay_s=0.0, longest_delay_s=0.0)


@dataclass
class Database:
    """What outlives writers.

    Attributes:
        batches: numbers of the events of each write.
        progress: None where it is not known.
        errors: raised by the next reads and writes, in order; None lets one pass.
        read_gate, write_gate: open at first.
    """

    batches: list[list[int]] = field(default_factory=list)
    progress: int | None = None
    keeps_progress: bool = True
    errors: list[BaseException | None] = field(default_factory=list)
    read_gate: asyncio.Event = field(default_factory=asyncio.Event)
    write_gate: asyncio.Event = field(default_factory=asyncio.Event)
    reads: int = 0
    writes_begun: int = 0
    closed: int = 0

    def __post_init__(self) -> None:
        self.read_gate.set()
        self.write_gate.set()

    def next_error(self) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error


class Rows:
    """Writes to a `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.collected: list[int] = []
        self.notes: list[str] = []

    async def read(self) -> int | None:
        self._database.reads += 1
        await self._database.read_gate.wait()
        self._database.next_error()
        progress = self._database.progress
        return None if progress is None else progress + 1

    def handle(self, event: Event) -> None:
        self.collected.append(event.sequence_nr)

    async def write(self) -> None:
        self._database.writes_begun += 1
        await self._database.write_gate.wait()
        self._database.next_error()
        if self._database.keeps_progress:
            self._database.progress = self.collected[-1]
        self._database.batches.append(self.collected)
        self.collected = []

    async def close(self) -> None:
        self._database.closed += 1


class RowsFromSnapshot(Rows):
    """A writer with a snapshot that covers two events."""

    restored = 0

    async def restore(self) -> int:
        self.restored += 1
        return 2


def runner_of(
    log: EventLog,
    database: Database,
    on_failure: Callable[[Exception], Verdict] = restart_always,
    make: type[Rows] = Rows,
) -> WriterRunner[Rows]:
    return WriterRunner(
        log, lambda: make(database), name="rows", retry=AT_ONCE, on_failure=on_failure
    )


@asynccontextmanager
async def running(runner: WriterRunner[Rows]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(runner.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def filled(log: EventLog, count: int) -> None:
    await log.append([new() for _ in range(count)])


@in_event_loop
async def test_a_read_that_returns_nothing_leads_to_a_replay_from_the_start() -> None:
    database = Database()
    async with opened() as log:
        await filled(log, 3)
        async with running(runner_of(log, database)):
            await until(lambda: database.progress == 3)
    assert database.batches == [[1, 2, 3]]


@in_event_loop
async def test_a_read_that_returns_nothing_leads_to_the_snapshot_if_there_is_one() -> None:
    database = Database()
    async with opened() as log:
        await filled(log, 3)
        async with running(runner_of(log, database, make=RowsFromSnapshot)):
            await until(lambda: database.progress == 3)
    assert database.batches == [[3]]


@in_event_loop
async def test_a_start_sequence_number_leads_to_no_snapshot() -> None:
    database = Database(progress=1)
    async with opened() as log:
        await filled(log, 3)
        runner = runner_of(log, database, make=RowsFromSnapshot)
        async with running(runner):
            await until(lambda: database.progress == 3)
            writer = await runner.ask(lambda writer: writer)
    assert database.batches == [[2, 3]]
    assert isinstance(writer, RowsFromSnapshot)
    assert writer.restored == 0


@in_event_loop
async def test_write_is_called_after_every_replayed_batch_and_the_replay_is_suspended() -> None:
    database = Database()
    database.write_gate.clear()
    async with opened(limits=BatchLimits(replay_batch_events=2)) as log:
        await filled(log, 5)
        runner = runner_of(log, database)
        async with running(runner):
            await until(lambda: database.writes_begun == 1)
            await _settled()
            assert database.writes_begun == 1, "nothing goes on during the write"
            database.write_gate.set()
            await until(lambda: runner.position == 5)
    assert database.batches == [[1, 2], [3, 4], [5]]


@in_event_loop
async def test_live_it_writes_as_soon_as_it_is_idle() -> None:
    database = Database()
    async with opened() as log:
        runner = runner_of(log, database)
        async with running(runner):
            for count in (1, 2, 3):
                await filled(log, 1)
                await until(lambda count=count: runner.position == count)  # type: ignore[misc]  # bound
    assert database.batches == [[1], [2], [3]]


@in_event_loop
async def test_events_arriving_during_a_write_form_the_next_batch() -> None:
    database = Database()
    async with opened() as log:
        runner = runner_of(log, database)
        async with running(runner):
            database.write_gate.clear()
            await filled(log, 1)
            await until(lambda: database.writes_begun == 1)
            for _ in range(3):
                await filled(log, 1)
            database.write_gate.set()
            await until(lambda: runner.position == 4)
    assert database.batches[0] == [1]
    assert list(chain(*database.batches)) == [1, 2, 3, 4]
    assert len(database.batches) <= 3, "they were not written one by one"


@in_event_loop
async def test_the_batch_that_gathers_during_a_write_is_bounded() -> None:
    database = Database()
    async with opened(limits=BatchLimits(replay_batch_events=10)) as log:
        runner = runner_of(log, database)
        async with running(runner):
            database.write_gate.clear()
            await filled(log, 1)
            await until(lambda: database.writes_begun == 1)
            for _ in range(300):
                await filled(log, 10)
            database.write_gate.set()
            await until(lambda: runner.position == 3001)
    assert list(chain(*database.batches)) == list(range(1, 3002))
    assert max(map(len, database.batches)) <= 1024


@in_event_loop
async def test_requests_wait_while_the_writer_reads_its_progress() -> None:
    database = Database()
    database.read_gate.clear()
    async with opened() as log:
        runner = runner_of(log, database)
        async with running(runner):
            await until(lambda: database.reads == 1)
            with pytest.raises(WriterBusy):
                await runner.ask(lambda writer: writer.notes.append("early"), limit_s=0.01)
            database.read_gate.set()
            await runner.ask(lambda writer: writer.notes.append("late"))
            assert await runner.ask(lambda writer: writer.notes) == ["late"]


@in_event_loop
async def test_requests_wait_while_a_write_suspends_a_replay_but_not_for_a_live_write() -> None:
    database = Database()
    database.write_gate.clear()
    async with opened() as log:
        await filled(log, 2)
        runner = runner_of(log, database)
        async with running(runner):
            await until(lambda: database.writes_begun == 1)
            with pytest.raises(WriterBusy):
                await runner.ask(lambda writer: None, limit_s=0.01)
            database.write_gate.set()
            await until(lambda: runner.position == 2)
            database.write_gate.clear()
            await filled(log, 1)
            await until(lambda: database.writes_begun == 2)
            await runner.ask(lambda writer: None, limit_s=0.01)
            database.write_gate.set()


@in_event_loop
async def test_a_failed_read_restarts_the_writer_by_default() -> None:
    database = Database(errors=[OSError("no route"), OSError("no route")])
    async with opened() as log:
        await filled(log, 2)
        async with running(runner_of(log, database)):
            await until(lambda: database.progress == 2)
    assert database.reads == 3
    assert database.closed == 3, "the last one at the end of the run"
    assert database.batches == [[1, 2]]


@in_event_loop
async def test_a_failed_write_restarts_the_writer_from_where_the_database_stands() -> None:
    database = Database(errors=[None, None, OSError("gone")])
    async with opened(limits=BatchLimits(replay_batch_events=2)) as log:
        await filled(log, 5)
        async with running(runner_of(log, database)):
            await until(lambda: database.progress == 5)
    assert database.reads == 2
    assert database.batches == [[1, 2], [3, 4], [5]]


@in_event_loop
async def test_restarts_are_backed_off_and_trouble_names_the_reason() -> None:
    database = Database(errors=[OSError("gone")])
    slow = RetryPolicy(first_delay_s=3600.0, longest_delay_s=3600.0)
    async with opened() as log:
        runner = WriterRunner(log, lambda: Rows(database), name="rows", retry=slow)
        async with running(runner):
            await until(lambda: runner.trouble == "gone")
            await _settled()
            assert database.reads == 1


@in_event_loop
async def test_trouble_is_over_after_a_write_that_worked() -> None:
    database = Database(errors=[OSError("gone")])
    async with opened() as log:
        await filled(log, 1)
        runner = runner_of(log, database)
        async with running(runner):
            await until(lambda: runner.position == 1)
            assert runner.trouble is None


@in_event_loop
async def test_the_restart_on_failure_can_be_overridden() -> None:
    database = Database(errors=[OSError("gone"), ValueError("defect")])
    seen: list[Exception] = []

    def verdict(error: Exception) -> Verdict:
        seen.append(error)
        return Verdict.RESTART if isinstance(error, OSError) else Verdict.STOP

    async with opened() as log:
        with pytest.raises(ValueError, match="defect"):
            await runner_of(log, database, verdict).run()
    assert [str(error) for error in seen] == ["gone", "defect"]


@in_event_loop
async def test_work_given_up_from_within_is_a_failure_and_no_silent_end() -> None:
    database = Database(errors=[None, asyncio.CancelledError()])
    async with opened() as log:
        await filled(log, 1)
        with pytest.raises(WriteCancelled):
            await runner_of(log, database, lambda _: Verdict.STOP).run()


@in_event_loop
async def test_a_cancelled_runner_ends_the_write_that_has_begun_and_runs_again() -> None:
    database = Database()
    database.write_gate.clear()
    async with opened() as log:
        await filled(log, 1)
        runner = runner_of(log, database)
        async with running(runner) as task:
            await until(lambda: database.writes_begun == 1)
            task.cancel()
            await _settled()
            assert not task.done()
            database.write_gate.set()
        assert database.batches == [[1]]
        await filled(log, 1)
        async with running(runner):
            await until(lambda: runner.position == 2)
    assert database.batches == [[1], [2]]


@in_event_loop
async def test_a_database_ahead_of_the_log_is_refused() -> None:
    async with opened() as log:
        with pytest.raises(UnknownPosition):
            await runner_of(log, Database(progress=9)).run()


@in_event_loop
async def test_two_writers_of_one_name_cannot_run_on_one_log() -> None:
    database = Database()
    async with opened() as log, running(runner_of(log, database)):
        await until(lambda: database.reads == 1)
        with pytest.raises(EmitterInUse):
            await runner_of(log, database).run()


@in_event_loop
async def test_a_closed_log_ends_the_writer_under_every_policy() -> None:
    database = Database()
    log = EventLog(MemoryEventStore())
    task = asyncio.create_task(runner_of(log, database).run())
    await until(lambda: database.reads == 1)
    await log.close()
    with pytest.raises(LogClosed):
        await task


@in_event_loop
async def test_a_conditional_request_sees_what_its_token_covers_in_the_database() -> None:
    database = Database()
    async with opened() as log:
        runner = runner_of(log, database)
        async with running(runner):
            (event,) = await log.append([new()])
            await at_least(runner, event.vector_timestamp)
            assert database.progress == 1


class Counts:
    """Writes to a database that keeps no progress; its state and position lie in snapshots."""

    def __init__(self, log_id: str, snapshots: MemorySnapshotStore, shown: list[int]) -> None:
        self._log_id = log_id
        self._snapshots = snapshots
        self._shown = shown
        self._count = self._position = 0

    async def read(self) -> int | None:
        return None

    async def restore(self) -> int:
        newest = next(self._snapshots.newest_first("counts", log_id=self._log_id), None)
        if newest is not None:
            self._count, self._position = int(newest.state), newest.sequence_nr
        return self._position

    def handle(self, event: Event) -> None:
        self._count += 1
        self._position = event.sequence_nr

    async def write(self) -> None:
        self._shown.append(self._count)
        snapshot = Snapshot(
            emitter_id="counts",
            log_id=self._log_id,
            sequence_nr=self._position,
            type_name="counts",
            form=1,
            state=b"%d" % self._count,
            version=VectorTime(),
            last_handled=None,
            saved_at_ms=0,
        )
        await asyncio.to_thread(self._snapshots.save, snapshot)

    async def close(self) -> None:
        pass


@in_event_loop
async def test_a_writer_goes_on_from_a_real_snapshot_where_the_database_keeps_no_progress() -> None:
    snapshots, shown = MemorySnapshotStore(), [0]
    async with opened() as log:
        for count in (3, 5):
            await filled(log, count - log.sequence_nr)
            make = partial(Counts, log.log_id, snapshots, shown)
            runner = WriterRunner(log, make, name="counts")
            task = asyncio.create_task(runner.run())
            await until(lambda count=count: shown[-1] == count)  # type: ignore[misc]  # bound
            task.cancel()
            await asyncio.wait([task])
        await log.delete(4)
        await filled(log, 1)
        runner = WriterRunner(log, make, name="counts")
        task = asyncio.create_task(runner.run())
        await until(lambda: shown[-1] == 6)
        task.cancel()
        await asyncio.wait([task])


@in_event_loop
async def test_sqlite_keeps_rows_and_progress_in_one_transaction(tmp_path: Path) -> None:
    file = tmp_path / "rows.sqlite"
    async with opened() as log:
        for stop in (2, 5):
            runner = WriterRunner(log, lambda: SqliteWriter(file), name="rows")
            task = asyncio.create_task(runner.run())
            while log.sequence_nr < stop:
                await log.append([new(b"%d" % (log.sequence_nr + 1))])
            await until(lambda stop=stop, runner=runner: runner.position == stop)  # type: ignore[misc]  # bound
            task.cancel()
            await asyncio.wait([task])
    assert written_rows(file) == ["1", "2", "3", "4", "5"]


async def _settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)
