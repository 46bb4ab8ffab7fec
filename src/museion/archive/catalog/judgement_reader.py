"""Reads what people said of hits; of assets that screens do not list, nothing is told."""

from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec

from museion.archive.asset import AssetId
from museion.archive.catalog.connections import Connections

_STANDING = "FROM judgement JOIN asset ON asset.id = asset_id WHERE verdict <> 0 AND state < 2"
_ORDER = "ORDER BY query, by, filename, asset_id"


class JudgementRecord(msgspec.Struct, frozen=True):
    """What one person said of an asset as a hit: `verdict` is 1 for fits, -1 for does not."""

    query: str
    asset_id: AssetId
    filename: str
    by: str
    verdict: int


class JudgementReader:
    """Reads the verdicts that stand, ordered by query, person and file name."""

    def __init__(self, read: Connections) -> None:
        self._read = read

    def page(
        self, *, query: str = "", by: str = "", offset: int = 0, limit: int = -1
    ) -> list[JudgementRecord]:
        """Return verdicts; those on one query, or of one person, where one is named.

        Args:
            limit: how many at most; -1 for all.
        """
        sql = (
            f"SELECT query, asset_id, filename, by, verdict {_STANDING}"
            f" AND (:query = '' OR query = :query) AND (:by = '' OR by = :by)"
            f" {_ORDER} LIMIT :limit OFFSET :offset"
        )
        arguments = {"query": query, "by": by, "limit": limit, "offset": offset}
        return [JudgementRecord(*row) for row in self._read.all(sql, arguments)]

    def count(self, *, query: str = "", by: str = "") -> int:
        """Return how many verdicts `page` tells in all."""
        sql = (
            f"SELECT count(*) {_STANDING}"
            " AND (:query = '' OR query = :query) AND (:by = '' OR by = :by)"
        )
        return int(self._read.one(sql, {"query": query, "by": by})[0])

    def named(self, names: Iterable[str]) -> dict[str, list[AssetId]]:
        """Return the listed assets that each name means: an id, a digest, or a file name.

        A name that means none is left out; a file name may mean several. O(assets).
        """
        sql = (
            "WITH wanted AS (SELECT value FROM json_each(?))"
            " SELECT id, digest, filename FROM asset WHERE state < 2 AND"
            " (id IN wanted OR digest IN wanted OR filename IN wanted) ORDER BY id"
        )
        wanted = set(names)
        found: dict[str, list[AssetId]] = {}
        for row in self._read.all(sql, (json.dumps(sorted(wanted)),)):
            for name in {row["id"], row["digest"], row["filename"]} & wanted:
                found.setdefault(name, []).append(AssetId(row["id"]))
        return found
