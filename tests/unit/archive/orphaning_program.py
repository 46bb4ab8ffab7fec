"""Starts a worker that hangs, says who it is, and waits to be killed."""

from __future__ import annotations

import asyncio

import worker_tasks

from museion.archive.enrichment import worker_pool
from museion.archive.enrichment.worker_pool import WorkerLimits, WorkerPool


async def main() -> None:
    """Print the number of the worker, then let it hang."""
    pool = WorkerPool(WorkerLimits(workers=1, time_s=0.5))
    worker_pool._ORPHAN_S = 0.5
    print(await pool.run(worker_tasks.process_number), flush=True)  # noqa: T201 (the test reads it)
    await pool.run(worker_tasks.hang_deaf)


if __name__ == "__main__":
    asyncio.run(main())
