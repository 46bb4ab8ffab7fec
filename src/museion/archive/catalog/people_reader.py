"""Reads what people did to assets from the catalog, and what waits for a person."""

from __future__ import annotations

from museion.archive.asset import AssetId
from museion.archive.catalog.connections import Connections
from museion.archive.catalog.edit_rows import decoded_edit
from museion.archive.conflicts import (
    FieldConflict,
    SiteNames,
    UnknownConflict,
    parts_of,
    shown_conflict,
)
from museion.archive.history import History, fold
from museion.archive.rights import AssetRights


class PeopleReader:
    """The part of the catalog that people wrote; `names` tells the names of sites."""

    def __init__(self, read: Connections) -> None:
        self._read = read
        self.names: SiteNames = lambda _: None

    def history(self, asset_id: AssetId) -> History:
        """Return what people did to an asset; nothing for one that nobody changed."""
        rows = self._read.all(
            "SELECT event FROM edit WHERE subject = ? ORDER BY total, origin, time", (asset_id,)
        )
        return fold(decoded_edit(row[0]) for row in rows)

    def rights(self, asset_id: AssetId) -> AssetRights:
        """Return who may have an asset: what `history` says, found without the other changes."""
        rows = self._read.all(
            "SELECT event FROM edit WHERE subject = ? AND instr(event, CAST('access' AS BLOB)) > 0"
            " ORDER BY total, origin, time",
            (asset_id,),
        )
        return fold(decoded_edit(row[0]) for row in rows).rights

    def conflict_count(self) -> int:
        """Return how many fields wait for a person."""
        return int(self._read.one(f"SELECT count(*) {_OPEN}")[0])

    def conflicts(self, *, offset: int = 0, limit: int = 100) -> list[FieldConflict]:
        """Return the fields that wait for a person, the last written first."""
        rows = self._read.all(
            f"SELECT asset.id, filename, thumbnail, field {_OPEN}"
            " ORDER BY conflict.time DESC, asset.id, field LIMIT ? OFFSET ?",
            (limit, offset),
        )
        return [each for row in rows for each in [self._conflict(*row)] if each is not None]

    def conflict(self, identifier: str) -> FieldConflict:
        """Return the conflict with an id.

        Raises:
            UnknownConflict: none is open under it.
        """
        asset_id, field = parts_of(identifier)
        row = self._read.one_or_none(
            f"SELECT asset.id, filename, thumbnail, field {_OPEN}"
            " AND conflict.asset_id = ? AND field = ?",
            (asset_id, field),
        )
        found = self._conflict(*row) if row else None
        if found is None:
            raise UnknownConflict(identifier)
        return found

    def _conflict(
        self, asset_id: str, filename: str, thumbnail: str | None, field: str
    ) -> FieldConflict | None:
        history = self.history(AssetId(asset_id))
        if field not in history.conflicts:  # settled since the row was read
            return None
        return shown_conflict(
            history,
            field,
            self.names,
            asset_id=AssetId(asset_id),
            filename=filename,
            thumbnail=thumbnail,
        )


_OPEN = "FROM conflict JOIN asset ON asset.id = conflict.asset_id WHERE open"
