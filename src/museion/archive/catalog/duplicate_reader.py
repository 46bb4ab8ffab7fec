"""Reads from the catalog what finding duplicates needs: how all pictures look, and what is known.

Only of assets that screens list: none in the trash, none that this site may not read.
"""

from __future__ import annotations

from typing import NamedTuple

from museion.archive.asset import AssetId
from museion.archive.catalog.connections import Connections


class Look(NamedTuple):
    """How the picture of an asset looks, as far as numbers tell it.

    Attributes:
        fingerprint: 64 bits.
        aspect: width / height of the upright picture.
        ingest_time: milliseconds since 1970; the same at every site.
    """

    asset_id: AssetId
    fingerprint: int
    aspect: float
    ingest_time: int


class DuplicateReader:
    """The part of the catalog that tells which pictures may be the same."""

    def __init__(self, read: Connections) -> None:
        self._read = read

    def looks(self) -> list[Look]:
        """Return the looks of all shown assets that have a fingerprint. O(assets)."""
        rows = self._read.all(
            "SELECT id, fingerprint, aspect, ingest_time FROM asset"
            " WHERE state < 2 AND fingerprint IS NOT NULL"
        )
        return [
            Look(AssetId(asset_id), int(fingerprint, 16), aspect, time)
            for asset_id, fingerprint, aspect, time in rows
        ]

    def dismissed(self) -> set[tuple[AssetId, AssetId]]:
        """Return the pairs that people said are no duplicates, the lower id first."""
        rows = self._read.all("SELECT one, other FROM dismissal")
        return {(AssetId(one), AssetId(other)) for one, other in rows}
