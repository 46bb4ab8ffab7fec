"""Rows of what people did to assets: folded anew from all their events, once a batch.

The events themselves are kept beside the rows, in an order that is the same at every site. So it
does not matter in which order they came, nor whether one came before the asset that it is about.
"""

from __future__ import annotations

import sqlite3

import msgspec
from msgspec.structs import replace

from museion.archive.asset import AssetId
from museion.archive.catalog.fields import EMBEDDED_FIELDS
from museion.archive.catalog.rows import AssetRows
from museion.archive.catalog.schema import folded
from museion.archive.history import History, fold
from museion.archive.rank import Rank
from museion.archive.rights import SiteId, may_read, may_settle
from museion.log.event import UNWRITTEN, Event

_DECODER = msgspec.msgpack.Decoder(Event)


class EditRows:
    """Applies events of people, within one transaction of the catalog's writer."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._rows = AssetRows(database)
        self._changed: dict[AssetId, SiteId] = {}

    def apply(self, asset_id: AssetId, event: Event) -> None:
        """Take in one event of a person; the rows follow with `finish`."""
        # What differs between sites is left out.
        kept = replace(event, log_id="", sequence_nr=UNWRITTEN, chain_digest=None)
        self._database.execute(
            "INSERT OR IGNORE INTO edit (subject, total, origin, time, event)"
            " VALUES (?, ?, ?, ?, ?)",
            (asset_id, *Rank.of(event), msgspec.msgpack.encode(kept)),
        )
        self.touch(asset_id, reader=event.log_id)

    def touch(self, asset_id: AssetId, *, reader: SiteId) -> None:
        """Note that the rows of an asset have to be derived."""
        self._changed[asset_id] = reader

    def finish(self) -> None:
        """Write the rows of all assets that changed."""
        for asset_id, reader in self._changed.items():
            self._derive(asset_id, reader)
        self._changed.clear()

    def _derive(self, asset_id: AssetId, reader: SiteId) -> None:
        """Write the rows of an asset as people's events and the embedded metadata have them.

        Where nobody changed it there is nothing to do. Nor is there where it is not known here: it
        is done when it is born.
        """
        edits = edits_of(self._database, asset_id)
        nr = self._rows.nr(asset_id) if edits else None
        if nr is None:
            return
        history = fold(edits)
        columns = self._columns(nr, history)
        columns["trashed"] = history.is_trashed
        columns["withheld"] = not may_read(reader, history.rights)
        self._rows.set(nr, columns)
        self._put_tags(nr, history)
        self._put_conflicts(asset_id, history, reader)
        self._rows.judge(nr)

    def _columns(self, nr: int, history: History) -> dict[str, object]:
        """Return what a field shows: what a person gave to it, else what the original says."""
        names = ", ".join(EMBEDDED_FIELDS)
        row = self._database.execute(
            f"SELECT {names} FROM embedded WHERE asset_nr = ?",  # noqa: S608
            (nr,),
        ).fetchone()
        columns: dict[str, object] = dict.fromkeys(EMBEDDED_FIELDS)
        columns |= dict(zip(EMBEDDED_FIELDS, row, strict=True)) if row else {}
        said = history.values
        return columns | {name: said[name] for name in EMBEDDED_FIELDS if name in said}

    def _put_tags(self, nr: int, history: History) -> None:
        tags = history.values.get("tags", frozenset[str]())
        assert isinstance(tags, frozenset)
        self._rows.replace("tag", nr, [(nr, tag, folded(tag)) for tag in sorted(tags)])

    def _put_conflicts(self, asset_id: AssetId, history: History, reader: SiteId) -> None:
        """Write what waits for a person, and whether a person at this site may settle it."""
        readable = may_read(reader, history.rights)
        settles = may_settle(reader, history.rights)
        self._database.execute("DELETE FROM conflict WHERE asset_id = ?", (asset_id,))
        self._database.executemany(
            "INSERT INTO conflict (asset_id, field, time, open) VALUES (?, ?, ?, ?)",
            [
                (
                    asset_id,
                    field,
                    max(each.stamp.time_ms for each in versions),
                    (settles if field == "access" else readable) and not history.is_trashed,
                )
                for field, versions in history.conflicts.items()
            ],
        )


def edits_of(database: sqlite3.Connection, subject: str) -> list[Event]:
    """Return the events of people about an asset or a collection, causes first."""
    rows = database.execute(
        "SELECT event FROM edit WHERE subject = ? ORDER BY total, origin, time", (subject,)
    )
    return [decoded_edit(row[0]) for row in rows]


def decoded_edit(content: bytes) -> Event:
    """Return an event of a person as the catalog keeps it; its log and place there are not kept."""
    return _DECODER.decode(content)
