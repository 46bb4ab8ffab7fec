"""A real event store whose writes a test can hold up or let fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from museion.log.event import Event
from museion.log.event_store import MAX_READ_BYTES, EventStore, StoreState, WriteBatch

_LIMIT_S = 30.0


class SteeredStore:
    """Passes everything on to the store it wraps, when the test lets it.

    Attributes:
        before_write, after_write: gates, open at first; a write waits for each of them.
        failures: errors for the next writes, raised instead of writing; None lets one pass.
        batches: what was written.
        before_read: called before each read.
        closed: whether the store was closed.
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self.before_write = _open_gate()
        self.after_write = _open_gate()
        self.failures: list[BaseException | None] = []
        self.batches: list[WriteBatch] = []
        self.writes_begun = 0
        self.before_read: Callable[[], object] = lambda: None
        self.closed = False

    def recover(self) -> StoreState:
        """Pass on."""
        return self._store.recover()

    def write(self, batch: WriteBatch) -> None:
        """Wait for the gates, fail if that is next, else pass on."""
        self.writes_begun += 1
        assert self.before_write.wait(_LIMIT_S), "the test forgot to open a gate"
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self._store.write(batch)
        self.batches.append(batch)
        assert self.after_write.wait(_LIMIT_S), "the test forgot to open a gate"

    def read(
        self,
        *,
        after: int = 0,
        limit: int,
        aggregate_id: str | None = None,
        max_bytes: int = MAX_READ_BYTES,
    ) -> Sequence[Event]:
        """Pass on."""
        self.before_read()
        return self._store.read(
            after=after, limit=limit, aggregate_id=aggregate_id, max_bytes=max_bytes
        )

    def progress(self, name: str) -> int:
        """Pass on."""
        return self._store.progress(name)

    def aggregate_ids(self, *, after: str = "", limit: int) -> Sequence[str]:
        """Pass on."""
        return self._store.aggregate_ids(after=after, limit=limit)

    def all_progress(self) -> Mapping[str, int]:
        """Pass on."""
        return self._store.all_progress()

    def mark_deleted(self, to: int) -> None:
        """Pass on."""
        self._store.mark_deleted(to)

    def remove(self, to: int, chain: Mapping[str, bytes]) -> None:
        """Pass on."""
        self._store.remove(to, chain)

    def close(self) -> None:
        """Pass on."""
        self.closed = True
        self._store.close()


def _open_gate() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate
