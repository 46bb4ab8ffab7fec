"""Topologies: which connections would lose events, who hears of which, and what is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.base.codec import Undecodable
from museion.log.replication.protocol import Link, LinkState
from museion.log.replication.refusals import FilteredCycle
from museion.log.replication.topology import (
    Edge,
    FileTopologyStore,
    MemoryTopologyStore,
    Topology,
    TopologyNotSaved,
    edge_of,
    filtered_cycle_refusal,
    way_around,
)

PLACES = "abcdef"

edges_of_graphs = st.dictionaries(st.sampled_from(list(combinations(PLACES, 2))), st.booleans())
"""Edge -> whether it is filtered."""

link_states = st.builds(
    LinkState,
    endpoint_id=st.sampled_from(PLACES[:3]),
    number=st.integers(0, 3),
    links=st.lists(
        st.builds(Link, st.just("x"), st.sampled_from(PLACES), st.booleans()), max_size=2
    ).map(tuple),
    retired=st.booleans(),
)


def topology_of(edges: Mapping[Edge, bool]) -> Topology:
    """Return a topology in which the smaller end of each edge reads from the larger."""
    return Topology.of(
        LinkState(place, 1, tuple(Link(place, b, f) for (a, b), f in edges.items() if a == place))
        for place in PLACES
    )


def reach(edges: Iterable[Edge], start: str) -> set[str]:
    """Return all places that can be reached; slowly, and plainly right."""
    reached = {start}
    for _ in PLACES:
        for first, second in edges:
            if first in reached or second in reached:
                reached |= {first, second}
    return reached


class TestFilteredCycles:
    @given(edges_of_graphs)
    def test_an_edge_is_refused_if_and_only_if_it_is_filtered_and_no_bridge(
        self, edges: dict[Edge, bool]
    ) -> None:
        topology = topology_of(edges)
        for edge, filtered in edges.items():
            others = [each for each in edges if each != edge]
            is_bridge = edge[1] not in reach(others, edge[0])
            assert bool(topology.filtered_cycle(edge)) is (filtered and not is_bridge)

    @given(edges_of_graphs)
    def test_the_way_that_is_named_exists_and_does_not_use_the_edge(
        self, edges: dict[Edge, bool]
    ) -> None:
        for edge, way in topology_of(edges).filtered_cycles().items():
            assert (way[0], way[-1]) == edge
            steps = [edge_of(*step) for step in pairwise(way)]
            assert all(step in edges and step != edge for step in steps)

    @given(edges_of_graphs)
    def test_the_order_in_which_connections_are_told_does_not_matter(
        self, edges: dict[Edge, bool]
    ) -> None:
        backwards = dict(reversed(edges.items()))
        assert topology_of(edges).filtered_cycles() == topology_of(backwards).filtered_cycles()

    def test_networks_without_filters_are_not_restricted(self) -> None:
        mesh = dict.fromkeys(combinations(PLACES, 2), False)
        assert topology_of(mesh).filtered_cycles() == {}

    def test_both_directions_between_two_endpoints_are_one_edge(self) -> None:
        links = (Link("a", "b", filtered=True), Link("b", "a", filtered=False))
        topology = Topology.of([LinkState("a", 1, links[:1]), LinkState("b", 1, links[1:])])
        assert topology.edges() == {("a", "b"): True}
        assert topology.filtered_cycles() == {}

    def test_a_link_that_closes_a_cycle_with_a_filtered_one_is_found_before_it_is_told(
        self,
    ) -> None:
        topology = topology_of({("a", "b"): True, ("b", "c"): False})
        assert topology.filtered_cycles() == {}
        cycles = topology.filtered_cycles([Link("c", "a")])
        assert cycles == {("a", "b"): ("a", "c", "b")}

    def test_links_of_retired_endpoints_do_not_count(self) -> None:
        topology = topology_of({("a", "b"): True, ("b", "c"): False, ("a", "c"): False})
        assert topology.filtered_cycles()
        assert not topology.merged([LinkState("c", 9, retired=True)]).filtered_cycles()

    def test_the_refusal_names_the_cycle(self) -> None:
        refusal = filtered_cycle_refusal(("a", "b"), ("a", "c", "b"))
        assert isinstance(refusal, FilteredCycle)
        assert "a - c - b - a" in str(refusal)

    def test_the_other_way_is_a_shortest_one(self) -> None:
        edges = [("a", "b"), ("a", "c"), ("b", "c"), ("a", "d"), ("d", "e"), ("b", "e")]
        assert way_around(edges, ("a", "b")) == ("a", "c", "b")


class TestNews:
    @given(st.lists(link_states), st.lists(link_states))
    def test_the_order_of_news_does_not_matter(
        self, first: list[LinkState], second: list[LinkState]
    ) -> None:
        one, other = Topology.of(first), Topology.of(second)
        both = one.merged(second)
        assert both == other.merged(first)
        assert both.merged([*first, *second]) is both

    @given(link_states, link_states, link_states)
    def test_news_may_come_in_any_groups(self, a: LinkState, b: LinkState, c: LinkState) -> None:
        ab, bc = Topology.of([a, b]), Topology.of([b, c])
        assert ab.merged([c]) == Topology.of([a]).merged(bc.states.values())

    def test_the_state_with_the_larger_number_holds(self) -> None:
        old, fresh = LinkState("a", 1, (Link("a", "b"),)), LinkState("a", 2)
        assert Topology.of([fresh, old]).states == {"a": fresh}

    def test_nobody_comes_back_from_retirement(self) -> None:
        topology = Topology.of([LinkState("a", 3, retired=True), LinkState("a", 9)])
        assert topology.retired == ("a",)


class TestWhatIsKept:
    STATES = (LinkState("a", 2, (Link("a", "b", filtered=True),)), LinkState("b", 1, retired=True))

    def test_a_file_keeps_it(self, tmp_path: Path) -> None:
        path = tmp_path / "replication" / "topology"
        assert FileTopologyStore(path).load() == ()
        FileTopologyStore(path).save(self.STATES)
        assert FileTopologyStore(path).load() == self.STATES
        assert [each.name for each in path.parent.iterdir()] == ["topology"]

    def test_a_file_that_holds_something_else_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "topology"
        path.write_bytes(b"\xff")
        with pytest.raises(Undecodable):
            FileTopologyStore(path).load()

    def test_a_disk_that_cannot_be_written_leaves_what_was_there(self, tmp_path: Path) -> None:
        path = tmp_path / "topology"
        FileTopologyStore(path).save(self.STATES)
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(TopologyNotSaved):
            FileTopologyStore(tmp_path / "file" / "topology").save(())
        assert FileTopologyStore(path).load() == self.STATES

    def test_memory_keeps_it_as_long_as_it_lasts(self) -> None:
        store = MemoryTopologyStore()
        store.save(self.STATES)
        assert store.load() == self.STATES


Copies = dict[str, dict[str, int]]
"""Place -> version vector there; what a place has is kept beside it."""


class TestWhyItIsRefused:
    """A network of places reduced to what matters: a version vector and a set of events."""

    @settings(max_examples=150)
    @given(
        edges_of_graphs,
        st.lists(st.tuples(st.sampled_from(PLACES), st.booleans()), max_size=12),
        st.randoms(use_true_random=False),
    )
    def test_accepted_topologies_lose_nothing(
        self, edges: dict[Edge, bool], writes: list[tuple[str, bool]], chance: object
    ) -> None:
        topology = topology_of(edges)
        accepted = {e: f for e, f in edges.items() if not topology.filtered_cycle(e)}
        network = _Network(accepted)
        for place, passes in writes:
            network.write(place, passes=passes)
            for edge in accepted:
                if chance.random() < 0.5:  # type: ignore[attr-defined]  # a random.Random
                    network.exchange(edge)
        for _ in PLACES:
            for edge in accepted:
                network.exchange(edge)
        unfiltered = [edge for edge, filtered in accepted.items() if not filtered]
        for place in PLACES:
            expected = {
                event
                for event, (origin, passes) in network.written.items()
                if origin in reach(unfiltered if not passes else accepted, place)
            }
            assert network.events[place] == expected

    def test_a_filtered_link_on_a_cycle_loses_an_event_that_another_way_would_have_brought(
        self,
    ) -> None:
        network = _Network({("a", "b"): True, ("a", "c"): False, ("b", "c"): False})
        lost = network.write("a", passes=False)
        later = network.write("a", passes=True)
        network.exchange(("a", "b"))
        for _ in PLACES:
            for edge in (("a", "c"), ("b", "c"), ("a", "b")):
                network.exchange(edge)
        assert network.events["c"] == {lost, later}
        assert network.events["b"] == {later}


class _Network:
    def __init__(self, edges: Mapping[Edge, bool]) -> None:
        self._edges = edges
        self._logs: dict[str, list[tuple[int, str, dict[str, int]]]] = {p: [] for p in PLACES}
        self._version: dict[str, dict[str, int]] = {place: {} for place in PLACES}
        self.events: dict[str, set[int]] = {place: set() for place in PLACES}
        self.written: dict[int, tuple[str, bool]] = {}

    def write(self, place: str, *, passes: bool) -> int:
        event = len(self.written)
        self.written[event] = (place, passes)
        version = dict(self._version[place])
        version[place] = version.get(place, 0) + 1
        self._store(place, event, version)
        return event

    def exchange(self, edge: Edge) -> None:
        for source, target in (edge, edge[::-1]):
            for event, _, version in list(self._logs[source]):
                if self.written[event][1] or not self._edges[edge]:
                    known = self._version[target]
                    if any(time > known.get(name, 0) for name, time in version.items()):
                        self._store(target, event, version)

    def _store(self, place: str, event: int, version: dict[str, int]) -> None:
        self._logs[place].append((event, place, version))
        self.events[place].add(event)
        known = self._version[place]
        for name, time in version.items():
            known[name] = max(known.get(name, 0), time)
