"""Rows of what programs found out about assets, at whatever site.

Of several answers to one question that of the highest rank stands, so the order of arrival changes
nothing. Paths and refusals concern the files of one machine: those of other sites are passed over.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import singledispatchmethod

from museion.archive.asset import AssetId
from museion.archive.catalog.fields import EMBEDDED_FIELDS, asset_columns
from museion.archive.catalog.rows import AssetRows
from museion.archive.catalog.schema import EMBEDDING_SLOT, Step, folded
from museion.archive.catalog.settling import settle
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
    MetadataValue,
    RefusalCleared,
    RenditionMade,
)
from museion.archive.rank import Rank
from museion.log.event import Event

_STEP_OF_RENDITION = {"thumbnail": Step.THUMBNAIL, "preview": Step.PREVIEW}


class MachineRows:
    """Applies events one by one; an event about an asset that is not known here changes nothing."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._rows = AssetRows(database)

    def apply(self, payload: ArchiveEvent, event: Event) -> None:
        """Change the rows that one event is about; other kinds of events are passed over."""
        self._rank = Rank.of(event)
        self._time_ms = event.system_time_ms
        self._is_of_here = event.process_id == event.log_id
        self._take(payload)

    @singledispatchmethod
    def _take(self, payload: ArchiveEvent) -> None:
        """Pass over what people did."""

    @_take.register
    def _(self, event: AssetIngested) -> None:
        nr = self._rows.nr(event.asset_id)
        if nr is None:
            nr = self._insert(event)
            self._rows.chosen.takes(nr, "birth", self._rank)
        elif self._rows.chosen.takes(nr, "birth", self._rank, lowest=True):
            self._rows.set(nr, _birth_columns(event, self._time_ms))
            self._sort(nr)
        if event.path is not None and event.modified_ns is not None:
            self._put_source(event.asset_id, event.path, event.modified_ns, event.size_bytes)

    @_take.register
    def _(self, event: AssetRecognised) -> None:
        self._put_source(event.asset_id, event.path, event.modified_ns, event.size_bytes)

    @_take.register
    def _(self, event: IngestRefused) -> None:
        if not self._is_of_here:
            return
        self._database.execute(
            "INSERT OR REPLACE INTO refusal VALUES (?, ?, ?, ?, ?)",
            (event.path, event.filename, event.reason, event.remedy, self._time_ms),
        )
        # What is known to lie there is not believed again before the file has been read.
        self._database.execute("UPDATE source SET modified_ns = -1 WHERE path = ?", (event.path,))

    @_take.register
    def _(self, event: RefusalCleared) -> None:
        if self._is_of_here:
            self._database.execute("DELETE FROM refusal WHERE path = ?", (event.path,))

    @_take.register
    def _(self, event: MetadataExtracted) -> None:
        nr = self._answered(event.asset_id, "metadata")
        if nr is None:
            return
        self._rows.replace(
            "metadata_value",
            nr,
            [
                (nr, value.field, text, value.source)
                for value in event.values
                for text in _texts(value)
            ],
        )
        columns, keywords = asset_columns(event.values)
        self._rows.replace("keyword", nr, [(nr, term, folded(term)) for term in keywords])
        said = tuple(columns[name] for name in EMBEDDED_FIELDS)
        self._rows.replace("embedded", nr, [(nr, *said)] if set(said) != {None} else [])
        self._rows.set(nr, columns)
        self._sort(nr)
        self._done(nr, Step.METADATA, "metadata")

    @_take.register
    def _(self, event: RenditionMade) -> None:
        nr = self._answered(event.asset_id, f"rendition {event.rendition}")
        if nr is None:
            return
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
            self._rows.set(nr, {event.rendition: event.digest})
            self._set_aspect(nr)
            if event.is_drawing:  # nothing looks at it, so nothing is to be waited for
                self._rows.done(nr, Step.FINGERPRINT | Step.EMBEDDING)
            self._done(nr, _STEP_OF_RENDITION[event.rendition], "renditions")

    @_take.register
    def _(self, event: FingerprintComputed) -> None:
        nr = self._answered(event.asset_id, "fingerprint")
        if nr is not None:
            self._rows.set(nr, {"fingerprint": f"{event.fingerprint:016x}"})
            self._done(nr, Step.FINGERPRINT, "fingerprint")

    @_take.register
    def _(self, event: EmbeddingComputed) -> None:
        nr = self._answered(event.asset_id, f"{EMBEDDING_SLOT}{event.space}")
        if nr is not None:
            self._done(nr, Step.EMBEDDING, "embedding")

    @_take.register
    def _(self, event: LabelsComputed) -> None:
        nr = self._answered(event.asset_id, "labels")
        if nr is not None:
            labels = event.labels
            rows = [(nr, each.word, json.dumps(each.synonyms), each.score) for each in labels]
            self._rows.replace("label", nr, rows)

    @_take.register
    def _(self, event: EnrichmentFailed) -> None:
        nr = self._answered(event.asset_id, f"failed {event.processor}")
        if nr is None:
            return
        self._database.execute(
            "INSERT OR REPLACE INTO failure VALUES (?, ?, ?, ?, ?)",
            (nr, event.processor, event.reason, event.remedy, self._time_ms),
        )
        self._rows.fails(nr, event.processor)
        settle(self._rows, nr, event.processor)

    @_take.register
    def _(self, event: EnrichmentRetried) -> None:
        nr = self._rows.nr(event.asset_id)
        if nr is None:
            return
        for processor in event.processors:
            if self._rows.chosen.takes(nr, f"retried {processor}", self._rank):
                settle(self._rows, nr, processor)

    def _answered(self, asset_id: AssetId, slot: str) -> int | None:
        """Return the row number where the event's answer to a question now stands, else None."""
        nr = self._rows.nr(asset_id)
        stands = nr is not None and self._rows.chosen.takes(nr, slot, self._rank)
        return nr if stands else None

    def _insert(self, event: AssetIngested) -> int:
        columns = {"id": event.asset_id} | _birth_columns(event, self._time_ms)
        columns["sort_time"] = self._time_ms
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        inserted = self._database.execute(
            f"INSERT INTO asset ({names}) VALUES ({marks})",  # noqa: S608
            tuple(columns.values()),
        )
        assert inserted.lastrowid is not None
        return inserted.lastrowid

    def _sort(self, nr: int) -> None:
        self._database.execute(
            "UPDATE asset SET sort_time = coalesce(capture_sort, ingest_time) WHERE nr = ?", (nr,)
        )

    def _set_aspect(self, nr: int) -> None:
        """Take the aspect from the preview, or from the thumbnail where there is none yet."""
        self._database.execute(
            "UPDATE asset SET aspect = (SELECT CAST(width AS REAL) / max(height, 1) FROM rendition"
            " WHERE asset_nr = :nr AND rendition IN ('preview', 'thumbnail')"
            " ORDER BY rendition LIMIT 1) WHERE nr = :nr",
            {"nr": nr},
        )

    def _put_source(
        self, asset_id: AssetId, path: bytes, modified_ns: int, size_bytes: int
    ) -> None:
        nr = self._rows.nr(asset_id)
        if nr is None or not self._is_of_here:
            return
        self._database.execute(
            "INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?)", (path, nr, modified_ns, size_bytes)
        )
        self._database.execute("DELETE FROM refusal WHERE path = ?", (path,))

    def _done(self, nr: int, step: Step, processor: str) -> None:
        self._rows.done(nr, step)
        settle(self._rows, nr, processor)


def _birth_columns(event: AssetIngested, time_ms: int) -> dict[str, object]:
    return {
        "digest": event.digest,
        "filename": event.filename,
        "media_type": event.media_type,
        "kind": event.kind,
        "size_bytes": event.size_bytes,
        "ingest_time": time_ms,
    }


def _texts(value: MetadataValue) -> Sequence[str]:
    """Return a value as one text; each person has a row of their own, to be found by."""
    if not isinstance(value.value, tuple):
        return (str(value.value),)
    return value.value if value.field == "persons" else ("; ".join(value.value),)
