"""Worker processes for decoding and inference, each with a memory limit and each task with a time
limit, so that a hostile or broken file harms nothing but its own task.

Every worker has a pebble pool of its own: workers that shared one would share its pipes and locks,
and one that is killed while it holds a lock would take the others' tasks with it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TaskTimeout
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from museion.base.errors import Damaged, MuseionError, Unavailable
from museion.base.telemetry import Timings
from museion.base.waiting import to_end
from museion.media.errors import one_line

P = ParamSpec("P")
T = TypeVar("T")

_ORPHAN_S = 5.0
"""A worker that outlives its task's limit by so much has lost its parent, and ends itself."""


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """Bounds of the pool: processes, address space of each, seconds for one task."""

    workers: int = 2
    memory_bytes: int = 3 << 30
    time_s: float = 60.0


class WorkTooLong(Damaged):
    """A file took longer to work on than is allowed."""

    def __init__(self, time_s: float) -> None:
        super().__init__(
            f"Decoding took longer than {time_s:g} s and was stopped.",
            remedy="Check the file in another program; raise `worker_time_s` if it is just large.",
        )


class WorkTooLarge(Damaged):
    """A file needed more memory than is allowed, or crashed its worker."""

    def __init__(self, memory_bytes: int) -> None:
        super().__init__(
            f"Decoding broke its worker process, which may use {memory_bytes >> 20} MiB.",
            remedy="Check the file in another program; raise `worker_memory_mib` if it is large.",
        )


