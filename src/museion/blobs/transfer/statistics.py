"""What a fetcher says about itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from museion.blobs.blob_store import Digest

_WINDOW_S = 5.0
_SLICE_S = 0.25


@dataclass(frozen=True, slots=True)
class Running:
    """One transfer that goes on: how far it is, and where the bytes come from."""

    digest: Digest
    done_bytes: int
    size_bytes: int | None
    site_id: str


@dataclass(frozen=True, slots=True)
class FetchStatistics:
    """Counts since the fetcher was made.

    Attributes:
        rate_bytes_per_s: mean of the last five seconds.
        waiting: blobs that wait for a place or for another try.
        bytes_from: site id -> bytes that came from it, also those that were thrown away.
        wrong_from: site id -> how many blobs it sent wrong bytes for.
    """

    fetched_blobs: int
    fetched_bytes: int
    failed: int
    waiting: int
    running: tuple[Running, ...]
    rate_bytes_per_s: float
    bytes_from: Mapping[str, int]
    wrong_from: Mapping[str, int]


class RateMeter:
    """Bytes per second over the last five seconds."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._slices: deque[tuple[float, int]] = deque()
        self._begun_s = now_s()

    def add(self, size_bytes: int) -> None:
        """Note that bytes have come."""
        now_s = self._now_s()
        if self._slices and now_s - self._slices[-1][0] < _SLICE_S:
            begun_s, before = self._slices.pop()
            self._slices.append((begun_s, before + size_bytes))
        else:
            self._slices.append((now_s, size_bytes))
        self._forget(now_s)

    @property
    def bytes_per_s(self) -> float:
        """The rate now."""
        now_s = self._now_s()
        self._forget(now_s)
        span_s = min(_WINDOW_S, max(now_s - self._begun_s, _SLICE_S))
        return sum(size for _, size in self._slices) / span_s

    def _forget(self, now_s: float) -> None:
        while self._slices and self._slices[0][0] < now_s - _WINDOW_S:
            self._slices.popleft()
