"""Reads which assets have an embedding in which space."""

from __future__ import annotations

import msgspec

from museion.archive.catalog.connections import Connections
from museion.archive.catalog.schema import EMBEDDING_SLOT, MOMENTS_SLOT

_KINDS = {EMBEDDING_SLOT: "failed embedding", MOMENTS_SLOT: "failed moments"}


class Embedded(msgspec.Struct, frozen=True):
    """How many assets have an embedding in a space, of those that have a picture."""

    done: int
    of: int


class EmbeddingReader:
    """Counts embeddings, as the catalog has them."""

    def __init__(self, read: Connections) -> None:
        self._read = read

    def embedded(self, space_id: str) -> Embedded:
        """Return how far a space has come. O(assets)."""
        row = self._read.one(
            "SELECT count(*) AS pictures, coalesce(sum(EXISTS (SELECT 1 FROM chosen AS c"
            " WHERE c.asset_nr = p.asset_nr AND c.slot = ?)), 0) AS done"
            " FROM chosen AS p WHERE p.slot = 'rendition preview'",
            (f"{EMBEDDING_SLOT}{space_id}",),
        )
        return Embedded(row["done"], row["pictures"])

    def is_missing(self, space_id: str, *, beside: str, born_at: str) -> bool:
        """Tell whether a space lacks an asset, or moments of a film, that another space has.

        Only assets that were born at one site count, and none whose embedding has failed.

        Args:
            space_id: the space that is asked about.
            beside: id of the other space.
            born_at: log id of the site.
        """
        return any(
            self._lacks(f"{slot}{space_id}", f"{slot}{beside}", failed, born_at)
            for slot, failed in _KINDS.items()
        )

    def _lacks(self, slot: str, beside: str, failed: str, born_at: str) -> bool:
        sql = (
            "WITH other AS (SELECT asset_nr FROM chosen WHERE slot = :beside)"
            " SELECT 1 FROM other JOIN chosen AS born ON born.asset_nr = other.asset_nr"
            " AND born.slot = 'birth' AND born.origin = :born_at"
            " WHERE NOT EXISTS (SELECT 1 FROM chosen AS own WHERE own.asset_nr = other.asset_nr"
            " AND own.slot IN (:slot, :failed)) LIMIT 1"
        )
        arguments = {"slot": slot, "beside": beside, "born_at": born_at, "failed": failed}
        return self._read.one_or_none(sql, arguments) is not None
