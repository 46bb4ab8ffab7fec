"""Queries with what is relevant to each, as JSON lines.

One object a line: `query`, and either `relevant`, a list of names, or `judgements`, a table of
names with what each is worth (0 for not at all). Other keys are passed over. A query to which
nothing is relevant is one, too: a good search says that nothing fits.

    >>> told = read_judgements(['{"query": "a dog", "relevant": ["d1", "d2"]}', '{"query": 3}'])
    >>> told.queries[0].gains
    {'d1': 1.0, 'd2': 1.0}
    >>> [(each.line, each.reason) for each in told.bad]
    [(2, 'Expected `str`, got `int` - at `$.query`')]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query and what is known to be relevant to it.

    Attributes:
        query: as it is typed.
        gains: what each judged id is worth, at least 0; what is not in it counts 0.
        line: where it stands in its file, from 1.
    """

    query: str
    gains: Mapping[str, float]
    line: int = 0

    @property
    def relevant(self) -> frozenset[str]:
        """The ids that are worth something."""
        return frozenset(id_ for id_, gain in self.gains.items() if gain > 0)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that holds no judged query, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class JudgedQueries:
    """The good lines of a file and the bad ones, each in order."""

    queries: Sequence[JudgedQuery]
    bad: Sequence[BadLine] = ()


class _Line(msgspec.Struct, frozen=True):
    query: Annotated[str, Meta(min_length=1)]
    relevant: list[str] | None = None
    judgements: dict[str, Annotated[float, Meta(ge=0, le=1e9)]] | None = None


def read_judgements(lines: Iterable[str | bytes]) -> JudgedQueries:
    """Return the judged queries of JSON lines; blank lines are passed over.

    A line that is no good does not end the reading: it is told with its number.
    """
    queries: list[JudgedQuery] = []
    bad: list[BadLine] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            queries.append(_read(line, number))
        except (msgspec.MsgspecError, _Unclear, UnicodeError) as reason:
            bad.append(BadLine(number, str(reason)))
    return JudgedQueries(queries, bad)


class _Unclear(Exception):
    """A line is JSON of the right types and still says nothing clear."""


def _read(line: str | bytes, number: int) -> JudgedQuery:
    row = msgspec.json.decode(line, type=_Line)
    if not row.query.strip():
        raise _Unclear("the query is blank")
    if (row.relevant is None) == (row.judgements is None):
        raise _Unclear("expected either `relevant` or `judgements`")
    gains = dict.fromkeys(row.relevant, 1.0) if row.relevant is not None else row.judgements
    return JudgedQuery(row.query, gains or {}, number)
