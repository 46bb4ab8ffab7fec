"""Reads from the catalog what finding duplicates needs: how all pictures look, and what is known.

Only of assets that screens list: none in the trash, none that this site may not read.

Statements are put together from constants; what is given is always an argument.
"""
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from museion.archive.asset import AssetId
from museion.archive.catalog.connections import Connections

_AT_ONCE = 20_000
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Looks:
    """How the pictures of N assets look, as far as numbers tell it; ordered by row number.

    Attributes:
        nrs: row number of each asset in the catalog [N], which stays while the catalog is open.
        fingerprints: 64 bits each [N].
        aspects: width / height of the upright picture [N].
        ages: ingest time, milliseconds since 1970 [N]; the same at every site.
        durations: of films, in seconds [N]; 0 for stills, -1 for a film of which it is not known.
    """

    nrs: NDArray[np.int64]
    fingerprints: NDArray[np.uint64]
    aspects: NDArray[np.float32]
    ages: NDArray[np.int64]
    durations: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.nrs)


class DuplicateReader:
    """The part of the catalog that tells which pictures may be the same."""

    def __init__(self, read: Connections) -> None:
        self._read = read

    def looks(self) -> Looks:
        """Return the looks of all shown pictures and films that have a fingerprint. O(assets).

        Not of documents and sounds: most pages of text, and most waveforms, look the same.
        """
        parts = [_looks([])]
        after = -1
        while rows := self._read.all(
            "SELECT nr, fingerprint, aspect, ingest_time,"
            " CASE WHEN kind = 'video' THEN coalesce(duration_s, -1) ELSE 0 END FROM asset"
            " WHERE nr > ? AND state < 2 AND fingerprint IS NOT NULL"
            " AND kind IN ('image', 'raw', 'vector', 'video') ORDER BY nr LIMIT ?",
            (after, _AT_ONCE),
        ):
            parts.append(_looks([tuple(row) for row in rows]))
            after = rows[-1]["nr"]
        return Looks(
            np.concatenate([each.nrs for each in parts]),
            np.concatenate([each.fingerprints for each in parts]),
            np.concatenate([each.aspects for each in parts]),
            np.concatenate([each.ages for each in parts]),
            np.concatenate([each.durations for each in parts]),
        )

    def ids(self, nrs: Iterable[int]) -> dict[int, AssetId]:
        """Return the ids of assets by their row numbers."""
        found: dict[int, AssetId] = {}
        waiting = iter(nrs)
        while some := list(islice(waiting, _IDS_AT_ONCE)):
            sql = f"SELECT nr, id FROM asset WHERE nr IN ({', '.join('?' * len(some))})"
            found.update({row["nr"]: AssetId(row["id"]) for row in self._read.all(sql, some)})
        return found

    def nr(self, asset_id: AssetId) -> int | None:
        """Return the row number of an asset, None where it is not shown."""
        row = self._read.one_or_none("SELECT nr FROM asset WHERE id = ? AND state < 2", (asset_id,))
        return None if row is None else int(row["nr"])

    def dismissed(self) -> set[tuple[int, int]]:
        """Return the pairs that people said are no duplicates, by row numbers, lower first."""
        rows = self._read.all(
            "SELECT one.nr, other.nr FROM dismissal JOIN asset AS one ON one.id = dismissal.one"
            " JOIN asset AS other ON other.id = dismissal.other"
        )
        return {(min(row), max(row)) for row in map(tuple, rows)}


def _looks(rows: list[tuple[int, str, float, int, float]]) -> Looks:
    columns = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    nrs, fingerprints, aspects, ages, durations = columns
    # Rewritten at once: a million conversions of text, one by one, take a second.
    packed = bytes.fromhex("".join(fingerprints))
    return Looks(
        np.array(nrs, dtype=np.int64),
        np.frombuffer(packed, dtype=">u8").astype(np.uint64),
        np.array(aspects, dtype=np.float32),
        np.array(ages, dtype=np.int64),
        np.array(durations, dtype=np.float32),
    )
