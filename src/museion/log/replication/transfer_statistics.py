"""How much went over the line, and how much it was before compression."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class TransferStatistics:
    """Counts since the start; bodies only, without headers.

    Attributes:
        requests: requests that got an answer.
        refused: those of them that were refused.
        sent_bytes, received_bytes: as they travelled.
        sent_raw_bytes, received_raw_bytes: before compression.
        sent_events, received_events: events in answers to reads and in offers.
    """

    requests: int = 0
    refused: int = 0
    sent_bytes: int = 0
    sent_raw_bytes: int = 0
    received_bytes: int = 0
    received_raw_bytes: int = 0
    sent_events: int = 0
    received_events: int = 0

    def plus(self, **more: int) -> TransferStatistics:
        """Return the counts with something added to some."""
        return replace(self, **{name: getattr(self, name) + n for name, n in more.items()})
