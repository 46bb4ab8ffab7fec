"""One measured round in a process of its own: what is asked on the command line, answered in JSON.

    python -m log_bench.ours append --folder F --events 1000 --batch 64

The answer is one line: `value` (a rate or a time, as the case says), `peak_mib` (largest resident
size of the process), `anonymous_mib` (what of it no file backs, above what was there before), and
what the case has to say beside. Works in both environments, so standard library only.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Round:
    """What is to be measured.

    Attributes:
        folder: where the store lies or is to be made.
        events: how many are written, or lie in the store.
        batch: events of one append.
        emitters: how many append at the same time.
        asked: how many aggregates are read.
        url: of the server, where there is one.
        variant: which of several forms of the same case.
    """

    folder: Path
    events: int
    batch: int
    emitters: int
    asked: int
    url: str
    variant: str


@dataclass(frozen=True, slots=True)
class Measured:
    """The figure of one round, and what to note beside it."""

    value: float
    notes: dict[str, object] = field(default_factory=dict)


Case = Callable[[Round], Measured]


def answer(cases: Mapping[str, Case]) -> None:
    """Carry out the case that the command line names, and print the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=list(cases))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--emitters", type=int, default=1)
    parser.add_argument("--asked", type=int, default=1000)
    parser.add_argument("--url", default="")
    parser.add_argument("--variant", default="")
    given = vars(parser.parse_args())
    case = cases[given.pop("case")]
    with _AnonymousMemory() as memory:
        measured = case(Round(**given))
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {"peak_mib": peak_kib / 1024, "anonymous_mib": memory.grown_mib}
    print(json.dumps(asdict(measured) | told))


class Stopwatch:
    """Adds up the time spent within `with` statements; what lies between them is not counted."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._started = 0.0

    def __enter__(self) -> Stopwatch:
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._started


def batches(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Cut items into lists of `size`; the last may be shorter."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def prepared(items: Iterable[T]) -> list[T]:
    """Make all items before the clock starts, and take them from the garbage collector's sight.

    They belong to the benchmark: how often they are looked at must not count against a log.
    """
    ready = list(items)
    gc.collect()
    gc.freeze()
    return ready


class _AnonymousMemory:
    """Looks at the memory of this process that is no mapped file, fifty times a second."""

    def __init__(self) -> None:
        self._first_kib = self._peak_kib = _anonymous_kib()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def grown_mib(self) -> float:
        """The largest growth seen."""
        return (self._peak_kib - self._first_kib) / 1024

    def __enter__(self) -> _AnonymousMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_S):
            self._peak_kib = max(self._peak_kib, _anonymous_kib())


def _anonymous_kib() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    return 0
