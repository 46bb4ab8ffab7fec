"""Concurrent versions of a value that each change brings whole, as a list.

A change replaces all versions that its event knew, and stands beside those that it did not. What
was replaced is forgotten, so there is little to keep: one entry for each version, and those that
were rejected until they are purged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

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

T = TypeVar("T")


class ListEntry(msgspec.Struct, Generic[T], frozen=True, array_like=True):
    """The value that one change brought.

    Attributes:
        selected_by: timestamps of the events that selected it.
        rejected_by: timestamps of the events that decided for another.
    """

    value: T
    vector_timestamp: VectorTime
    system_time_ms: int
    creator: str
    selected_by: tuple[VectorTime, ...] = ()
    rejected_by: tuple[VectorTime, ...] = ()


class ListState(msgspec.Struct, Generic[T], frozen=True):
    """All that a list remembers; plain data to keep in a snapshot."""

    entries: tuple[ListEntry[T], ...] = ()
    roots: tuple[Root, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionList(Generic[T]):
    """See `ConcurrentVersions`; a change is the new value. Operations cost O(versions).

    Args:
        state: what an earlier list remembered.
        rule: chooses when there are several versions; without one that is a conflict.
    """

    state: ListState[T] = field(default_factory=ListState)
    rule: Rule | None = None

    @property
    def all(self) -> Sequence[Version[T]]:
        """See `ConcurrentVersions`."""
        valid = [_version(entry) for entry in _valid(self.state.entries)]
        if self.rule is not None:
            return tuple(self.rule.sort(valid)[:1])
        return tuple(LATEST.sort(valid))

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
        change: T,
        *,
        vector_timestamp: VectorTime,
        system_time_ms: int,
        creator: str,
    ) -> VersionList[T]:
        """See `ConcurrentVersions`.

        A change that an existing version already knew is ignored: that version decided about it.
        """
        entries = self.state.entries
        if any(_knows(entry, vector_timestamp) for entry in entries):
            return self
        beside = (each for each in entries if not each.vector_timestamp < vector_timestamp)
        new = ListEntry(change, vector_timestamp, system_time_ms, creator)
        roots = with_root(self.state.roots, vector_timestamp, creator)
        return replace(self, state=ListState((*beside, new), roots))

    def resolve(self, selected: VectorTime, *, vector_timestamp: VectorTime) -> VersionList[T]:
        """See `ConcurrentVersions`."""
        entries = self.state.entries
        return self._with(tuple(_resolve(entry, selected, vector_timestamp) for entry in entries))

    def merge(
        self,
        selected: Iterable[VectorTime],
        value: T,
        *,
        vector_timestamp: VectorTime,
        system_time_ms: int,
        creator: str,
    ) -> VersionList[T]:
        """See `ConcurrentVersions`. It is a change like any other: it replaces all it knew."""
        return self.update(
            value,
            vector_timestamp=vector_timestamp,
            system_time_ms=system_time_ms,
            creator=creator,
        )

    def purge(self, stable: VectorTime) -> VersionList[T]:
        """See `ConcurrentVersions`.

        Decisions must not have been concurrent to each other; `Versioned` sees to that.
        """
        return self._with(
            tuple(
                entry
                for entry in self.state.entries
                if not is_rejected(
                    (time for time in entry.rejected_by if time <= stable), entry.selected_by
                )
            )
        )

    def _with(self, entries: tuple[ListEntry[T], ...]) -> VersionList[T]:
        return replace(self, state=structs.replace(self.state, entries=entries))


def _valid(entries: tuple[ListEntry[T], ...]) -> Sequence[ListEntry[T]]:
    """Return the entries that are versions.

    Concurrent decisions may reject all there is. Then none of them counts, so nothing is lost.
    """
    return [entry for entry in entries if not _rejected(entry)] or entries


def _version(entry: ListEntry[T]) -> Version[T]:
    time = shown_time(entry.vector_timestamp, entry.selected_by)
    return Version(entry.value, time, entry.system_time_ms, entry.creator)


def _rejected(entry: ListEntry[T]) -> bool:
    return is_rejected(entry.rejected_by, entry.selected_by)


def _knows(entry: ListEntry[T], time: VectorTime) -> bool:
    return any(
        time <= known for known in (entry.vector_timestamp, *entry.selected_by, *entry.rejected_by)
    )


def _builds_on(entry: ListEntry[T], selected: VectorTime) -> bool:
    return selected <= entry.vector_timestamp or selected in entry.selected_by


def _resolve(entry: ListEntry[T], selected: VectorTime, time: VectorTime) -> ListEntry[T]:
    if not entry.vector_timestamp < time:
        return entry
    if _builds_on(entry, selected):
        return structs.replace(entry, selected_by=(*entry.selected_by, time))
    return structs.replace(entry, rejected_by=(*entry.rejected_by, time))
