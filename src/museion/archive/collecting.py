"""Collections: sets of assets that people made, in an order that people gave them.

Every site changes them. Names are merged by last writer wins, members by an ordered list in which
an asset stands once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from museion.archive.asset import AssetId, CollectionId
from museion.archive.carried import carried
from museion.archive.editing import checked_name
from museion.archive.events import (
    ArchiveEvent,
    CollectionChanged,
    CollectionMade,
    FieldOperation,
    MemberOperation,
    PersonValue,
    new_event,
    payload_of,
)
from museion.archive.rank import Rank
from museion.base.errors import InvalidInput, NotFound
from museion.base.ids import random_id
from museion.log.crdt.crdt import Stamp
from museion.log.crdt.field_map import FieldMap, FieldMapState, MergeRule, SetField
from museion.log.crdt.ordered_list import (
    InsertElements,
    MoveElements,
    OrderedList,
    OrderedListState,
    RemoveElements,
)
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.vector_time import VectorTime, merge_all

COLLECTION_EVENTS = (CollectionMade, CollectionChanged)
MOST_MEMBERS_AT_ONCE = 10_000
_EMITTER = "people"
_PAGE = 512
_LONGEST_NAME = 200
_LONGEST_DESCRIPTION = 20_000
_RULES = ("name", "description", "removed")


class UnknownCollection(NotFound):
    """No collection has this id."""

    def __init__(self, collection_id: str) -> None:
        super().__init__(
            f"No collection {collection_id[:80]!r} is in this archive.",
            remedy="`museion collections list` prints their ids.",
        )


class BadCollection(InvalidInput):
    """A collection cannot be called or described so, or take so many members at once."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(f"Expected {expected}, got {found!r:.120}.")


@dataclass(frozen=True, slots=True)
class CollectionHistory:
    """What people did to a collection, as far as it is known here."""

    events: tuple[Event, ...]
    fields: FieldMapState[PersonValue, str]
    members: OrderedListState[str]

    @property
    def seen(self) -> VectorTime:
        """The vector time of who has seen all of this."""
        return merge_all(event.vector_timestamp for event in self.events)

    @property
    def name(self) -> str:
        """The name as it was written last."""
        return self._text("name")

    @property
    def description(self) -> str:
        """The description as it was written last, or nothing."""
        return self._text("description")

    @property
    def is_removed(self) -> bool:
        """Tell whether somebody removed the collection, and nobody brought it back."""
        return bool(_fields().value(self.fields).get("removed"))

    @property
    def asset_ids(self) -> list[AssetId]:
        """The members in order; some may be unknown here, or not readable."""
        return [AssetId(each) for each in OrderedList(str).value(self.members)]

    def _text(self, field: str) -> str:
        value = _fields().value(self.fields).get(field, "")
        return value if isinstance(value, str) else ""


def fold_collection(events: Iterable[Event]) -> CollectionHistory:
    """Return what people did to one collection, from its events in any order, met once or more."""
    known = sorted({event.id: event for event in events}.values(), key=Rank.of)
    fields, members = _fields(), OrderedList(str)
    said, listed = fields.zero(), members.zero()
    told: list[Event] = []
    for event in known:
        payload = payload_of(event)
        if not isinstance(payload, COLLECTION_EVENTS):
            continue
        told.append(event)
        stamp = Stamp.of(event)
        for operation in _field_operations(payload):
            said = fields.effect(said, operation, stamp)
        if isinstance(payload, CollectionChanged) and payload.members is not None:
            listed = members.effect(listed, payload.members, stamp)
    return CollectionHistory(tuple(told), said, listed)


