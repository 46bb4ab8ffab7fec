"""Who is connected to whom, and which connections would lose events.

A place that left out an event over a filtered link may still come to cover it by what reaches it on
another way; the event is then taken for known and never delivered. So a filtered link must not be
part of a cycle: it has to be a bridge of the graph of all connections, in which both directions
between two endpoints are one edge. All functions here are pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol, Self, TypeAlias

import msgspec

from museion.base.codec import decode, encode
from museion.base.errors import Unavailable
from museion.log.durable_file import make_folder_durably, write_durably
from museion.log.replication.protocol import Link, LinkState
from museion.log.replication.refusals import FilteredCycle

Edge: TypeAlias = tuple[str, str]
"""Two endpoint ids, the smaller first."""


def edge_of(first: str, second: str) -> Edge:
    """Return the edge between two endpoints, whatever the direction."""
    return (first, second) if first < second else (second, first)


class Topology(msgspec.Struct, frozen=True):
    """The connections of all endpoints that were heard of; the newest word of each.

    Attributes:
        states: endpoint id -> its connections, in the order of the ids.
    """

    states: Mapping[str, LinkState] = {}

    @classmethod
    def of(cls, states: Iterable[LinkState]) -> Self:
        """Return the topology that these states make."""
        return cls().merged(states)

    def merged(self, states: Iterable[LinkState]) -> Self:
        """Return this topology with what others told; itself when that is no news.

        Idempotent, commutative and associative, so the way of the news does not matter.
        """
        known = dict(self.states)
        for state in states:
            known[state.endpoint_id] = _newer(known.get(state.endpoint_id), state)
        if known == self.states:
            return self
        return type(self)(dict(sorted(known.items())))

    @property
    def retired(self) -> tuple[str, ...]:
        """The endpoints that take part no more, in order."""
        return tuple(each for each, state in self.states.items() if state.retired)

    def edges(self, further: Iterable[Link] = ()) -> dict[Edge, bool]:
        """Return each edge between endpoints that take part, and whether it is filtered.

        An edge is filtered where one of its directions is.

        Args:
            further: connections that are not told yet, or known better here.
        """
        retired = frozenset(self.retired)
        links = [link for state in self.states.values() for link in state.links]
        edges: dict[Edge, bool] = {}
        for link in (*links, *further):
            if link.target not in retired and link.source not in retired:
                edge = edge_of(link.target, link.source)
                edges[edge] = edges.get(edge, False) or link.filtered
        return edges

    def filtered_cycle(self, edge: Edge, further: Iterable[Link] = ()) -> tuple[str, ...]:
        """Return the other way between the ends of a filtered edge; empty where all is well.

        It is well where the edge is not filtered, or the only way between its ends.
        """
        edges = self.edges(further)
        return way_around(edges, edge) if edges.get(edge, False) else ()

    def filtered_cycles(self, further: Iterable[Link] = ()) -> dict[Edge, tuple[str, ...]]:
        """Return each filtered edge on a cycle, with the other way between its ends."""
        edges = self.edges(further)
        ways = {edge: way_around(edges, edge) for edge in sorted(edges) if edges[edge]}
        return {edge: way for edge, way in ways.items() if way}


def way_around(edges: Iterable[Edge], edge: Edge) -> tuple[str, ...]:
    """Return a shortest way between the ends of an edge that does not use it; empty for none.

    The first in the order of ids, so it is the same everywhere. O(edges).
    """
    neighbours: dict[str, list[str]] = {}
    for first, second in sorted(edges):
        if (first, second) != edge:
            neighbours.setdefault(first, []).append(second)
            neighbours.setdefault(second, []).append(first)
    start, end = edge
    came_from: dict[str, str] = {start: start}
    waiting = deque([start])
    while waiting:
        place = waiting.popleft()
        if place == end:
            return _way_back(came_from, end)
        for neighbour in sorted(neighbours.get(place, ())):
            if neighbour not in came_from:
                came_from[neighbour] = place
                waiting.append(neighbour)
    return ()


def filtered_cycle_refusal(edge: Edge, way: tuple[str, ...]) -> FilteredCycle:
    """Return the refusal that names the cycle."""
    return FilteredCycle(
        f"Expected no other way between {edge[0]} and {edge[1]}, because a connection on it is"
        f" filtered; there is {' - '.join((*way, way[0]))}: what a filter leaves out on a cycle is"
        " lost for good.",
        remedy="Remove one of these connections, or take the filters off all of them.",
    )


class TopologyStore(Protocol):
    """Keeps what an endpoint knows of the topology, so that its numbers grow after a restart."""

    def load(self) -> tuple[LinkState, ...]:
        """Return what was saved last; nothing at first."""

    def save(self, states: tuple[LinkState, ...]) -> None:
        """Keep it; durable when it returns. Raises `Unavailable` if it cannot; nothing changed."""


class TopologyNotSaved(Unavailable):
    """What was heard of connections cannot be kept now; it was not taken over."""

    def __init__(self, path: Path, reason: OSError) -> None:
        super().__init__(
            f"The connections of the sites could not be written to {path}: {reason.strerror}.",
            remedy="Check disk space and rights; it is tried again.",
        )


class MemoryTopologyStore:
    """Keeps it as long as the object lives."""

    def __init__(self) -> None:
        self._states: tuple[LinkState, ...] = ()

    def load(self) -> tuple[LinkState, ...]:
        """Return what was saved last."""
        return self._states

    def save(self, states: tuple[LinkState, ...]) -> None:
        """Keep it."""
        self._states = states


class FileTopologyStore:
    """Keeps it in one file, whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[LinkState, ...]:
        """Return what was saved last.

        Raises:
            Undecodable: the file holds something else.
            OSError: it cannot be read.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        return tuple(decode(content, _Saved).states)

    def save(self, states: tuple[LinkState, ...]) -> None:
        """Keep it. Raises `TopologyNotSaved`; the last one is there then."""
        try:
            make_folder_durably(self._path.parent)
            write_durably(self._path, encode(_Saved(states)), incoming=self._path.parent)
        except OSError as reason:
            raise TopologyNotSaved(self._path, reason) from reason


class _Saved(msgspec.Struct, frozen=True):
    states: tuple[LinkState, ...]


def _newer(known: LinkState | None, told: LinkState) -> LinkState:
    if known is None:
        return told
    # Nobody comes back from retirement, whatever number it says.
    if known.retired != told.retired:
        return known if known.retired else told
    # Two states of one number come from an endpoint that lost its memory; it tells a larger one
    # as soon as it hears. Until then all prefer the same of the two.
    return max(known, told, key=lambda state: (state.number, state.links))


def _way_back(came_from: Mapping[str, str], end: str) -> tuple[str, ...]:
    way = [end]
    while came_from[way[-1]] != way[-1]:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))
