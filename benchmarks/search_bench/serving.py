"""One engine in a process of its own, driven through its input line by line.

Needs numpy only, so that peers can use it in their own environment.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from search_bench.library import Library

Ask = Callable[[int], list[int]]
"""Asks the query of a number and returns the numbers of the records found, best first."""


Parts = dict[str, tuple[float, float]]
"""Seconds, and processor seconds of all threads, by part of the building; none for all as one."""


class Engine(Protocol):
    """What is measured."""

    version: str

    def build(self) -> Parts:
        """Take in the library."""

    def cases(self) -> Mapping[str, Ask]:
        """Return what can be asked."""

    def change(self) -> dict[str, float]:
        """Add, update and delete one record; return seconds until each shows; {} if it cannot."""

    def server_mb(self) -> float | None:
        """Return the memory of processes of its own, or None."""

    def close(self) -> None:
        """Give everything back."""


class Plain:
    """What engines have in common who can do less."""

    version = ""

    def change(self) -> dict[str, float]:
        """Change nothing."""
        return {}

    def server_mb(self) -> float | None:
        """All is in this process."""
        return None

    def close(self) -> None:
        """Give nothing back."""


def serve(make: Callable[[Library, Path], Engine]) -> None:
    """Run an engine until the input ends: `python -m ENGINE LIBRARY COUNT FOLDER`."""
    library, count, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True)
    before = anonymous_mb()
    engine = make(Library(library, count), folder)
    try:
        for line in sys.stdin:
            given = json.loads(line)
            answer = _answer(engine, given, folder, before)
            print(json.dumps(answer), flush=True)
    finally:
        engine.close()


def anonymous_mb() -> float:
    """Return the memory that this process has for itself, mapped files not counted."""
    for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) / 1000
    raise ValueError("no anonymous memory told")


def _answer(
    engine: Engine, given: dict[str, object], folder: Path, before_mb: float
) -> dict[str, object]:
    match given["do"]:
        case "build":
            started = time.perf_counter()
            parts = engine.build()
            built_s = time.perf_counter() - started
            server_mb = engine.server_mb()
            own_mb = anonymous_mb() - before_mb
            return {
                "version": engine.version,
                "built_s": built_s,
                "parts": parts,
                "memory_mb": own_mb if server_mb is None else own_mb + server_mb,
                "disk_mb": _size_mb(folder),
                "cases": list(engine.cases()),
            }
        case "ask":
            return _asked(engine.cases()[str(given["case"])], given)
        case "rate":
            return _rate(engine.cases()[str(given["case"])], given)
        case "change":
            return {"seconds": engine.change()}
    raise ValueError(given)


def _asked(ask: Ask, given: dict[str, object]) -> dict[str, object]:
    first, last, budget_s = (float(str(given[name])) for name in ("first", "last", "budget_s"))
    times_ms, found = [], []
    until = time.perf_counter() + budget_s
    for query in range(int(first), int(last)):
        started = time.perf_counter()
        hits = ask(query)
        ended = time.perf_counter()
        times_ms.append((ended - started) * 1000)
        found.append(hits)
        if ended > until:
            break
    return {"ms": times_ms, "found": found}


def _rate(ask: Ask, given: dict[str, object]) -> dict[str, object]:
    threads, queries = int(str(given["threads"])), int(str(given["queries"]))
    until = time.perf_counter() + float(str(given["budget_s"]))

    def work(first: int) -> int:
        done = 0
        while time.perf_counter() < until:
            ask((first + done) % queries)
            done += 1
        return done

    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        done = sum(pool.map(work, range(0, queries, max(1, queries // threads))))
    return {"per_s": done / (time.perf_counter() - started)}


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
