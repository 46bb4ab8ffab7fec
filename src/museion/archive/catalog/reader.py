"""Reads the catalog, beside its writer and from any thread.

Statements are put together from constants and conditions of `catalog.conditions`; what users type
is always an argument.
"""
# ruff: noqa: S608

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Sequence
from pathlib import Path

from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.catalog.collection_reader import CollectionReader
from museion.archive.catalog.conditions import Condition
from museion.archive.catalog.connections import Connections
from museion.archive.catalog.content_reader import ContentReader
from museion.archive.catalog.duplicate_reader import DuplicateReader
from museion.archive.catalog.embedding_reader import EmbeddingReader
from museion.archive.catalog.finding_reader import FindingReader
from museion.archive.catalog.judgement_reader import JudgementReader
from museion.archive.catalog.people_reader import PeopleReader
from museion.archive.catalog.quarantined import iso_seconds, quarantine, shown_path
from museion.archive.catalog.records import (
    AssetDetail,
    AssetSummary,
    Counts,
    Failure,
    FieldValue,
    Label,
    Month,
    QuarantineEntry,
    RenditionRecord,
)
from museion.archive.catalog.schema import EMBEDDING_SLOT, STATES, WITHHELD
from museion.archive.catalog.suggested import suggestions
from museion.archive.people import people_of
from museion.archive.rank import Rank
from museion.base.errors import NotFound

_SUMMARY_COLUMNS = (
    "id, digest, filename, media_type, kind, size_bytes, state, ingest_time, capture_time, width,"
    " height, aspect, duration_s, title, caption, rating, city, country, camera, lens, latitude,"
    " longitude, creator, credit, copyright, rights, thumbnail, preview, fingerprint"
)
_SHOWN = "state < 2"
_ORDER = "ORDER BY sort_time DESC, nr DESC"
_IDS_AT_ONCE = 500
_ASPECT_SCALE, _LEAST_ASPECT, _GREATEST_ASPECT = 1000, 100, 10_000
_EVERYTHING = Condition("1", ())


