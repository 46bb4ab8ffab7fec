"""Behaviours that change: other commands, handlers and snapshots for a time.

A behaviour is a class of its own that works on the aggregate's state:

    class Closed(Behaviour[Account]):
        @command
        async def reopen(self) -> None:
            await self.aggregate.persist(Reopened())

What is on top of its stack is in force, alone. The stacks are not in snapshots: a handler that
changes behaviour does so again when its event is replayed, and a class that restores from a
snapshot does so in `restore`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from museion.log.sourced.sourced import Sourced

__all__ = ["Behaviour", "Behaviours", "Stack"]

A = TypeVar("A", bound="Sourced")
S = TypeVar("S")


class Behaviour(Generic[A]):
    """Commands, handlers or snapshots that an aggregate or view takes on with `become`.

    Attributes:
        aggregate: whose state it works on.
    """

    def __init__(self, aggregate: A) -> None:
        self.aggregate = aggregate

    def snapshot_state(self) -> object:
        """Return the state for a snapshot; by default what the aggregate itself would save."""
        return self.aggregate.snapshot_state()


# Any: what a behaviour works on is checked where `become` is called.
Behaviours = type[Behaviour[Any]]


class Stack(Generic[S]):
    """What is in force, and what was before; the bottom stays."""

    def __init__(self, bottom: S) -> None:
        self._layers = [bottom]

    @property
    def top(self) -> S:
        """What is in force."""
        return self._layers[-1]

    def push(self, layer: S) -> None:
        """Put something in force."""
        self._layers.append(layer)

    def pop(self) -> None:
        """Put what was in force before in force again. No effect at the bottom."""
        if len(self._layers) > 1:
            self._layers.pop()
