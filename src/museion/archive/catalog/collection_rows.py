"""Rows of collections: folded anew from all their events, once a batch for each that changed."""

from __future__ import annotations

import sqlite3

import msgspec
from msgspec.structs import replace

from museion.archive.asset import CollectionId
from museion.archive.catalog.edit_rows import edits_of
from museion.archive.collection_history import fold_collection
from museion.archive.rank import Rank
from museion.log.event import UNWRITTEN, Event


class CollectionRows:
    """Applies events of collections, within one transaction of the catalog's writer."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._changed: dict[CollectionId, None] = {}

    def apply(self, collection_id: CollectionId, event: Event) -> None:
        """Take in one event; the rows follow with `finish`."""
        kept = replace(event, log_id="", sequence_nr=UNWRITTEN, chain_digest=None)
        self._database.execute(
            "INSERT OR IGNORE INTO edit (subject, total, origin, time, event)"
            " VALUES (?, ?, ?, ?, ?)",
            (collection_id, *Rank.of(event), msgspec.msgpack.encode(kept)),
        )
        self._changed[collection_id] = None

    def finish(self) -> None:
        """Write the rows of all collections that changed."""
        for collection_id in self._changed:
            self._derive(collection_id)
        self._changed.clear()

    def _derive(self, collection_id: CollectionId) -> None:
        history = fold_collection(edits_of(self._database, collection_id))
        self._database.execute(
            "INSERT OR REPLACE INTO collection (id, name, description, removed, query)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                collection_id,
                history.name,
                history.description,
                history.is_removed,
                history.query,
            ),
        )
        self._database.execute("DELETE FROM member WHERE collection_id = ?", (collection_id,))
        if history.query:
            return  # its members are what the query finds
        self._database.executemany(
            "INSERT INTO member (collection_id, place, asset_id) VALUES (?, ?, ?)",
            [(collection_id, place, each) for place, each in enumerate(history.asset_ids)],
        )
