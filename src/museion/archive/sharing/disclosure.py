"""Telling a site afterwards what it was not sent before.

Events that were held back from a site are covered by its version vector all the same, so they never
come by themselves. When it may have an asset after all, they are told anew, within another event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from blake3 import blake3

from museion.archive.asset import AssetId
from museion.archive.carried import carried
from museion.archive.catalog.reader import Catalog
from museion.archive.events import (
    FORMS,
    AssetDisclosed,
    CollectionChanged,
    FieldsChanged,
    new_event,
    payload_as,
    payload_of,
    type_name,
)
from museion.archive.history import fold
from museion.archive.rights import Access, narrowest
from museion.archive.sharing.asset_gate import Following, asset_of
from museion.archive.sharing.asset_words import AssetWords
from museion.base.ids import short_id
from museion.log.crdt.field_rules import SetField
from museion.log.crdt.ordered_list import InsertElements
from museion.log.event import Event, EventId, NewEvent
from museion.log.event_log import EventLog
from museion.log.frame import envelope_of
from museion.log.vector_time import merge_all

_EMITTER = "disclosure"
_PAGE = 512
_MOST_BYTES = 1 << 20
_DISCLOSED = type_name(AssetDisclosed)


class WiderAccess:
    """A processor: when `access` lets further sites in, it tells them the asset's history.

    The site where access was widened tells all that it knows. Every other site, when it hears of
    that, tells what it wrote itself: so each event is told by somebody. Where the one that widened
    was once kept out itself, it may know little; then all tell all, also for sites that left.
    """

    name = "disclosure"
    handles = frozenset({type_name(FieldsChanged)})

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def process(self, event: Event) -> Sequence[NewEvent]:
        """Return the history that became readable, in portions; mostly nothing."""
        change = payload_as(event, FieldsChanged)
        if all(each.field != "access" for each in change.operations):
            return ()
        events = await read_asset(self._log, change.asset_id, up_to=event.sequence_nr)
        earlier = [each for each in events if each.id != event.id]
        before = narrowest(fold(earlier).rights.access)
        after = narrowest(fold(events).rights.access)
        if not _lets_in(before, after):
            return ()
        if event.process_id != self._log.log_id and not _was_kept_out(event.process_id, earlier):
            # Also what the widening seems to know: its stamp covers more than came to that site.
            earlier = [each for each in earlier if each.process_id == self._log.log_id]
        return disclosed(change.asset_id, earlier, cause=event)


class EnteredScope:
    """A processor: when an asset comes into a site's part, it tells that site its history.

    `missed` has to be called for each event that the filter held back. What is remembered of a run
    is lost with it; then assets that were changed meanwhile are told once more, which does no harm.

    Args:
        site_id: the site that reads over the filter.
        part: the filter; None for everything, where there was a filter before.
        until: sequence number of the last event that may have been held back; None for no end.
    """

    handles = frozenset(FORMS)

    def __init__(
        self,
        site_id: str,
        part: AssetWords | None,
        log: EventLog,
        catalog: Catalog,
        following: Following,
        *,
        until: int | None = None,
    ) -> None:
        self.name = scope_name(site_id, part)
        self._site_id = site_id
        self._part = part
        self._log = log
        self._catalog = catalog
        self._following = following
        self._until = until
        self._begun_nr = log.sequence_nr
        self._inside: set[AssetId] = set()
        self._inside_before: set[AssetId] = set()
        self._before_nr = 0

    def begin_complete(self) -> None:
        """Take it that the site has all of what is in its part now. Blocks; call it before use."""
        if self._part is not None:
            self._inside_before = self._catalog.all_ids(self._part.condition)
            self._before_nr = self._catalog.position()

    def missed(self, asset_id: AssetId) -> None:
        """Note that the site was not sent an event about an asset."""
        self._inside.discard(asset_id)
        self._inside_before.discard(asset_id)

    async def process(self, event: Event) -> Sequence[NewEvent]:
        """Return the histories of the assets that the event brought into the part."""
        told_here = event.type_name == _DISCLOSED and event.process_id == self._log.log_id
        is_later = self._until is not None and event.sequence_nr > self._until
        if told_here or is_later:
            return ()
        await self._following.reached(event.sequence_nr)
        outputs: list[NewEvent] = []
        for asset_id in self._concerned(event):
            if event.sequence_nr <= self._before_nr:
                self._inside_before.discard(asset_id)  # it may have come in with this very event
            if not self._has_all(asset_id) and self._holds(asset_id):
                # Before the log is read, so that what is held back meanwhile counts.
                self._inside.add(asset_id)
                outputs += await self._entered(asset_id, event)
        return outputs

    async def _entered(self, asset_id: AssetId, event: Event) -> Sequence[NewEvent]:
        events = await read_asset(self._log, asset_id, up_to=self._log.sequence_nr)
        if event.sequence_nr > self._begun_nr and [each.id for each in events] == [event.id]:
            return ()  # it was in the part when it was looked at first
        return disclosed(asset_id, events, cause=event, to=self._site_id)

    def _has_all(self, asset_id: AssetId) -> bool:
        return asset_id in self._inside or asset_id in self._inside_before

    def _holds(self, asset_id: AssetId) -> bool:
        return self._part is None or self._part.holds(self._catalog, asset_id)

    def _concerned(self, event: Event) -> Sequence[AssetId]:
        asset_id = asset_of(event)
        if asset_id is not None:
            return (asset_id,)
        change = payload_of(event)
        if not isinstance(change, CollectionChanged):
            return ()
        if isinstance(change.members, InsertElements):
            return tuple(AssetId(each) for each in change.members.elements)
        if change.operations:  # another name, or brought back
            return self._catalog.collections.every_member(change.collection_id)
        return ()


def scope_name(site_id: str, part: AssetWords | None) -> str:
    """Return the name under which it is kept how far a site's part was followed."""
    words = part.words if part else ""
    return f"scope {site_id} {short_id(blake3(words.encode()).hexdigest())}"


