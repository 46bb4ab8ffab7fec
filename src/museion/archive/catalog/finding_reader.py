"""Reads what finding needs of many assets at once: facets, looks, ids."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from museion.archive.asset import AssetId
from museion.archive.catalog.connections import Connections

_SHOWN = "state < 2"
_IDS_AT_ONCE = 500
COLOUR_SHARE = 0.15
"""A picture has a colour when at least this share of it has it."""
SEPARATOR = "\x1f"
"""Stands between the terms of a facet row."""

_FACETS = f"""
SELECT id, kind, media_type, substr(capture_local, 1, 10) AS day, rating, size_bytes, camera,
    lens, latitude, longitude, city, country, width, height, duration_s, copyright, rights, nr,
    (SELECT group_concat(folded, '{SEPARATOR}') FROM
        (SELECT folded FROM keyword WHERE asset_nr = nr
         UNION SELECT folded FROM tag WHERE asset_nr = nr)) AS tags,
    (SELECT group_concat(name, '{SEPARATOR}') FROM colour
        WHERE asset_nr = nr AND share >= {COLOUR_SHARE}) AS colours,
    (SELECT group_concat(value, '{SEPARATOR}') FROM metadata_value
        WHERE asset_nr = nr AND field = 'persons') AS persons,
    (SELECT group_concat(value, '{SEPARATOR}') FROM metadata_value
        WHERE asset_nr = nr AND field = 'rights_url') AS rights_urls
FROM asset WHERE {_SHOWN}
"""  # noqa: S608 (constants)


@dataclass(frozen=True, slots=True)
class Looks:
    """What tells whether two assets look the same; None for what is not known.

    Attributes:
        fingerprint: 64 bits.
        time_s: of capture, in seconds since 1970.
        camera: that took it.
    """

    fingerprint: int | None
    time_s: float | None
    camera: str | None


class FindingReader:
    """Reads of all assets that screens list; others are passed over."""

    def __init__(self, read: Connections) -> None:
        self._read = read

    def last_nr(self) -> int:
        """Return the row number of the asset that came last; 0 where there is none."""
        return int(self._read.one("SELECT coalesce(max(nr), 0) FROM asset")[0])

    def ids(self) -> list[AssetId]:
        """Return the ids of all assets."""
        return [AssetId(row[0]) for row in self._read.all(f"SELECT id FROM asset WHERE {_SHOWN}")]  # noqa: S608

    def facets(self, ids: Sequence[AssetId] | None = None) -> list[sqlite3.Row]:
        """Return a row for each asset with what facets hold of it; None asks for all assets."""
        if ids is None:
            return self._read.all(_FACETS)
        return [
            row
            for start in range(0, len(ids), _IDS_AT_ONCE)
            for row in self._some(f"{_FACETS} AND id IN", ids[start : start + _IDS_AT_ONCE])
        ]

    def looks(self, ids: Sequence[AssetId]) -> dict[AssetId, Looks]:
        """Return how assets look, by id.

        Most pages, waveforms and titles of films look alike: only stills have a fingerprint here.
        """
        sql = (
            "SELECT id, CASE WHEN kind IN ('image', 'raw', 'vector') THEN fingerprint END"  # noqa: S608
            f" AS fingerprint, capture_sort, camera FROM asset WHERE {_SHOWN} AND id IN"
        )
        rows = (
            row
            for start in range(0, len(ids), _IDS_AT_ONCE)
            for row in self._some(sql, ids[start : start + _IDS_AT_ONCE])
        )
        return {AssetId(row["id"]): _looks(row) for row in rows}

    def _some(self, sql: str, ids: Sequence[AssetId]) -> list[sqlite3.Row]:
        return self._read.all(f"{sql} ({', '.join('?' * len(ids))})", ids)


def _looks(row: sqlite3.Row) -> Looks:
    fingerprint, time_ms = row["fingerprint"], row["capture_sort"]
    return Looks(
        None if fingerprint is None else int(fingerprint, 16),
        None if time_ms is None else time_ms / 1000,
        row["camera"],
    )
