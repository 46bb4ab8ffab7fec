"""The line that tests make worse: what it does to programs that talk through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from museion.testing.bad_line import GOOD, PARTED, BadLine, LineQuality
from museion.testing.event_loop import in_event_loop, until


class Caller:
    """One connection through a line to a program that sends everything back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def hear(self, content: bytes) -> bytes:
        self._writer.write(content)
        return await self._reader.readexactly(len(content))

    async def rest(self) -> bytes:
        self._writer.write_eof()
        return await self._reader.read()


class Far:
    """What is at the far end."""

    def __init__(self) -> None:
        self.heard = b""

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while content := await reader.read(1 << 16):
                self.heard += content
                writer.write(content)
                await writer.drain()
        except OSError:
            pass  # the line broke
        finally:
            writer.close()


@asynccontextmanager
async def a_line(quality: LineQuality = GOOD) -> AsyncIterator[tuple[BadLine, Far, Caller]]:
    far = Far()
    server = await asyncio.start_server(far.echo, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    chance = Random(3)  # noqa: S311 (repeatable)
    try:
        async with BadLine(port, chance=chance, quality=quality) as line:
            reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
            try:
                yield line, far, Caller(reader, writer)
            finally:
                writer.transport.abort()
    finally:
        server.close()


@in_event_loop
async def test_a_good_line_carries_everything_whole_both_ways() -> None:
    content = Random(1).randbytes(3_000_000)  # noqa: S311 (any bytes)
    async with a_line() as (line, far, caller):
        assert await caller.hear(content) == content
        assert far.heard == content
        assert line.carried_bytes == 2 * len(content)


@in_event_loop
async def test_jitter_and_loss_leave_the_order_of_what_is_sent() -> None:
    bad = LineQuality(jitter_s=0.01, loss=0.3, resent_after_s=0.02)
    async with a_line(bad) as (_, _, caller):
        for number in range(20):
            assert await caller.hear(b"%d" % number) == b"%d" % number


@in_event_loop
async def test_each_way_takes_the_delay() -> None:
    loop = asyncio.get_running_loop()
    async with a_line(LineQuality(delay_s=0.03)) as (_, _, caller):
        begin_s = loop.time()
        await caller.hear(b"there and back")
        assert loop.time() - begin_s >= 0.06


@in_event_loop
async def test_a_narrow_line_takes_its_time_for_many_bytes() -> None:
    loop = asyncio.get_running_loop()
    async with a_line(LineQuality(bytes_per_s=1_000_000)) as (_, _, caller):
        begin_s = loop.time()
        await caller.hear(bytes(50_000))
        assert loop.time() - begin_s >= 0.05


@pytest.mark.parametrize(
    ("cut", "heard_there"),
    [
        (PARTED, b""),
        (LineQuality(is_cut_to=True), b""),
        (LineQuality(is_cut_back=True), b"asked"),
    ],
    ids=["both ways", "there only", "back only"],
)
@in_event_loop
async def test_a_cut_is_silence_and_what_was_sent_comes_when_it_is_mended(
    cut: LineQuality, heard_there: bytes
) -> None:
    async with a_line() as (line, far, caller):
        await caller.hear(b"before")
        line.change(cut)
        answer = asyncio.create_task(caller.hear(b"asked"))
        await until(lambda: far.heard == b"before" + heard_there)
        await asyncio.sleep(0.02)  # long enough for an answer that came by mistake
        assert not answer.done()
        assert far.heard == b"before" + heard_there
        line.change(GOOD)
        assert await answer == b"asked"


@in_event_loop
async def test_a_connection_that_breaks_is_reset_and_a_new_one_works() -> None:
    async with a_line() as (line, _, caller):
        await caller.hear(b"before")
        assert line.break_connections() == 1
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await caller.hear(b"after")
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        assert await Caller(reader, writer).hear(b"again") == b"again"
        writer.close()


@in_event_loop
async def test_a_line_that_breaks_by_chance_breaks_in_the_middle() -> None:
    async with a_line(LineQuality(breaks=1.0)) as (line, _, caller):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await caller.hear(b"never")
        await until(lambda: line.broken == 1)


@in_event_loop
async def test_the_end_of_one_direction_leaves_the_other_one_open() -> None:
    async with a_line(LineQuality(delay_s=0.01)) as (_, _, caller):
        assert await caller.rest() == b""


@in_event_loop
async def test_a_far_end_that_does_not_run_is_a_reset_at_the_near_end() -> None:
    async with a_line() as (line, _, _):
        dead_port = line.port  # nobody will take connections there any more
    async with BadLine(dead_port, chance=Random(1)) as line:  # noqa: S311 (repeatable)
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await Caller(reader, writer).hear(b"anybody?")
        writer.close()
