"""Keeps the catalog up to date with the log; position and rows change in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import singledispatchmethod
from pathlib import Path

from museion.archive.asset import AssetId
from museion.archive.catalog.errors import catalog_errors
from museion.archive.catalog.fields import asset_columns
from museion.archive.catalog.schema import (
    ALL_STEPS,
    STEPS_OF,
    Step,
    drop_database,
    folded,
    open_database,
)
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    AssetRecognised,
    EmbeddingComputed,
    EnrichmentFailed,
    EnrichmentRetried,
    FingerprintComputed,
    IngestRefused,
    LabelsComputed,
    MetadataExtracted,
    RefusalCleared,
    RenditionMade,
    payload_of,
)
from museion.log.event import Event

_STEP_OF_RENDITION = {"thumbnail": Step.THUMBNAIL, "preview": Step.PREVIEW}


class CatalogProjection:
    """Applies the archive's events to the catalog, exactly once.

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
        self._on_change = on_change
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
                payload = payload_of(event)
                if payload is not None:
                    writing.apply(payload, event.system_time_ms)
            self._database.execute(
                "INSERT OR REPLACE INTO progress VALUES ('catalog', ?)", (events[-1].sequence_nr,)
            )
        self._position = events[-1].sequence_nr
        if self._on_change:
            self._on_change(self._position, list(writing.changed))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _stored_position(self) -> int:
        row = self._database.execute("SELECT position FROM progress").fetchone()
        return int(row[0]) if row else 0


