"""Which of several answers to one question counts, the same at every site whatever came first.

Two sites may both read the metadata of an asset, or render it. Each site sees the two events in an
order of its own, so arrival must not decide. The rank of a stamp does.
"""

from __future__ import annotations

import sqlite3

from museion.archive.rank import Rank


class Chosen:
    """Keeps, for each asset and question ("slot"), the rank of the event whose answer stands."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def takes(self, nr: int, slot: str, rank: Rank, *, lowest: bool = False) -> bool:
        """Tell whether an event's answer now stands, and note it.

        The highest rank wins, or the lowest. An event that is met again changes nothing.
        """
        changed = self._database.execute(_TAKE_LOWER if lowest else _TAKE_HIGHER, (nr, slot, *rank))
        return changed.rowcount > 0


_TAKE = (
    "INSERT INTO chosen (asset_nr, slot, total, origin, time) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (asset_nr, slot) DO UPDATE"
    " SET total = excluded.total, origin = excluded.origin, time = excluded.time"
    " WHERE (excluded.total, excluded.origin, excluded.time)"
)
_TAKE_HIGHER = f"{_TAKE} > (total, origin, time)"
_TAKE_LOWER = f"{_TAKE} < (total, origin, time)"