class WorkFailed(Damaged):
    """A library failed on a file with an error of its own."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            f"Decoding failed: {type(error).__name__}: {one_line(str(error))}.",
            remedy="Check the file in another program.",
        )


class PoolClosed(Unavailable):
    """The worker processes are shutting down; the task was not done."""

    def __init__(self) -> None:
        super().__init__("The worker processes are shutting down.", remedy="Open the site again.")


class NoWorker(Unavailable):
    """A worker process could not be started; no file is to blame."""

    def __init__(self) -> None:
        super().__init__(
            "A worker process could not be started.",
            remedy="Free memory or processes, or raise `worker_memory_mib` in museion.toml.",
        )


class WorkerPool:
    """Runs plain functions of picklable arguments in limited worker processes.

    Workers start when they are needed. One that was killed, or had to be, is replaced.
    """

    def __init__(self, limits: WorkerLimits) -> None:
        self.limits = limits
        self.timings = Timings()
        self._closed = False
        self._slots = asyncio.Semaphore(limits.workers)
        self._ahead = 0
        self._some_idle = asyncio.Event()
        self._some_idle.set()
        self._idle: list[ProcessPool] = []

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function of a module in a worker and return its value.

        The time limit counts from when a worker takes the task.

        Raises:
            WorkTooLong, WorkTooLarge, WorkFailed: the file is not to be tried again by itself.
            MuseionError: what the function itself raised.
            NoWorker: no worker can be started now; the task was not done.
            PoolClosed: the pool was closed.
        """
        self._count_ahead(1)
        try:
            return await self._in_turn(function, args, kwargs)
        finally:
            self._count_ahead(-1)

    async def run_behind(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function as `run` does, once a worker has nothing else to do.

        Waits as long as others keep all workers busy, without a limit: what is run so can be done
        at any time. A task that has begun is not interrupted. Raises as `run`.
        """
        while True:
            await self._some_idle.wait()
            async with self._slots:
                if self._some_idle.is_set():  # else others came while this task waited for its slot
                    return await self._twice(function, args, kwargs)

    def close(self) -> None:
        """Stop the workers; tasks under way are given up, to be done anew later."""
        self._closed = True
        if self._idle:
            with ThreadPoolExecutor(len(self._idle)) as threads:
                list(threads.map(_end, self._idle))
        self._idle.clear()

    def _count_ahead(self, change: int) -> None:
        """Keep the count of tasks that those of `run_behind` let pass."""
        self._ahead += change
        if self._ahead < self.limits.workers:
            self._some_idle.set()
        else:
            self._some_idle.clear()

    async def _in_turn(
        self, function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]
    ) -> T:
        async with self._slots:
            return await self._twice(function, args, kwargs)

    async def _twice(
        self, function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]
    ) -> T:
        try:
            return await self._once(function, args, kwargs)
        except _WorkerGone:
            # It may have been killed before it had this task: only the second time tells.
            try:
                return await self._once(function, args, kwargs)
            except _WorkerGone as reason:
                raise WorkTooLarge(self.limits.memory_bytes) from reason

    async def _once(
        self, function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]
    ) -> T:
        if self._closed:
            raise PoolClosed
        worker = await self._take_worker()
        is_fit = False
        try:
            with self.timings.measure(function.__name__):
                value: T = await self._run_on(worker, _limited, function, args, kwargs)
            is_fit = True
        except MuseionError as error:
            is_fit = not isinstance(error, WorkTooLong | WorkTooLarge | PoolClosed)
            raise
        finally:
            if is_fit and not self._closed:
                self._idle.append(worker)
            else:
                await to_end(asyncio.to_thread(_end, worker))
        return value

    async def _take_worker(self) -> ProcessPool:
        while self._idle:
            worker = self._idle.pop()
            if worker.active:
                return worker
            _end(worker)  # something killed it while it had nothing to do
        worker = ProcessPool(
            max_workers=1,
            initializer=_prepare,
            initargs=[self.limits.memory_bytes],
            context=multiprocessing.get_context("forkserver"),
        )
        try:
            with _hidden_main():
                started = worker.schedule(os.getpid)
            await asyncio.wrap_future(started)
        except (ProcessExpired, BrokenProcessPool, RuntimeError, OSError) as reason:
            await to_end(asyncio.to_thread(_end, worker))
            raise NoWorker from reason
        return worker

    async def _run_on(self, worker: ProcessPool, task: Callable[..., T], *args: object) -> T:
        time_s = self.limits.time_s
        try:
            future = worker.schedule(task, args=[time_s + _ORPHAN_S, *args], timeout=time_s)
        except RuntimeError as reason:
            raise _WorkerGone from reason
        try:
            value: T = await asyncio.wrap_future(future)
            return value
        except TaskTimeout as reason:
            raise WorkTooLong(time_s) from reason
        except BrokenProcessPool as reason:
            raise (PoolClosed if self._closed else _WorkerGone) from reason
        except (ProcessExpired, MemoryError) as reason:
            if self._closed:
                raise PoolClosed from reason
            raise WorkTooLarge(self.limits.memory_bytes) from reason
        except MuseionError:
            raise
        except Exception as error:
            # Anything a decoder throws is a fact about the file; it becomes an event.
            raise WorkFailed(error) from error


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep a starting worker from running the caller's program again.

    A worker imports `__main__` for functions that are defined there. Ours never are, and a script
    that opens a site outside of `if __name__ == "__main__"` would open it in every worker.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class _WorkerGone(Exception):
    """A worker ended, and it is not known whether it had begun with the task."""


def _end(worker: ProcessPool) -> None:
    worker.stop()  # type: ignore[no-untyped-call]  # pebble leaves it untyped
    worker.join()


def _prepare(memory_bytes: int) -> None:
    """Set a worker up: runs once in each process."""
    from museion.media.process import prepare_worker

    # A thread for each processor would take address space from the pictures.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        memory_bytes = min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    prepare_worker()


def _limited(
    limit_s: float, function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]
) -> T:
    """Run a task in a worker; the system itself ends the worker when nobody else does it in time.

    The pool's own limit ends with the process that holds the pool, and code that hangs in a library
    hears no Python signal handler; the default action of SIGALRM needs neither.
    """
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        return function(*args, **kwargs)
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        # Sent to the process that waits, it would end that one.
        raise WorkFailed(error) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
