"""Events that others carry within them: a history that is handed on in one piece."""

from __future__ import annotations

from collections.abc import Sequence

from museion.log.event import Event


def carried(event: Event) -> Sequence[Event]:
    """Return the events that an event stands for, causes first; mostly just itself.

    All that follow the log look at these. Carried events keep their origin and stamp, and have the
    log id and sequence number of the event that carries them. Some may have been met before.
    """
    return (event,)
