"""The event types of a kind of aggregate or view: those it handles, and those it turns out to emit.

`EventTypes` never changes. Here the set in use is replaced by a larger one when a class is met for
the first time, so that nobody has to list what the handlers name already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from museion.log.event import Event, EventId, NewEvent
from museion.log.event_types import EventTypes, NotAnEventType
from museion.log.payloads.event_mark import mark_of
from museion.log.subject_keys import SubjectKeys
from museion.log.vector_time import VectorTime

__all__ = ["PayloadSet"]


class PayloadSet:
    """Encodes and decodes payloads.

    Args:
        types: what is known from the start, with adapters; None for nothing.
        keys: of data subjects; where `types` is given, its own keys count.
    """

    def __init__(self, types: EventTypes | None = None, *, keys: SubjectKeys | None = None) -> None:
        self._types = types or EventTypes(keys=keys)
        self._may_adapt = types is not None
        self._known = set(self._types.kinds)

    def know(self, kinds: Iterable[type]) -> None:
        """Take in the types that handlers name.

        Raises:
            NotAnEventType: a class has no mark, and no adapter could make it.
            DuplicateEventType: two classes have one written name.
        """
        new = [kind for kind in kinds if kind not in self._known]
        marked = [kind for kind in new if not self._may_adapt or _is_marked(kind)]
        if marked:
            self._types = self._types.with_kinds(*marked)
        self._known.update(new)

    def encode(
        self,
        payload: object,
        *,
        emitter_id: str,
        aggregate_id: str | None,
        destinations: Sequence[str],
        vector_timestamp: VectorTime,
        cause: EventId | None,
        delivery_id: str | None,
    ) -> NewEvent:
        """Return the event that asks to be written. Raises as `EventTypes.encode`."""
        if type(payload) not in self._known:
            self.know((type(payload),))
        return self._types.encode(
            payload,
            emitter_id=emitter_id,
            aggregate_id=aggregate_id,
            destinations=destinations,
            vector_timestamp=vector_timestamp,
            cause=cause,
            delivery_id=delivery_id,
        )

    def erased_keys(self, key_ids: Iterable[str]) -> list[str]:
        """Return those of some keys of data subjects that were destroyed."""
        return self._types.erased_keys(key_ids)

    def decode(self, event: Event) -> Sequence[object]:
        """Return the payloads of a stored event. Raises as `EventTypes.decode`."""
        return self._types.decode(event)


def _is_marked(kind: type) -> bool:
    try:
        mark_of(kind)
    except NotAnEventType:
        return False
    return True
