"""Seeing to duplicates: one is kept and takes over what the others had; the others go to the trash.

All that one keeping does is written at once or not at all, and can be found again by its id at
every site, so that one undo takes all of it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec.structs import replace

from museion.archive.asset import AssetId, CollectionId
from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.records import AssetDetail
from museion.archive.collecting import Collector
from museion.archive.duplicate_choice import Inheritance, LeftValue, inheritance, suggest
from museion.archive.duplicate_undoing import (
    KnownAsset,
    events_of,
    known_asset,
    membership_event,
    person_event,
    taken_back,
)
from museion.archive.duplicates import DuplicateGroup, Duplicates
from museion.archive.editing import checked_name
from museion.archive.events import (
    AssetRestored,
    AssetTrashed,
    DuplicatesDismissed,
    FieldsChanged,
    new_event,
    payload_of,
)
from museion.archive.undoing import NothingToUndo
from museion.archive.wanted_changes import operations_for
from museion.base.errors import Conflict, InvalidInput, NotFound
from museion.base.ids import random_id
from museion.log.crdt.ordered_list import InsertElements, OrderedList
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.vector_time import merge_all

MOST_MEMBERS = 500
"""So many assets of one group may be seen to at once."""
_EMITTER = "people"


class Kept(msgspec.Struct, frozen=True):
    """What a keeping did.

    Attributes:
        id: by which it is undone.
        trashed: the others, now in the trash.
        fields: names of fields that the kept asset took over.
        tags: that it took over.
        collections: that it joined.
        left: values that contradict each other, and were left.
        guarded: assets of which nothing was taken over, since fewer sites may read them.
    """

    id: str
    asset_id: AssetId
    trashed: list[AssetId]
    fields: list[str]
    tags: list[str]
    collections: list[CollectionId]
    left: list[LeftValue]
    guarded: list[AssetId]


class NotInGroup(InvalidInput):
    """An asset that was named is not among the duplicates."""

    def __init__(self, asset_id: str, group: DuplicateGroup) -> None:
        super().__init__(
            f"Expected one of the {len(group.members)} duplicates {group.id}, got"
            f" {asset_id[:80]!r}.",
            remedy=f"`museion duplicates show {group.id}` lists them.",
        )


class GroupChanged(Conflict):
    """Duplicates were seen to by somebody else meanwhile."""

    def __init__(self, asset_id: str) -> None:
        super().__init__(
            f"{asset_id} has gone to the trash meanwhile; nothing was done.",
            remedy="Look at the group again.",
        )


class TooManyMembers(InvalidInput):
    """A group is too large to be seen to at once."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"Expected at most {MOST_MEMBERS} assets at once, got {count}.",
            remedy="Name those that are meant.",
        )


class UnknownKeeping(NotFound):
    """No keeping has this id."""

    def __init__(self, keeping_id: str) -> None:
        super().__init__(
            f"No keeping {keeping_id[:80]!r} is known here.",
            remedy="Copy the id that `museion duplicates keep` printed.",
        )


