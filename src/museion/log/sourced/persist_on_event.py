"""Persist-on-event: events that lead to events, exactly one answer for each cause.

What a handler asks to be emitted is remembered under the event that caused it, until an event of
the same aggregate that names this cause comes back from the log. Replay rebuilds this memory, so
after a crash exactly those requests are left, and sent, that no event answers.

The cause is known by its event id, not by its sequence number: numbers change when a log is
recovered from its neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from museion.base.codec import decode, encode
from museion.base.errors import Unavailable
from museion.log.event import Event, EventId, NewEvent
from museion.log.sourced.component import Component
from museion.log.sourced.refusals import NotInHandler

if TYPE_CHECKING:
    from museion.log.sourced.incarnation import Incarnation

__all__ = ["PersistOnEvent"]


class _Request(msgspec.Struct, frozen=True, array_like=True):
    """What is to be emitted because of one event, as one batch."""

    cause: EventId
    events: tuple[NewEvent, ...]


class PersistOnEvent(Component):
    """The requests of one incarnation that no event answers yet."""

    name = "persist-on-event"

    def __init__(self, incarnation: Incarnation) -> None:
        self._incarnation = incarnation
        self._requests: dict[EventId, _Request] = {}
        self._new: list[_Request] = []

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return bool(self._requests) and not self._incarnation.in_the_past

    def ask(self, payloads: tuple[object, ...], destinations: tuple[str, ...]) -> None:
        """Emit events because of the one whose handler runs.

        All that the handlers of one event ask for becomes one batch.

        Raises:
            NotInHandler: no event handler runs.
        """
        current = self._incarnation.current
        if current is None:
            raise NotInHandler("persist_on_event()")
        if not payloads:
            return
        events = self._incarnation.encode(payloads, destinations, cause=current.id)
        earlier = self._new.pop().events if self._new else ()
        self._new.append(_Request(current.id, (*earlier, *events)))

    def event_folded(self, event: Event) -> None:
        """Strike out what the event answers, and take up what its handler asked for."""
        if event.cause is not None and self._incarnation.is_own(event):
            self._requests.pop(event.cause, None)
        for request in self._new:
            self._requests[request.cause] = request
            if not self._incarnation.recovering:
                self._incarnation.spawn(self._emit(request))
        self._new.clear()

    def recovered(self) -> None:
        """Send what no event has answered, unless only a past state is looked at."""
        if self._incarnation.in_the_past:
            return
        for request in self._requests.values():
            self._incarnation.spawn(self._emit(request))

    def snapshot(self) -> bytes:
        """Return the requests without an answer."""
        return encode(list(self._requests.values())) if self._requests else b""

    def restore(self, content: bytes) -> None:
        """Take the requests over. Raises `Undecodable`."""
        requests = decode(content, list[_Request])
        self._requests = {request.cause: request for request in requests}

    async def _emit(self, request: _Request) -> None:
        try:
            await self._incarnation.write(request.events)
        except Unavailable as reason:
            if reason.lasting or self._incarnation.retired:
                raise
            self._incarnation.restart(reason)
