"""Concurrent versions depend on the events, not on the order in which concurrent ones arrive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from conflict_history import (
    Added,
    Emitted,
    Merged,
    Selected,
    Site,
    appended,
    causal_order,
    history,
    replayed,
    tree,
    values,
    whole_values,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from museion.log.sourced.conflicts.concurrent_versions import LATEST, ConcurrentVersions
from museion.log.sourced.conflicts.version_list import ListState, VersionList
from museion.log.sourced.conflicts.version_tree import TreeState, VersionTree
from museion.log.vector_time import VectorTime, merge_all

Empty = Callable[[], ConcurrentVersions[Any, Any]]
seeds = st.integers(0, 2**32)
variants = pytest.mark.parametrize(
    "empty",
    [tree, whole_values, lambda: tree(LATEST), lambda: whole_values(LATEST)],
    ids=["tree", "list", "tree-latest", "list-latest"],
)


@variants
@pytest.mark.parametrize("owner_only", [True, False])
@settings(max_examples=150, deadline=None)
@given(seed=seeds, order=seeds)
def test_any_causal_order_of_the_same_events_leads_to_the_same_versions(
    empty: Empty, owner_only: bool, seed: int, order: int
) -> None:
    events = history(seed, empty, owner_only=owner_only)
    here = replayed(empty(), events)
    there = replayed(empty(), causal_order(events, order))
    assert there.all == here.all
    assert there.conflict == here.conflict
    assert there.owner == here.owner


@variants
@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_a_replay_leads_to_the_same_versions(empty: Empty, seed: int) -> None:
    events = history(seed, empty, owner_only=True)
    site = Site("a", empty())
    for event in events:
        site.handle(event)
    assert replayed(empty(), events) == site.versions


@variants
@settings(max_examples=100, deadline=None)
@given(seed=seeds)
def test_something_is_always_left_of_a_value(empty: Empty, seed: int) -> None:
    events = history(seed, empty, owner_only=False)
    for count in range(1, len(events) + 1):
        assert replayed(empty(), events[:count]).all


@pytest.mark.parametrize("owner_only", [True, False])
@settings(max_examples=200, deadline=None)
@given(seed=seeds)
def test_the_tree_is_what_its_definition_says(owner_only: bool, seed: int) -> None:
    events = history(seed, tree, owner_only=owner_only)
    assert values(replayed(tree(), events)) == sorted(Oracle(events).values())


@settings(max_examples=200, deadline=None)
@given(seed=seeds)
def test_without_resolutions_a_version_is_the_fold_of_its_causal_past(seed: int) -> None:
    """As long as nobody changes a value that is in conflict to him."""
    events = [
        event for event in history(seed, tree, owner_only=True) if isinstance(event.payload, Added)
    ]
    times = [event.vector_timestamp for event in events]
    assume(all(_is_chain(_past(events, time)) for time in times))
    tips = [time for time in times if not any(time < other for other in times)]
    expected = ["".join(_texts(_past(events, tip))) for tip in tips]
    assert values(replayed(tree(), events)) == sorted(expected)


@settings(max_examples=200, deadline=None)
@given(seed=seeds, order=seeds)
def test_the_list_is_a_tree_whose_changes_replace_the_value(seed: int, order: int) -> None:
    replacing: VersionTree[Any, Any] = VersionTree(lambda _, change: change)
    events = causal_order(history(seed, lambda: replacing, owner_only=True), order)
    assert replayed(whole_values(), events).all == replayed(replacing, events).all


@variants
@settings(max_examples=100, deadline=None)
@given(seed=seeds, later=seeds, order=seeds)
def test_purging_what_is_stable_changes_nothing_visible(
    empty: Empty, seed: int, later: int, order: int
) -> None:
    """All sites know `seed`'s events; then they go on, and some purge and some do not."""
    past = history(seed, empty, owner_only=True)
    stable = merge_all(event.vector_timestamp for event in past)
    future = _continued(past, later, empty)
    kept = replayed(replayed(empty(), past), causal_order(future, order))
    purged = replayed(replayed(empty(), past).purge(stable), future)
    assert purged.all == kept.all
    assert purged.purge(stable).all == kept.all
    assert purged.owner == kept.owner


@pytest.mark.parametrize("owner_only", [True, False])
@settings(max_examples=150, deadline=None)
@given(seed=seeds, later=seeds, count=st.integers(1, 24))
def test_purging_in_the_middle_of_concurrent_events_changes_nothing_visible(
    owner_only: bool, seed: int, later: int, count: int
) -> None:
    """What is stable may be far behind what has arrived."""
    past = history(seed, tree, owner_only=owner_only)
    stable = merge_all(event.vector_timestamp for event in past)
    future = _continued(past, later, tree, owner_only=owner_only)
    arrived, to_come = future[:count], future[count:]
    kept = replayed(replayed(tree(), past), arrived)
    purged = kept.purge(stable)
    assert purged.all == kept.all
    assert replayed(purged, to_come).all == replayed(kept, to_come).all


