"""Rows of what people said are no duplicates; nothing takes such a word back, so order is nothing.

Pairs are kept whether their assets are known here or not: an asset may come after the word.
"""

from __future__ import annotations

import sqlite3
from itertools import combinations

from museion.archive.events import ArchiveEvent, DuplicatesDismissed


class DismissalRows:
    """Applies events one by one, within one transaction of the catalog's writer."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def apply(self, payload: ArchiveEvent) -> None:
        """Note the pairs that one event is about; other kinds of events are passed over."""
        if isinstance(payload, DuplicatesDismissed):
            self._database.executemany(
                "INSERT OR IGNORE INTO dismissal (one, other) VALUES (?, ?)",
                combinations(sorted(set(payload.asset_ids)), 2),
            )
