"""What a ledger knows of one log and of one event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from museion.log.event import Event, EventId

MayHave = Callable[[Event], bool]
"""Tells whether an event may be at a site."""


class Violated(AssertionError):
    """Something that must never be was seen."""


@dataclass
class LogLedger:
    """What is known of one log.

    Attributes:
        may_have: what may get here; everything where it is None.
        numbers: event -> its number here; events that were removed are among them.
        by_number: the same, in the order of the log.
        have: the newest event of each origin.
        progress: how far each other log was read, by its id.
        acknowledged: events that somebody here was told are written.
        is_new_since_loss: it lost its disk once, so it may lack what others have removed.
    """

    log_id: str
    may_have: MayHave | None = None
    numbers: dict[EventId, int] = field(default_factory=dict)
    by_number: list[tuple[int, EventId]] = field(default_factory=list)
    have: dict[str, int] = field(default_factory=dict)
    progress: dict[str, int] = field(default_factory=dict)
    acknowledged: dict[EventId, None] = field(default_factory=dict)
    removed_to: int = 0
    is_new_since_loss: bool = False


@dataclass(frozen=True, slots=True)
class Original:
    """An event as it was first seen.

    Attributes:
        shared: the bytes that are the same at every site: form, chain digest, envelope.
    """

    event: Event
    shared: bytes