@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_of_a_stable_tree_only_its_versions_are_left(seed: int) -> None:
    events = history(seed, tree, owner_only=True)
    purged = replayed(tree(), events).purge(merge_all(e.vector_timestamp for e in events))
    assert len(purged.state.nodes) == len(purged.all)


@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_a_tree_comes_back_from_its_stored_state(seed: int) -> None:
    before = replayed(tree(), history(seed, tree, owner_only=False))
    stored = msgspec.msgpack.encode(before.state)
    state = msgspec.msgpack.decode(stored, type=TreeState[str])
    assert VersionTree(appended, state) == before


@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_a_list_comes_back_from_its_stored_state(seed: int) -> None:
    texts: VersionList[Any] = whole_values()
    before = replayed(texts, history(seed, whole_values, owner_only=False))
    stored = msgspec.msgpack.encode(before.state)
    state = msgspec.msgpack.decode(stored, type=ListState[Added | str])
    assert VersionList(state).owner == before.owner


class Oracle:
    """The definition of the tree, word for word, at any cost.

    A node is a change or a merging. To an event, versions are the nodes in its past without a
    child in its past, unless rejected. It is rejected if an event in the past rejected it that
    knew all selections in the past of it and of the nodes above it.
    """

    def __init__(self, events: Sequence[Emitted]) -> None:
        self._nodes: dict[VectorTime, tuple[str, VectorTime | None, int, str]] = {}
        self._selections: list[tuple[VectorTime, VectorTime]] = []
        self._rejections: list[tuple[VectorTime, VectorTime]] = []
        for event in events:
            self._apply(event)

    def values(self) -> list[str]:
        everything = merge_all(self._nodes).merge(merge_all(r for _, r in self._selections))
        return [self._nodes[node][0] for node in self._versions(everything.advance("z", 1))]

    def _apply(self, event: Emitted) -> None:
        time, payload = event.vector_timestamp, event.payload
        known = self._versions(time)
        if isinstance(payload, Added):
            parent = self._first(known)
            before = self._nodes[parent][0] if parent is not None else ""
            self._add(event, before + payload.text, parent)
        elif isinstance(payload, Merged):
            picked = [n for n in known if any(self._named(n, s) for s in payload.selected)]
            self._add(event, payload.merged, self._first(picked))
            self._rejections += [(node, time) for node in known if node != self._first(picked)]
        else:
            assert isinstance(payload, Selected)
            picked = [node for node in known if self._named(node, payload.selected)]
            self._selections += [(node, time) for node in picked]
            self._rejections += [(node, time) for node in known if node not in picked]

    def _add(self, event: Emitted, value: str, parent: VectorTime | None) -> None:
        node = (value, parent, event.system_time_ms, event.emitter_id)
        self._nodes[event.vector_timestamp] = node

    def _versions(self, now: VectorTime) -> list[VectorTime]:
        past = [node for node in self._nodes if node < now]
        parents = [self._nodes[node][1] for node in past]
        return [node for node in past if node not in parents and not self._rejected(node, now)]

    def _rejected(self, node: VectorTime, now: VectorTime) -> bool:
        above = self._above(node)
        selections = [s for chosen, s in self._selections if chosen in above and s < now]
        rejections = [r for rejected, r in self._rejections if rejected == node and r < now]
        return any(all(s < r for s in selections) for r in rejections)

    def _above(self, node: VectorTime | None) -> list[VectorTime]:
        return [] if node is None else [node, *self._above(self._nodes[node][1])]

    def _named(self, node: VectorTime, name: VectorTime) -> bool:
        above = self._above(node)
        return name in above or any(c in above and s == name for c, s in self._selections)

    def _first(self, nodes: Sequence[VectorTime]) -> VectorTime | None:
        def order(node: VectorTime) -> tuple[int, str, list[tuple[str, int]]]:
            _, _, wall_ms, creator = self._nodes[node]
            return -wall_ms, creator, sorted(node.times.items())

        return min(nodes, key=order, default=None)


def _past(events: Sequence[Emitted], tip: VectorTime) -> list[Emitted]:
    return [event for event in events if event.vector_timestamp <= tip]


def _is_chain(events: Sequence[Emitted]) -> bool:
    times = [event.vector_timestamp for event in events]
    return not any(one.concurrent(two) for one in times for two in times)


def _texts(events: Sequence[Emitted]) -> list[str]:
    ordered = sorted(events, key=lambda event: sum(event.vector_timestamp.times.values()))
    return [event.payload.text for event in ordered if isinstance(event.payload, Added)]


def _continued(
    past: Sequence[Emitted], seed: int, empty: Empty, *, owner_only: bool = True
) -> list[Emitted]:
    """Return what sites emit that all know the past."""
    start = (replayed(empty(), past), merge_all(event.vector_timestamp for event in past))
    return history(seed, empty, owner_only=owner_only, start=start)
