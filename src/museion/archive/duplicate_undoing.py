"""What takes the events of a keeping back, each as far as it still stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from museion.archive.asset import AssetId, CollectionId, UnknownAsset
from museion.archive.carried import carried
from museion.archive.collecting import Collector, UnknownCollection
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    AssetRestored,
    AssetTrashed,
    CollectionChanged,
    FieldsChanged,
    MemberOperation,
    new_event,
    payload_of,
    type_name,
)
from museion.archive.history import History, fold
from museion.archive.rights import may_read
from museion.archive.undoing import NothingToUndo, undo_operations, written_id
from museion.log.crdt.ordered_list import InsertElements, OrderedList, RemoveElements
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.vector_time import VectorTime, merge_all

_EMITTER = "people"
_PAGE = 512
_BIRTH, _RESTORED = type_name(AssetIngested), type_name(AssetRestored)


@dataclass(frozen=True, slots=True)
class KnownAsset:
    """An asset as the log has it: what people did, and the vector time of who has seen that."""

    asset_id: AssetId
    history: History
    seen: VectorTime


async def known_asset(log: EventLog, asset_id: AssetId) -> KnownAsset:
    """Read an asset from the log, which is never behind, as the catalog may be.

    Raises:
        UnknownAsset: there is no such asset, or this site may not read it.
    """
    found = [each async for each in events_of(log, asset_id)]
    births = [event for event in found if event.type_name == _BIRTH]
    history = fold(found)
    if not births or not may_read(log.log_id, history.rights):
        raise UnknownAsset(asset_id)
    born = merge_all(event.vector_timestamp for event in births)
    return KnownAsset(asset_id, history, history.seen.merge(born))


async def events_of(log: EventLog, aggregate_id: str) -> AsyncIterator[Event]:
    """Yield the events of an aggregate, in log order, with those that they carry."""
    after = 0
    while page := await log.read(aggregate_id=aggregate_id, after=after, limit=_PAGE):
        for event in page:
            for each in carried(event):
                yield each
        after = page[-1].sequence_nr


def person_event(payload: ArchiveEvent, known: KnownAsset) -> NewEvent:
    """Return what a person does to an asset, ready to be appended."""
    return new_event(payload, emitter_id=_EMITTER, aggregate_id=known.asset_id, seen=known.seen)


def membership_event(
    collection_id: CollectionId, members: MemberOperation, by: str, seen: VectorTime
) -> NewEvent:
    """Return a change of a collection's members, ready to be appended."""
    payload = CollectionChanged(collection_id=collection_id, by=by, members=members)
    return new_event(payload, emitter_id=_EMITTER, aggregate_id=collection_id, seen=seen)


async def taken_back(
    log: EventLog, collections: Collector, event: Event, by: str
) -> Sequence[NewEvent]:
    """Return the events that take one event of a keeping back, as far as it still stands."""
    match payload_of(event):
        case AssetTrashed(asset_id=asset_id):
            return _restoring(event, await _readable(log, asset_id), by)
        case FieldsChanged(asset_id=asset_id, undoes=""):
            return _fields_back(await _readable(log, asset_id), written_id(event.id), by)
        case CollectionChanged(collection_id=collection_id, members=InsertElements() as added):
            return await _members_back(collections, collection_id, added, by)
        case _:
            return []


async def _readable(log: EventLog, asset_id: AssetId) -> KnownAsset | None:
    """Return an asset, None where this site may not read it any more: the rest is taken back."""
    try:
        return await known_asset(log, asset_id)
    except UnknownAsset:
        return None


def _restoring(trashing: Event, known: KnownAsset | None, by: str) -> Sequence[NewEvent]:
    if known is None or not _still_hides(trashing, known.history):
        return []
    return [person_event(AssetRestored(asset_id=known.asset_id, by=by), known)]


def _still_hides(trashing: Event, history: History) -> bool:
    """Tell whether an asset is in the trash by this event, not by a later one after a restoring."""
    return history.is_trashed and not any(
        event.vector_timestamp > trashing.vector_timestamp
        for event in history.events
        if event.type_name == _RESTORED
    )


def _fields_back(known: KnownAsset | None, change_id: str, by: str) -> Sequence[NewEvent]:
    if known is None:
        return []
    try:
        operations = undo_operations(known.history, change_id)
    except NothingToUndo:
        return []
    change = FieldsChanged(asset_id=known.asset_id, by=by, operations=operations, undoes=change_id)
    return [person_event(change, known)]


async def _members_back(
    collections: Collector, collection_id: CollectionId, added: InsertElements[str], by: str
) -> Sequence[NewEvent]:
    try:
        history = await collections.history(collection_id)
    except UnknownCollection:
        return []
    removing = RemoveElements(tuple(added.elements))
    prepared = OrderedList(str).prepare(history.members, removing)
    return [membership_event(collection_id, prepared, by, history.seen)] if prepared else []
