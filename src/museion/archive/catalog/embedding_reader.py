"""Reads which assets have an embedding in which space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from museion.archive.asset import AssetId
from museion.archive.catalog.connections import Connections
from museion.archive.catalog.schema import EMBEDDING_SLOT, MOMENTS_SLOT
from museion.blobs.blob_store import Digest

_PICTURES = "rendition preview"
_KINDS = {EMBEDDING_SLOT: "failed embedding", MOMENTS_SLOT: "failed moments"}


@dataclass(frozen=True, slots=True)
class EmbeddedBySpace:
    """How many assets have a picture, and by the id of a space, how many an embedding in it."""

    of: int
    done: Mapping[str, int]


class Stranger(NamedTuple):
    """An asset of another site that has no embedding in a space."""

    nr: int
    asset_id: AssetId
    preview: Digest


class EmbeddingReader:
    """Counts embeddings, as the catalog has them."""

    def __init__(self, read: Connections) -> None:
        self._read = read

    def embedded(self) -> EmbeddedBySpace:
        """Return how far each space has come. O(assets)."""
        first, last = EMBEDDING_SLOT, EMBEDDING_SLOT + "\U0010ffff"
        rows = self._read.all(
            "SELECT slot, count(*) AS assets FROM chosen"
            " WHERE slot = ? OR slot BETWEEN ? AND ? GROUP BY slot",
            (_PICTURES, first, last),
        )
        counts = {row["slot"].removeprefix(first): int(row["assets"]) for row in rows}
        return EmbeddedBySpace(counts.pop(_PICTURES, 0), counts)

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

    def last_nr(self) -> int:
        """Return the row number of the asset that came last; numbers grow as assets come."""
        return int(self._read.one("SELECT coalesce(max(nr), 0) FROM asset")[0])

    def strangers(
        self, space_id: str, *, here: str, after_nr: int, up_to_nr: int, limit: int
    ) -> list[Stranger]:
        """Return shown assets of other sites that have a preview, but nothing in a space.

        Args:
            space_id: the space.
            here: log id of this site.
            after_nr, up_to_nr: row numbers between which is looked.
            limit: how many at most, those of the lowest numbers first.
        """
        sql = (
            "SELECT nr, id, preview FROM asset JOIN chosen AS born ON born.asset_nr = nr"
            " AND born.slot = 'birth' AND born.origin <> :here"
            " WHERE nr > :after AND nr <= :up_to AND state < 2 AND preview IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM chosen AS c WHERE c.asset_nr = nr AND c.slot = :slot)"
            " ORDER BY nr LIMIT :limit"
        )
        slot = f"{EMBEDDING_SLOT}{space_id}"
        arguments = {"here": here, "after": after_nr, "up_to": up_to_nr, "slot": slot}
        rows = self._read.all(sql, arguments | {"limit": limit})
        return [Stranger(row["nr"], AssetId(row["id"]), Digest(row["preview"])) for row in rows]

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
