"""The numbers that stand for aggregate ids in the index: given by the writer, and never again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

import psycopg

from museion.log.postgres.connection import Row

_MAX_KNOWN = 100_000
_FIND = "SELECT id, aggregate FROM aggregates WHERE log = %s AND id = ANY(%s)"


class AggregateNumbers:
    """Knows the numbers of the aggregates that were met last, and asks for those of others.

    Args:
        log: number of the log.
        given: how many numbers were given so far.
    """

    def __init__(self, log: int, given: int) -> None:
        self._log = log
        self.given = given
        self._known: dict[str, int] = {}

    def of(
        self, cursor: psycopg.Cursor[Row], ids: Mapping[str, None]
    ) -> tuple[Mapping[str, int], dict[str, int]]:
        """Return the numbers of aggregates, and which of them are new.

        New ones are valid from the commit on: then, and only then, hand them to `remember`.
        """
        unknown = [id_ for id_ in ids if id_ not in self._known]
        if not unknown:
            return self._known, {}
        cursor.execute(_FIND, (self._log, [id_.encode() for id_ in unknown]))
        stored = {bytes(id_).decode(): number for id_, number in cursor}
        free = count(self.given + 1)
        new = {id_: next(free) for id_ in unknown if id_ not in stored}
        known = {id_: self._known[id_] for id_ in ids if id_ in self._known}
        return known | stored | new, new

    def remember(self, new: Mapping[str, int]) -> None:
        """Keep new numbers whose transaction was committed."""
        self.given += len(new)
        if len(self._known) + len(new) > _MAX_KNOWN:
            self._known.clear()
        self._known.update(new)
