"""Rows of what is inside assets: shots, passages, recognised text, speech, colours.

Of several answers to one question that of the highest rank stands, as in `machine_rows`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import singledispatchmethod

from museion.archive.asset import AssetId
from museion.archive.catalog.rows import AssetRows
from museion.archive.catalog.schema import MOMENTS_SLOT
from museion.archive.catalog.settling import settle
from museion.archive.events import (
    ArchiveEvent,
    ColoursFound,
    DocumentRead,
    MomentsEmbedded,
    ShotsFound,
    SpeechRecognised,
    TextRecognised,
)
from museion.archive.rank import Rank
from museion.log.event import Event


class ContentRows:
    """Applies events one by one; an event about an asset that is not known here changes nothing."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._rows = AssetRows(database)

    def apply(self, payload: ArchiveEvent, event: Event) -> None:
        """Change the rows that one event is about; other kinds of events are passed over."""
        self._rank = Rank.of(event)
        self._take(payload)

    @singledispatchmethod
    def _take(self, payload: ArchiveEvent) -> None:
        """Pass over what is about something else."""

    @_take.register
    def _(self, event: ShotsFound) -> None:
        rows = [(each.start_s, each.end_s, each.at_s) for each in event.shots]
        self._answer(event.asset_id, "shots", "shot", rows)

    @_take.register
    def _(self, event: MomentsEmbedded) -> None:
        nr = self._rows.nr(event.asset_id)
        if nr is None:
            return
        self._note_starts(nr, event)
        if self._rows.chosen.takes(nr, f"{MOMENTS_SLOT}{event.space}", self._rank):
            settle(self._rows, nr, "moments")

    @_take.register
    def _(self, event: DocumentRead) -> None:
        rows = [(each.page, each.text) for each in event.passages]
        nr = self._answer(event.asset_id, "document", "passage", rows)
        if nr is not None:
            self._rows.replace("document", nr, [(nr, event.pages, event.left_out)])

    @_take.register
    def _(self, event: TextRecognised) -> None:
        rows = [(each.text, json.dumps(each.box), each.score) for each in event.lines]
        self._answer(event.asset_id, "text", "text_line", rows)

    @_take.register
    def _(self, event: SpeechRecognised) -> None:
        rows = [(each.start_s, each.end_s, each.text) for each in event.utterances]
        self._answer(event.asset_id, "speech", "utterance", rows)

    @_take.register
    def _(self, event: ColoursFound) -> None:
        rows = [(each.name, each.share) for each in event.colours]
        self._answer(event.asset_id, "colours", "colour", rows)

    def _note_starts(self, nr: int, event: MomentsEmbedded) -> None:
        """Add to the beginnings of all moments that any answer told, whether it stands or not.

        An index that follows takes out by them what an answer had put in that stands no more.
        """
        database, key = self._rows.database, (nr, event.space)
        known = database.execute(
            "SELECT starts FROM moment_starts WHERE asset_nr = ? AND space = ?", key
        ).fetchone()
        starts = {each.start_s for each in event.moments} | set(
            json.loads(known[0]) if known else ()
        )
        database.execute(
            "INSERT OR REPLACE INTO moment_starts VALUES (?, ?, ?)",
            (*key, json.dumps(sorted(starts))),
        )

    def _answer(
        self, asset_id: AssetId, slot: str, table: str, rows: Sequence[tuple[object, ...]]
    ) -> int | None:
        """Put rows in place of the asset's present ones where this answer now stands.

        Returns:
            The asset's row number, None where the answer does not stand.
        """
        nr = self._rows.nr(asset_id)
        if nr is None or not self._rows.chosen.takes(nr, slot, self._rank):
            return None
        self._rows.replace(table, nr, [(nr, *row) for row in rows])
        settle(self._rows, nr, slot)
        return nr