class NoCatalog(NotFound):
    """The folder holds no catalog yet."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"No catalog is at {path}.", remedy="Ingest something, or start `museion serve` once."
        )


class Catalog:
    """The catalog as readers see it: each call sees one committed state.

    Display order is capture time, newest first, ingest time where there is none. Quarantined
    assets, those in the trash, and those that this site may not read are not part of it.

    Attributes:
        people: what people did to assets, and what waits for a person.
        collections: the sets of assets that people made.
        content: what machines found inside assets.
        finding: what finding asks of many assets at once.
        embeddings: which assets have an embedding in which space.
        duplicates: how pictures look, and which are no duplicates.
        judgements: what people said of hits.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise NoCatalog(path)
        self._read = Connections(path)
        self.people = PeopleReader(self._read)
        self.collections = CollectionReader(self._read)
        self.content = ContentReader(self._read)
        self.finding = FindingReader(self._read)
        self.embeddings = EmbeddingReader(self._read)
        self.duplicates = DuplicateReader(self._read)
        self.judgements = JudgementReader(self._read)

    def counts(self) -> Counts:
        """Return position and numbers of assets shown, pending and quarantined."""
        row = self._read.one(
            "SELECT (SELECT position FROM progress WHERE name = 'catalog') AS position,"
            f" (SELECT count(*) FROM asset WHERE {_SHOWN}) AS assets,"
            " (SELECT count(*) FROM asset WHERE state = 1) AS pending,"
            " (SELECT count(DISTINCT asset_nr) FROM failure JOIN asset ON nr = asset_nr"
            " WHERE state < 3)"
            " + (SELECT count(*) FROM refusal) AS quarantined"
        )
        return Counts(row["position"] or 0, row["assets"], row["pending"], row["quarantined"])

    def position(self) -> int:
        """Return the sequence number of the last event that the catalog holds."""
        sql = "SELECT coalesce(max(position), 0) FROM progress WHERE name = 'catalog'"
        return int(self._read.one(sql)[0])

    def kinds(self) -> dict[str, int]:
        """Return how many assets of each kind are shown."""
        rows = self._read.all(f"SELECT kind, count(*) AS n FROM asset WHERE {_SHOWN} GROUP BY kind")
        return {row["kind"]: row["n"] for row in rows}

    def count(self, condition: Condition = _EVERYTHING) -> int:
        """Return how many shown assets fulfil a condition."""
        sql = f"SELECT count(*) FROM asset WHERE {_SHOWN} AND ({condition.sql})"
        return int(self._read.one(sql, condition.arguments)[0])

    def page(
        self, *, offset: int = 0, limit: int = 100, condition: Condition = _EVERYTHING
    ) -> list[AssetSummary]:
        """Return shown assets in display order."""
        sql = (
            f"SELECT {_SUMMARY_COLUMNS} FROM asset"
            f" WHERE {_SHOWN} AND ({condition.sql}) {_ORDER} LIMIT ? OFFSET ?"
        )
        return [_summary(row) for row in self._read.all(sql, (*condition.arguments, limit, offset))]

    def layout(self, condition: Condition = _EVERYTHING) -> bytes:
        """Return the aspect of every shown asset in display order: uint16 little endian, 1/1000.

        Two bytes an asset let a page lay out every row before it knows anything else.
        """
        sql = f"SELECT aspect FROM asset WHERE {_SHOWN} AND ({condition.sql}) {_ORDER}"
        aspects = array("H", (_scaled(row[0]) for row in self._read.all(sql, condition.arguments)))
        if array("H", [1]).tobytes() != b"\x01\x00":
            aspects.byteswap()
        return aspects.tobytes()

    def months(self, condition: Condition = _EVERYTHING) -> list[Month]:
        """Return the months that have assets, newest first, in display order."""
        sql = (
            "SELECT strftime('%Y-%m', sort_time / 1000.0, 'unixepoch') AS month, count(*) AS n"
            f" FROM asset WHERE {_SHOWN} AND ({condition.sql}) GROUP BY month ORDER BY month DESC"
        )
        months: list[Month] = []
        offset = 0
        for row in self._read.all(sql, condition.arguments):
            months.append(Month(row["month"], row["n"], offset))
            offset += row["n"]
        return months

    def ids(self, condition: Condition) -> set[AssetId]:
        """Return the ids of all shown assets that fulfil a condition."""
        sql = f"SELECT id FROM asset WHERE {_SHOWN} AND ({condition.sql})"
        return {AssetId(row[0]) for row in self._read.all(sql, condition.arguments)}

    def hidden_ids(self) -> set[AssetId]:
        """Return the ids of all assets that indexes know and screens do not list."""
        sql = "SELECT id FROM asset WHERE state <> 0 AND state >= 2"
        return {AssetId(row[0]) for row in self._read.all(sql)}

    def fits(self, asset_id: AssetId, condition: Condition) -> bool:
        """Tell whether an asset fulfils a condition, whether it is shown or not."""
        sql = f"SELECT 1 FROM asset WHERE id = ? AND ({condition.sql})"
        return self._read.one_or_none(sql, (asset_id, *condition.arguments)) is not None

    def all_ids(self, condition: Condition) -> set[AssetId]:
        """Return the ids of all assets that fulfil a condition, whether they are shown or not."""
        sql = f"SELECT id FROM asset WHERE {condition.sql}"
        return {AssetId(row[0]) for row in self._read.all(sql, condition.arguments)}

    def owners(self, digest: str) -> list[AssetId]:
        """Return the assets that a blob is the original or a rendition of."""
        sql = (
            "SELECT id FROM asset WHERE digest = :digest UNION SELECT id FROM asset"
            " JOIN rendition ON asset_nr = nr WHERE rendition.digest = :digest"
        )
        return [AssetId(row[0]) for row in self._read.all(sql, {"digest": digest})]

    def withholds(self, digest: str) -> bool:
        """Tell whether a blob belongs to an asset that this site may not read."""
        sql = (
            "SELECT 1 FROM asset WHERE state <> 0 AND state = 4 AND (digest = :digest OR EXISTS"
            " (SELECT 1 FROM rendition WHERE asset_nr = nr AND rendition.digest = :digest)) LIMIT 1"
        )
        return self._read.one_or_none(sql, {"digest": digest}) is not None

    def stands(self, asset_id: AssetId, slot: str, rank: Rank) -> bool:
        """Tell whether an event's answer to a question about an asset is the one that counts."""
        row = self._read.one_or_none(
            "SELECT total, origin, chosen.time FROM chosen JOIN asset ON asset.nr = asset_nr"
            " WHERE asset.id = ? AND slot = ?",
            (asset_id, slot),
        )
        return row is not None and Rank(*row) == rank

    def summaries(self, ids: Sequence[AssetId]) -> dict[AssetId, AssetSummary]:
        """Return the assets with these ids; unknown and quarantined ones are left out."""
        found: dict[AssetId, AssetSummary] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[start : start + _IDS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT {_SUMMARY_COLUMNS} FROM asset WHERE {_SHOWN} AND id IN ({marks})"
            found.update({AssetId(row["id"]): _summary(row) for row in self._read.all(sql, some)})
        return found

    def detail(self, asset_id: AssetId) -> AssetDetail:
        """Return everything about one asset, quarantined, in the trash, or not.

        Raises:
            UnknownAsset: there is no such asset, or this site may not read it.
        """
        found = self.find(asset_id)
        if found is None or found.summary.state == STATES[WITHHELD]:
            raise UnknownAsset(asset_id)
        return found

    def find(self, asset_id: AssetId) -> AssetDetail | None:
        """Return everything about one asset for the site's own indexes, None where it is unknown.

        Not for readers: it returns what this site may not read, too.
        """
        row = self._read.one_or_none(
            f"SELECT nr, {_SUMMARY_COLUMNS} FROM asset WHERE id = ?", (asset_id,)
        )
        if row is None:
            return None
        nr = row["nr"]
        return AssetDetail(
            summary=_summary(row),
            values=self._values(nr),
            keywords=self._keywords(nr),
            labels=self._labels(nr),
            renditions=self._renditions(nr),
            sources=self._sources(nr),
            failures=self._failures(nr),
            people=people_of(self.people.history(asset_id), self.people.names),
            spaces=self._spaces(nr),
            collections=self.collections.of(asset_id),
        )

    def source(self, path: bytes) -> tuple[AssetId, int, int] | None:
        """Return asset, modification time (ns) and size (bytes) last seen at a path, or None."""
        row = self._read.one_or_none(
            "SELECT asset.id, modified_ns, source.size_bytes FROM source"
            " JOIN asset ON asset.nr = asset_nr WHERE path = ?",
            (path,),
        )
        return (AssetId(row[0]), row[1], row[2]) if row else None

    def find_id(self, start: str) -> AssetId:
        """Return the one asset whose id or digest begins with `start`, at least 4 characters.

        Raises:
            UnknownAsset: none or several do.
        """
        sql = (
            "SELECT id FROM asset WHERE state < 4"
            " AND ((id >= ? AND id < ?) OR (digest >= ? AND digest < ?)) LIMIT 2"
        )
        rows = self._read.all(sql, (start, f"{start}~", start, f"{start}~"))
        if len(start) < 4 or len(rows) != 1:
            raise UnknownAsset(start)
        return AssetId(rows[0]["id"])

    def quarantine(self) -> list[QuarantineEntry]:
        """Return refused files and failed assets, newest first."""
        return quarantine(self._read)

    def suggestions(self, start: str, *, limit: int = 8) -> dict[str, list[str]]:
        """Return tags, keywords and cameras that begin with a text, most used first."""
        return suggestions(self._read, start, limit=limit)

    def close(self) -> None:
        """Close the connections of all threads, each after the read that goes on in it."""
        self._read.close()

    def _spaces(self, nr: int) -> list[str]:
        rows = self._read.all(
            "SELECT substr(slot, ?) FROM chosen WHERE asset_nr = ? AND slot > ? AND slot < ?",
            (len(EMBEDDING_SLOT) + 1, nr, EMBEDDING_SLOT, EMBEDDING_SLOT + "\U0010ffff"),
        )
        return [row[0] for row in rows]

    def _values(self, nr: int) -> list[FieldValue]:
        rows = self._read.all(
            "SELECT field, value, source FROM metadata_value WHERE asset_nr = ?", (nr,)
        )
        return [FieldValue(*row) for row in rows]

    def _keywords(self, nr: int) -> list[str]:
        rows = self._read.all("SELECT term FROM keyword WHERE asset_nr = ? ORDER BY rowid", (nr,))
        return [row["term"] for row in rows]

    def _labels(self, nr: int) -> list[Label]:
        rows = self._read.all(
            "SELECT word, synonyms, score FROM label WHERE asset_nr = ? ORDER BY score DESC", (nr,)
        )
        return [Label(row["word"], json.loads(row["synonyms"]), row["score"]) for row in rows]

    def _renditions(self, nr: int) -> list[RenditionRecord]:
        sql = (
            "SELECT rendition, digest, media_type, width, height, size_bytes FROM rendition"
            " WHERE asset_nr = ? ORDER BY width"
        )
        return [RenditionRecord(*row) for row in self._read.all(sql, (nr,))]

    def _sources(self, nr: int) -> list[str]:
        rows = self._read.all("SELECT path FROM source WHERE asset_nr = ? ORDER BY path", (nr,))
        return [shown_path(row["path"]) or "" for row in rows]

    def _failures(self, nr: int) -> list[Failure]:
        sql = "SELECT processor, reason, remedy FROM failure WHERE asset_nr = ?"
        return [Failure(*row) for row in self._read.all(sql, (nr,))]


def _summary(row: sqlite3.Row) -> AssetSummary:
    values = {key: row[key] for key in row.keys() if key != "nr"}  # noqa: SIM118 (a Row is no dict)
    values["state"] = STATES[row["state"]]
    values["ingest_time"] = iso_seconds(row["ingest_time"])
    return AssetSummary(**values)


def _scaled(aspect: float) -> int:
    return min(max(round(aspect * _ASPECT_SCALE), _LEAST_ASPECT), _GREATEST_ASPECT)
