"""Changing what people say about assets: fields, tags, trash, comments; and taking it back.

A change says what its author had seen. What came in meanwhile, from another site or from another
person here, is then not silently overwritten: it stays beside the new value as a conflict.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from weakref import WeakValueDictionary

from msgspec.structs import replace

from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.carried import carried
from museion.archive.causal_token import as_token, seen_by
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    AssetRestored,
    AssetTrashed,
    CommentAdded,
    FieldsChanged,
    new_event,
    type_name,
)
from museion.archive.history import History, fold
from museion.archive.rights import may_read, may_settle
from museion.archive.undoing import undo_operations
from museion.archive.wanted_changes import Changes, is_settling, operations_for
from museion.base.errors import InvalidInput
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.vector_time import VectorTime, merge_all

__all__ = [
    "BadComment",
    "Changes",
    "Edited",
    "Editor",
    "NoAuthor",
    "TooManyAssets",
    "checked_name",
]

MOST_AT_ONCE = 1000
"""So many assets may be changed by one call."""
_EMITTER = "people"
_PAGE = 512
_LONGEST_NAME = 200
_LONGEST_COMMENT = 20_000
_BIRTH = type_name(AssetIngested)


@dataclass(frozen=True, slots=True)
class Edited:
    """What became of an asset.

    Attributes:
        seen: causal token of the state after the change.
        is_changed: False where everything was so already; then nothing was written.
        conflicts: names of the fields that now wait for a person.
        sequence_nr: of the last event that was written, 0 for none.
    """

    asset_id: AssetId
    seen: str
    is_changed: bool
    conflicts: tuple[str, ...]
    sequence_nr: int = 0


class NoAuthor(InvalidInput):
    """Nobody is named who makes a change."""

    def __init__(self, name: object) -> None:
        super().__init__(
            f"Expected the name of the person, 1 to {_LONGEST_NAME} letters, got {name!r:.80}.",
            remedy="Give it as `by`.",
        )


class TooManyAssets(InvalidInput):
    """More assets were to be changed at once than is allowed."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"Expected at most {MOST_AT_ONCE} assets at once, got {count}.",
            remedy="Change them in several calls.",
        )


class BadComment(InvalidInput):
    """A comment is empty or too long."""

    def __init__(self) -> None:
        super().__init__(f"Expected a comment of 1 to {_LONGEST_COMMENT} letters.")


@dataclass(frozen=True, slots=True)
class _Known:
    """An asset as the log has it: what people did, and the stamps of its births."""

    history: History
    births: VectorTime


