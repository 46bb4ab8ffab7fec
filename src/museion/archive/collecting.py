"""Collections: sets of assets that people made, in an order that people gave them.

Every site changes them. Names are merged by last writer wins, members by an ordered list in which
an asset stands once. A collection may have a query instead of members: see `stored_queries`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from types import MappingProxyType
from weakref import WeakValueDictionary

from museion.archive.asset import AssetId, CollectionId
from museion.archive.carried import carried
from museion.archive.collection_history import CollectionHistory, fold_collection
from museion.archive.editing import checked_name
from museion.archive.events import (
    ArchiveEvent,
    CollectionChanged,
    CollectionMade,
    FieldOperation,
    MemberOperation,
    PersonValue,
    new_event,
)
from museion.base.errors import Conflict, InvalidInput, NotFound
from museion.base.ids import random_id
from museion.log.crdt.field_map import SetField
from museion.log.crdt.ordered_list import (
    InsertElements,
    MoveElements,
    OrderedList,
    RemoveElements,
)
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.vector_time import VectorTime

MOST_MEMBERS_AT_ONCE = 10_000
_EMITTER = "people"
_PAGE = 512
_LONGEST_NAME = 200
_LONGEST_DESCRIPTION = 20_000
_LONGEST_QUERY = 2_000
_LONGEST = MappingProxyType(
    {"name": _LONGEST_NAME, "description": _LONGEST_DESCRIPTION, "query": _LONGEST_QUERY}
)


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


class FoundMembers(Conflict):
    """People cannot change the members of a collection that a query finds."""

    def __init__(self, name: str, query: str) -> None:
        super().__init__(
            f"The members of {name!r} are what {query!r} finds; nobody can put them in, move them"
            " or take them out.",
            remedy="Change the query, or take it away with `museion collections change ID"
            " --no-query`: the present members stay then.",
        )


class HasMembers(Conflict):
    """A collection cannot get a query while it has members that people put in."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} has members that people put in; a query would hide them.",
            remedy="Make another collection for the query, or take the members out first.",
        )


class Collector:
    """Writes what people do to collections. Safe to call for many at a time.

    A change is in the log, durable, when a call returns; each returns the sequence number of its
    event, or 0 where everything was so already.

    Raises (all methods):
        UnknownCollection: there is none with this id; nothing was done.
        FoundMembers: members shall change that a query finds; nothing was done.
        NoAuthor: `by` is empty.
        Unavailable: the log cannot be written; nothing was done.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def make(self, name: str, *, by: str, query: str = "") -> CollectionId:
        """Begin a collection and return its id.

        Args:
            name: for people; several collections may share one.
            by: name of the person.
            query: finds the members; without it, people put them in. It is not parsed here.

        Raises:
            BadCollection: the name or the query is too long, or the name empty.
        """
        collection_id = CollectionId(random_id())
        made = CollectionMade(
            collection_id=collection_id,
            by=checked_name(by),
            name=_checked("name", name),
            query=_checked("query", query),
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
        query: str | None = None,
    ) -> int:
        """Give a collection another name, description or query, remove it, or bring it back.

        Raises:
            BadCollection: a text is too long, or the name or the query empty; `freeze` takes a
                query away.
            HasMembers: it shall get a query, but people put members in.
        """
        wanted = _wanted(name=name, description=description, query=query)
        if removed is not None:
            wanted["removed"] = int(removed)

        def change(history: CollectionHistory) -> CollectionChanged | None:
            if query is not None and not history.query and history.asset_ids:
                raise HasMembers(history.name)
            now = history.values
            operations = tuple(
                SetField(field, value) for field, value in wanted.items() if now.get(field) != value
            )
            if not operations:
                return None
            return CollectionChanged(collection_id=collection_id, by=by, operations=operations)

        by = checked_name(by)
        return await self._write(collection_id, change)

    async def freeze(
        self, collection_id: CollectionId, asset_ids: Sequence[AssetId], *, by: str
    ) -> int:
        """Take a collection's query away and put assets in: what it found just now.

        Does nothing where the collection has no query.

        Raises:
            BadCollection: there are more assets than can be put in at once.
        """
        if len(asset_ids) > MOST_MEMBERS_AT_ONCE:
            raise BadCollection(f"at most {MOST_MEMBERS_AT_ONCE} assets", len(asset_ids))
        wanted: InsertElements[str] = InsertElements(tuple(asset_ids))
        plain: tuple[FieldOperation, ...] = (SetField("query", ""),)

        def change(history: CollectionHistory) -> CollectionChanged | None:
            if not history.query:
                return None
            members = OrderedList(str).prepare(history.members, wanted) if asset_ids else None
            return CollectionChanged(
                collection_id=collection_id, by=by, operations=plain, members=members
            )

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
            if history.query:
                raise FoundMembers(history.name, history.query)
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


def _members(asset_ids: Sequence[AssetId]) -> tuple[str, ...]:
    if not 0 < len(asset_ids) <= MOST_MEMBERS_AT_ONCE:
        raise BadCollection(f"1 to {MOST_MEMBERS_AT_ONCE} assets at once", len(asset_ids))
    return tuple(asset_ids)


def _wanted(**texts: str | None) -> dict[str, PersonValue]:
    wanted = {field: _checked(field, text) for field, text in texts.items() if text is not None}
    if wanted.get("query") == "":
        raise BadCollection("a query", "")
    return dict(wanted)


def _checked(field: str, text: str) -> str:
    longest = _LONGEST[field]
    trimmed = text.strip()
    if len(trimmed) > longest or (field == "name" and not trimmed):
        raise BadCollection(f"a {field} of at most {longest} letters", text)
    return trimmed
