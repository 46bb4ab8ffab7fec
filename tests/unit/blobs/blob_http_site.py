"""The real service for blobs on a real server, on this machine only."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server

from museion.blobs.blob_store import BlobStore, Digest
from museion.blobs.transfer.blob_source import BlobNeighbour
from museion.blobs.transfer.http_blobs import BlobRequest, HttpBlobs
from museion.blobs.transfer.http_source import HttpBlobSource, blob_client

KEY = "x-test-site"


async def caller_of(request: BlobRequest) -> str | None:
    """Take a header for a signature."""
    return request.headers.get(KEY)


def signed(request: httpx.Request) -> httpx.Request:
    """Sign as the site `linz`."""
    request.headers[KEY] = "linz"
    return request


def blobs_app(
    store: BlobStore, *, may_read: Callable[[str, Digest], bool] = lambda _caller, _digest: True
) -> HttpBlobs:
    """Return the service under `/graz`."""
    return HttpBlobs(store, caller_of=caller_of, may_read=may_read, prefix="/graz")


@asynccontextmanager
async def serving(app: HttpBlobs) -> AsyncIterator[str]:
    """Serve an application and yield its address."""
    port = _free_port()
    server = Server(
        app, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_enabled=False
    )
    task = asyncio.create_task(server.serve())
    try:
        await _listening(port, task)
        yield f"http://127.0.0.1:{port}/graz"
    finally:
        server.stop()  # type: ignore[no-untyped-call]  # granian says nothing of it
        await task


@asynccontextmanager
async def neighbour_at(url: str) -> AsyncIterator[BlobNeighbour]:
    """Yield the site at an address as a neighbour of `linz`."""
    async with blob_client(idle_s=10.0) as client:
        yield BlobNeighbour("graz", "Graz", HttpBlobSource(client, url, name="Graz", sign=signed))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _listening(port: int, server: asyncio.Task[None]) -> None:
    async with asyncio.timeout(10.0):
        while not server.done():
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                await writer.wait_closed()
                return
    await server