class _Writing:
    """The changes of one batch; an event about an unknown asset changes nothing."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.changed: dict[AssetId, None] = {}

    def apply(self, payload: ArchiveEvent, time_ms: int) -> None:
        """Change the rows that one event is about."""
        self._time_ms = time_ms
        self._take(payload)
        asset_id = getattr(payload, "asset_id", None)
        if asset_id is not None:
            self.changed[asset_id] = None

    @singledispatchmethod
    def _take(self, payload: ArchiveEvent) -> None:
        raise AssertionError(f"no rule for {type(payload).__name__}")

    @_take.register
    def _(self, event: AssetIngested) -> None:
        self._database.execute(
            "INSERT OR IGNORE INTO asset (id, digest, filename, media_type, kind, size_bytes,"
            " ingest_time, sort_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                event.asset_id,
                event.digest,
                event.filename,
                event.media_type,
                event.kind,
                event.size_bytes,
                self._time_ms,
                self._time_ms,
            ),
        )
        if event.path is not None and event.modified_ns is not None:
            self._put_source(event.asset_id, event.path, event.modified_ns, event.size_bytes)

    @_take.register
    def _(self, event: AssetRecognised) -> None:
        self._put_source(event.asset_id, event.path, event.modified_ns, event.size_bytes)

    @_take.register
    def _(self, event: IngestRefused) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO refusal VALUES (?, ?, ?, ?, ?)",
            (event.path, event.filename, event.reason, event.remedy, self._time_ms),
        )
        # What is known to lie there is not believed again before the file has been read.
        self._database.execute("UPDATE source SET modified_ns = -1 WHERE path = ?", (event.path,))

    @_take.register
    def _(self, event: RefusalCleared) -> None:
        self._database.execute("DELETE FROM refusal WHERE path = ?", (event.path,))

    @_take.register
    def _(self, event: MetadataExtracted) -> None:
        nr = self._nr(event.asset_id)
        self._replace(
            "metadata_value",
            nr,
            [(nr, value.field, _text(value.value), value.source) for value in event.values],
        )
        columns, keywords = asset_columns(event.values)
        self._replace("keyword", nr, [(nr, term, folded(term)) for term in keywords])
        self._set(nr, columns)
        self._done(nr, Step.METADATA)

    @_take.register
    def _(self, event: RenditionMade) -> None:
        nr = self._nr(event.asset_id)
        self._database.execute(
            "INSERT OR REPLACE INTO rendition VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                nr,
                event.rendition,
                event.digest,
                event.media_type,
                event.width,
                event.height,
                event.size_bytes,
            ),
        )
        if event.rendition in _STEP_OF_RENDITION:
            aspect = event.width / max(event.height, 1)
            self._set(nr, {event.rendition: event.digest, "aspect": aspect})
            self._done(nr, _STEP_OF_RENDITION[event.rendition])

    @_take.register
    def _(self, event: FingerprintComputed) -> None:
        nr = self._nr(event.asset_id)
        self._set(nr, {"fingerprint": f"{event.fingerprint:016x}"})
        self._done(nr, Step.FINGERPRINT)

    @_take.register
    def _(self, event: EmbeddingComputed) -> None:
        self._done(self._nr(event.asset_id), Step.EMBEDDING)

    @_take.register
    def _(self, event: LabelsComputed) -> None:
        nr = self._nr(event.asset_id)
        rows = [(nr, each.word, json.dumps(each.synonyms), each.score) for each in event.labels]
        self._replace("label", nr, rows)

    @_take.register
    def _(self, event: EnrichmentFailed) -> None:
        nr = self._nr(event.asset_id)
        self._database.execute(
            "INSERT OR REPLACE INTO failure VALUES (?, ?, ?, ?, ?)",
            (nr, event.processor, event.reason, event.remedy, self._time_ms),
        )
        self._database.execute(
            "UPDATE asset SET failed = failed | ? WHERE nr = ?",
            (int(STEPS_OF.get(event.processor, 0)), nr),
        )
        self._judge(nr)

    @_take.register
    def _(self, event: EnrichmentRetried) -> None:
        nr = self._nr(event.asset_id)
        for processor in event.processors:
            self._forgive(nr, processor)
        self._judge(nr)

    def _nr(self, asset_id: AssetId) -> int:
        row = self._database.execute("SELECT nr FROM asset WHERE id = ?", (asset_id,)).fetchone()
        assert row is not None, f"an event about asset {asset_id} came before its birth"
        return int(row[0])

    def _set(self, nr: int, columns: Mapping[str, object]) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)  # names come from the code, not data
        self._database.execute(
            f"UPDATE asset SET {names} WHERE nr = ?",  # noqa: S608
            (*columns.values(), nr),
        )

    def _replace(self, table: str, nr: int, rows: Sequence[tuple[object, ...]]) -> None:
        self._database.execute(f"DELETE FROM {table} WHERE asset_nr = ?", (nr,))  # noqa: S608
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self._database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608

    def _put_source(
        self, asset_id: AssetId, path: bytes, modified_ns: int, size_bytes: int
    ) -> None:
        nr = self._nr(asset_id)
        self._database.execute(
            "INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?)", (path, nr, modified_ns, size_bytes)
        )
        self._database.execute("DELETE FROM refusal WHERE path = ?", (path,))

    def _done(self, nr: int, step: Step) -> None:
        for processor, steps in STEPS_OF.items():
            if step in steps:
                self._forgive(nr, processor)
        self._database.execute("UPDATE asset SET steps = steps | ? WHERE nr = ?", (int(step), nr))
        self._judge(nr)

    def _forgive(self, nr: int, processor: str) -> None:
        self._database.execute(
            "DELETE FROM failure WHERE asset_nr = ? AND processor = ?", (nr, processor)
        )
        self._database.execute(
            "UPDATE asset SET failed = failed & ~? WHERE nr = ?",
            (int(STEPS_OF.get(processor, 0)), nr),
        )

    def _judge(self, nr: int) -> None:
        """Derive the state: no picture is quarantine, a missing step without failure is pending."""
        self._database.execute(
            "UPDATE asset SET state = CASE WHEN failed & :picture THEN 2"
            " WHEN (steps | failed) = :all THEN 0 ELSE 1 END WHERE nr = :nr",
            {"picture": int(Step.THUMBNAIL), "all": ALL_STEPS, "nr": nr},
        )


def _text(value: bool | int | float | str | tuple[str, ...]) -> str:
    return "; ".join(value) if isinstance(value, tuple) else str(value)
