"""Rows of what people said of hits: whether an asset fits a query.

Of several verdicts of one person on one asset for one query that of the highest rank stands,
whatever came first. They are kept whether the asset is known here or not: it may come later.
"""

from __future__ import annotations

import sqlite3

from museion.archive.events import HitJudged
from museion.archive.rank import Rank
from museion.log.event import Event


class JudgementRows:
    """Applies events one by one, within one transaction of the catalog's writer."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def apply(self, payload: HitJudged, event: Event) -> None:
        """Note a verdict where it now stands; one that takes another back is kept as 0."""
        row = (payload.asset_id, payload.query, payload.by, payload.verdict, *Rank.of(event))
        self._database.execute(_TAKE_HIGHER, row)


_TAKE_HIGHER = (
    "INSERT INTO judgement (asset_id, query, by, verdict, total, origin, time)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (query, asset_id, by) DO UPDATE SET verdict = excluded.verdict,"
    " total = excluded.total, origin = excluded.origin, time = excluded.time"
    " WHERE (excluded.total, excluded.origin, excluded.time) > (total, origin, time)"
)
