"""The log beside `eventsourcing`, `eventsource-py`, bare LMDB and a bare file, in one run.

    make bench-log                                  # all
    make bench-log BENCH_ARGS="--events 100000"     # less

Every log gets the same events (`log_bench/events.py`: 445 bytes of envelope, 20 an aggregate, the
aggregates shuffled), flushes every commit, and runs in a process of its own; rounds of all take
turns, each on a new store, and a figure is the median. Events are made, and their payloads or
states encoded, before the clock starts. `ratio` is value over peer's value. Ends with one JSON
object a line per figure.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import Figure, print_figures, print_machine
from log_bench.aggregate_figures import aggregate_figures
from log_bench.contestants import PEER_PACKAGES, Asked
from log_bench.postgres_figures import postgres_figures
from log_bench.reading_figures import reading_figures
from log_bench.rounds import BENCHMARKS, file_system, versions_of_peers
from log_bench.writing_figures import emitting_figures, writing_figures

_SECTIONS: dict[str, Callable[[Asked], Iterator[Figure]]] = {
    "write": writing_figures,
    "emit": emitting_figures,
    "read": reading_figures,
    "aggregates": aggregate_figures,
    "postgres": postgres_figures,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="in the large stores")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(_SECTIONS), default=list(_SECTIONS))
    default = BENCHMARKS.parent / ".build" / "bench"
    parser.add_argument("--folder", type=Path, default=default, help="on the disk to measure")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    kind = file_system(given.folder.resolve())
    if kind in ("tmpfs", "ramfs"):
        raise SystemExit(f"{given.folder} lies in memory ({kind}); name another with --folder.")
    print_machine(["museion", "lmdb", "msgspec", "blake3", "psycopg"])
    print(f"peers: {versions_of_peers(PEER_PACKAGES)}")
    free_gib = shutil.disk_usage(given.folder).free >> 30
    print(f"stores on {kind} in {given.folder}, {free_gib} GiB free")
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="log-", dir=given.folder) as work:
        asked = Asked(Path(work).resolve(), given.events, given.rounds)
        try:
            for name in given.only:
                print(f"measuring: {name}", flush=True)
                figures += _SECTIONS[name](asked)
        finally:
            print_figures(figures)  # what was measured before something failed, too


if __name__ == "__main__":
    main()
