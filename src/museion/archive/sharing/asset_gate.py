"""What may leave to another site: the predicate that reads ask, asked for that site.

It looks at the site and the asset only, so all sites hold back the same from one of them, and may
be connected in any way. What a site may read later, after all, is told to it anew (`disclosure`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

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
from museion.archive.sharing.remembered import Following, Remembered
from museion.blobs.blob_store import Digest
from museion.log.event import Event
from museion.log.replication.filters import Predicate

__all__ = [
    "AssetGate",
    "Following",
    "Withheld",
    "asset_of",
    "tells_access_only",
    "words_filter",
]

Withheld = Callable[[str, AssetId], None]
"""Told of filter words and an asset of which they held back an event."""

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

    def __init__(self, site_id: str, catalog: Catalog, following: Following) -> None:
        self._site_id = site_id
        self._following = following
        self._catalog = catalog
        self._readable = Remembered(self._looked_up, following)

    async def ready(self, sequence_nr: int) -> None:
        """Return when the catalog knows what it has to know up to an event."""
        await self._following.reached(sequence_nr)

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
        return self._readable.of(asset_id)

    def may_have(self, digest: Digest) -> bool:
        """Tell whether the site may have a blob: one of an asset that it may read."""
        return any(self._looked_up(each) for each in self._catalog.owners(digest))

    def _looked_up(self, asset_id: AssetId) -> bool:
        return may_read(self._site_id, self._catalog.people.rights(asset_id))

    def _is_addressed(self, event: Event) -> bool:
        if event.type_name != _DISCLOSED or event.process_id != event.log_id:
            return True  # who was told hands it on: others may know of the asset only by that
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


def words_filter(
    catalog: Catalog, following: Following, on_withheld: Withheld = lambda words, asset_id: None
) -> Callable[[bytes], Predicate]:
    """Return what makes a filter of filter words: events about assets that fit them now.

    What is about no asset passes, and who may have what, as at the gate. Use it behind a gate,
    which waits for the catalog.

    Raises (what is returned):
        NotOnlyFilters, BadFilter: the words are no filters.
    """

    def predicate_for(settings: bytes) -> Predicate:
        words = AssetWords.read(settings.decode("utf-8", "replace"))
        fitting = Remembered(lambda asset_id: words.holds(catalog, asset_id), following)

        def passes(event: Event) -> bool:
            asset_id = asset_of(event)
            if asset_id is None or tells_access_only(event) or fitting.of(asset_id):
                return True
            on_withheld(words.words, asset_id)
            return False

        return passes

    return predicate_for
