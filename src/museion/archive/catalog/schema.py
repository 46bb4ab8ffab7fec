"""Tables of the catalog, and how its database is opened.

The catalog is derived: when its form changes it is dropped and built anew from the log.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from enum import IntFlag
from pathlib import Path

from museion.archive.catalog.errors import CatalogDamaged, catalog_errors
from museion.search.places import distance_km

FORM = 3
"""Number of this table design; another number in a database means: build it anew."""


class Step(IntFlag):
    """What enrichment has done, or failed to do, for an asset."""

    METADATA = 1
    THUMBNAIL = 2
    PREVIEW = 4
    FINGERPRINT = 8
    EMBEDDING = 16


ALL_STEPS = int(Step.METADATA | Step.THUMBNAIL | Step.PREVIEW | Step.FINGERPRINT | Step.EMBEDDING)

STEPS_OF = {
    "metadata": Step.METADATA,
    "renditions": Step.THUMBNAIL | Step.PREVIEW,
    "fingerprint": Step.FINGERPRINT,
    "embedding": Step.EMBEDDING,
}
"""Processor name -> the steps that it is responsible for."""

CONTENT_SLOTS = frozenset({"shots", "document", "text", "speech", "colours"})
"""Slots in `chosen` of what is inside assets; each is named as the processor that fills it."""

EMBEDDING_SLOT = "embedding "
"""Beginning of the slots of embeddings in `chosen`; the embedding space follows."""

MOMENTS_SLOT = "moments "
"""Beginning of the slots of the embeddings of a film's moments; the embedding space follows."""

READY, PENDING, QUARANTINED, TRASHED, WITHHELD = 0, 1, 2, 3, 4
STATES = ("ready", "pending", "quarantined", "trashed", "withheld")
"""Value of `asset.state` -> its name; screens list those below `QUARANTINED`.

`WITHHELD` is what this site may not read; no reader of the catalog is told of it.
"""

