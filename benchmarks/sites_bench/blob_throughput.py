"""How fast blobs travel: our fetcher beside `curl`, from the same server on the same loopback.

Ours verifies every byte and makes the file durable before it is visible. `curl` writes a file and
does neither; so a second comparison lets BLAKE3 and a flush follow it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median

from blake3 import blake3

from museion.blobs.blob_store import Digest
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.transfer.blob_source import BlobNeighbour
from museion.blobs.transfer.fetch_settings import FetchSettings, WantedBlob
from museion.blobs.transfer.fetcher import BlobFetcher
from museion.blobs.transfer.http_source import HttpBlobSource, blob_client

SERVER = Path(__file__).parent / "blob_server.py"
ROUNDS = 5
LARGE_BYTES = 256 << 20
MANY, SMALL_BYTES = 400, 200_000
START_LIMIT_S = 30.0
GIGABIT_MB_S = 125.0

FigureRow = dict[str, object]


def blob_throughput(folder: Path | None = None, *, rounds: int = ROUNDS) -> list[FigureRow]:
    """Return the figures: medians of `rounds`, in MB (10^6 bytes) a second."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        work = Path(place)
        store = FilesystemBlobStore(work / "source")
        random = Random(5)  # noqa: S311 (repeatable)
        large = store.put(random.randbytes(1 << 20) * (LARGE_BYTES >> 20)).digest
        small = [store.put(random.randbytes(SMALL_BYTES)).digest for _ in range(MANY)]
        with _serving(work / "source") as url:
            return [*_one_large(work, url, large, rounds), *_many_small(work, url, small, rounds)]


def _one_large(work: Path, url: str, digest: Digest, rounds: int) -> list[FigureRow]:
    wanted = [WantedBlob(digest, LARGE_BYTES)]
    ours, plain, equal = _medians(
        rounds,
        lambda: _ours(work / "target", url, wanted),
        lambda: _curl(work / "curl", url, [digest]),
        lambda: _curl(work / "curl", url, [digest], verified=True),
    )
    size = LARGE_BYTES / 1e6
    return [
        {
            "figure": "blob of 256 MiB, beside a line of 1 Gbit/s",
            "value": round(size / ours, 1),
            "unit": "MB/s",
            "peer": None,
            "ratio": None,
            "goal": f">= {GIGABIT_MB_S:g}",
            "holds": size / ours >= GIGABIT_MB_S,
        },
        _row("blob of 256 MiB, one transfer", size / ours, "curl to a file", size / plain, 0.5),
        _row(
            "blob of 256 MiB, verified and durable",
            size / ours,
            "curl, then BLAKE3 and fsync",
            size / equal,
            0.5,
        ),
    ]


def _many_small(work: Path, url: str, digests: list[Digest], rounds: int) -> list[FigureRow]:
    wanted = [WantedBlob(digest, SMALL_BYTES) for digest in digests]
    ours, plain, equal = _medians(
        rounds,
        lambda: _ours(work / "target", url, wanted),
        lambda: _curl(work / "curl", url, digests),
        lambda: _curl(work / "curl", url, digests, verified=True),
    )
    size = MANY * SMALL_BYTES / 1e6
    return [
        _row("400 blobs of 200 kB", size / ours, "curl --parallel", size / plain, None),
        _row(
            "400 blobs of 200 kB, verified and durable",
            size / ours,
            "curl --parallel, then BLAKE3 and fsync",
            size / equal,
            0.5,
        ),
    ]


def _row(name: str, value: float, peer: str, peer_value: float, goal: float | None) -> FigureRow:
    ratio = value / peer_value
    return {
        "figure": name,
        "value": round(value, 1),
        "unit": "MB/s",
        "peer": f"{peer}: {peer_value:.1f} MB/s",
        "ratio": round(ratio, 3),
        "goal": None if goal is None else f">= {goal:g}x",
        "holds": None if goal is None else ratio >= goal,
    }


def _medians(rounds: int, *contestants: Callable[[], float]) -> list[float]:
    """Return the median seconds of each; they take turns, so that load hits all alike."""
    times: list[list[float]] = [[] for _ in contestants]
    for _ in range(rounds):
        for contestant, seconds in zip(contestants, times, strict=True):
            seconds.append(contestant())
    return [median(each) for each in times]


def _ours(target: Path, url: str, wanted: list[WantedBlob]) -> float:
    async def fetch_all() -> float:
        store = FilesystemBlobStore(target)
        async with blob_client() as client:
            source = BlobNeighbour("source", "Source", HttpBlobSource(client, url, name="Source"))
            settings = FetchSettings(max_waiting=len(wanted) + 1)
            seed = Random(1)  # noqa: S311 (repeatable)
            async with BlobFetcher(store, lambda: [source], seed=seed, settings=settings) as ours:
                begun_s = time.perf_counter()
                async with asyncio.TaskGroup() as group:
                    for each in wanted:
                        group.create_task(ours.fetch(each))
                return time.perf_counter() - begun_s

    try:
        return asyncio.run(fetch_all())
    finally:
        shutil.rmtree(target)


def _curl(target: Path, url: str, digests: list[Digest], *, verified: bool = False) -> float:
    target.mkdir()
    try:
        begun_s = time.perf_counter()
        names = [f"url={url}/blobs/1/{digest}\noutput={target / digest}" for digest in digests]
        command = ["curl", "--silent", "--fail", "--parallel", "--parallel-max", "4", "-K", "-"]
        subprocess.run(
            command, input="\n".join(names), text=True, check=True, stderr=subprocess.DEVNULL
        )
        if verified:
            for digest in digests:
                _verify(target / digest, digest)
        return time.perf_counter() - begun_s
    finally:
        shutil.rmtree(target)


def _verify(path: Path, digest: Digest) -> None:
    hashing = blake3()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            hashing.update(chunk)
        os.fsync(file.fileno())
    assert hashing.hexdigest() == digest


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, str(SERVER), str(folder), str(port)]) as server:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    limit_s = time.monotonic() + START_LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except ConnectionRefusedError:
            if time.monotonic() > limit_s:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    for row in blob_throughput():
        print(row)
