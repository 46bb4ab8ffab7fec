"""Worker processes for decoding and inference, each with a memory limit and each task with a time
limit, so that a hostile or broken file harms nothing but its own task.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
from collections.abc import Callable
from concurrent.futures import TimeoutError as TaskTimeout
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from museion.base.errors import Damaged, MuseionError, Unavailable
from museion.base.telemetry import Timings

P = ParamSpec("P")
T = TypeVar("T")


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
            f"Decoding failed: {type(error).__name__}: {error}"[:300],
            remedy="Check the file in another program.",
        )


class PoolClosed(Unavailable):
    """The worker processes are shutting down; the task was not done."""

    def __init__(self) -> None:
        super().__init__("The worker processes are shutting down.", remedy="Open the site again.")


class WorkerPool:
    """Runs plain functions of picklable arguments in limited worker processes."""

    def __init__(self, limits: WorkerLimits) -> None:
        self.limits = limits
        self.timings = Timings()
        self._closed = False
        self._pool = ProcessPool(
            max_workers=limits.workers,
            initializer=_limit_memory,
            initargs=[limits.memory_bytes],
            context=multiprocessing.get_context("forkserver"),
        )

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function of a module in a worker and return its value.

        Raises:
            WorkTooLong, WorkTooLarge, WorkFailed: the file is not to be tried again by itself.
            MuseionError: what the function itself raised.
            PoolClosed: the pool was closed.
        """
        if self._closed:
            raise PoolClosed
        future = self._pool.schedule(
            function, args=list(args), kwargs=kwargs, timeout=self.limits.time_s
        )
        with self.timings.measure(function.__name__):
            try:
                value: T = await asyncio.wrap_future(future)
            except TaskTimeout as reason:
                raise WorkTooLong(self.limits.time_s) from reason
            except ProcessExpired as reason:
                if self._closed:
                    raise PoolClosed from reason
                raise WorkTooLarge(self.limits.memory_bytes) from reason
            except MemoryError as reason:
                raise WorkTooLarge(self.limits.memory_bytes) from reason
            except MuseionError:
                raise
            except Exception as error:
                # Anything a decoder throws is a fact about the file; it becomes an event.
                raise WorkFailed(error) from error
        return value

    def close(self) -> None:
        """Stop the workers; tasks under way are given up, to be done anew later."""
        self._closed = True
        self._pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it untyped
        self._pool.join()


def _limit_memory(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
