"""Keeps the catalog up to date with the log; position and rows change in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from museion.archive.asset import AssetId
from museion.archive.carried import carried
from museion.archive.catalog.collection_rows import CollectionRows
from museion.archive.catalog.content_rows import ContentRows
from museion.archive.catalog.dismissal_rows import DismissalRows
from museion.archive.catalog.edit_rows import EditRows
from museion.archive.catalog.errors import catalog_errors
from museion.archive.catalog.judgement_rows import JudgementRows
from museion.archive.catalog.machine_rows import MachineRows
from museion.archive.catalog.schema import drop_database, open_database
from museion.archive.collection_history import COLLECTION_EVENTS
from museion.archive.events import AssetIngested, HitJudged, MetadataExtracted, payload_of
from museion.archive.history import EDITS
from museion.log.event import Event

_CHANGES_FIELDS = (AssetIngested, MetadataExtracted)


class CatalogProjection:
    """Applies the archive's events to the catalog, exactly once.

    The events of several sites may come in any order that keeps causes before effects: the rows
    that do not concern this site's own files are the same in the end.

    Args:
        path: the SQLite file.
        log_end: last event of the log; a catalog that holds more follows another state of the log,
            one before a backup was put back for example, and is built anew.
        on_change: called after each batch with the new position and the ids of changed assets.
    """

    name = "catalog"

    def __init__(
        self,
        path: Path,
        *,
        log_end: int | None = None,
        on_change: Callable[[int, Sequence[AssetId]], None] | None = None,
    ) -> None:
        self._database = open_database(path)
        self._listeners = [] if on_change is None else [on_change]
        self._position = self._stored_position()
        if log_end is not None and self._position > log_end:
            self._database.close()
            drop_database(path)
            self._database = open_database(path)
            self._position = 0

    @property
    def position(self) -> int:
        """Sequence number of the last event that the catalog holds."""
        return self._position

    def apply(self, events: Sequence[Event]) -> None:
        """Take in events, all or none of the batch.

        Raises:
            CatalogUnavailable: the disk is full, for example.
            CatalogDamaged: the database is not what was written.
            UnknownForm, UndecodablePayload: an event cannot be read by this program version.
        """
        writing = _Writing(self._database)
        with catalog_errors(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for event in events:
                for each in carried(event):
                    writing.apply(each)
            writing.finish()
            self._database.execute(
                "INSERT OR REPLACE INTO progress VALUES ('catalog', ?)", (events[-1].sequence_nr,)
            )
        self._position = events[-1].sequence_nr
        for listener in self._listeners:
            listener(self._position, list(writing.changed))

    def tell(self, listener: Callable[[int, Sequence[AssetId]], None]) -> None:
        """Call someone else, too, after each batch; see `on_change`."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _stored_position(self) -> int:
        row = self._database.execute("SELECT position FROM progress").fetchone()
        return int(row[0]) if row else 0


class _Writing:
    """The changes of one batch, and the assets that they concern."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._machine = MachineRows(database)
        self._content = ContentRows(database)
        self._dismissals = DismissalRows(database)
        self._edits = EditRows(database)
        self._collections = CollectionRows(database)
        self._judgements = JudgementRows(database)
        self.changed: dict[AssetId, None] = {}

    def apply(self, event: Event) -> None:
        """Change the rows that one event is about; one of another kind changes nothing."""
        payload = payload_of(event)
        if payload is None:
            return
        if isinstance(payload, COLLECTION_EVENTS):
            self._collections.apply(payload.collection_id, event)
            return
        if isinstance(payload, HitJudged):
            self._judgements.apply(payload, event)
            return
        self._machine.apply(payload, event)
        self._content.apply(payload, event)
        self._dismissals.apply(payload)
        asset_id: AssetId | None = getattr(payload, "asset_id", None)
        if asset_id is None:
            return
        self.changed[asset_id] = None
        if isinstance(payload, EDITS):
            self._edits.apply(asset_id, event)
        elif isinstance(payload, _CHANGES_FIELDS):
            self._edits.touch(asset_id, reader=event.log_id)

    def finish(self) -> None:
        """Change the rows that are derived once a batch."""
        self._edits.finish()
        self._collections.finish()
