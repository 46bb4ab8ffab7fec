"""Event adapters: one shape of a payload for the domain, another for the log; and tags.

An adapter parts the two where an upcaster does not suffice: the domain's class may change freely,
even between libraries, while the written class stays. A tag is a custom destination of its own
kind, so replay by aggregate finds all events with it (`log.queries`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from museion.log.event import require_name

TAG_PREFIX = "tag:"
"""Beginning of the destinations that are tags; no aggregate's id may begin so."""

D = TypeVar("D")
S = TypeVar("S")


def tag(name: str) -> str:
    """Return the destination that stands for a tag.

    Raises:
        InvalidEvent: the name is empty, too long, or not UTF-8.
    """
    require_name(name)
    destination = TAG_PREFIX + name
    require_name(destination)
    return destination


def is_tag(destination: str) -> bool:
    """Tell whether a destination stands for a tag, not for an aggregate."""
    return destination.startswith(TAG_PREFIX)


class Tagged(msgspec.Struct, Generic[S], frozen=True):
    """A payload to be written, and the tags (plain names) under which it shall be found."""

    payload: S
    tags: tuple[str, ...]


class EventAdapter(Protocol[D, S]):
    """Turns payloads of the domain into what is written, and back.

    Both directions must be pure; `incoming` runs at every replay.
    """

    @property
    def domain(self) -> type[D]:
        """The class of the domain, which needs no mark; may be `stored` itself."""

    @property
    def stored(self) -> type[S]:
        """The class that is written, marked with `event_type`."""

    def outgoing(self, payload: D, /) -> S | Tagged[S]:
        """Return what is written for a payload of the domain."""

    def incoming(self, stored: S, /) -> Sequence[object]:
        """Return the payloads of the domain that a written one stands for: none, one or several."""


class Tagging(Generic[S]):
    """An adapter that writes payloads as they are, with tags.

    Args:
        kind: a class marked with `event_type`.
        tags: returns the names of a payload's tags.
    """

    def __init__(self, kind: type[S], tags: Callable[[S], Iterable[str]]) -> None:
        self.domain = kind
        self.stored = kind
        self._tags = tags

    def outgoing(self, payload: S, /) -> Tagged[S]:
        """Return the payload with its tags."""
        return Tagged(payload, tuple(self._tags(payload)))

    def incoming(self, stored: S, /) -> Sequence[object]:
        """Return the payload."""
        return (stored,)
