"""Starts each engine in a process of its own and asks them in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from search_bench.library import Library

BENCHMARKS = Path(__file__).parent.parent
PEERS_PYTHON = BENCHMARKS.parent / ".build" / "search-peers" / "bin" / "python"
_ANSWER_S = 1500


@dataclass(frozen=True)
class Contestant:
    """An engine under measurement: its name in the figures and the module that runs it."""

    name: str
    module: str

    @property
    def python(self) -> str:
        """The interpreter that has what it needs."""
        return str(PEERS_PYTHON) if ".peers." in self.module else sys.executable


OURS = Contestant("museion", "search_bench.ours")
NUMPY = Contestant("numpy, all compared", "search_bench.peers.numpy_exact")
FAISS = Contestant("faiss IVF,SQ8 alone", "search_bench.peers.faiss_alone")
SQLITE_VEC = Contestant("sqlite-vec", "search_bench.peers.sqlite_vec_table")
LANCEDB = Contestant("lancedb IVF_HNSW_SQ", "search_bench.peers.lancedb_table")
PGVECTOR = Contestant("pgvector halfvec HNSW", "search_bench.peers.pgvector_table")
FTS5 = Contestant("SQLite FTS5", "search_bench.peers.fts5_table")
PEERS = (NUMPY, FAISS, SQLITE_VEC, LANCEDB, PGVECTOR, FTS5)


@dataclass
class Measured:
    """What was measured of one engine.

    Attributes:
        name: with its version.
        built_s: seconds to take in everything.
        parts_s: the same by part, where it says so.
        parts_cpu_s: processor seconds by part, of all threads.
        memory_mb: its own memory after that.
        disk_mb: its files after that.
        times_ms: by case, for each round, of each query.
        found: by case, what each query found in the last round.
        per_s: by case, queries a second on two threads.
        changed_s: seconds until a change showed.
    """

    name: str
    built_s: float
    parts_s: Mapping[str, float]
    parts_cpu_s: Mapping[str, float]
    memory_mb: float
    disk_mb: float
    times_ms: dict[str, list[list[float]]] = field(default_factory=dict)
    found: dict[str, list[list[int]]] = field(default_factory=dict)
    per_s: dict[str, float] = field(default_factory=dict)
    changed_s: Mapping[str, float] = field(default_factory=dict)


class Running:
    """An engine in its process."""

    def __init__(self, contestant: Contestant, library: Library, work: Path) -> None:
        folder = work / contestant.module.rpartition(".")[2]
        command = [contestant.python, "-W", "ignore", "-m", contestant.module]
        self._process = subprocess.Popen(
            [*command, str(library.folder), str(library.count), str(folder)],
            cwd=BENCHMARKS,
            env={**os.environ, "LANCE_LOG": "error", "RUST_LOG": "error"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.contestant = contestant

    def ask(self, do: str, **given: object) -> dict[str, object]:
        """Give one command and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **given}) + "\n")
        self._process.stdin.flush()
        too_long = threading.Timer(_ANSWER_S, self._process.kill)
        too_long.start()
        line = self._process.stdout.readline()
        too_long.cancel()
        if not line:
            raise SystemExit(f"{self.contestant.name} ended during {do} {given}")
        answer: dict[str, object] = json.loads(line)
        return answer

    def end(self) -> None:
        """Let it close and end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=120)
        self._process.stdout.close()


def measured(
    contestants: Iterable[Contestant],
    library: Library,
    work: Path,
    *,
    rounds: int,
    queries: int,
    budget_s: float,
) -> dict[Contestant, Measured]:
    """Build all one after the other, then ask all of them in turn, case by case.

    Args:
        contestants: who takes part.
        library: what they take in.
        work: where their files go.
        rounds: how often every query is asked; one more round before is not counted.
        queries: how many there are of each case.
        budget_s: how long one engine may take for one case of one round; what is left is left out.
    """
    running: list[Running] = []
    results: dict[Contestant, Measured] = {}
    try:
        for contestant in contestants:
            engine = Running(contestant, library, work)
            running.append(engine)
            results[contestant] = _built(engine)
        cases = dict.fromkeys(case for each in running for case in results[each.contestant].found)
        for case in cases:
            able = [each for each in running if case in results[each.contestant].found]
            _ask_in_turn(able, results, case, rounds=rounds, queries=queries, budget_s=budget_s)
        for engine in running:
            told = engine.ask("change")["seconds"]
            assert isinstance(told, dict)
            results[engine.contestant].changed_s = told
    finally:
        for engine in running:
            engine.end()
    return results


def _built(engine: Running) -> Measured:
    started = time.perf_counter()
    told = engine.ask("build")
    print(f"  {engine.contestant.name}: built in {time.perf_counter() - started:.1f} s", flush=True)
    name = f"{engine.contestant.name} ({told['version']})"
    parts, cases = told["parts"], told["cases"]
    assert isinstance(parts, dict)
    assert isinstance(cases, list)
    numbers = [float(str(told[key])) for key in ("built_s", "memory_mb", "disk_mb")]
    parts_s = {part: seconds for part, (seconds, _) in parts.items()}
    parts_cpu_s = {part: cpu_s for part, (_, cpu_s) in parts.items()}
    result = Measured(name, numbers[0], parts_s, parts_cpu_s, numbers[1], numbers[2])
    result.found = {case: [] for case in cases}
    return result


def _ask_in_turn(
    engines: Sequence[Running],
    results: Mapping[Contestant, Measured],
    case: str,
    *,
    rounds: int,
    queries: int,
    budget_s: float,
) -> None:
    for turn in range(rounds + 1):
        for engine in engines:
            result = results[engine.contestant]
            last = queries if turn else min(queries, 20)
            told = engine.ask("ask", case=case, first=0, last=last, budget_s=budget_s)
            times, found = told["ms"], told["found"]
            assert isinstance(times, list)
            assert isinstance(found, list)
            if turn:
                result.times_ms.setdefault(case, []).append(times)
                result.found[case] = found
    for engine in engines:
        told = engine.ask("rate", case=case, threads=2, queries=queries, budget_s=budget_s / 10)
        results[engine.contestant].per_s[case] = float(str(told["per_s"]))