class DuplicateKeeper:
    """Sees to duplicates in an archive that this process writes to; one group after the other.

    Args:
        log: in which it writes.
        catalog: follows the log.
        duplicates: which there are.
        shown: waits until the catalog has an event, for a while.

    Raises (all methods):
        NoAuthor: `by` is empty.
        Unavailable: the log cannot be written; nothing was done.
    """

    def __init__(
        self,
        log: EventLog,
        catalog: Catalog,
        duplicates: Duplicates,
        *,
        shown: Callable[[int], Awaitable[None]],
    ) -> None:
        self._log = log
        self._catalog = catalog
        self._collections = Collector(log)
        self._duplicates = duplicates
        self._shown = shown
        self._one_at_a_time = asyncio.Lock()

    async def keep(
        self, group_id: str, *, by: str, asset_id: str | None = None, only: Sequence[str] = ()
    ) -> Kept:
        """Keep one of a group, let it take over what the others had, and trash those.

        Args:
            group_id: of the group, or of any member.
            asset_id: which to keep; None for the one that is suggested. Then only those go that
                show the same picture as that very one, and what is left may make a group again.
            only: the others that go; all of them where it is empty.

        Raises:
            UnknownDuplicates: there is no such group.
            NotInGroup: an asset that is named is not in it.
            GroupChanged: somebody else was quicker.
        """
        by = checked_name(by)
        async with self._one_at_a_time:
            await self._shown(self._log.sequence_nr)  # what was just said of one goes with it
            kept, others = await asyncio.to_thread(self._chosen, group_id, asset_id, only)
            return await self._keep(kept, others, by)

    async def dismiss(self, group_id: str, *, by: str) -> list[AssetId]:
        """Say that the assets of a group are no duplicates, at all sites; return them.

        Raises:
            UnknownDuplicates: there is no such group.
        """
        by = checked_name(by)
        group = await asyncio.to_thread(self._duplicates.group, group_id)
        _check_size(group.members)
        known = [await known_asset(self._log, each) for each in group.members]
        payload = DuplicatesDismissed(asset_ids=tuple(sorted(group.members)), by=by)
        seen = merge_all(each.seen for each in known)
        await self._write([new_event(payload, emitter_id=_EMITTER, seen=seen)])
        return list(group.members)

    async def undo(self, keeping_id: str, *, by: str) -> list[AssetId]:
        """Take back what is left of a keeping; return the assets that are out of the trash again.

        What was changed since stays as it is.

        Raises:
            UnknownKeeping: the log has none with this id.
            NothingToUndo: all of it was taken back or replaced.
        """
        by = checked_name(by)
        async with self._one_at_a_time:
            done = [each async for each in events_of(self._log, _aggregate(keeping_id))]
            if not done:
                raise UnknownKeeping(keeping_id)
            back = [await taken_back(self._log, self._collections, event, by) for event in done]
            events = [each for some in back for each in some]
            if not events:
                raise NothingToUndo(keeping_id)
            written = await self._write(_marked(events, keeping_id))
        restored = [payload_of(event) for event in written]
        return [each.asset_id for each in restored if isinstance(each, AssetRestored)]

    def _chosen(
        self, group_id: str, asset_id: str | None, only: Sequence[str]
    ) -> tuple[AssetDetail, list[AssetDetail]]:
        """Return which asset is kept and which go."""
        group = self._duplicates.group(group_id)
        for named in (*only, *([asset_id] if asset_id else ())):
            if named not in group.members:
                raise NotInGroup(named, group)
        _check_size(only or group.members)
        details = {each: self._catalog.detail(each) for each in group.members}
        kept = AssetId(asset_id) if asset_id else suggest(list(details.values())).asset_id
        others = [each for each in group.members if each != kept and (not only or each in only)]
        if asset_id is None:
            near = self._duplicates.near_duplicates(kept, with_dismissed=False)
            others = [each for each in others if each in {one.asset_id for one in near}]
        return details[kept], [details[each] for each in others]

    async def _keep(self, kept: AssetDetail, others: Sequence[AssetDetail], by: str) -> Kept:
        if not others:
            raise GroupChanged(kept.summary.id)
        keeper = await self._present(kept.summary.id)
        going = [await self._present(each.summary.id) for each in others]
        taken = inheritance(kept, others)
        joined = await self._joining(keeper.asset_id, taken, by)
        operations = operations_for(taken.changes, keeper.history)
        change = FieldsChanged(asset_id=keeper.asset_id, by=by, operations=operations)
        events = [
            *([person_event(change, keeper)] if operations else []),
            *joined.values(),
            # A restoring wins over a trashing that did not know of it: of two who keep different
            # ones at two sites, each saves what the other lets go.
            person_event(AssetRestored(asset_id=keeper.asset_id, by=by), keeper),
            *(person_event(AssetTrashed(asset_id=one.asset_id, by=by), one) for one in going),
        ]
        keeping_id = random_id()
        await self._write(_marked(events, keeping_id))
        return Kept(
            id=keeping_id,
            asset_id=keeper.asset_id,
            trashed=[each.asset_id for each in going],
            fields=sorted({each.field for each in operations} - {"tags"}),
            tags=list(taken.changes.add_tags),
            collections=list(joined),
            left=list(taken.left),
            guarded=list(taken.guarded),
        )

    async def _joining(
        self, asset_id: AssetId, taken: Inheritance, by: str
    ) -> dict[CollectionId, NewEvent]:
        """Return the events that put the kept asset into collections, behind those that go."""
        joining: dict[CollectionId, NewEvent] = {}
        for collection_id, after in taken.collections.items():
            history = await self._collections.history(collection_id)
            behind = after if after in history.asset_ids else None
            wanted = InsertElements((str(asset_id),), after=behind)
            prepared = OrderedList(str).prepare(history.members, wanted)
            if prepared is not None:
                joining[collection_id] = membership_event(collection_id, prepared, by, history.seen)
        return joining

    async def _present(self, asset_id: AssetId) -> KnownAsset:
        known = await known_asset(self._log, asset_id)
        if known.history.is_trashed:
            raise GroupChanged(asset_id)
        return known

    async def _write(self, events: Sequence[NewEvent]) -> list[Event]:
        written = await self._log.append(events)
        await self._shown(written[-1].sequence_nr)
        return written


def _marked(events: Sequence[NewEvent], keeping_id: str) -> list[NewEvent]:
    """Let all events of a keeping be found by its id."""
    return [replace(event, destinations=(_aggregate(keeping_id),)) for event in events]


def _aggregate(keeping_id: str) -> str:
    return f"keeping-{keeping_id}"


def _check_size(members: Sequence[str]) -> None:
    if len(members) > MOST_MEMBERS:
        raise TooManyMembers(len(members))
