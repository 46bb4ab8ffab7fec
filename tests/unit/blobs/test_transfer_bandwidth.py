"""A limit holds for all transfers together, and can be changed while they go on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from blob_sources import ToldSource, content_of, fetcher_of, neighbour

from museion.base.errors import InvalidInput
from museion.blobs.transfer.bandwidth import Bandwidth
from museion.blobs.transfer.fetch_settings import WantedBlob
from museion.testing.contracts.blob_store import digest_of
from museion.testing.event_loop import in_event_loop

KIB = 1 << 10


@in_event_loop
async def test_the_limit_holds_within_a_tenth_over_parallel_transfers(tmp_path: Path) -> None:
    contents = [content_of(500 * KIB, seed) for seed in range(4)]
    source = ToldSource(*contents, piece_bytes=16 * KIB)
    _, fetcher = fetcher_of(tmp_path, neighbour("Graz", source))
    fetcher.bandwidth.limit_bytes_per_s = 1000 * KIB
    loop = asyncio.get_running_loop()
    async with fetcher:
        begun_s = loop.time()
        await asyncio.gather(*(fetcher.fetch(WantedBlob(digest_of(each))) for each in contents))
        took_s = loop.time() - begun_s
    assert 1.8 <= took_s <= 2.2


@in_event_loop
async def test_a_new_limit_holds_at_once_also_for_who_waits() -> None:
    bandwidth = Bandwidth(1000)
    await bandwidth.take(100_000)  # owes 100 s
    waiting = asyncio.create_task(bandwidth.take(1))
    await asyncio.sleep(0)
    bandwidth.limit_bytes_per_s = None
    async with asyncio.timeout(1.0):
        await waiting
    bandwidth.limit_bytes_per_s = 10_000_000
    async with asyncio.timeout(1.0):
        await bandwidth.take(1000)


@in_event_loop
async def test_what_is_owed_is_owed_under_a_new_limit_too() -> None:
    bandwidth = Bandwidth(1000)
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    await bandwidth.take(10_000)
    bandwidth.limit_bytes_per_s = 50_000
    await bandwidth.take(1)
    assert 0.15 <= loop.time() - begun_s <= 0.5


@in_event_loop
async def test_one_that_gives_up_waiting_does_not_hold_up_the_next() -> None:
    bandwidth = Bandwidth(1000)
    await bandwidth.take(200)
    waiting = [asyncio.create_task(bandwidth.take(1)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    async with asyncio.timeout(2.0):
        await waiting[1]


@in_event_loop
async def test_without_a_limit_nothing_waits() -> None:
    bandwidth = Bandwidth()
    async with asyncio.timeout(1.0):
        for _ in range(1000):
            await bandwidth.take(1 << 30)


@pytest.mark.parametrize("limit", [0, -1, 0.5, float("nan")])
def test_a_limit_below_one_byte_a_second_is_refused(limit: float) -> None:
    with pytest.raises(InvalidInput, match="1 byte per second"):
        Bandwidth(limit)
