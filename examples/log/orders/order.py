"""One order: its events, and the aggregate that keeps all versions of it.

The rules are those of `Versioned`: an order is changed only where it has one version, and only the
site that created it may resolve a conflict, so no two resolutions are ever concurrent.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from museion.base.errors import Conflict
from museion.log import Aggregate, VectorTime, command, event_type, handles
from museion.log.sourced.conflicts.concurrent_versions import Version
from museion.log.sourced.conflicts.version_tree import VersionTree
from museion.log.sourced.conflicts.versioned import Stamped, Versioned


class Contents(msgspec.Struct, frozen=True):
    """What is in an order, and which change made it so."""

    items: tuple[str, ...]
    change: str
    by: str


@event_type("order.created")
class OrderCreated(msgspec.Struct, frozen=True):
    """Somebody began an order."""

    by: str


@event_type("order.item-added")
class ItemAdded(msgspec.Struct, frozen=True):
    """Somebody added an item."""

    item: str
    by: str


@event_type("order.item-removed")
class ItemRemoved(msgspec.Struct, frozen=True):
    """Somebody removed an item."""

    item: str
    by: str


@event_type("order.resolved")
class OrderResolved(msgspec.Struct, frozen=True):
    """The owner selected one of the versions."""

    selected: VectorTime
    by: str


@event_type("order.merged")
class OrderMerged(msgspec.Struct, frozen=True):
    """The owner made one of several versions."""

    selected: tuple[VectorTime, ...]
    merged: Contents
    by: str


Change = OrderCreated | ItemAdded | ItemRemoved


class NoSuchItem(Conflict):
    """What is not in an order cannot be removed."""

    def __init__(self, order: str, item: str) -> None:
        super().__init__(f"There is no {item!r} in {order!r}.")


def project(before: Contents | None, change: Change) -> Contents:
    """Return what a change makes of an order."""
    items = before.items if before is not None else ()
    match change:
        case OrderCreated(by):
            return Contents((), "created", by)
        case ItemAdded(item, by):
            return Contents((*items, item), f"added {item}", by)
        case ItemRemoved(item, by):
            left = tuple(each for each in items if each != item)
            return Contents(left, f"removed {item}", by)


def site_of(event: Stamped) -> str:
    """Return where an event was emitted: the location in its emitter id."""
    return event.emitter_id.rpartition("@")[2]


def united(versions: Sequence[Version[Contents]], by: str) -> Contents:
    """Merge versions: everything that is in one of them, each item once."""
    items = dict.fromkeys(item for version in versions for item in version.value.items)
    return Contents(tuple(items), "merged", by)


class Order(Aggregate, name="order", transient=("site", "versions")):
    """An order as one site knows it. Its events from other sites are folded like its own.

    Args:
        site: where this instance runs.
    """

    def __init__(self, site: str) -> None:
        self.site = site
        self.versions: VersionTree[Contents, Change] = VersionTree(project)

    @command
    async def create(self, by: str) -> None:
        """Begin the order."""
        await self.persist(self._rules.create(self.versions, OrderCreated(by)))

    @command
    async def add(self, item: str, by: str) -> None:
        """Add an item; refused while a conflict is visible."""
        await self.persist(self._rules.update(self.versions, ItemAdded(item, by)))

    @command
    async def remove(self, item: str, by: str) -> None:
        """Remove an item; refused while a conflict is visible."""
        if item not in self._rules.value(self.versions).items:
            raise NoSuchItem(self.id, item)
        await self.persist(self._rules.update(self.versions, ItemRemoved(item, by)))

    @command
    async def resolve(self, selected: VectorTime, by: str) -> None:
        """Select one of the versions; only at the site that created the order."""
        chosen = OrderResolved(selected, by)
        await self.persist(self._rules.resolve(self.versions, chosen, origin=self.site))

    @command
    async def merge(self, selected: tuple[VectorTime, ...], by: str) -> None:
        """Make one of several versions; only at the site that created the order."""
        versions = [each for each in self.versions.all if each.vector_timestamp in selected]
        merged = OrderMerged(selected, united(versions, by), by)
        await self.persist(self._rules.merge(self.versions, merged, origin=self.site))

    @command
    async def look(self) -> Sequence[Version[Contents]]:
        """Return all versions; more than one is a conflict."""
        return self.versions.all

    @command
    async def owner(self) -> str | None:
        """Return the site that may resolve; None before the order is created."""
        return self.versions.owner

    @handles
    def _happened(
        self, event: OrderCreated | ItemAdded | ItemRemoved | OrderResolved | OrderMerged
    ) -> None:
        self.versions = self._rules.handle(self.versions, event, self.current)

    @property
    def _rules(self) -> Versioned:
        return Versioned(self.id, resolves=OrderResolved, merges=OrderMerged, origin=site_of)
