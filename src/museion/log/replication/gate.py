"""What may leave to one remote endpoint at all: the rights of its people, as a predicate.

A gate is no filter: nobody can replace it or leave it out. It is asked at the source, for each
event, beside all filters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from museion.log.event import Event


class Gate(Protocol):
    """Decides what may leave to one remote endpoint.

    The decision may rest on earlier events of the log (rights are events, too), so a gate is first
    made ready. An event that a gate held back is not looked at again: what shall leave later has to
    be told by a new event.
    """

    @property
    def restricts(self) -> bool:
        """Tell whether it may hold back anything; else it is not asked."""

    @property
    def parts(self) -> bool:
        """Tell whether the link counts as filtered for it, and so must not lie on a cycle.

        It does not where all sources hold back the same from one endpoint, and what shall leave
        after all is told by new events: then no other way brings what would cover it.
        """

    async def ready(self, sequence_nr: int) -> None:
        """Return when everything up to that event of the log has been taken in."""

    def may_leave(self, event: Event) -> bool:
        """Tell whether an event may leave."""


class OpenGate:
    """Lets everything leave."""

    restricts = False
    parts = False

    async def ready(self, sequence_nr: int) -> None:
        """Return at once."""

    def may_leave(self, event: Event) -> bool:
        """Let it leave."""
        return True


GateFor: TypeAlias = Callable[[str], Gate]
"""Remote endpoint id -> its gate."""


def open_gate(remote_id: str) -> Gate:
    """Return a gate that holds back nothing, for any endpoint."""
    return OpenGate()