class Editor:
    """Writes what people do to assets. Safe to call for many at a time; each asset one by one.

    A change is in the log, durable, when a call returns.

    Raises (all methods):
        UnknownAsset: there is no such asset, or this site may not read it; nothing was done.
        NoAuthor: `by` is empty.
        Unavailable: the log cannot be written; nothing was done.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def edit(
        self, asset_id: AssetId, changes: Changes, *, by: str, seen: str | None = None
    ) -> Edited:
        """Change fields of an asset.

        Args:
            seen: causal token that came with what the person looked at; None for the present state.

        Raises:
            UnknownField, BadFieldValue, RuleMismatch: the changes are no good; nothing was done.
            BadToken: `seen` is no token of this site.
        """
        by = checked_name(by)
        async with self._alone([asset_id]):
            known = await self._known(asset_id, settling=is_settling(changes))
            events = self._changed(asset_id, known, changes, by=by, seen=seen)
            return await self._write(asset_id, known, events)

    async def edit_many(
        self, asset_ids: Sequence[AssetId], changes: Changes, *, by: str
    ) -> list[Edited]:
        """Change fields of several assets alike: all of them or none. Raises as `edit`."""
        by = checked_name(by)
        ids = list(dict.fromkeys(asset_ids))
        if len(ids) > MOST_AT_ONCE:
            raise TooManyAssets(len(ids))
        async with self._alone(ids):
            settling = is_settling(changes)
            known = {each: await self._known(each, settling=settling) for each in ids}
            wanted = {
                each: self._changed(each, known[each], changes, by=by, seen=None) for each in ids
            }
            written = iter(
                await self._log.append([event for one in wanted.values() for event in one])
            )
            return [
                _edited(each, known[each].history, list(islice(written, len(events))))
                for each, events in wanted.items()
            ]

    async def trash(self, asset_id: AssetId, *, by: str) -> Edited:
        """Hide an asset until it is restored; nothing happens if it is hidden already."""
        payload = AssetTrashed(asset_id=asset_id, by=checked_name(by))
        return await self._once(asset_id, payload, is_done=lambda known: known.is_trashed)

    async def restore(self, asset_id: AssetId, *, by: str) -> Edited:
        """Take an asset out of the trash; nothing happens if it is not there."""
        payload = AssetRestored(asset_id=asset_id, by=checked_name(by))
        return await self._once(asset_id, payload, is_done=lambda known: not known.is_trashed)

    async def comment(self, asset_id: AssetId, text: str, *, by: str) -> Edited:
        """Say something about an asset. Raises `BadComment`."""
        text = text.strip()
        if not 0 < len(text) <= _LONGEST_COMMENT:
            raise BadComment
        payload = CommentAdded(asset_id=asset_id, by=checked_name(by), text=text)
        return await self._once(asset_id, payload)

    async def undo(self, asset_id: AssetId, event_id: str, *, by: str) -> Edited:
        """Take back what is left of a change of fields, by a new event.

        Args:
            event_id: of the change, `ORIGIN:TIME`.

        Raises:
            NothingToUndo: the change is not known, or others have replaced all of it.
        """
        by = checked_name(by)
        async with self._alone([asset_id]):
            known = await self._known(asset_id)
            operations = undo_operations(known.history, event_id)
            payload = FieldsChanged(
                asset_id=asset_id, by=by, operations=operations, undoes=event_id
            )
            events = _parted(payload, known, known.history.seen)
            return await self._write(asset_id, known, events)

    async def history(self, asset_id: AssetId, *, settling: bool = False) -> History:
        """Return what people did to an asset, as the log has it.

        Args:
            settling: it is only about who may read the asset; see `rights.may_settle`.
        """
        return (await self._known(asset_id, settling=settling)).history

    def _changed(
        self, asset_id: AssetId, known: _Known, changes: Changes, *, by: str, seen: str | None
    ) -> Sequence[NewEvent]:
        then, base = known.history, known.history.seen
        if seen is not None:
            base = seen_by(seen, known=self._log.version)
            then = then.as_seen(base)
        operations = operations_for(changes, then)
        payload = FieldsChanged(asset_id=asset_id, by=by, operations=operations)
        return _parted(payload, known, base)

    async def _once(
        self,
        asset_id: AssetId,
        payload: ArchiveEvent,
        *,
        is_done: Callable[[History], bool] = lambda _: False,
    ) -> Edited:
        async with self._alone([asset_id]):
            known = await self._known(asset_id)
            event = _event(payload, asset_id, known, known.history.seen)
            return await self._write(asset_id, known, [] if is_done(known.history) else [event])

    async def _write(self, asset_id: AssetId, known: _Known, events: Sequence[NewEvent]) -> Edited:
        return _edited(asset_id, known.history, await self._log.append(events))

    async def _known(self, asset_id: AssetId, *, settling: bool = False) -> _Known:
        """Read the asset from the log, which is never behind, as the catalog may be."""
        events = [each async for event in self._events(asset_id) for each in carried(event)]
        births = [event for event in events if event.type_name == _BIRTH]
        history = fold(events)
        permits = may_settle if settling else may_read
        if not births or not permits(self._log.log_id, history.rights):
            raise UnknownAsset(asset_id)
        return _Known(history, merge_all(event.vector_timestamp for event in births))

    async def _events(self, asset_id: AssetId) -> AsyncIterator[Event]:
        after = 0
        while page := await self._log.read(aggregate_id=asset_id, after=after, limit=_PAGE):
            for event in page:
                yield event
            after = page[-1].sequence_nr

    @asynccontextmanager
    async def _alone(self, asset_ids: Sequence[AssetId]) -> AsyncIterator[None]:
        """Let one change of an asset end before the next is judged; in order, so none waits in a
        ring."""
        async with AsyncExitStack() as stack:
            for asset_id in sorted(asset_ids):
                lock = self._locks.setdefault(asset_id, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield


def checked_name(by: str) -> str:
    """Return the name of a person without outer spaces. Raises `NoAuthor`."""
    name = " ".join(by.split())
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise NoAuthor(by)
    return name


def _event(payload: ArchiveEvent, asset_id: AssetId, known: _Known, base: VectorTime) -> NewEvent:
    seen = base.merge(known.births)
    return new_event(payload, emitter_id=_EMITTER, aggregate_id=asset_id, seen=seen)


def _parted(change: FieldsChanged, known: _Known, base: VectorTime) -> list[NewEvent]:
    """Return a change as events: what is said about access in one of its own.

    That one goes to every site. The rest does not go where the asset may not be read any more.
    """
    about_access = [each for each in change.operations if each.field == "access"]
    others = [each for each in change.operations if each.field != "access"]
    parts = [tuple(part) for part in (others, about_access) if part]
    return [
        _event(replace(change, operations=part), change.asset_id, known, base) for part in parts
    ]


def _edited(asset_id: AssetId, before: History, events: Sequence[Event]) -> Edited:
    after = fold((*before.events, *events)) if events else before
    return Edited(
        asset_id=asset_id,
        seen=as_token(after.seen),
        is_changed=bool(events),
        conflicts=tuple(after.conflicts),
        sequence_nr=events[-1].sequence_nr if events else 0,
    )