TABLES = """
CREATE TABLE IF NOT EXISTS progress (name TEXT PRIMARY KEY, position INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS asset (
    nr INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    filename TEXT NOT NULL,
    media_type TEXT NOT NULL,
    kind TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    ingest_time INTEGER NOT NULL,
    sort_time INTEGER NOT NULL,
    steps INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    state INTEGER NOT NULL DEFAULT 1,
    trashed INTEGER NOT NULL DEFAULT 0,
    withheld INTEGER NOT NULL DEFAULT 0,
    capture_time TEXT, capture_local TEXT, capture_sort INTEGER,
    width INTEGER, height INTEGER, duration_s REAL,
    title TEXT, caption TEXT, creator TEXT, credit TEXT, copyright TEXT, rights TEXT,
    camera TEXT, lens TEXT, rating INTEGER,
    latitude REAL, longitude REAL, city TEXT, country TEXT,
    thumbnail TEXT, preview TEXT, aspect REAL NOT NULL DEFAULT 1.0,
    fingerprint TEXT
);
CREATE INDEX IF NOT EXISTS asset_order ON asset (sort_time DESC, nr DESC, aspect)
    WHERE state < 2;
CREATE INDEX IF NOT EXISTS asset_unfinished ON asset (state) WHERE state <> 0;
CREATE INDEX IF NOT EXISTS asset_kind ON asset (kind);
CREATE TABLE IF NOT EXISTS metadata_value (
    asset_nr INTEGER NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, source TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS metadata_value_asset ON metadata_value (asset_nr);
CREATE INDEX IF NOT EXISTS metadata_value_person ON metadata_value (value, asset_nr)
    WHERE field = 'persons';
CREATE INDEX IF NOT EXISTS asset_city ON asset (city) WHERE city IS NOT NULL;
CREATE INDEX IF NOT EXISTS asset_country ON asset (country) WHERE country IS NOT NULL;
CREATE INDEX IF NOT EXISTS asset_camera ON asset (camera) WHERE camera IS NOT NULL;
CREATE TABLE IF NOT EXISTS keyword (
    asset_nr INTEGER NOT NULL, term TEXT NOT NULL, folded TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS keyword_asset ON keyword (asset_nr);
CREATE INDEX IF NOT EXISTS keyword_folded ON keyword (folded, asset_nr);
CREATE TABLE IF NOT EXISTS embedded (
    asset_nr INTEGER PRIMARY KEY,
    title TEXT, caption TEXT, creator TEXT, credit TEXT, copyright TEXT, rights TEXT, rating INTEGER
);
CREATE TABLE IF NOT EXISTS tag (
    asset_nr INTEGER NOT NULL, term TEXT NOT NULL, folded TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS tag_asset ON tag (asset_nr);
CREATE INDEX IF NOT EXISTS tag_folded ON tag (folded, asset_nr);
CREATE TABLE IF NOT EXISTS chosen (
    asset_nr INTEGER NOT NULL, slot TEXT NOT NULL, total INTEGER NOT NULL, origin TEXT NOT NULL,
    time INTEGER NOT NULL, PRIMARY KEY (asset_nr, slot)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edit (
    subject TEXT NOT NULL, total INTEGER NOT NULL, origin TEXT NOT NULL, time INTEGER NOT NULL,
    event BLOB NOT NULL, PRIMARY KEY (subject, total, origin, time)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS conflict (
    asset_id TEXT NOT NULL, field TEXT NOT NULL, time INTEGER NOT NULL, open INTEGER NOT NULL,
    PRIMARY KEY (asset_id, field)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS collection (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, removed INTEGER NOT NULL,
    query TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member (
    collection_id TEXT NOT NULL, place INTEGER NOT NULL, asset_id TEXT NOT NULL,
    PRIMARY KEY (collection_id, place)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS member_asset ON member (asset_id);
CREATE TABLE IF NOT EXISTS label (
    asset_nr INTEGER NOT NULL, word TEXT NOT NULL, synonyms TEXT NOT NULL, score REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS label_asset ON label (asset_nr);
CREATE TABLE IF NOT EXISTS shot (
    asset_nr INTEGER NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL, at_s REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS shot_asset ON shot (asset_nr);
CREATE TABLE IF NOT EXISTS moment_starts (
    asset_nr INTEGER NOT NULL, space TEXT NOT NULL, starts TEXT NOT NULL,
    PRIMARY KEY (asset_nr, space)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passage (
    asset_nr INTEGER NOT NULL, page INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS passage_asset ON passage (asset_nr);
CREATE TABLE IF NOT EXISTS document (
    asset_nr INTEGER PRIMARY KEY, pages INTEGER NOT NULL, left_out TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS text_line (
    asset_nr INTEGER NOT NULL, text TEXT NOT NULL, box TEXT NOT NULL, score REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS text_line_asset ON text_line (asset_nr);
CREATE TABLE IF NOT EXISTS utterance (
    asset_nr INTEGER NOT NULL, start_s REAL NOT NULL, end_s REAL NOT NULL, text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS utterance_asset ON utterance (asset_nr);
CREATE TABLE IF NOT EXISTS colour (
    asset_nr INTEGER NOT NULL, name TEXT NOT NULL, share REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS colour_asset ON colour (asset_nr);
CREATE INDEX IF NOT EXISTS colour_name ON colour (name, asset_nr);
CREATE TABLE IF NOT EXISTS judgement (
    asset_id TEXT NOT NULL, query TEXT NOT NULL, by TEXT NOT NULL, verdict INTEGER NOT NULL,
    total INTEGER NOT NULL, origin TEXT NOT NULL, time INTEGER NOT NULL,
    PRIMARY KEY (query, asset_id, by)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dismissal (
    one TEXT NOT NULL, other TEXT NOT NULL, PRIMARY KEY (one, other)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rendition (
    asset_nr INTEGER NOT NULL, rendition TEXT NOT NULL, digest TEXT NOT NULL,
    media_type TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL, PRIMARY KEY (asset_nr, rendition)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS source (
    path BLOB PRIMARY KEY, asset_nr INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS source_asset ON source (asset_nr);
CREATE TABLE IF NOT EXISTS failure (
    asset_nr INTEGER NOT NULL, processor TEXT NOT NULL, reason TEXT NOT NULL,
    remedy TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (asset_nr, processor)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusal (
    path BLOB PRIMARY KEY, filename TEXT NOT NULL, reason TEXT NOT NULL,
    remedy TEXT NOT NULL, time INTEGER NOT NULL
) WITHOUT ROWID;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the catalog for writing; one of another form, or a damaged one, is dropped first."""
    try:
        return _open_database(path)
    except (_OtherForm, CatalogDamaged):
        drop_database(path)
        return _open_database(path)


def drop_database(path: Path) -> None:
    """Remove the catalog; whoever opens it next builds it anew."""
    for part in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        part.unlink(missing_ok=True)


class _OtherForm(Exception):
    """The database was written by another version of the program."""


def _open_database(path: Path) -> sqlite3.Connection:
    with ExitStack() as on_failure, catalog_errors():
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        on_failure.callback(connection.close)
        if connection.execute("PRAGMA user_version").fetchone()[0] not in (0, FORM):
            raise _OtherForm
        _prepare(connection)
        on_failure.pop_all()
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # The catalog is rebuilt from the log where a power cut took its tail: no fsync per batch.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(TABLES)
    connection.execute(f"PRAGMA user_version = {FORM}")


def open_reading(path: Path) -> sqlite3.Connection:
    """Open the catalog for reading, beside a writer; rows are read by column name."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA mmap_size = 268435456")
    connection.create_function("distance_km", 4, distance_km, deterministic=True)
    return connection


def folded(text: str) -> str:
    """Return the form of a term in which case and outer spaces do not count."""
    return text.strip().casefold()
