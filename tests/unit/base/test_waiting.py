"""What must not be left half done is awaited to its end, cancelled or not."""

from __future__ import annotations

import asyncio

import pytest

from museion.base.waiting import meanwhile, to_end
from museion.testing.event_loop import in_event_loop


async def work(gate: asyncio.Event, done: list[str], error: Exception | None = None) -> str:
    await gate.wait()
    done.append("done")
    if error is not None:
        raise error
    return "value"


@in_event_loop
async def test_the_value_or_the_error_comes_through() -> None:
    gate = asyncio.Event()
    gate.set()
    assert await to_end(work(gate, [])) == "value"
    with pytest.raises(ValueError, match="no"):
        await to_end(work(gate, [], ValueError("no")))


@in_event_loop
async def test_a_cancellation_waits_for_the_end_however_often_it_comes() -> None:
    gate, done = asyncio.Event(), list[str]()
    waiting = asyncio.create_task(to_end(work(gate, done)))
    for _ in range(3):
        await asyncio.sleep(0)
        waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done == ["done"]


@in_event_loop
async def test_an_error_during_a_cancellation_is_its_cause() -> None:
    gate, error = asyncio.Event(), ValueError("no")
    waiting = asyncio.create_task(to_end(work(gate, [], error)))
    await asyncio.sleep(0)
    waiting.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await waiting
    assert cancelled.value.__cause__ is error


@in_event_loop
async def test_a_time_limit_still_ends_as_one() -> None:
    gate = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, gate.set)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await to_end(work(gate, []))
    assert gate.is_set()


@in_event_loop
async def test_what_is_itself_cancelled_ends_the_wait() -> None:
    inner = asyncio.get_running_loop().create_future()
    inner.cancel()
    with pytest.raises(asyncio.CancelledError):
        await to_end(inner)


@in_event_loop
async def test_works_run_as_long_as_the_body_and_are_cancelled_then() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cancelled")

    async with meanwhile(work(), work()):
        await asyncio.sleep(0)
        assert seen == []

    assert seen == ["cancelled", "cancelled"]


@in_event_loop
async def test_the_error_that_ends_a_work_ends_the_body() -> None:
    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        async with meanwhile(work()):
            await asyncio.Event().wait()
