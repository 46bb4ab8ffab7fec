"""Remembers the requests of the last minutes, so that none is served twice."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from museion.log.replication.http_errors import (
    ClockTooFarOff,
    OlderThanThisRun,
    SeenBefore,
    TooBusy,
)

WINDOW_MS = 60_000
"""How far the time of a request may be from the clock here."""

MAX_NONCES = 1 << 16
"""How many requests of one site are remembered: some 500 a second, all the time."""


@dataclass(slots=True)
class _Memory:
    """Nonces of one site and, in the order they came, until when each is kept."""

    nonces: set[str] = field(default_factory=set)
    kept: deque[tuple[int, str]] = field(default_factory=deque)


class ReplayGuard:
    """Lets each signed request pass once.

    A request is too old or too new outside of the window, and known by its nonce within. What a
    site may have sent before this program started is refused, since nobody remembers it. Where a
    site sends more than can be remembered it is refused, nothing is forgotten early.

    Ask it about requests with a good signature only: else strangers would fill it.

    Args:
        now_ms: the wall clock, milliseconds since 1970.
        window_ms: how far the clocks of two sites may be apart.
        max_nonces: how many requests of one site are remembered.
    """

    def __init__(
        self,
        now_ms: Callable[[], int],
        *,
        window_ms: int = WINDOW_MS,
        max_nonces: int = MAX_NONCES,
    ) -> None:
        self._now_ms = now_ms
        self._window_ms = window_ms
        self._max_nonces = max_nonces
        self._started_ms = now_ms()
        self._memories: dict[str, _Memory] = {}

    def require_new(self, site_id: str, signed_ms: int, nonce: str) -> None:
        """Let a request pass, and never again.

        Raises:
            ClockTooFarOff: it was signed outside of the window.
            OlderThanThisRun: it was signed before this guard began to remember.
            SeenBefore: it has passed before.
            TooBusy: no more requests of that site can be remembered now.
        """
        now_ms = self._now_ms()
        if abs(now_ms - signed_ms) > self._window_ms:
            raise ClockTooFarOff(signed_ms, now_ms, self._window_ms)
        # A clock that was set back must not shut everybody out until it is as late again.
        self._started_ms = min(self._started_ms, now_ms)
        if signed_ms < self._started_ms:
            raise OlderThanThisRun(signed_ms, self._started_ms)
        memory = self._memories.setdefault(site_id, _Memory())
        self._forget(memory, now_ms)
        if nonce in memory.nonces:
            raise SeenBefore
        if len(memory.nonces) >= self._max_nonces:
            raise TooBusy(f"The site sent more than {self._max_nonces} requests in two minutes")
        memory.nonces.add(nonce)
        # Two windows, so that the order of coming is the order of forgetting.
        memory.kept.append((now_ms + 2 * self._window_ms, nonce))

    def _forget(self, memory: _Memory, now_ms: int) -> None:
        while memory.kept and memory.kept[0][0] < now_ms:
            memory.nonces.discard(memory.kept.popleft()[1])
