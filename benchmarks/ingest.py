"""Ingest, query latency and start-up of a whole site, through its public doors.

    make bench-ingest                 # all, about a quarter of an hour on two cores
    .venv/bin/python benchmarks/ingest.py --photos 100 --fill 1000 --rounds 1

Photos are made once and kept in `.build/bench`. Each round ingests into a new site. Ends with one
JSON object a line per figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from figures import Figure, at_most, percentile, print_figures, print_machine
from memory import PeakOfWorkers
from photos import LARGE, SMALL, make_photos
from serving import GROWN_SITE, MUSEION, WORK, served

QUERIES = [
    f"{what} {where}"
    for what in ("a dog", "two people", "a red car", "a boat", "an old castle", "flowers", "a cat")
    for where in ("on the beach", "in the snow", "at night", "near water", "in a garden", "")
]
_PACKAGES = ("museion", "pyvips", "pyvips-binary", "onnxruntime", "tantivy", "lmdb", "litestar")


@dataclass(frozen=True)
class Run:
    """One ingest: how long, and what the worker processes did for how long."""

    photos: int
    seconds: float
    worker_seconds: dict[str, float]
    server_mib: float
    worker_mib: float = 0.0


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    print_machine(_PACKAGES)
    figures = [*_ingest_figures(arguments.photos, arguments.rounds)]
    site, growth = _grown_site(arguments.fill, arguments.large)
    figures += [*growth, *_start_figures(site), *_query_figures(site, arguments.queries)]
    print_figures(figures)


def _ingest_figures(photos: int, rounds: int) -> Iterator[Figure]:
    paths = make_photos(WORK / "large", photos, LARGE)
    runs = [_run_round(paths, f"round-{number}") for number in range(rounds)]
    rates = [run.photos / run.seconds for run in runs]
    yield Figure(
        "ingest of 12 MP JPEGs with all of enrichment", statistics.median(rates), "photos/s"
    )
    total = sum(sum(run.worker_seconds.values()) for run in runs)
    for step in runs[0].worker_seconds:
        share = sum(run.worker_seconds[step] for run in runs) / total
        yield Figure(f"share of worker time: {step}", 100 * share, "%")
    yield Figure("memory of the server process", max(run.server_mib for run in runs), "MiB")
    yield Figure("memory of the largest worker", max(run.worker_mib for run in runs), "MiB")


def _run_round(paths: Sequence[Path], name: str) -> Run:
    """Ingest in a process of its own, so that memory is that of one run."""
    site = WORK / name
    shutil.rmtree(site, ignore_errors=True)
    run = _child(site, paths)
    shutil.rmtree(site)
    print(f"{name}: {run.photos} photos in {run.seconds:.1f} s", flush=True)
    return run


def _child(site: Path, paths: Sequence[Path]) -> Run:
    told = subprocess.run(
        [sys.executable, __file__, "--child", site],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        check=True,
    )
    return Run(**json.loads(told.stdout.splitlines()[-1]))


async def _ingest(site: Path, paths: Sequence[Path]) -> Run:
    with PeakOfWorkers() as peak:
        run = await _timed(site, paths)
    return replace(run, worker_mib=peak.mib)


async def _timed(site: Path, paths: Sequence[Path]) -> Run:
    from museion import Site

    async with Site.open(site, create=True) as archive:
        start = time.perf_counter()
        async for ingested in archive.ingest(*paths):
            assert not ingested.reason, ingested.reason
        waiting = await archive.settle()
        assert not waiting, waiting
        seconds = time.perf_counter() - start
        timings = archive.pool.timings.read()
    server_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = {name: timing.seconds for name, timing in timings.items()}
    return Run(len(paths), seconds, spent, server_mib)


def _grown_site(fill: int, large: int) -> tuple[Path, list[Figure]]:
    """Ingest `large` photos at 100 assets and again at `fill` assets; return that site."""
    site = GROWN_SITE
    shutil.rmtree(site, ignore_errors=True)
    small = make_photos(WORK / "small", fill, SMALL, seed=2)
    photos = make_photos(WORK / "large-more", 2 * large, LARGE, seed=3)
    _child(site, small[:100])
    early = _child(site, photos[:large])
    filling = _child(site, small[100:])
    print(f"filled: {filling.photos} small photos in {filling.seconds:.1f} s", flush=True)
    late = _child(site, photos[large:])
    growth = 100 * (late.seconds / early.seconds - 1)
    return site, [
        Figure("cost of a photo at 100 assets", 1000 * early.seconds / large, "ms"),
        Figure(f"cost of a photo at {fill} assets", 1000 * late.seconds / large, "ms"),
        at_most(f"growth of the cost from 100 to {fill} assets", growth, "%", 10),
        Figure("ingest of 640x480 JPEGs", filling.photos / filling.seconds, "photos/s"),
    ]


def _start_figures(site: Path) -> Iterator[Figure]:
    helps = [_seconds_of([str(MUSEION), "--help"]) for _ in range(11)]
    yield at_most("museion --help", 1000 * statistics.median(helps), "ms", 150)
    ready, first = [], []
    for _ in range(5):
        start = time.perf_counter()
        with _client(site) as client:
            ready.append(time.perf_counter() - start)
            asked = time.perf_counter()
            client.get("/api/search", params={"q": QUERIES[0]}).raise_for_status()
            first.append(time.perf_counter() - asked)
    yield at_most("server ready on an existing site", statistics.median(ready), "s", 2)
    yield at_most("first search after start", statistics.median(first), "s", 1)


def _query_figures(site: Path, queries: int) -> Iterator[Figure]:
    texts = [f"{QUERIES[number % len(QUERIES)]} {number}" for number in range(queries)]
    with _client(site) as client:
        client.get("/api/search", params={"q": "warm"}).raise_for_status()
        spent = [_query(client, text) for text in texts]
        assets = client.get("/api/site").json()["assets"]
    yield Figure(f"text query through HTTP at {assets} assets, p50", percentile(spent, 0.5), "ms")
    yield at_most(
        f"text query through HTTP at {assets} assets, p95", percentile(spent, 0.95), "ms", 50
    )
    tower = _tower_ms(texts)
    yield at_most("of which the text tower, p50", percentile(tower, 0.5), "ms", 5)
    yield at_most("of which the text tower, p95", percentile(tower, 0.95), "ms", 5)


def _query(client: httpx.Client, text: str) -> float:
    start = time.perf_counter()
    client.get("/api/search", params={"q": text, "limit": 50}).raise_for_status()
    return 1000 * (time.perf_counter() - start)


def _tower_ms(texts: Sequence[str]) -> list[float]:
    from museion.models.embedded import open_embedded_text_tower

    tower = open_embedded_text_tower(threads=1)
    spent = []
    for text in texts:
        start = time.perf_counter()
        tower.encode_texts([text])
        spent.append(1000 * (time.perf_counter() - start))
    return spent


@contextmanager
def _client(site: Path) -> Iterator[httpx.Client]:
    with served(site) as url, httpx.Client(base_url=url, timeout=30.0, trust_env=False) as client:
        client.get("/api/site").raise_for_status()
        yield client


def _seconds_of(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=1000, help="12 MP photos a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fill", type=int, default=10_000, help="assets of the grown site")
    parser.add_argument("--large", type=int, default=100, help="12 MP photos to time on it")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    if (child := _arguments().child) is not None:
        files = [Path(line) for line in sys.stdin.read().splitlines()]
        print(json.dumps(asyncio.run(_ingest(child, files)).__dict__))
    else:
        main()
