"""A task that hangs, floods or kills its worker costs itself, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import worker_tasks

from museion.archive.enrichment.worker_pool import (
    PoolClosed,
    WorkerLimits,
    WorkerPool,
    WorkFailed,
    WorkTooLarge,
    WorkTooLong,
)
from museion.base.errors import MuseionError
from museion.media.errors import TruncatedMedia
from museion.testing.event_loop import in_event_loop, until


@asynccontextmanager
async def _open(*, workers: int = 1, time_s: float = 30.0) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(WorkerLimits(workers=workers, memory_bytes=1 << 30, time_s=time_s))
    try:
        yield pool
    finally:
        pool.close()


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


@in_event_loop
async def test_a_function_runs_in_another_process() -> None:
    async with _open() as pool:
        assert await pool.run(worker_tasks.add, 2, second=3) == 5
        assert await pool.run(worker_tasks.process_number) != os.getpid()


@in_event_loop
async def test_what_runs_behind_lets_everything_else_pass() -> None:
    async with _open() as pool:
        done: list[str] = []

        async def ahead(name: str) -> None:
            await pool.run(worker_tasks.add, 1)
            done.append(name)

        async def behind() -> None:
            await pool.run_behind(worker_tasks.add, 1)
            done.append("behind")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ahead("first"))
            await asyncio.sleep(0)  # it has the worker
            tasks.create_task(behind())
            await asyncio.sleep(0)
            for name in ("second", "third"):
                tasks.create_task(ahead(name))

        assert done == ["first", "second", "third", "behind"]


@in_event_loop
async def test_what_runs_behind_runs_at_once_where_a_worker_is_idle() -> None:
    async with _open(workers=2) as pool:
        assert await pool.run_behind(worker_tasks.add, 2, second=3) == 5


@in_event_loop
async def test_a_worker_is_used_again() -> None:
    async with _open() as pool:
        numbers = {await pool.run(worker_tasks.process_number) for _ in range(5)}

        assert len(numbers) == 1


@in_event_loop
async def test_no_more_workers_run_than_are_allowed() -> None:
    async with _open(workers=2) as pool:
        numbers = await asyncio.gather(*(pool.run(worker_tasks.process_number) for _ in range(20)))

        assert 1 <= len(set(numbers)) <= 2


@in_event_loop
async def test_what_is_larger_than_a_pipe_comes_back_whole() -> None:
    async with _open() as pool:
        assert len(await pool.run(worker_tasks.return_bytes, 5_000_000)) == 5_000_000


@pytest.mark.parametrize(
    ("task", "error", "message"),
    [
        (worker_tasks.kill_oneself, WorkTooLarge, "broke its worker process, which may use 1024"),
        (worker_tasks.leave, WorkTooLarge, "broke its worker process"),
        (
            worker_tasks.fail_as_libraries_do,
            WorkFailed,
            "ValueError: first line second line. Check",
        ),
        (worker_tasks.exit_loudly, WorkFailed, "SystemExit: 3"),
        (worker_tasks.fail_as_media_do, TruncatedMedia, "The JPEG ends too early"),
        (worker_tasks.raise_bare, MuseionError, "as it is"),
    ],
)
def test_a_task_that_fails_says_how_and_the_next_one_runs(
    task: Callable[[], None], error: type[MuseionError], message: str
) -> None:
    @in_event_loop
    async def run() -> None:
        async with _open() as pool:
            with pytest.raises(error, match=message) as failed:
                await pool.run(task)

            assert type(failed.value) is error
            assert failed.value.remedy
            assert await pool.run(worker_tasks.add, 1, 1) == 2

    run()


@in_event_loop
async def test_a_task_that_takes_too_much_memory_fails_alone() -> None:
    async with _open() as pool:
        with pytest.raises(WorkTooLarge, match="worker_memory_mib"):
            await pool.run(worker_tasks.take_memory, 2 << 30)

        assert await pool.run(worker_tasks.add, 1, 1) == 2


@in_event_loop
async def test_a_task_that_hangs_is_stopped_and_its_neighbours_go_on() -> None:
    async with _open(workers=2, time_s=0.5) as pool:
        await pool.run(worker_tasks.add, 1)  # so that nobody's time goes into a start
        results = await asyncio.gather(
            pool.run(worker_tasks.hang_deaf),
            *(pool.run(worker_tasks.add, number) for number in range(10)),
            return_exceptions=True,
        )

        assert isinstance(results[0], WorkTooLong)
        assert "longer than 0.5 s" in str(results[0])
        assert results[1:] == list(range(10))


@in_event_loop
async def test_waiting_for_a_worker_does_not_count_as_work() -> None:
    async with _open(time_s=2.0) as pool:
        await asyncio.gather(*(pool.run(worker_tasks.sleep, 0.5) for _ in range(6)))


@in_event_loop
async def test_a_worker_that_is_killed_while_idle_costs_no_task() -> None:
    async with _open() as pool:
        for _ in range(3):
            worker = await pool.run(worker_tasks.process_number)
            os.kill(worker, signal.SIGKILL)
            assert await pool.run(worker_tasks.add, 1, 1) == 2


@in_event_loop
async def test_a_cancelled_task_gives_its_worker_up() -> None:
    async with _open() as pool:
        worker = await pool.run(worker_tasks.process_number)
        task = asyncio.create_task(pool.run(worker_tasks.sleep, 60.0))
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert _is_gone(worker)
        assert await pool.run(worker_tasks.add, 1, 1) == 2


@in_event_loop
async def test_a_closed_pool_takes_no_task_and_leaves_no_worker() -> None:
    async with _open(workers=2) as pool:
        workers = await asyncio.gather(*(pool.run(worker_tasks.process_number) for _ in range(8)))
        pool.close()

        with pytest.raises(PoolClosed):
            await pool.run(worker_tasks.add, 1)
        await until(lambda: all(map(_is_gone, workers)))


def test_a_worker_that_hangs_ends_after_its_parent_was_killed() -> None:
    """Even one that hears no polite signal: nobody is left to stop it."""
    program = Path(__file__).with_name("orphaning_program.py")
    with subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while not _is_gone(worker) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert _is_gone(worker)
