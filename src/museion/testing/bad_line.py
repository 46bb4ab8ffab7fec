"""A line between two programs on one machine that is slow, lossy, narrow or cut, as a test wants.

It carries TCP connections to a port of loopback. What a bad network does to packets shows here as
it shows to programs: a lost packet is a stall until it is sent again, a partition is silence, not
an error, and a broken route is a connection that ends in the middle.

    async with BadLine(port, chance=Random(seed)) as line:
        ...                                     # connect to line.port
        line.change(replace(line.quality, is_cut_back=True))
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from random import Random
from typing import Self

from museion.base.waiting import to_end

_CHUNK_BYTES = 16 << 10
_MAX_CHUNKS = 8
"""How much is under way at most in each direction of a connection, in chunks."""

_BUFFER_BYTES = 64 << 10
"""Of the system, for a connection: else megabytes seem to be sent that have not gone anywhere."""

_CONNECT_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class LineQuality:
    """What a line is like now; holds for connections that are open, too.

    Attributes:
        delay_s: of each piece, in each direction.
        jitter_s: added to the delay by chance, up to this; pieces stay in their order.
        loss: share of pieces that are late by `resent_after_s`, as after a lost packet; 0 to 1.
        resent_after_s: how long it takes until a lost piece has come again.
        breaks: share of pieces at which the connection is reset; 0 to 1.
        bytes_per_s: bandwidth in each direction of a connection; None for no bound.
        is_cut_to, is_cut_back: nothing passes towards the far end, or back from it. It comes when
            the line is mended, if the connection lives so long.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    resent_after_s: float = 0.2
    breaks: float = 0.0
    bytes_per_s: float | None = None
    is_cut_to: bool = False
    is_cut_back: bool = False


GOOD = LineQuality()
"""A line that does nothing to what it carries."""

PARTED = LineQuality(is_cut_to=True, is_cut_back=True)
"""Neither side hears of the other."""


class BadLine:
    """Carries connections to a port of loopback, as well as its quality allows; use `async with`.

    A connection that cannot be made at the far end is reset at the near one.

    Args:
        far_port: where connections end.
        chance: decides on delays, losses and breaks; the same seed draws alike, but what is drawn
            for depends on how the system cuts a stream into pieces.
        port: where connections are taken; 0 for any free port.
    """

    def __init__(
        self, far_port: int, *, chance: Random, quality: LineQuality = GOOD, port: int = 0
    ) -> None:
        self._far_port = far_port
        self._chance = chance
        self._port = port
        self._quality = quality
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.carried_bytes = 0
        self.broken = 0

    async def __aenter__(self) -> Self:
        door = socket.create_server(("127.0.0.1", self._port))
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._port = door.getsockname()[1]
        self._server = await asyncio.start_server(self._accept, sock=door)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None, "it was entered"
        self._server.close()
        self.break_connections()
        if self._connections:
            await to_end(asyncio.wait(list(self._connections)))

    @property
    def port(self) -> int:
        """Where connections are taken on loopback."""
        return self._port

    @property
    def url(self) -> str:
        """Address of what is at the far end, through this line."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def quality(self) -> LineQuality:
        """What the line is like now."""
        return self._quality

    def change(self, quality: LineQuality) -> None:
        """Make the line better or worse from now on."""
        self._quality = quality
        self._changed.set()
        self._changed = asyncio.Event()

    def break_connections(self) -> int:
        """Reset all connections that are open, and return how many; new ones can be made."""
        for connection in list(self._connections):
            connection.cancel()
        return len(self._connections)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._carry(reader, writer))
        self._connections.add(connection)

        # A task that is cancelled before its first step would close nothing itself.
        def end(ended: asyncio.Task[None]) -> None:
            self._connections.discard(ended)
            writer.transport.abort()

        connection.add_done_callback(end)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces: list[asyncio.Task[None]] = []
        async with AsyncExitStack() as stack:
            try:
                far_reader, far_writer = await self._reached()
                stack.callback(far_writer.transport.abort)
                there = _Way(self, reader, far_writer, back=False)
                back = _Way(self, far_reader, writer, back=True)
                pieces += [asyncio.create_task(work) for way in (there, back) for work in way.works]
                # One direction that came to its end leaves the other one open.
                await asyncio.gather(*pieces)
            except OSError:
                self.broken += 1
            finally:
                for piece in pieces:
                    piece.cancel()
                if pieces:
                    await to_end(asyncio.wait(pieces))

    async def _reached(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await self.until_open(back=False)
        async with asyncio.timeout(_CONNECT_LIMIT_S):
            return await asyncio.open_connection("127.0.0.1", self._far_port)

    async def until_open(self, *, back: bool) -> None:
        """Wait as long as nothing passes in a direction; without limit, as partitions have none."""
        while self._quality.is_cut_back if back else self._quality.is_cut_to:
            await self._changed.wait()

    def drawn_delay_s(self) -> float:
        """Return how long the next piece takes; raise where the connection breaks instead."""
        quality = self._quality
        if self._chance.random() < quality.breaks:
            raise ConnectionResetError("the line broke")
        delay_s = quality.delay_s + self._chance.random() * quality.jitter_s
        lost = self._chance.random() < quality.loss
        return delay_s + (quality.resent_after_s if lost else 0.0)


class _Way:
    """One direction of one connection: pieces come out late, whole and in their order."""

    def __init__(
        self,
        line: BadLine,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        back: bool,
    ) -> None:
        self._line = line
        self._reader = reader
        self._writer = writer
        self._back = back
        self._under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MAX_CHUNKS)
        self._loop = asyncio.get_running_loop()

    @property
    def works(self) -> tuple[Coroutine[None, None, None], Coroutine[None, None, None]]:
        """Both ends of it: each runs to the end of the stream, and raises `OSError` at a break."""
        return self._take(), self._bring()

    async def _take(self) -> None:
        while True:
            chunk = await self._reader.read(_CHUNK_BYTES)
            due_s = self._loop.time() + self._line.drawn_delay_s()
            await self._under_way.put((due_s, chunk))
            if not chunk:
                return

    async def _bring(self) -> None:
        while True:
            due_s, chunk = await self._under_way.get()
            await asyncio.sleep(max(0.0, due_s - self._loop.time()))
            await self._line.until_open(back=self._back)
            if not chunk:
                break
            rate = self._line.quality.bytes_per_s
            if rate is not None:
                await asyncio.sleep(len(chunk) / rate)
            self._writer.write(chunk)
            await self._writer.drain()
            self._line.carried_bytes += len(chunk)
        with suppress(OSError):
            self._writer.write_eof()
