"""Reads collections from the catalog; members that screens do not list are left out.

Statements are put together from constants; what users give is always an argument.
"""
# ruff: noqa: S608

from __future__ import annotations

import msgspec

from museion.archive.asset import AssetId, CollectionId
from museion.archive.catalog.connections import Connections
from museion.archive.collecting import UnknownCollection


class CollectionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A collection as lists show it.

    Attributes:
        query: its members are what this finds; empty where people put them in.
        count: of the members that can be shown here; None where a query finds them.
        cover: digest of the first thumbnail; None where there is none, or a query finds them.
    """

    id: CollectionId
    name: str
    description: str
    query: str
    count: int | None
    cover: str | None


class CollectionReader:
    """The collections of the catalog that were not removed."""

    def __init__(self, read: Connections) -> None:
        self._read = read

    def all(self) -> list[CollectionSummary]:
        """Return all collections by name."""
        rows = self._read.all(f"{_SUMMARY} WHERE removed = 0 ORDER BY lower(name), id")
        return [CollectionSummary(**dict(row)) for row in rows]

    def one(self, collection_id: CollectionId) -> CollectionSummary:
        """Return one collection.

        Raises:
            UnknownCollection: there is none with this id, or it was removed.
        """
        row = self._read.one_or_none(f"{_SUMMARY} WHERE id = ? AND removed = 0", (collection_id,))
        if row is None:
            raise UnknownCollection(collection_id)
        return CollectionSummary(**dict(row))

    def queries(self, name: str) -> list[str]:
        """Return the queries of the collections of a name that have one, whatever its case."""
        rows = self._read.all(
            "SELECT query FROM collection WHERE removed = 0 AND query <> ''"
            " AND lower(name) = lower(?) ORDER BY id",
            (name,),
        )
        return [str(row[0]) for row in rows]

    def members(
        self, collection_id: CollectionId, *, offset: int = 0, limit: int = 100
    ) -> list[AssetId]:
        """Return ids of the members that can be shown here, in order."""
        rows = self._read.all(
            f"SELECT asset_id {_SHOWN_MEMBERS} WHERE collection_id = ? AND state < 2"
            " ORDER BY place LIMIT ? OFFSET ?",
            (collection_id, limit, offset),
        )
        return [AssetId(row[0]) for row in rows]

    def every_member(self, collection_id: CollectionId) -> list[AssetId]:
        """Return ids of all members in order, also of those that are unknown or not shown here."""
        sql = "SELECT asset_id FROM member WHERE collection_id = ? ORDER BY place"
        return [AssetId(row[0]) for row in self._read.all(sql, (collection_id,))]

    def of(self, asset_id: AssetId) -> list[CollectionId]:
        """Return ids of the collections that an asset is in."""
        rows = self._read.all(
            "SELECT collection.id FROM member JOIN collection ON collection.id = collection_id"
            " WHERE asset_id = ? AND removed = 0 ORDER BY lower(name), collection.id",
            (asset_id,),
        )
        return [CollectionId(row[0]) for row in rows]


_SHOWN_MEMBERS = "FROM member JOIN asset ON asset.id = asset_id"
_SUMMARY = (
    "SELECT id, name, description, query, CASE WHEN query = '' THEN"
    f" (SELECT count(*) {_SHOWN_MEMBERS} WHERE collection_id = collection.id AND state < 2)"
    " END AS count,"
    f" (SELECT thumbnail {_SHOWN_MEMBERS} WHERE collection_id = collection.id AND state < 2"
    " AND thumbnail IS NOT NULL ORDER BY place LIMIT 1) AS cover FROM collection"
)
