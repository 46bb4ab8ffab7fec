"""A circuit breaker before a store: while writes keep failing, new requests are refused at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from museion.base.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """What the writer does when a write fails.

    Attributes:
        retries: how often a group is tried again before its requests are refused.
        first_delay_s: wait before the first retry; it doubles from then on.
        longest_delay_s: bound of that wait, seconds.
        open_after_retries: failed retries in a row after which new requests are refused at once.
        probe_after_s: how long after the last failure a new request is let through to see whether
            the store works again, seconds.
        resolve_for_s: how long an unknown outcome is looked into before the log stops, seconds.
    """

    retries: int = 3
    first_delay_s: float = 0.05
    longest_delay_s: float = 5.0
    open_after_retries: int = 2
    probe_after_s: float = 1.0
    resolve_for_s: float = 60.0

    def __post_init__(self) -> None:
        times = (self.first_delay_s, self.longest_delay_s, self.probe_after_s, self.resolve_for_s)
        if min(self.retries, self.open_after_retries, *times) < 0:
            raise InvalidInput(f"Expected counts and times of 0 or more, got {self}.")

    def delays_s(self) -> Iterator[float]:
        """Return the waits before each retry."""
        delay_s = self.first_delay_s
        for _ in range(self.retries):
            yield min(delay_s, self.longest_delay_s)
            delay_s *= 2


class CircuitBreaker:
    """Counts failed writes in a row; safe to use from several threads.

    The first failure of a write keeps it closed. Once open, `refuses` lets one request pass each
    `probe_after_s`, and the first success closes it.

    Args:
        on_change: called with true when it opens and with false when it closes, once each.
        now_s: a time that only grows, seconds.
    """

    def __init__(
        self,
        policy: WritePolicy,
        on_change: Callable[[bool], None],
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now_s = now_s
        self._policy = policy
        self._on_change = on_change
        self._lock = threading.Lock()
        self._failures = 0
        self._open = False
        self._probe_at = 0.0

    @property
    def is_open(self) -> bool:
        """Tell whether writes keep failing."""
        return self._open

    def refuses(self) -> bool:
        """Tell whether a new request is to be refused; false lets it pass, as a probe if open."""
        if not self._open:
            return False
        with self._lock:
            now = self._now_s()
            if now < self._probe_at:
                return True
            self._probe_at = now + self._policy.probe_after_s
            return False

    def failed(self) -> None:
        """Note a failed write."""
        with self._lock:
            self._failures += 1
            self._probe_at = self._now_s() + self._policy.probe_after_s
            # The first failure is no retry yet.
            opens = not self._open and self._failures > self._policy.open_after_retries
            self._open = self._open or opens
        if opens:
            self._on_change(True)

    def succeeded(self) -> None:
        """Note a write that went through."""
        if not self._failures:
            return
        with self._lock:
            closes, self._open, self._failures = self._open, False, 0
        if closes:
            self._on_change(False)
