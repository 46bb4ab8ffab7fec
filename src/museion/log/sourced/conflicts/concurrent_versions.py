"""Versions of one value that were made at the same time at several sites.

Where a site may write while it is cut off, two sites may change one thing without knowing of each
other. Nothing is lost then: both versions are kept, next to each other, until one is selected or
they are merged. `version_tree` is for changes that build on a state, `version_list` for changes
that bring a whole new value. Both are values: each operation returns new versions and leaves the
old ones as they were.

What a change, a selection or a merging does depends on the events in its causal past alone, never
on what else has arrived. So all sites that know the same events hold the same versions, in whatever
order concurrent events came. Events must come in causal order and once each, as a log gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import msgspec

from museion.log.vector_time import VectorTime

T = TypeVar("T")
S_co = TypeVar("S_co", covariant=True)
S = TypeVar("S")
E_contra = TypeVar("E_contra", contravariant=True)


class Version(msgspec.Struct, Generic[S_co], frozen=True):
    """One of the versions that a value has.

    Attributes:
        value: never changed in place, so snapshots and older versions share it without copies.
        vector_timestamp: of the change that made it, or of the last event that selected it. It
            names the version in events that select or merge.
        system_time_ms: wall clock of the change that made it, milliseconds since 1970 UTC.
        creator: origin of the change that made it.
    """

    value: S_co
    vector_timestamp: VectorTime
    system_time_ms: int
    creator: str


@dataclass(frozen=True, slots=True)
class Rule:
    """How to choose among concurrent versions without asking anybody.

    A rule looks at one version at a time, so it cannot depend on the order of arrival. All sites
    must use the same: it is a part of what the events mean.

    Args:
        name: to show to people.
        key: the version with the smallest key is chosen; of equal ones the vector timestamp
            decides, in an order that means nothing but is the same everywhere.
    """

    name: str
    key: Callable[[Version[object]], Any]

    def sort(self, versions: Iterable[Version[T]]) -> list[Version[T]]:
        """Return the versions, the chosen one first."""
        return sorted(versions, key=self.order)

    def order(self, version: Version[object]) -> tuple[Any, list[tuple[str, int]]]:
        """Return what versions are sorted by; different for any two."""
        return self.key(version), _total(version.vector_timestamp)


LATEST = Rule("latest", lambda version: (-version.system_time_ms, version.creator))
"""The higher wall clock is chosen; of equal ones the lower creator."""


class Root(msgspec.Struct, frozen=True, array_like=True):
    """A change that builds on no other: it created the value."""

    vector_timestamp: VectorTime
    creator: str


class ConcurrentVersions(Protocol[S, E_contra]):
    """The versions of one value with state `S` that changes of type `E` lead to."""

    @property
    def all(self) -> Sequence[Version[S]]:
        """The versions, in the order of `LATEST`; with a rule only the one that it chooses."""

    @property
    def conflict(self) -> bool:
        """Whether there are several."""

    @property
    def owner(self) -> str | None:
        """The creator of the value; of concurrent creators the smallest. None before creation."""

    def update(
        self,
        change: E_contra,
        *,
        vector_timestamp: VectorTime,
        system_time_ms: int,
        creator: str,
    ) -> Self:
        """Return the versions after a change; it replaces what it builds on."""

    def resolve(self, selected: VectorTime, *, vector_timestamp: VectorTime) -> Self:
        """Return the versions after a selection.

        Of the versions that the selecting event knew, the selected one gets its timestamp and the
        others are rejected. Versions concurrent to that event stay. Nothing changes if it knew no
        version of the name `selected`.
        """

    def merge(
        self,
        selected: Iterable[VectorTime],
        value: S,
        *,
        vector_timestamp: VectorTime,
        system_time_ms: int,
        creator: str,
    ) -> Self:
        """Return the versions after a merging.

        All versions that the merging event knew give way to one of the merged value. Versions
        concurrent to that event stay. It must have known at least one of the `selected`.
        """

    def purge(self, stable: VectorTime) -> Self:
        """Return the same versions without what no event to come can need.

        Args:
            stable: must be in the causal past of every event that is still to come: all sites have
                it, and nothing that they emitted before they had it is under way.
        """


def owner_of(roots: Iterable[Root]) -> str | None:
    """Return the smallest of the creators, None when there is none."""
    return min((root.creator for root in roots), default=None)


def with_root(roots: tuple[Root, ...], time: VectorTime, creator: str) -> tuple[Root, ...]:
    """Return the roots, and the change of this timestamp if it builds on none of them."""
    if any(root.vector_timestamp < time for root in roots):
        return roots
    return (*roots, Root(time, creator))


def shown_time(own: VectorTime, selected_by: Iterable[VectorTime]) -> VectorTime:
    """Return the name of a version: its last selection, or else the change that made it.

    Of concurrent selections any will do, as long as it is the same one everywhere.
    """
    later = [time for time in selected_by if own < time]
    last = [time for time in later if not any(time < other for other in later)]
    return max(last, key=_total, default=own)


def is_rejected(rejected_by: Iterable[VectorTime], selected_by: Sequence[VectorTime]) -> bool:
    """Tell whether a version is rejected by an event that knew all events that selected it.

    A rejection concurrent to a selection does not count: two people decided differently, and that
    is a conflict again.
    """
    return any(all(time < rejection for time in selected_by) for rejection in rejected_by)


def _total(time: VectorTime) -> list[tuple[str, int]]:
    return sorted((process_id, count) for process_id, count in time.times.items() if count)
