"""What can go wrong with the catalog, in words: its database speaks in codes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from museion.base.errors import Damaged, InvalidInput, Unavailable

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PASSING = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    | {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM}
    | {sqlite3.SQLITE_PERM}
)


class CatalogUnavailable(Unavailable):
    """The catalog cannot be written or read now; nothing was changed."""

    def __init__(self, reason: sqlite3.Error) -> None:
        super().__init__(
            f"The catalog cannot be used now: {reason}.",
            remedy="Check free space and rights of the site's folder.",
        )


class CatalogDamaged(Damaged):
    """The catalog's file is not what was written."""

    def __init__(self, reason: sqlite3.Error) -> None:
        super().__init__(
            f"The catalog is damaged: {reason}.",
            remedy="Stop what works on the site and remove its catalog.sqlite: the next"
            " `museion serve` or `museion ingest` builds it anew from the log.",
        )


class NothingLikeThat(InvalidInput):
    """A text with broken characters or a number beyond 64 bits was asked for."""

    def __init__(self, reason: ValueError | OverflowError) -> None:
        super().__init__(
            f"The catalog can hold nothing like that: {reason}.",
            remedy="Write texts in UTF-8 and numbers of at most 18 digits.",
        )


class CatalogClosed(Unavailable):
    """The catalog was closed; nothing was read."""

    lasting = True

    def __init__(self) -> None:
        super().__init__("The catalog is closed.", remedy="Open the site again.")


@contextmanager
def catalog_errors() -> Iterator[None]:
    """Say what the database could not do in the words of this module; defects stay as they are."""
    try:
        yield
    except sqlite3.Error as reason:
        code = getattr(reason, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGE:
            raise CatalogDamaged(reason) from reason
        if code in _PASSING:
            raise CatalogUnavailable(reason) from reason
        raise
