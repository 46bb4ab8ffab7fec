"""Time is a number on the virtual loop, and nothing on it is by chance."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from museion.testing.simulation import Stalled, VirtualLoop, run_virtually


def test_waiting_takes_no_time() -> None:
    async def sleep_for_a_day() -> float:
        await asyncio.sleep(86_000.0)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert run_virtually(sleep_for_a_day()) == pytest.approx(86_000.0)
    assert time.monotonic() - began < 10


def test_limits_end_at_their_virtual_time() -> None:
    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3.0):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtually(wait()) == pytest.approx(3.0)


def test_a_run_in_which_all_wait_for_ever_ends() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run_virtually(wait(), limit_s=1e9)


def test_a_loop_without_timers_tells_that_nothing_can_happen() -> None:
    loop = VirtualLoop()
    with pytest.raises(Stalled, match="all tasks wait"):
        loop.run_until_complete(loop.create_future())
    loop.close()


def test_timers_are_due_in_order_and_ties_in_the_order_of_asking() -> None:
    async def rounds() -> list[int]:
        done: list[int] = []
        loop = asyncio.get_running_loop()
        for number, delay_s in enumerate((2.0, 1.0, 2.0, 0.5)):
            loop.call_later(delay_s, done.append, number)
        await asyncio.sleep(3.0)
        return done

    assert run_virtually(rounds()) == [3, 1, 0, 2]


def test_a_wait_for_the_little_that_is_left_ends() -> None:
    async def wait_until(deadline_s: float) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(deadline_s - 1e-10, lambda: None)
        while (left_s := deadline_s - loop.time()) > 0:
            await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=left_s)

    run_virtually(wait_until(31.26295892283354))


def test_work_for_threads_is_done_on_the_loop_itself() -> None:
    async def ask() -> tuple[int, int]:
        return await asyncio.to_thread(threading.get_ident), threading.get_ident()

    there, here = run_virtually(ask())
    assert there == here


def test_errors_of_such_work_come_back() -> None:
    async def ask() -> None:
        await asyncio.to_thread(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        run_virtually(ask())
