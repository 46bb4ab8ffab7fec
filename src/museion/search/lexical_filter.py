"""The best records of an answer in words that a filter allows, and all records of one.

tantivy knows nothing of a filter that comes as a set of ids. For few ids it is asked among them;
for many it is asked for so long an answer that enough of it should be allowed, and for a longer one
where that was not enough. So the filter is exact either way, and what it costs is bounded by the
cheaper of the two.

Letters: `R` records, `A` addresses.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence, Set
from typing import TypeAlias

import numpy as np
import tantivy
from numpy.typing import NDArray

from museion.search.lexical_fields import ID_FIELD, KEY_FIELD, key_bytes, read_record
from museion.search.selection import Allowed, Numbers, Selection

Addressed: TypeAlias = tuple[float, tantivy.DocAddress]
"""Score and place of a record."""

_UNKNOWN = -1
_US_BY_ID = 1.4
_US_BY_SCORING = 0.03
_US_BY_DEPTH = 0.8
"""What one more allowed id, record scored, and record of an answer cost, in microseconds.

Asked among ids, tantivy scores all that match; asked for the best, it skips most.
"""
_US_TO_READ = 12.0
_DEVIATIONS = 3
"""The answer asked for is so long that it holds too few allowed ones once in a thousand times."""
_GROWTH = 4
_FEWEST_IDS_TO_POST_FILTER = 200


class RecordKeys:
    """Finds the numbers of records by the keys that the index holds of them.

    Follows `Numbers` as they grow, 0.1 s for 100,000 new ids; 16 bytes a record. From any thread.
    """

    def __init__(self) -> None:
        self._over: Numbers | None = None
        self._count = 0
        self._sorted: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._order: NDArray[np.intp] = np.empty(0, np.intp)
        self._growing = threading.Lock()

    def numbers(self, keys: NDArray[np.uint64], over: Numbers) -> NDArray[np.intp]:
        """Return the number of each record, -1 for those without one. [A] -> [A]."""
        with self._growing:
            self._follow(over)
            in_order, order = self._sorted, self._order
        if not len(in_order):
            return np.full(len(keys), _UNKNOWN, np.intp)
        places = np.searchsorted(in_order, keys)
        places[places == len(in_order)] = 0
        return np.where(in_order[places] == keys, order[places], _UNKNOWN)

    def _follow(self, over: Numbers) -> None:
        if over is not self._over:
            self._over, self._count = over, 0
            self._sorted, self._order = np.empty(0, np.uint64), np.empty(0, np.intp)
        if (count := len(over)) > self._count:
            new = range(self._count, count)
            joined = b"".join(map(key_bytes, over.ids_of(new)))
            keys = np.frombuffer(joined, ">u8").astype(np.uint64)
            order = np.argsort(keys)
            places = np.searchsorted(self._sorted, keys[order])
            self._sorted = np.insert(self._sorted, places, keys[order])
            self._order = np.insert(self._order, places, order + self._count)
            self._count = count


class RecordFilter:
    """Filters the answers of one index; from any thread."""

    def __init__(self, schema: tantivy.Schema) -> None:
        self._schema = schema
        self._keys = RecordKeys()

    def best(
        self,
        searcher: tantivy.Searcher,
        question: tantivy.Query,
        limit: int,
        allowed: Allowed | None,
        *,
        likely: int,
    ) -> list[Addressed]:
        """Return the best `limit` records that answer a question and are allowed, best first.

        Args:
            searcher: of the commit asked.
            question: what records must answer.
            limit: at least 1.
            allowed: the only records that may be returned; None means all.
            likely: about how many records answer the question; it changes the cost alone.
        """
        if allowed is None:
            return _best(searcher, question, limit)
        count, total = len(allowed), max(1, searcher.num_docs)
        share = min(1.0, count / total)
        depth = round((limit + _DEVIATIONS * math.sqrt(limit)) / max(share, 1 / total)) + 1
        each_us = _US_BY_DEPTH if isinstance(allowed, Selection) else _US_TO_READ
        among_ids_us = count * _US_BY_ID + min(total, likely) * _US_BY_SCORING
        while count > _FEWEST_IDS_TO_POST_FILTER and min(depth, likely) * each_us < among_ids_us:
            answers = _best(searcher, question, depth)
            kept = self._kept(searcher, answers, allowed, limit)
            if len(kept) >= limit or len(answers) < depth:
                return kept
            depth *= _GROWTH
        return self._best_among(searcher, question, limit, allowed)

    def all(
        self, searcher: tantivy.Searcher, question: tantivy.Query, count: int, over: Numbers
    ) -> Selection:
        """Return all records that answer a question; about 1 µs each.

        Args:
            searcher: of the commit asked.
            question: what records must answer.
            count: at least so many as there are records.
            over: numbers of the records; ids without one are read and get one.
        """
        addresses = [address for _, address in _best(searcher, question, count)]
        numbers = self._keys.numbers(_keys_of(searcher, addresses), over)
        unknown = np.flatnonzero(numbers == _UNKNOWN)
        numbers[unknown] = over.add(
            read_record(searcher.doc(addresses[place]))[0] for place in unknown.tolist()
        )
        return Selection.of_numbers(over, numbers)

    def _best_among(
        self,
        searcher: tantivy.Searcher,
        question: tantivy.Query,
        limit: int,
        allowed: Allowed,
    ) -> list[Addressed]:
        ids = allowed.ids() if isinstance(allowed, Selection) else list(allowed)
        among = tantivy.Query.term_set_query(self._schema, ID_FIELD, ids)
        both = [
            (tantivy.Occur.Must, question),
            (tantivy.Occur.Must, tantivy.Query.const_score_query(among, 0.0)),
        ]
        return _best(searcher, tantivy.Query.boolean_query(both), limit)

    def _kept(
        self,
        searcher: tantivy.Searcher,
        answers: Sequence[Addressed],
        allowed: Allowed,
        limit: int,
    ) -> list[Addressed]:
        """Return the first `limit` answers that are allowed."""
        if isinstance(allowed, Selection):
            numbers = self._keys.numbers(_keys_of(searcher, [a for _, a in answers]), allowed.over)
            mask = allowed.mask(len(allowed.over))
            places = np.flatnonzero((numbers != _UNKNOWN) & mask[numbers])
            return [answers[place] for place in places[:limit]]
        return _kept_of_set(searcher, answers, allowed, limit)


def ids_of_all(searcher: tantivy.Searcher, question: tantivy.Query, count: int) -> set[str]:
    """Return the ids of all records that answer a question; about 10 µs each.

    Args:
        searcher: of the commit asked.
        question: what records must answer.
        count: at least so many as there are records.
    """
    found = _best(searcher, question, count)
    return {read_record(searcher.doc(address))[0] for _, address in found}


def _best(searcher: tantivy.Searcher, question: tantivy.Query, limit: int) -> list[Addressed]:
    return searcher.search(question, limit, count=False).hits


def _kept_of_set(
    searcher: tantivy.Searcher, answers: Sequence[Addressed], allowed: Set[str], limit: int
) -> list[Addressed]:
    kept = []
    for answer in answers:
        if read_record(searcher.doc(answer[1]))[0] in allowed:
            kept.append(answer)
            if len(kept) == limit:
                break
    return kept


def _keys_of(
    searcher: tantivy.Searcher, addresses: Sequence[tantivy.DocAddress]
) -> NDArray[np.uint64]:
    values = searcher.fast_field_values(KEY_FIELD, list(addresses))
    return np.array([each or 0 for each in values], dtype=np.uint64)
