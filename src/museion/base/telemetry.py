"""Counts and durations that parts of the program keep about themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """How often something was done and how long it took in all."""

    count: int
    seconds: float


class Timings:
    """Named durations, added up; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timings: dict[str, Timing] = {}

    def add(self, name: str, seconds: float, *, count: int = 1) -> None:
        """Add `count` occurrences that took `seconds` together."""
        with self._lock:
            old = self._timings.get(name, Timing(0, 0.0))
            self._timings[name] = Timing(old.count + count, old.seconds + seconds)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Time the body of a `with` statement, also when it fails."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def read(self) -> dict[str, Timing]:
        """Return a copy of all timings so far."""
        with self._lock:
            return dict(self._timings)
