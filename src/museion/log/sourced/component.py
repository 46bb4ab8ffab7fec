"""Parts that an aggregate uses: what they are told, and what they may ask of it.

A part (confirmed delivery, persist-on-event) keeps its own memory beside the aggregate's state.
Like that state it follows from the events alone, so a replay rebuilds it, and snapshots keep it.
An aggregate takes a part in its `__init__` with `self.deliveries = self.use(Deliveries(…))`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import ClassVar, Protocol

from museion.log.event import Event, EventId
from museion.log.vector_time import VectorTime

__all__ = ["Component", "Host"]


class Host(Protocol):
    """What a part may ask of its aggregate; valid between `attached` and `stopping`."""

    @property
    def id(self) -> str:
        """Id of the aggregate."""

    @property
    def emitter_id(self) -> str:
        """Emitter id of the aggregate: what its events carry."""

    @property
    def recovering(self) -> bool:
        """Whether events are replayed at present."""

    @property
    def current(self) -> Event | None:
        """The event whose handler runs at present; None outside of event handlers."""

    @property
    def version(self) -> VectorTime:
        """Merge of the stamps of all events handled so far."""

    def is_own(self, event: Event) -> bool:
        """Tell whether this aggregate emitted an event; only such events may confirm anything."""

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start a task that the aggregate owns: cancelled when it stops, stops it when it fails."""

    async def persist(
        self,
        *payloads: object,
        destinations: tuple[str, ...] = (),
        cause: EventId | None = None,
        delivery_id: str | None = None,
    ) -> list[Event]:
        """Write events outside of a command. As `Aggregate.persist`."""

    def restart(self, reason: Exception) -> None:
        """Give this incarnation up and recover anew, after a back-off; commands wait meanwhile."""


class Component:
    """A part with no memory and no task; override what is needed.

    All calls come from the event loop, in the order of the log. None of them may wait.

    Attributes:
        name: stable name under which the part's memory is kept in snapshots.
        host: the aggregate; set before any other call.
    """

    name: ClassVar[str]
    host: Host

    def attached(self, host: Host) -> None:
        """Take note of the aggregate, before its recovery begins."""
        self.host = host

    def event_folded(self, event: Event) -> None:
        """Take note of an event, after the aggregate's own handler; replayed or live.

        Called for every event that the aggregate receives, whether it has a handler for it or not.
        """

    def recovered(self) -> None:
        """Begin to work: the replay is complete, the first command comes next."""

    def stopping(self) -> None:
        """Let go of everything; no call follows. Tasks of `Host.spawn` end by themselves."""

    @property
    def busy(self) -> bool:
        """Whether the aggregate must stay loaded because of this part."""
        return False

    def snapshot(self) -> bytes:
        """Return the memory of this part; empty for none."""
        return b""

    def restore(self, content: bytes) -> None:
        """Take over a memory that `snapshot` returned. Not called when that was empty.

        Raises:
            Undecodable: the content is of another form; an older snapshot is tried, then a replay.
        """
