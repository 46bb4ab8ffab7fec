"""What may leave to another site: the predicate that reads ask, asked for that site.

It looks at the site and the asset only, so all sites hold back the same from one of them, and may
be connected in any way. What a site may read later, after all, is told to it anew (`disclosure`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from museion.archive.asset import AssetId
from museion.archive.catalog.reader import Catalog
from museion.archive.events import (
    AssetDisclosed,
    FieldsChanged,
    IngestRefused,
    RefusalCleared,
    payload_as,
    type_name,
)
from museion.archive.rights import may_read
from museion.archive.sharing.asset_words import AssetWords
from museion.blobs.blob_store import Digest
from museion.log.event import Event
from museion.log.replication.filters import Predicate

TakenIn = Callable[[int], Awaitable[None]]
"""Returns when the catalog has taken in everything up to an event of the log."""

_ASSET_ID = re.compile("[a-z2-7]{24}")
_LOCAL = frozenset({type_name(IngestRefused), type_name(RefusalCleared)})
_CHANGED, _DISCLOSED = type_name(FieldsChanged), type_name(AssetDisclosed)


class AssetGate:
    """Lets to one site what it may read.

    Facts about who may have what always leave, so every site knows that of every asset. Facts that
    concern the machine of one site (refused files) never do. What is about no asset leaves:
    collections, sites, and types that this version does not know.

    Args:
        site_id: the site that asks.
    """

    restricts = True
    parts = False

    def __init__(self, site_id: str, catalog: Catalog, taken_in: TakenIn) -> None:
        self._site_id = site_id
        self._catalog = catalog
        self._taken_in = taken_in
        self._readable: dict[AssetId, bool] = {}

    async def ready(self, sequence_nr: int) -> None:
        """Return when the catalog knows what it has to know up to an event."""
        await self._taken_in(sequence_nr)
        self._readable.clear()  # it may have changed its mind

    def may_leave(self, event: Event) -> bool:
        """Tell whether an event may leave to the site."""
        if event.type_name in _LOCAL:
            return False
        asset_id = asset_of(event)
        if asset_id is None or tells_access_only(event):
            return True
        return self._is_addressed(event) and self.may_read(asset_id)

    def may_read(self, asset_id: AssetId) -> bool:
        """Tell whether the site may have an asset, as the catalog knows it."""
        found = self._readable.get(asset_id)
        if found is None:
            rights = self._catalog.people.history(asset_id).rights
            found = self._readable[asset_id] = may_read(self._site_id, rights)
        return found

    def may_have(self, digest: Digest) -> bool:
        """Tell whether the site may have a blob: one of an asset that it may read."""
        self._readable.clear()
        return any(self.may_read(each) for each in self._catalog.owners(digest))

    def _is_addressed(self, event: Event) -> bool:
        if event.type_name != _DISCLOSED:
            return True
        return payload_as(event, AssetDisclosed).to in (None, self._site_id)


def asset_of(event: Event) -> AssetId | None:
    """Return the asset that an event is about, also one of a type that is not known here."""
    aggregate_id = event.aggregate_id or ""
    return AssetId(aggregate_id) if _ASSET_ID.fullmatch(aggregate_id) else None


def tells_access_only(event: Event) -> bool:
    """Tell whether an event says who may have an asset, and nothing else about it."""
    if event.type_name != _CHANGED:
        return False
    operations = payload_as(event, FieldsChanged).operations
    return bool(operations) and all(each.field == "access" for each in operations)


def words_filter(catalog: Catalog) -> Callable[[bytes], Predicate]:
    """Return what makes a filter of filter words: events about assets that fit them now.

    What is about no asset passes. Use it behind a gate, which waits for the catalog.

    Raises (what is returned):
        NotOnlyFilters, BadFilter: the words are no filters.
    """

    def predicate_for(settings: bytes) -> Predicate:
        words = AssetWords.read(settings.decode("utf-8", "replace"))
        known: dict[AssetId, bool] = {}

        def passes(event: Event) -> bool:
            asset_id = asset_of(event)
            if asset_id is None:
                return True
            if asset_id not in known:
                known[asset_id] = words.holds(catalog, asset_id)
            return known[asset_id]

        return passes

    return predicate_for