async def read_asset(log: EventLog, asset_id: AssetId, *, up_to: int) -> list[Event]:
    """Return the events about an asset up to a number, each once, causes first."""
    met: dict[EventId, Event] = {}
    after = 0
    while page := await log.read(after=after, up_to=up_to, limit=_PAGE, aggregate_id=asset_id):
        for each in (each for event in page for each in carried(event)):
            met.setdefault(each.id, each)
        after = page[-1].sequence_nr
    return list(met.values())


def disclosed(
    asset_id: AssetId, events: Sequence[Event], *, cause: Event, to: str | None = None
) -> list[NewEvent]:
    """Return events that carry others, as many as their size asks for."""
    return [
        new_event(
            AssetDisclosed(asset_id=asset_id, history=tuple(map(envelope_of, portion)), to=to),
            emitter_id=_EMITTER,
            aggregate_id=asset_id,
            cause=cause,
            seen=merge_all(each.vector_timestamp for each in portion),
        )
        for portion in _portions(events)
    ]


def _portions(events: Sequence[Event]) -> Iterator[list[Event]]:
    portion: list[Event] = []
    size_bytes = 0
    for event in events:
        event_bytes = len(envelope_of(event))
        if portion and size_bytes + event_bytes > _MOST_BYTES:
            yield portion
            portion, size_bytes = [], 0
        portion.append(event)
        size_bytes += event_bytes
    if portion:
        yield portion


def _was_kept_out(site_id: str, events: Sequence[Event]) -> bool:
    """Tell whether a site was not to have an asset for some time."""
    changes = (payload_of(event) for event in events)
    return any(
        isinstance(each, SetField) and isinstance(each.value, tuple) and site_id not in each.value
        for change in changes
        if isinstance(change, FieldsChanged)
        for each in change.operations
        if each.field == "access"
    )


def _lets_in(before: Access, after: Access) -> bool:
    """Tell whether a site that was kept out before is not any more."""
    if before is None:
        return False
    return after is None or not set(after) <= set(before)
