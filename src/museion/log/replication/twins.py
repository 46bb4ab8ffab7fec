"""Finds out that two logs write under one id: a folder was copied, and both copies run.

Their events have the same identities, so what one of them writes would be taken for known where the
other's came first, and be lost without a word. It shows where both are heard: an event comes again
with another chain digest, or does not continue the chain of the one before it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from museion.log.chain import next_digest
from museion.log.event import Event, EventId
from museion.log.frame import envelope_of
from museion.log.replication.refusals import BadAnswer

_MOST = 4096


class TwoHistories(BadAnswer):
    """Two logs write under one id."""

    def __init__(self, endpoint: str, event: Event) -> None:
        super().__init__(endpoint, f"two sites write as {event.process_id!r:.80}")
        self.remedy = (
            f"Event {event.id.time} is there in two forms; nothing of the answer was stored. The"
            " folder of that site was copied, perhaps: stop one of the two, and let it join as a"
            " new site."
        )


class RecentEvents:
    """The last events that came to one log, by their ids; in memory only, and bounded."""

    def __init__(self) -> None:
        self._digests: OrderedDict[EventId, bytes] = OrderedDict()
        self._last: dict[str, tuple[int, bytes]] = {}

    def require_one_history(self, events: Sequence[Event], endpoint: str) -> None:
        """Raise `TwoHistories` where an event contradicts one that came before."""
        met: set[str] = set()
        for event in events:
            digest = event.chain_digest
            if digest is None:
                continue
            known = self._digests.get(event.id)
            goes_on = event.process_id in met or self._goes_on(event, digest)
            met.add(event.process_id)
            if (known is not None and known != digest) or not goes_on:
                raise TwoHistories(endpoint, event)

    def remember(self, events: Sequence[Event]) -> None:
        """Note events that were stored."""
        for event in events[-_MOST:]:
            if event.chain_digest is not None:
                self._digests[event.id] = event.chain_digest
                self._last[event.process_id] = (event.id.time, event.chain_digest)
        while len(self._digests) > _MOST:
            self._digests.popitem(last=False)

    def _goes_on(self, event: Event, digest: bytes) -> bool:
        time, last = self._last.get(event.process_id, (0, b""))
        if event.id.time != time + 1 or not last:
            return True  # others of its origin may stand between, and be held back from here
        return next_digest(last, envelope_of(event)) == digest
