"""The blobs that the log tells of and that are not here: which of them are wanted, and since when
they are tried.

The list is derived: it can be dropped, and is then built anew from the log and the blob store.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import msgspec

from museion.archive.carried import carried
from museion.archive.events import AssetIngested, RenditionMade, payload_of, type_name
from museion.archive.missing_blobs_schema import missing_errors, open_missing
from museion.blobs.blob_store import BlobStore, Digest
from museion.blobs.transfer.policies import (
    BlobFacts,
    BlobPolicy,
    Predicate,
    Role,
    check_policy,
    wants,
)
from museion.log.event import Event

_CONCERNING = frozenset({type_name(AssetIngested), type_name(RenditionMade)})
_ROWS_AT_ONCE = 1000

_DAMAGED_TURN, _RENDITION_TURN, _ORIGINAL_TURN = 0, 1, 2
"""What goes first: repairs, then what screens show, then originals."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A blob that is not here, or damaged.

    Attributes:
        size_bytes: None where only its digest is known.
        tries: how often fetching it has failed.
    """

    digest: Digest
    size_bytes: int | None
    wanted: bool
    damaged: bool
    tries: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MissingCounts:
    """How many blobs are not here, and their bytes; `failing` of the wanted were tried in vain."""

    wanted: int
    wanted_bytes: int
    on_demand: int
    on_demand_bytes: int
    failing: int


class MissingBlobs:
    """A projection (`museion.streams.projection`). Calls block; any thread may make them.

    Let it run behind the catalog where the policy's predicates look at the catalog.

    Args:
        path: the SQLite file.
        policy: what is wanted. Where another one held before, all is judged anew.
        predicates: what the policy may ask, by name.
        log_end: last event of the log; a list that knows more is built anew.
        on_change: called, in any thread, when there may be more to fetch.

    Raises (all methods):
        MissingBlobsUnavailable: the disk is full, for example.
        UnknownPredicate: the policy asks what is not among `predicates`.
    """

    name = "blobs"

    def __init__(
        self,
        path: Path,
        blobs: BlobStore,
        *,
        policy: BlobPolicy,
        predicates: Mapping[str, Predicate] = MappingProxyType({}),
        log_end: int | None = None,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        check_policy(policy, predicates)
        self._blobs = blobs
        self._policy = policy
        self._predicates = predicates
        self.on_change = on_change
        self._lock = threading.Lock()
        with missing_errors():
            self._database = open_missing(path, log_end)
            position, stored = self._database.execute(
                "SELECT position, policy FROM progress"
            ).fetchone() or (0, b"")
        self._position: int = position
        if stored != msgspec.json.encode(policy):
            self.set_policy(policy)

    @property
    def position(self) -> int:
        """Sequence number of the last event that the list knows."""
        return self._position

    @property
    def policy(self) -> BlobPolicy:
        """What is wanted."""
        return self._policy

    def apply(self, events: Sequence[Event]) -> None:
        """Take in events, all or none of the batch.

        Raises:
            UnknownForm, UndecodablePayload: an event cannot be read by this program version.
        """
        rows = [self._row(facts) for facts in _facts(events) if facts.digest not in self._blobs]
        position = events[-1].sequence_nr
        with self._writing() as database:
            database.executemany(_ADD, rows)
            self._note_progress(database, position)
        self._position = position
        if rows:
            self._changed()

    def set_policy(self, policy: BlobPolicy) -> None:
        """Judge all that is not here by another policy."""
        check_policy(policy, self._predicates)
        self._policy = policy
        self.reconsider()

    def reconsider(self) -> None:
        """Judge all that is not here anew, after something changed that predicates look at."""
        for rows in self._all():
            judged = [(self._is_wanted(bytes(facts)), digest) for digest, facts in rows]
            with self._writing() as database:
                database.executemany(
                    "UPDATE missing SET wanted = ? WHERE digest = ? AND turn > 0", judged
                )
        with self._writing() as database:
            self._note_progress(database, self._position)
        self._changed()

    def find(self, digest: Digest) -> Missing | None:
        """Return a blob that is not here; None for one that is, or that the log does not know."""
        with self._reading() as database:
            row = database.execute(f"{_SELECT} WHERE digest = ?", (digest,)).fetchone()
        return _missing(row) if row else None

    def due(self, now_ms: int, *, limit: int) -> list[Missing]:
        """Return wanted blobs whose next try is due: repairs, renditions, originals."""
        found: list[Missing] = []
        sql = (
            f"{_SELECT} WHERE wanted = 1 AND turn = ? AND next_try_ms <= ?"
            " ORDER BY next_try_ms LIMIT ?"
        )
        with self._reading() as database:
            for turn in (_DAMAGED_TURN, _RENDITION_TURN, _ORIGINAL_TURN):
                rows = database.execute(sql, (turn, now_ms, limit - len(found))).fetchall()
                found += map(_missing, rows)
        return found

    def come(self, digest: Digest) -> None:
        """Strike a blob from the list: it is here."""
        self.forget([digest])

    def forget(self, digests: Iterable[Digest]) -> None:
        """Strike blobs from the list: they are here, or erased everywhere."""
        with self._writing() as database:
            database.executemany(
                "DELETE FROM missing WHERE digest = ?", [(digest,) for digest in digests]
            )

    def failed(self, digest: Digest, reason: str, *, next_try_ms: int) -> None:
        """Note that a blob could not be fetched, and when it is tried again."""
        with self._writing() as database:
            database.execute(
                "UPDATE missing SET tries = tries + 1, reason = ?, next_try_ms = ?"
                " WHERE digest = ?",
                (reason, next_try_ms, digest),
            )

    def damaged(self, digest: Digest) -> None:
        """Put a blob that is damaged here on the list; it is wanted until it is healed."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO missing (digest, facts, turn, wanted) VALUES (?, x'', 0, 1)"
                " ON CONFLICT DO UPDATE SET turn = 0, wanted = 1",
                (digest,),
            )
        self._changed()

    def due_now(self) -> None:
        """Let everything be tried again at once, because a site has come that may have it."""
        with self._writing() as database:
            database.execute("UPDATE missing SET next_try_ms = 0 WHERE next_try_ms > 0")
        self._changed()

    def counts(self) -> MissingCounts:
        """Return how much is not here."""
        with self._reading() as database:
            row = database.execute(
                "SELECT coalesce(sum(wanted), 0), coalesce(sum(size_bytes * wanted), 0),"
                " coalesce(sum(1 - wanted), 0), coalesce(sum(size_bytes * (1 - wanted)), 0),"
                " coalesce(sum(wanted AND tries > 0), 0) FROM missing"
            ).fetchone()
        return MissingCounts(*row)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def _row(self, facts: BlobFacts) -> tuple[str, bytes, int, int, bool]:
        turn = _ORIGINAL_TURN if facts.role is Role.ORIGINAL else _RENDITION_TURN
        wanted = wants(self._policy, facts, self._predicates)
        return facts.digest, msgspec.msgpack.encode(facts), facts.size_bytes, turn, wanted

    def _is_wanted(self, facts: bytes) -> bool:
        if not facts:
            return True
        known = msgspec.msgpack.decode(facts, type=BlobFacts)
        return wants(self._policy, known, self._predicates)

    def _all(self) -> Iterator[list[tuple[str, bytes]]]:
        after = ""
        while True:
            with self._reading() as database:
                rows = database.execute(
                    "SELECT digest, facts FROM missing WHERE digest > ? ORDER BY digest LIMIT ?",
                    (after, _ROWS_AT_ONCE),
                ).fetchall()
            if not rows:
                return
            yield rows
            after = rows[-1][0]

    def _note_progress(self, database: sqlite3.Connection, position: int) -> None:
        policy = msgspec.json.encode(self._policy)
        database.execute("INSERT OR REPLACE INTO progress VALUES (1, ?, ?)", (position, policy))

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, missing_errors():
            yield self._database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, missing_errors(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            yield self._database


_SELECT = "SELECT digest, size_bytes, wanted, turn = 0, tries, reason FROM missing"
# Bytes may be an original here and a rendition there; who wants them for one use wants them.
_ADD = """
INSERT INTO missing (digest, facts, size_bytes, turn, wanted) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    size_bytes = coalesce(size_bytes, excluded.size_bytes),
    facts = CASE WHEN facts = x'' THEN excluded.facts ELSE facts END,
    wanted = max(wanted, excluded.wanted), turn = min(turn, excluded.turn)
"""


def _facts(events: Sequence[Event]) -> Iterator[BlobFacts]:
    for event in events:
        for each in carried(event):
            if each.type_name in _CONCERNING:
                yield _facts_of(each)


def _facts_of(event: Event) -> BlobFacts:
    payload = payload_of(event)
    assert isinstance(payload, AssetIngested | RenditionMade)
    if isinstance(payload, AssetIngested):
        role, kind, rendition = Role.ORIGINAL, payload.kind, ""
    else:
        role, kind, rendition = Role.RENDITION, "", payload.rendition
    return BlobFacts(
        digest=payload.digest,
        size_bytes=payload.size_bytes,
        media_type=payload.media_type,
        role=role,
        kind=kind,
        rendition=rendition,
        subject=payload.asset_id,
    )


def _missing(row: tuple[str, int | None, int, int, int, str]) -> Missing:
    digest, size_bytes, wanted, damaged, tries, reason = row
    return Missing(Digest(digest), size_bytes, bool(wanted), bool(damaged), tries, reason)
