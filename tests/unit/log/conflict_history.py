"""Sites that change one value, and the histories that come of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from museion.log.sourced.conflicts.concurrent_versions import ConcurrentVersions, Rule
from museion.log.sourced.conflicts.version_list import VersionList
from museion.log.sourced.conflicts.version_tree import VersionTree
from museion.log.sourced.conflicts.versioned import Versioned
from museion.log.vector_time import VectorTime

V = TypeVar("V", bound=ConcurrentVersions[Any, Any])


class Added(msgspec.Struct, frozen=True):
    """A change: its text is appended."""

    text: str


class Selected(msgspec.Struct, frozen=True):
    """A selection."""

    selected: VectorTime


class Merged(msgspec.Struct, frozen=True):
    """A merging."""

    selected: tuple[VectorTime, ...]
    merged: Any


class Emitted(msgspec.Struct, frozen=True):
    """An event as a site's log wrote it."""

    payload: object
    vector_timestamp: VectorTime
    system_time_ms: int
    emitter_id: str

    @property
    def process_id(self) -> str:
        return self.emitter_id


RULES = Versioned("value", resolves=Selected, merges=Merged)


def time(a: int = 0, b: int = 0, c: int = 0) -> VectorTime:
    """Return the vector time of up to three sites."""
    return VectorTime({"a": a, "b": b, "c": c})


def appended(state: str | None, change: Added) -> str:
    """Project a change: append its text."""
    return (state or "") + change.text


def tree(rule: Rule | None = None) -> VersionTree[str, Added]:
    """Return an empty tree of texts."""
    return VersionTree(appended, rule=rule)


def whole_values(rule: Rule | None = None) -> VersionList[Any]:
    """Return an empty list."""
    return VersionList(rule=rule)


def add(versions: V, text: str, at: VectorTime, *, wall_ms: int = 0, creator: str = "a") -> V:
    """Apply a change."""
    payload = Added(text) if isinstance(versions, VersionTree) else text
    return versions.update(
        payload,
        vector_timestamp=at,
        system_time_ms=wall_ms,
        creator=creator,
    )


def values(versions: ConcurrentVersions[Any, Any]) -> list[Any]:
    """Return the values of all versions, sorted."""
    return sorted(version.value for version in versions.all)


@dataclass
class Site:
    """Handles events in causal order and emits new ones. Its name is its emitter and its log."""

    name: str
    versions: ConcurrentVersions[Any, Any]
    rules: Versioned = RULES
    handled: list[Emitted] = field(default_factory=list)
    version: VectorTime = field(default_factory=VectorTime)

    def emit(self, payload: object, *, wall_ms: int = 0) -> Emitted:
        """Write an event and handle it."""
        own = self.version.local_time(self.name) + 1
        event = Emitted(payload, self.version.advance(self.name, own), wall_ms, self.name)
        self.handle(event)
        return event

    def handle(self, event: Emitted) -> None:
        """Handle an event that is not known yet."""
        self.handled.append(event)
        self.version = self.version.merge(event.vector_timestamp)
        self.versions = self.rules.handle(self.versions, event.payload, event)

    def receive(self, other: Site, limit: int | None = None) -> None:
        """Handle the events of another site that are new, in its order, as a log replicates."""
        new = [event for event in other.handled if not event.vector_timestamp <= self.version]
        for event in new[:limit]:
            self.handle(event)


def history(
    seed: int,
    empty: Callable[[], ConcurrentVersions[Any, Any]],
    *,
    owner_only: bool,
    steps: int = 24,
    start: tuple[ConcurrentVersions[Any, Any], VectorTime] | None = None,
) -> list[Emitted]:
    """Return the events of three sites that change, select, merge and receive at random.

    Args:
        owner_only: commands are checked, so a change is refused in a conflict and only the owner
            resolves; otherwise every site does what it likes.
        start: versions and version that all sites begin with.
    """
    chance = random.Random(seed)  # noqa: S311 (a seeded history)
    if start is None:
        sites = [Site(name, empty()) for name in "abc"]
        sites[0].emit(Added("0"))
    else:
        sites = [Site(name, start[0], version=start[1]) for name in "abc"]
    for step in range(1, steps):
        site = chance.choice(sites)
        other = chance.choice([each for each in sites if each is not site])
        payload = _choice(chance, site, str(step), owner_only=owner_only)
        if payload is None:
            site.receive(other, chance.choice([1, 2, None]))
        else:
            site.emit(payload, wall_ms=chance.randrange(4))
    for site in sites:
        sites[0].receive(site)
    return sites[0].handled


def _choice(
    chance: random.Random, site: Site, text: str, *, owner_only: bool
) -> Added | Selected | Merged | None:
    known = site.versions.all
    kind = chance.choice(["add", "add", "receive", "receive", "select", "merge"])
    if kind == "receive" or (owner_only and not known and site.name == "c"):
        return None
    if kind == "add" or not known:
        return None if owner_only and site.versions.conflict else Added(f".{text}")
    if owner_only and not (site.versions.conflict and site.versions.owner == site.name):
        return None
    picked = chance.sample(known, chance.randrange(1, len(known) + 1))
    names = tuple(version.vector_timestamp for version in picked)
    if kind == "select":
        return Selected(names[0])
    return Merged(names, f"({'+'.join(sorted(str(version.value) for version in picked))})")


def causal_order(events: Iterable[Emitted], seed: int) -> Sequence[Emitted]:
    """Return the events in another order in which they may arrive."""
    chance = random.Random(seed)  # noqa: S311 (a seeded order)
    left = list(events)
    ordered: list[Emitted] = []
    while left:
        ready = [
            event
            for event in left
            if not any(other.vector_timestamp < event.vector_timestamp for other in left)
        ]
        event = chance.choice(ready)
        left.remove(event)
        ordered.append(event)
    return ordered


def replayed(versions: V, events: Iterable[Emitted]) -> V:
    """Return the versions after all events."""
    for event in events:
        versions = RULES.handle(versions, event.payload, event)
    return versions
