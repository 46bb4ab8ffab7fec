"""An order as an aggregate at two sites that are cut off from each other for a while."""

from __future__ import annotations

import msgspec
import pytest
from recording import two_logs

from museion.log.event_log import EventLog
from museion.log.event_types import event_type
from museion.log.replication.link import pull_all
from museion.log.snapshots import MemorySnapshotStore
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.conflicts.concurrent_versions import Version
from museion.log.sourced.conflicts.conflict_errors import ConflictDetected, ResolutionRejected
from museion.log.sourced.conflicts.version_tree import TreeState, VersionTree
from museion.log.sourced.conflicts.versioned import Versioned
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop


@event_type("test.order.created", form=1)
class Created(msgspec.Struct, frozen=True):
    pass


@event_type("test.order.item-added", form=1)
class ItemAdded(msgspec.Struct, frozen=True):
    item: str


@event_type("test.order.resolved", form=1)
class Resolved(msgspec.Struct, frozen=True):
    selected: VectorTime


Items = tuple[str, ...]


def project(items: Items | None, change: Created | ItemAdded) -> Items:
    return () if isinstance(change, Created) else (*(items or ()), change.item)


class Order(Aggregate, name="test.order"):
    """Keeps the state of a tree; the rest is made of it where it is needed."""

    state: TreeState[Items] = TreeState()

    @property
    def tree(self) -> VersionTree[Items, Created | ItemAdded]:
        return VersionTree(project, self.state)

    @property
    def rules(self) -> Versioned:
        return Versioned(self.id, resolves=Resolved)

    @command
    async def create(self) -> None:
        await self.persist(self.rules.create(self.tree, Created()))

    @command
    async def add(self, item: str) -> None:
        await self.persist(self.rules.update(self.tree, ItemAdded(item)))

    @command
    async def resolve(self, selected: VectorTime) -> None:
        selection = Resolved(selected)
        await self.persist(self.rules.resolve(self.tree, selection, origin=self.emitter_id))

    @command
    async def versions(self) -> list[Version[Items]]:
        return list(self.tree.all)

    @command
    async def save(self) -> None:
        await self.save_snapshot()

    @handles
    def changed(self, event: Created | ItemAdded | Resolved) -> None:
        self.state = self.rules.handle(self.tree, event, self.current).state


@in_event_loop
async def test_what_two_sites_change_while_cut_off_is_a_conflict_until_the_owner_chooses() -> None:
    async with (
        two_logs() as (here, there),
        Aggregates(here, Order) as ours,
        Aggregates(there, Order) as theirs,
    ):
        mine = await ours.get("1")
        await mine.create()
        await exchange(here, there)
        other = await theirs.get("1")
        await mine.add("pen")
        await other.add("book")
        await exchange(here, there)
        for order in (mine, other):
            await order.at_least(here.version.merge(there.version))

        with pytest.raises(ConflictDetected) as refused:
            await mine.add("lamp")
        chosen = next(each for each in refused.value.versions if each.value == ("book",))
        with pytest.raises(ResolutionRejected):
            await other.resolve(chosen.vector_timestamp)
        await mine.resolve(chosen.vector_timestamp)
        await exchange(here, there)
        await other.at_least(here.version)

        assert [each.value for each in await other.versions()] == [("book",)]
        assert await other.versions() == await mine.versions()
        await other.add("lamp")
        assert [each.value for each in await other.versions()] == [("book", "lamp")]


@in_event_loop
async def test_a_conflict_survives_a_snapshot() -> None:
    snapshots = MemorySnapshotStore()
    async with two_logs() as (here, there):
        async with Aggregates(here, Order) as ours, Aggregates(there, Order) as theirs:
            await (await ours.get("1")).create()
            await (await theirs.get("1")).create()
            await exchange(here, there)
        async with Aggregates(here, Order, snapshots=snapshots) as ours:
            order = await ours.get("1")
            before = await order.versions()
            await order.save()
        await here.delete(here.sequence_nr)  # nothing to replay: the snapshot is all there is
        async with Aggregates(here, Order, snapshots=snapshots) as ours:
            assert await (await ours.get("1")).versions() == before
            assert len(before) == 2


async def exchange(here: EventLog, there: EventLog) -> None:
    await pull_all(here, there)
    await pull_all(there, here)
