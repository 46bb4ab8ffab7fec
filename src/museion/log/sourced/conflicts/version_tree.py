"""Concurrent versions of a state that grows by changes, as a tree.

Each node is the state after one change. A change is appended to its closest predecessor, the
version that its event knew; a concurrent one is appended to the same node and so makes a branch.
Versions are the leaves that are not rejected.

States are immutable, so all trees, branches and snapshots share them; nothing is ever deep-copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import structs

from museion.log.sourced.conflicts.concurrent_versions import (
    LATEST,
    Root,
    Rule,
    Version,
    is_rejected,
    owner_of,
    shown_time,
    with_root,
)
from museion.log.vector_time import VectorTime

S = TypeVar("S")
E = TypeVar("E")

NO_PARENT = -1


class TreeNode(msgspec.Struct, Generic[S], frozen=True, array_like=True):
    """The state after one change, or after a merging.

    Attributes:
        parent: index of the node whose state it was made from; always lower than its own.
        selected_by: timestamps of the events that selected it.
        rejected_by: timestamps of the events that decided for another.
    """

    value: S
    vector_timestamp: VectorTime
    system_time_ms: int
    creator: str
    parent: int
    selected_by: tuple[VectorTime, ...] = ()
    rejected_by: tuple[VectorTime, ...] = ()


class TreeState(msgspec.Struct, Generic[S], frozen=True):
    """All that a tree remembers; plain data to keep in a snapshot.

    Attributes:
        leaves: indices of the nodes without children, rejected ones too.
        roots: the changes that created the value; also those whose nodes are purged.
    """

    nodes: tuple[TreeNode[S], ...] = ()
    leaves: tuple[int, ...] = ()
    roots: tuple[Root, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionTree(Generic[S, E]):
    """See `ConcurrentVersions`. Operations cost O(nodes), so purge where that can be known.

    A change whose event knew several versions builds on the one that the rule (or `LATEST`)
    chooses. With a rule it thereby rejects the others, without one they stay.

    Args:
        project: returns the state that a change makes of a state, None before creation. Must be a
            pure function: each site computes it for itself.
        state: what an earlier tree remembered.
        rule: chooses when there are several versions; without one that is a conflict.
    """

    project: Callable[[S | None, E], S]
    state: TreeState[S] = field(default_factory=TreeState)
    rule: Rule | None = None

    @property
    def all(self) -> Sequence[Version[S]]:
        """See `ConcurrentVersions`."""
        indices = self._versions(_everything)
        if self.rule is not None and indices:
            indices = [self._chosen(indices, self.rule)]
        return tuple(LATEST.sort(self._version(index) for index in indices))

    @property
    def conflict(self) -> bool:
        """See `ConcurrentVersions`."""
        return len(self.all) > 1

    @property
    def owner(self) -> str | None:
        """See `ConcurrentVersions`."""
        return owner_of(self.state.roots)

    def update(
        self,
        change: E,
        *,
        vector_timestamp: VectorTime,
        system_time_ms: int,
        creator: str,
    ) -> VersionTree[S, E]:
        """See `ConcurrentVersions`."""
        known = self._versions(_before(vector_timestamp))
        parent = self._chosen(known, self.rule or LATEST) if known else NO_PARENT
        before = self.state.nodes[parent].value if known else None
        value = self.project(before, change)
        node = TreeNode(value, vector_timestamp, system_time_ms, creator, parent)
        rejected = [index for index in known if index != parent] if self.rule is not None else []
        return self._grown(node, rejected)

    def resolve(self, selected: VectorTime, *, vector_timestamp: VectorTime) -> VersionTree[S, E]:
        """See `ConcurrentVersions`."""
        known = self._versions(_before(vector_timestamp))
        winners = [index for index in known if self._builds_on(index, selected)]
        if not winners:
            return self
        nodes = list(self.state.nodes)
        for index in known:
            node = nodes[index]
            if index in winners:
                times = (*node.selected_by, vector_timestamp)
                nodes[index] = structs.replace(node, selected_by=times)
            else:
                nodes[index] = _reject(node, vector_timestamp)
        return self._with(nodes=tuple(nodes))

    def merge(
        self,
        selected: Iterable[VectorTime],
        value: S,
        *,
        vector_timestamp: VectorTime,
        system_time_ms: int,
        creator: str,
    ) -> VersionTree[S, E]:
        """See `ConcurrentVersions`."""
        names = tuple(selected)
        known = self._versions(_before(vector_timestamp))
        merged = [index for index in known if any(self._builds_on(index, name) for name in names)]
        if not merged:
            return self
        parent = self._chosen(merged, LATEST)
        node = TreeNode(value, vector_timestamp, system_time_ms, creator, parent)
        return self._grown(node, [index for index in known if index != parent])

    def purge(self, stable: VectorTime) -> VersionTree[S, E]:
        """See `ConcurrentVersions`.

        Changes nothing while an event that selected one of the old nodes is not stable itself.
        """
        nodes = self.state.nodes
        old = {index for index, node in enumerate(nodes) if node.vector_timestamp <= stable}
        selections = [time for index in old for time in nodes[index].selected_by]
        if not all(time <= stable for time in selections):
            return self
        needed = set(self._versions(_within(stable)))
        return self._cut([i for i in range(len(nodes)) if i not in old or i in needed], stable)

    def _versions(self, knows: Callable[[VectorTime], bool]) -> list[int]:
        """Return the nodes that are versions to somebody who knows these events only."""
        nodes = self.state.nodes
        tips: set[int] = set()
        inner: set[int] = set()
        for leaf in self.state.leaves:
            tip = next((i for i in self._path(leaf) if knows(nodes[i].vector_timestamp)), None)
            if tip is not None:
                tips.add(tip)
                if tip != leaf:
                    inner.add(tip)
        # A node below an unknown change may have a known child on another branch.
        inner = {index for index in inner if any(self._is_above(index, tip) for tip in tips)}
        return [index for index in sorted(tips - inner) if not self._rejected(index, knows)]

    def _rejected(self, index: int, knows: Callable[[VectorTime], bool]) -> bool:
        rejected_by = [time for time in self.state.nodes[index].rejected_by if knows(time)]
        # Whoever decided for a node decided for what is built on it as well.
        return bool(rejected_by) and is_rejected(rejected_by, self._selections(index, knows))

    def _selections(self, index: int, knows: Callable[[VectorTime], bool]) -> list[VectorTime]:
        path = (self.state.nodes[each] for each in self._path(index))
        return [time for node in path for time in node.selected_by if knows(time)]

    def _path(self, index: int) -> Iterator[int]:
        """Yield a node and those above it, up to its root."""
        while index != NO_PARENT:
            yield index
            index = self.state.nodes[index].parent

    def _is_above(self, upper: int, lower: int) -> bool:
        while lower > upper:  # a parent comes before its children
            lower = self.state.nodes[lower].parent
            if lower == upper:
                return True
        return False

    def _builds_on(self, index: int, selected: VectorTime) -> bool:
        path = (self.state.nodes[each] for each in self._path(index))
        return any(selected in (node.vector_timestamp, *node.selected_by) for node in path)

    def _version(self, index: int) -> Version[S]:
        node = self.state.nodes[index]
        time = shown_time(node.vector_timestamp, node.selected_by)
        return Version(node.value, time, node.system_time_ms, node.creator)

    def _chosen(self, indices: Sequence[int], rule: Rule) -> int:
        if len(indices) == 1:
            return indices[0]
        return min(indices, key=lambda index: rule.order(_own_version(self.state.nodes[index])))

    def _grown(self, node: TreeNode[S], rejected: Iterable[int]) -> VersionTree[S, E]:
        state = self.state
        nodes = list(state.nodes)
        for index in rejected:
            nodes[index] = _reject(nodes[index], node.vector_timestamp)
        nodes.append(node)
        leaves = (*(leaf for leaf in state.leaves if leaf != node.parent), len(state.nodes))
        roots = with_root(state.roots, node.vector_timestamp, node.creator)
        return self._with(nodes=tuple(nodes), leaves=leaves, roots=roots)

    def _cut(self, kept: Sequence[int], stable: VectorTime) -> VersionTree[S, E]:
        """Return the tree with these nodes only; a node without its parent is a new root."""
        places = {index: place for place, index in enumerate(kept)}
        nodes = tuple(
            structs.replace(
                self.state.nodes[index],
                parent=places.get(self.state.nodes[index].parent, NO_PARENT),
                rejected_by=self._lasting_rejections(index, stable),
            )
            for index in kept
        )
        leaves = tuple(places[leaf] for leaf in self.state.leaves if leaf in places)
        return self._with(nodes=nodes, leaves=leaves)

    def _lasting_rejections(self, index: int, stable: VectorTime) -> tuple[VectorTime, ...]:
        """Return the rejections without those that a stable selection above makes void for good.

        For the node of that selection may be cut off.
        """
        node = self.state.nodes[index]
        selections = self._selections(node.parent, _within(stable))
        return tuple(time for time in node.rejected_by if is_rejected([time], selections))

    def _with(self, **changes: object) -> VersionTree[S, E]:
        return replace(self, state=structs.replace(self.state, **changes))


def _everything(_: VectorTime) -> bool:
    return True


def _before(time: VectorTime) -> Callable[[VectorTime], bool]:
    return lambda other: other < time


def _within(time: VectorTime) -> Callable[[VectorTime], bool]:
    return lambda other: other <= time


def _own_version(node: TreeNode[Any]) -> Version[object]:
    """Return a version as the change made it: who changes it may not know what selected it."""
    return Version(node.value, node.vector_timestamp, node.system_time_ms, node.creator)


def _reject(node: TreeNode[S], time: VectorTime) -> TreeNode[S]:
    return structs.replace(node, rejected_by=(*node.rejected_by, time))
