"""Telling a site afterwards what it was not sent before.

Events that were held back from a site are covered by its version vector all the same, so they never
come by themselves. When it may have an asset after all, they are told anew, within another event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from museion.archive.asset import AssetId
from museion.archive.carried import carried
from museion.archive.catalog.reader import Catalog
from museion.archive.events import (
    FORMS,
    AssetDisclosed,
    AssetIngested,
    CollectionChanged,
    FieldsChanged,
    new_event,
    payload_as,
    payload_of,
    type_name,
)
from museion.archive.history import fold
from museion.archive.rights import Access, narrowest
from museion.archive.sharing.asset_gate import TakenIn, asset_of
from museion.archive.sharing.asset_words import AssetWords
from museion.base.ids import short_id
from museion.log.crdt.ordered_list import InsertElements
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.frame import envelope_of

_EMITTER = "disclosure"
_PAGE = 512
_MOST_BYTES = 1 << 20
_BIRTH, _DISCLOSED = type_name(AssetIngested), type_name(AssetDisclosed)


class WiderAccess:
    """A processor: when `access` lets further sites in, it tells them the asset's history.

    The site where access was widened tells all that it knows. Every other site, when it hears of
    that, tells what it wrote itself without having known: so each event is told by somebody.
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
        _, events = await read_asset(self._log, change.asset_id, up_to=event.sequence_nr)
        earlier = [each for each in events if each.id != event.id]
        before = narrowest(fold(earlier).rights.access)
        after = narrowest(fold(events).rights.access)
        if not _lets_in(before, after):
            return ()
        if event.process_id != self._log.log_id:
            earlier = [each for each in earlier if self._is_own_news(each, event)]
        return disclosed(change.asset_id, earlier, cause=event)

    def _is_own_news(self, each: Event, widening: Event) -> bool:
        known_there = each.vector_timestamp <= widening.vector_timestamp
        return each.process_id == self._log.log_id and not known_there


class EnteredScope:
    """A processor: when an asset comes to fit a site's filter, it tells that site its history.

    Assets that fit from their birth on need none. Which ones were told is remembered while it runs
    and looked up in the log else; to tell one twice does no harm.

    Args:
        site_id: the site that reads over the filter.
        words: the filter.
    """

    handles = frozenset(FORMS)

    def __init__(
        self, site_id: str, words: str, log: EventLog, catalog: Catalog, taken_in: TakenIn
    ) -> None:
        from blake3 import blake3

        self.name = f"scope {site_id} {short_id(blake3(words.encode()).hexdigest())}"
        self._site_id = site_id
        self._words = AssetWords.read(words)
        self._log = log
        self._catalog = catalog
        self._taken_in = taken_in
        self._told: set[AssetId] = set()

    async def process(self, event: Event) -> Sequence[NewEvent]:
        """Return the histories of the assets that the event brought into the filter's scope."""
        if event.type_name == _DISCLOSED and event.process_id == self._log.log_id:
            return ()
        await self._taken_in(event.sequence_nr)
        outputs: list[NewEvent] = []
        for asset_id in _concerned(event):
            if asset_id not in self._told and self._words.holds(self._catalog, asset_id):
                outputs += await self._entered(asset_id, event)
                self._told.add(asset_id)
        return outputs

    async def _entered(self, asset_id: AssetId, event: Event) -> Sequence[NewEvent]:
        if event.type_name == _BIRTH:
            return ()
        raw, events = await read_asset(self._log, asset_id, up_to=event.sequence_nr)
        if any(self._was_told(each) for each in raw):
            return ()
        return disclosed(asset_id, events, cause=event, to=self._site_id)

    def _was_told(self, event: Event) -> bool:
        if event.type_name != _DISCLOSED:
            return False
        return payload_as(event, AssetDisclosed).to == self._site_id


async def read_asset(
    log: EventLog, asset_id: AssetId, *, up_to: int
) -> tuple[list[Event], list[Event]]:
    """Return the events about an asset up to a number: as the log has them, and each once."""
    raw: list[Event] = []
    after = 0
    while page := await log.read(after=after, up_to=up_to, limit=_PAGE, aggregate_id=asset_id):
        raw += page
        after = page[-1].sequence_nr
    met = {each.id: each for event in raw for each in carried(event)}
    return raw, list(met.values())


def disclosed(
    asset_id: AssetId, events: Sequence[Event], *, cause: Event, to: str | None = None
) -> list[NewEvent]:
    """Return events that carry others, as many as their size asks for."""
    return [
        new_event(
            AssetDisclosed(asset_id=asset_id, history=tuple(portion), to=to),
            emitter_id=_EMITTER,
            aggregate_id=asset_id,
            cause=cause,
        )
        for portion in _portions(events)
    ]


def _portions(events: Sequence[Event]) -> Iterator[list[bytes]]:
    portion: list[bytes] = []
    size_bytes = 0
    for event in events:
        envelope = envelope_of(event)
        if portion and size_bytes + len(envelope) > _MOST_BYTES:
            yield portion
            portion, size_bytes = [], 0
        portion.append(envelope)
        size_bytes += len(envelope)
    if portion:
        yield portion


def _lets_in(before: Access, after: Access) -> bool:
    """Tell whether a site that was kept out before is not any more."""
    if before is None:
        return False
    return after is None or not set(after) <= set(before)


def _concerned(event: Event) -> Sequence[AssetId]:
    asset_id = asset_of(event)
    if asset_id is not None:
        return (asset_id,)
    change = payload_of(event)
    if isinstance(change, CollectionChanged) and isinstance(change.members, InsertElements):
        return tuple(AssetId(each) for each in change.members.elements)
    return ()
