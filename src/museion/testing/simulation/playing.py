"""Playing many seeds in several processes, or one again, and reporting on them."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

from museion.testing.simulation.drawn import draw, drawn
from museion.testing.simulation.running import Outcome, simulate

_CHUNK = 8


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say of one seed; it crosses the border of a process.

    Attributes:
        failure: all that helps to understand what was wrong; empty where nothing was.
        digest: of the trace; the same for the same seed.
    """

    seed: int
    failure: str
    digest: str
    events: int


def report_of(outcome: Outcome) -> Report:
    """Return an outcome as a report."""
    return Report(outcome.seed, explain(outcome), outcome.digest, outcome.events)


def explain(outcome: Outcome) -> str:
    """Return why a run failed and how to play it again; empty where it did not fail."""
    if outcome.failure is None:
        return ""
    error = "".join(traceback.format_exception(outcome.failure))
    return (
        f"{error}\nThe course: {draw(outcome.seed)}\n\nThe last of what happened:\n"
        f"{outcome.tail}\n\nSeed {outcome.seed} failed: {outcome.failure}\n"
        f"Play it again: make simulate SEED={outcome.seed}\n"
    )


def play_seed(seed: int) -> Report:
    """Play the course of one seed."""
    return report_of(simulate(drawn, seed))


def play_seeds(seeds: Sequence[int], *, processes: int = 2) -> Iterator[Report]:
    """Play many, in several processes, and yield their reports in the order of the seeds."""
    if processes == 1 or len(seeds) < 2 * _CHUNK:
        yield from map(play_seed, seeds)
        return
    with _pool(processes) as pool:
        yield from pool.map(play_seed, seeds, chunksize=_CHUNK)


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    # Not forked: the program that asks may have threads.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what the command line asks for; 1 where a seed failed."""
    parser = argparse.ArgumentParser(prog="python -m museion.testing.simulation")
    parser.add_argument("--seeds", type=int, default=300, help="how many seeds to play")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="play one seed only, and show its trace")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    chosen = parser.parse_args(arguments)
    if chosen.seed is not None:
        return _play_one(chosen.seed)
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    return _play_all(play_seeds(seeds, processes=chosen.processes), len(seeds))


def _play_one(seed: int) -> int:
    outcome = simulate(drawn, seed)
    _say(explain(outcome) or f"{outcome.tail}\nSeed {seed} holds; trace {outcome.digest}.\n")
    return 0 if outcome.failure is None else 1


def _play_all(reports: Iterable[Report], count: int) -> int:
    failed: list[int] = []
    events = 0
    for done, report in enumerate(reports, 1):
        events += report.events
        if report.failure:
            failed.append(report.seed)
            _say(f"\n{report.failure}\n")
        if sys.stderr.isatty() or done % 100 == 0 or done == count:
            _say(f"\r{done} of {count} seeds, {events} events, {len(failed)} failed")
    _say(f"\nFailed: {' '.join(map(str, failed)) or 'none'}.\n")
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
