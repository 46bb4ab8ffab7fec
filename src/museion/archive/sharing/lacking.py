"""Events about assets that only some sites may have, where a site came to lack them unnoticed.

A site that may not have an asset hands on what its origin wrote later, and so the version vectors
of those who get that cover events that they never got. They are sent over every connection,
whatever is known, and whoever finds one missing keeps it within an event of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from museion.archive.asset import AssetId
from museion.archive.carried import carried
from museion.archive.catalog.reader import Catalog
from museion.archive.sharing.asset_gate import asset_of, tells_access_only
from museion.archive.sharing.disclosure import disclosed, read_asset
from museion.archive.sharing.remembered import Following, Remembered
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog


class AssetsLacking:
    """Finds events about assets with limited access that the version vector hides.

    Implements `museion.log.replication.covered.CoveredEvents`.

    Args:
        following: tells how far the catalog has come.
    """

    def __init__(self, catalog: Catalog, following: Following) -> None:
        self._catalog = catalog
        self._limited = Remembered(self._is_limited, following)

    def may_be_lacking(self, event: Event) -> bool:
        """Tell whether an event is about an asset that is kept from some site now.

        What became open to all again is told anew by then (`WiderAccess`).
        """
        asset_id = asset_of(event)
        if asset_id is None or tells_access_only(event):
            return False
        return self._limited.of(asset_id)

    async def take(self, log: EventLog, events: Sequence[Event]) -> None:
        """Keep those of the events that the log does not hold, within events of this site."""
        by_asset: dict[AssetId, list[Event]] = {}
        for event in events:
            asset_id = asset_of(event)
            if asset_id is not None and not tells_access_only(event):
                by_asset.setdefault(asset_id, []).extend(carried(event))
        found: list[NewEvent] = []
        for asset_id, told in by_asset.items():
            held = await read_asset(log, asset_id, up_to=log.sequence_nr)
            ids = {event.id for event in held}
            lacking = list({each.id: each for each in told if each.id not in ids}.values())
            if lacking:
                found += disclosed(asset_id, lacking, cause=lacking[-1])
        if found:
            await log.append(found)

    def _is_limited(self, asset_id: AssetId) -> bool:
        access = self._catalog.people.rights(asset_id).access
        return any(each is not None for each in access)
