"""Vectors, words, facets and their fusion beside peers, at 10,000, 100,000 and a million assets.

    make bench-search                                  # 10,000 and 100,000
    make bench-search BENCH_ARGS="--sizes 1000000"     # a million: 20 minutes, 12 GB of memory

The library is made up (`search_bench/library.py` says how). Every engine runs in a process of its
own (`search_bench/ours.py`, `search_bench/peers`); all of them are asked the same queries in turn,
case by case, and a figure is the median over rounds. Times are those of one query in one thread,
filters included: a peer's bitmap is made before the clock starts, ours is found within the query.
`ratio` is value over peer's value: below 1 is faster (for rates: above 1). Peers do less: numpy and
faiss name no ids, none of them breaks ties, FTS5 has no stems and says nothing of what matched.
Ends with one JSON object a line per figure.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from figures import Figure, print_figures, print_machine
from search_bench.library import make_library
from search_bench.rounds import (
    BENCHMARKS,
    LANCEDB,
    NUMPY,
    OURS,
    PEERS,
    PGVECTOR,
    SQLITE_VEC,
    Contestant,
    Measured,
    measured,
)
from search_bench.search_figures import figures_of, growth_figures

_MILLION = 1_000_000
_LEFT_OUT = {
    PGVECTOR: "its graph takes over half an hour to build on two cores",
    LANCEDB: "its graphs take a quarter of an hour to build on two cores",
    SQLITE_VEC: "it compares all, in nearly a second a query",
}
_BUDGET_S = 20.0


def main() -> None:
    """Measure, print progress, and end with one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=100)
    names = [peer.module.rpartition(".")[2] for peer in PEERS]
    parser.add_argument(
        "--peers", nargs="*", choices=names, help="default: all, fewer at a million"
    )
    default = BENCHMARKS.parent / ".build" / "bench"
    parser.add_argument("--folder", type=Path, default=default, help="on the disk to measure")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    print_machine(["museion", "numpy", "faiss-cpu", "tantivy"])
    figures: list[Figure] = []
    by_size: dict[int, dict[Contestant, Measured]] = {}
    try:
        for count in sorted(given.sizes):
            with tempfile.TemporaryDirectory(prefix="search-", dir=given.folder) as work:
                by_size[count] = one_size(Path(work).resolve(), count, given)
            figures += figures_of(count, by_size[count])
        figures += growth_figures(by_size)
    finally:
        print_figures(figures)  # what was measured before something failed, too


def one_size(work: Path, count: int, given: argparse.Namespace) -> dict[Contestant, Measured]:
    """Measure all engines at one size."""
    contestants = [OURS, NUMPY]  # all compared: without it nobody knows what should be found
    for peer in PEERS[1:]:
        if given.peers is not None:
            if peer.module.rpartition(".")[2] in given.peers:
                contestants.append(peer)
        elif count >= _MILLION and peer in _LEFT_OUT:
            print(f"{count}: {peer.name} left out: {_LEFT_OUT[peer]}")
        else:
            contestants.append(peer)
    print(
        f"{count}: making the library ({shutil.disk_usage(work).free >> 30} GiB free)", flush=True
    )
    library = make_library(work / "library", count, max(given.queries, 200))
    return measured(
        contestants,
        library,
        work,
        rounds=given.rounds,
        queries=given.queries,
        budget_s=_BUDGET_S,
    )


if __name__ == "__main__":
    main()
