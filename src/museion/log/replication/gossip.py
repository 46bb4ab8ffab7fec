"""What an endpoint knows of the topology, and how that spreads: with each request and answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from museion.log.replication.protocol import Application, Greeting, Link, LinkState
from museion.log.replication.refusals import BadRequest
from museion.log.replication.topology import (
    Edge,
    Topology,
    TopologyStore,
    edge_of,
    filtered_cycle_refusal,
)

MAX_ENDPOINTS = 10_000
"""Endpoints of one network, those that were retired among them."""


class Gossip:
    """Owns the topology as one endpoint knows it; tells news to neighbours, and keeps them.

    Attributes:
        topology: present state; the own connections are part of it.
        revision: grows with each change, from 1, within this process.
    """

    def __init__(self, endpoint_id: str, application: Application, store: TopologyStore) -> None:
        self._endpoint_id = endpoint_id
        self._application = application
        self._store = store
        self._changed = asyncio.Event()
        self._told: dict[str, int] = {}
        self._ways: dict[tuple[Edge, bool], tuple[str, ...]] = {}
        self.revision = 1
        self.topology = Topology.of(store.load())

    @property
    def is_retired(self) -> bool:
        """Tell whether this endpoint itself takes part no more."""
        return self._own.retired

    def has_retired(self, endpoint_id: str) -> bool:
        """Tell whether an endpoint takes part no more."""
        state = self.topology.states.get(endpoint_id)
        return state is not None and state.retired

    def is_declared(self, remote_id: str) -> bool:
        """Tell whether others hear of a connection with an endpoint."""
        return any(remote_id in (link.target, link.source) for link in self._own.links)

    def declare(self, remote_id: str, links: Iterable[Link]) -> None:
        """Tell from now on which connections there are with one endpoint; empty for none.

        What an earlier process told stays until then: a connection that would vanish with every
        restart could let a filtered one on a cycle run for that time.
        """
        others = [each for each in self._own.links if remote_id not in (each.target, each.source)]
        links = tuple(sorted([*others, *links]))
        if links != self._own.links or self._endpoint_id not in self.topology.states:
            own = LinkState(self._endpoint_id, self._own.number + 1, links, self._own.retired)
            self._take(self.topology.merged([own]))

    def retire(self, endpoint_id: str) -> None:
        """Tell that an endpoint takes part no more."""
        known = self.topology.states.get(endpoint_id, LinkState(endpoint_id, 0))
        if not known.retired:
            state = LinkState(endpoint_id, known.number + 1, (), retired=True)
            self._take(self.topology.merged([state]))

    def hear(self, greeting: Greeting) -> None:
        """Take over what another endpoint tells.

        Raises:
            BadRequest: it tells of more endpoints than there can be.
            Unavailable: the store cannot keep it; nothing was taken over.
        """
        own = self._own
        if len(greeting.topology) > MAX_ENDPOINTS:
            raise BadRequest(f"Expected a topology of at most {MAX_ENDPOINTS} endpoints.")
        merged = self.topology.merged(greeting.topology)
        told = merged.states.get(self._endpoint_id, own)
        if not told.retired and told != own:
            # This endpoint lost its memory: what it says now is to be newer than what it once said.
            merged = merged.merged(
                [LinkState(self._endpoint_id, told.number + 1, own.links, retired=False)]
            )
        self._take(merged)

    def greeting(self, remote_id: str, *, full: bool) -> Greeting:
        """Return what to say to a neighbour.

        Args:
            full: tell the topology also if it was told before.
        """
        if not full and self._told.get(remote_id) == self.revision:
            return Greeting(self._application)
        states = self.topology.states
        others = tuple(state for each, state in states.items() if each != self._endpoint_id)
        own = (states[self._endpoint_id],) if self._endpoint_id in states else ()
        return Greeting(self._application, topology=(*own, *others))

    def told(self, remote_id: str, revision: int) -> None:
        """Note that a neighbour knows what was known here at a revision."""
        self._told[remote_id] = revision

    def forget_told(self, remote_id: str) -> None:
        """Tell all again: what was told last may not have come."""
        self._told.pop(remote_id, None)

    def require_no_cycle(self, remote_id: str, *, filtered: bool) -> None:
        """Raise `FilteredCycle` if the edge to a neighbour is filtered and on a cycle.

        Args:
            filtered: it is filtered, whatever the endpoints have told of it.
        """
        edge = edge_of(self._endpoint_id, remote_id)
        if (edge, filtered) not in self._ways:
            further = [Link(self._endpoint_id, remote_id, filtered)]
            self._ways[edge, filtered] = self.topology.filtered_cycle(edge, further)
        if way := self._ways[edge, filtered]:
            raise filtered_cycle_refusal(edge, way)

    def require_allowed(self, links: Iterable[Link]) -> None:
        """Raise `FilteredCycle` if own connections that are not told yet would close such a cycle.

        A filtered cycle that is there without them is none of their business.
        """
        links = tuple(links)
        before = self.topology.filtered_cycles()
        for edge, way in self.topology.filtered_cycles(links).items():
            if edge not in before or any(edge_of(x.target, x.source) == edge for x in links):
                raise filtered_cycle_refusal(edge, way)

    def wake(self) -> None:
        """Let all that wait for a change look at once, for example because the endpoint ends."""
        self.revision += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self, revision: int) -> None:
        """Wait until the topology is another one than at a revision."""
        while self.revision == revision:
            await self._changed.wait()

    @property
    def _own(self) -> LinkState:
        return self.topology.states.get(self._endpoint_id, LinkState(self._endpoint_id, 0))

    def _take(self, topology: Topology) -> None:
        if topology is self.topology:
            return
        self._store.save(tuple(topology.states.values()))
        self.topology = topology
        self._ways.clear()
        self.wake()
