"""Sites beside each other: how fast, how soon, and at what cost they converge.

    make bench-sites                                  # all
    make bench-sites BENCH_ARGS="--events 100000"     # less

Every site is a process with a log on disk, an endpoint and a signed HTTP door on loopback; lines
with a delay go through a proxy. Rounds are on new stores, and a figure is the median. Ends with one
JSON object a line per figure.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
from figures import Figure, at_most, print_figures, print_machine
from log_bench.rounds import BENCHMARKS, file_system
from sites_bench.blob_throughput import blob_throughput
from sites_bench.crdt_throughput import crdt_figures
from sites_bench.device_bytes import device_bytes, vector_entries
from sites_bench.gate_cost import measure
from sites_bench.pure_memory import pure_memory
from sites_bench.replication_figures import (
    Asked,
    catch_up_figures,
    growth_figures,
    notification_figures,
    pipelining_figures,
    recovery_figures,
    write_latency_figures,
)

_DEVICES = 1000


def _blob_figures(asked: Asked) -> Iterator[Figure]:
    for row in blob_throughput(asked.folder, rounds=asked.rounds):
        yield msgspec.convert(row, Figure)


def _crdt_figures(asked: Asked) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="crdt-", dir=asked.folder) as work:
        yield from crdt_figures(Path(work))
    yield from pure_memory()


def _device_figures(asked: Asked) -> Iterator[Figure]:
    del asked
    for name, value in device_bytes().items():
        yield Figure(f"devices, per event: {name.replace('_', ' ')}", value, "bytes")
    entries = vector_entries(devices=_DEVICES)
    for name in ("version", "stamp"):
        what = {"version": "version vector of a log", "stamp": "largest stamp of an event"}[name]
        yield at_most(
            f"{what}, 3 sites and {_DEVICES} devices",
            entries[name], "entries", entries[f"{name}_before"],
        )  # fmt: skip


def _gate_figures(asked: Asked) -> Iterator[Figure]:
    del asked
    costs = measure()
    for name in ("gate", "words", "lacking"):
        cost_us = costs[f"{name}_us_per_event"]
        yield at_most(f"sharing, cost of an event: {name}", cost_us, "µs", 50)


_SECTIONS: dict[str, Callable[[Asked], Iterable[Figure]]] = {
    "catch-up": catch_up_figures,
    "pipelining": pipelining_figures,
    "notification": notification_figures,
    "write": write_latency_figures,
    "recovery": recovery_figures,
    "growth": growth_figures,
    "blobs": _blob_figures,
    "crdt": _crdt_figures,
    "devices": _device_figures,
    "gate": _gate_figures,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the catch-up")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(_SECTIONS), default=list(_SECTIONS))
    default = BENCHMARKS.parent / ".build" / "bench"
    parser.add_argument("--folder", type=Path, default=default, help="on the disk to measure")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    kind = file_system(given.folder.resolve())
    if kind in ("tmpfs", "ramfs"):
        sys.exit(f"{given.folder} lies in memory ({kind}); name another with --folder.")
    print_machine(["museion", "httpx", "granian", "zstandard", "msgspec", "lmdb", "cryptography"])
    asked = Asked(given.folder.resolve(), given.events, given.rounds)
    figures: list[Figure] = []
    try:
        for name in given.only:
            print(f"measuring: {name}", flush=True)
            figures += _SECTIONS[name](asked)
    finally:
        print_figures(figures)  # what was measured before something failed, too


if __name__ == "__main__":
    main()