class Collector:
    """Writes what people do to collections. Safe to call for many at a time.

    A change is in the log, durable, when a call returns; each returns the sequence number of its
    event, or 0 where everything was so already.

    Raises (all methods):
        UnknownCollection: there is none with this id; nothing was done.
        NoAuthor: `by` is empty.
        Unavailable: the log cannot be written; nothing was done.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def make(self, name: str, *, by: str) -> CollectionId:
        """Begin a collection and return its id. Raises `BadCollection`."""
        collection_id = CollectionId(random_id())
        made = CollectionMade(
            collection_id=collection_id, by=checked_name(by), name=_checked("name", name)
        )
        await self._log.append([_event(made, collection_id, VectorTime())])
        return collection_id

    async def change(
        self,
        collection_id: CollectionId,
        *,
        by: str,
        name: str | None = None,
        description: str | None = None,
        removed: bool | None = None,
    ) -> int:
        """Give a collection another name or description, remove it, or bring it back."""
        wanted: dict[str, PersonValue] = {}
        if name is not None:
            wanted["name"] = _checked("name", name)
        if description is not None:
            wanted["description"] = _checked("description", description)
        if removed is not None:
            wanted["removed"] = int(removed)

        def change(history: CollectionHistory) -> CollectionChanged | None:
            now = _fields().value(history.fields)
            operations = tuple(
                SetField(field, value) for field, value in wanted.items() if now.get(field) != value
            )
            if not operations:
                return None
            return CollectionChanged(collection_id=collection_id, by=by, operations=operations)

        by = checked_name(by)
        return await self._write(collection_id, change)

    async def add(
        self,
        collection_id: CollectionId,
        asset_ids: Sequence[AssetId],
        *,
        by: str,
        index: int | None = None,
        after: AssetId | None = None,
    ) -> int:
        """Put assets in, in a row: before an index, after a member, or at the end.

        Raises:
            InvalidPlace, NotInList: the place is none.
        """
        wanted = InsertElements(_members(asset_ids), index=index, after=after)
        return await self._rearrange(collection_id, wanted, by=by)

    async def move(
        self,
        collection_id: CollectionId,
        asset_ids: Sequence[AssetId],
        *,
        by: str,
        index: int | None = None,
        after: AssetId | None = None,
    ) -> int:
        """Put members elsewhere, in a row; `index` counts in the list without them.

        Raises:
            InvalidPlace, NotInList: the place is none.
        """
        wanted = MoveElements(_members(asset_ids), index=index, after=after)
        return await self._rearrange(collection_id, wanted, by=by)

    async def take_out(
        self, collection_id: CollectionId, asset_ids: Sequence[AssetId], *, by: str
    ) -> int:
        """Take members out; they stay in the archive."""
        return await self._rearrange(collection_id, RemoveElements(_members(asset_ids)), by=by)

    async def history(self, collection_id: CollectionId) -> CollectionHistory:
        """Return what people did to a collection, as the log has it."""
        events = [each async for event in self._events(collection_id) for each in carried(event)]
        history = fold_collection(events)
        if not history.events:
            raise UnknownCollection(collection_id)
        return history

    async def _rearrange(
        self, collection_id: CollectionId, operation: MemberOperation, *, by: str
    ) -> int:
        def change(history: CollectionHistory) -> CollectionChanged | None:
            prepared = OrderedList(str).prepare(history.members, operation)
            if prepared is None:
                return None
            return CollectionChanged(collection_id=collection_id, by=by, members=prepared)

        by = checked_name(by)
        return await self._write(collection_id, change)

    async def _write(
        self,
        collection_id: CollectionId,
        change: Callable[[CollectionHistory], CollectionChanged | None],
    ) -> int:
        lock = self._locks.setdefault(collection_id, asyncio.Lock())
        async with lock:
            history = await self.history(collection_id)
            payload = change(history)
            if payload is None:
                return 0
            (event,) = await self._log.append([_event(payload, collection_id, history.seen)])
            return event.sequence_nr

    async def _events(self, collection_id: CollectionId) -> AsyncIterator[Event]:
        after = 0
        while page := await self._log.read(aggregate_id=collection_id, after=after, limit=_PAGE):
            for event in page:
                yield event
            after = page[-1].sequence_nr


def _event(payload: ArchiveEvent, collection_id: CollectionId, seen: VectorTime) -> NewEvent:
    return new_event(payload, emitter_id=_EMITTER, aggregate_id=collection_id, seen=seen)


def _fields() -> FieldMap[PersonValue, str]:
    rules = dict.fromkeys(_RULES, MergeRule.LAST_WRITER_WINS)
    return FieldMap(rules, PersonValue, str, name="collection-fields")  # type: ignore[arg-type]  # a union, which stands for a type


def _field_operations(payload: CollectionMade | CollectionChanged) -> Sequence[FieldOperation]:
    if isinstance(payload, CollectionMade):
        return [SetField("name", payload.name)]
    return payload.operations


def _members(asset_ids: Sequence[AssetId]) -> tuple[str, ...]:
    if not 0 < len(asset_ids) <= MOST_MEMBERS_AT_ONCE:
        raise BadCollection(f"1 to {MOST_MEMBERS_AT_ONCE} assets at once", len(asset_ids))
    return tuple(asset_ids)


def _checked(field: str, text: str) -> str:
    longest = _LONGEST_NAME if field == "name" else _LONGEST_DESCRIPTION
    trimmed = text.strip()
    if len(trimmed) > longest or (field == "name" and not trimmed):
        raise BadCollection(f"a {field} of at most {longest} letters", text)
    return trimmed
