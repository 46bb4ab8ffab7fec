"""A client of one site of the chaos test: it knows which of its requests came to what."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import msgspec
from site_messages import Answer, Operation, Report, Request, StorageOutage, Values

_LIMIT_S = 8.0
"""A site answers within this, or the client gives up, and does not know."""

_AGAIN_S = 0.03


class NotThere(Exception):
    """The site does not run now; nothing was asked."""


class SiteClient:
    """Asks one site over a socket in its folder, and connects again when the site was killed."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "client"
        self._nr = 0
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._connecting = asyncio.Lock()

    async def do(self, operation: Operation) -> Answer:
        """Carry out an operation. Raises `NotThere`."""
        return await self._ask(operation)

    async def fail_storage(self, outage: StorageOutage) -> None:
        """Let the disk of the site fail for a while, if it runs."""
        with suppress(NotThere):
            await self._ask(outage)

    async def values(self) -> Values:
        """Return what the site sees; waits until it runs, up to the caller's limit."""
        while True:
            with suppress(NotThere):
                answer = await self._ask(Report())
                if answer.values is not None:
                    return answer.values
            await asyncio.sleep(_AGAIN_S)

    async def close(self) -> None:
        """Go."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        self._lost()

    async def _ask(self, what: Operation | Report | StorageOutage) -> Answer:
        writer = await self._connected()
        self._nr += 1
        nr = self._nr
        self._waiting[nr] = answered = asyncio.get_running_loop().create_future()
        writer.write(msgspec.json.encode(Request(nr, what)) + b"\n")
        try:
            return await asyncio.wait_for(answered, _LIMIT_S)
        except TimeoutError:
            return Answer(nr, "unknown", "no answer came")
        finally:
            self._waiting.pop(nr, None)

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None or self._reading is None or self._reading.done():
                try:
                    reader, self._writer = await asyncio.open_unix_connection(self._socket)
                except OSError:
                    await asyncio.sleep(_AGAIN_S)
                    raise NotThere from None
                self._reading = asyncio.create_task(self._read(reader))
            return self._writer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            with suppress(OSError):
                while (line := await reader.readline()).endswith(b"\n"):
                    answer = msgspec.json.decode(line, type=Answer)
                    waiting = self._waiting.get(answer.nr)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(answer)
        finally:
            self._lost()

    def _lost(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None
        for nr, waiting in self._waiting.items():
            if not waiting.done():
                waiting.set_result(Answer(nr, "unknown", "the site was killed"))
