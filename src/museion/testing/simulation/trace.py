"""What happened in a run, line by line: short enough to read, exact enough to compare."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from hashlib import blake2b


class Trace:
    """Takes one line for everything that happens; two runs are the same if their digests are.

    Args:
        now_s: virtual time, seconds.
        tail: how many of the last lines are kept for reading.
    """

    def __init__(self, now_s: Callable[[], float], *, tail: int = 400) -> None:
        self._now_s = now_s
        self._hash = blake2b(digest_size=16)
        self._last: deque[str] = deque(maxlen=tail)
        self.lines = 0

    def __call__(self, where: str, what: str) -> None:
        """Note that something happened somewhere."""
        line = f"{self._now_s():11.4f}  {where:10} {what}"
        self._hash.update(line.encode())
        self._last.append(line)
        self.lines += 1

    @property
    def digest(self) -> str:
        """Digest of all lines so far."""
        return self._hash.hexdigest()

    def tail(self, lines: int = 60) -> str:
        """Return the last lines."""
        return "\n".join(list(self._last)[-lines:])
