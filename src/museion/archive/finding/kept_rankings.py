"""Rankings that were begun: who pages on gets their continuation, whatever came in since.

A token names a ranking. It also tells up to which asset the archive was known then, so that a
ranking that is no longer kept is made again without what came later.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from museion.base.errors import InvalidInput
from museion.base.ids import random_id

T = TypeVar("T")

_MOST_KEPT = 64


class BadToken(InvalidInput):
    """A text does not name a ranking."""

    def __init__(self, token: str) -> None:
        super().__init__(
            f"Expected the token of an earlier answer; came {token!r:.60}.",
            remedy="Leave it out for a new answer.",
        )


@dataclass(slots=True)
class KeptRanking(Generic[T]):
    """A ranking as far as it was made.

    Attributes:
        question: what was asked; a token answers no other question.
        hits: best first; they only grow.
        depth: how many candidates were asked of each signal; 0 before the first time.
        is_continued: assets that came after it was begun have no place in it.
        growing: held by who makes it longer.
    """

    token: str
    question: object
    born_by: int
    hits: list[T] = field(default_factory=list)
    depth: int = 0
    is_continued: bool = False
    growing: threading.Lock = field(default_factory=threading.Lock)


def born_by_of(token: str) -> int:
    """Return up to which row of the catalog a token's answer knows the archive.

    Raises:
        BadToken: no answer had this token.
    """
    born_by = token.partition("-")[0]
    if not (born_by.isascii() and born_by.isdigit() and len(born_by) < 19):
        raise BadToken(token)
    return int(born_by)


class KeptRankings(Generic[T]):
    """The last rankings that were asked for; safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, KeptRanking[T]] = OrderedDict()
        self._using = threading.Lock()

    def begin(self, question: object, born_by: int) -> KeptRanking[T]:
        """Return a new ranking, empty yet."""
        return self._keep(KeptRanking(f"{born_by}-{random_id()}", question, born_by))

    def find(self, token: str, question: object) -> KeptRanking[T]:
        """Return the ranking of a token, empty where it is no longer kept.

        Raises:
            BadToken: no answer had this token.
        """
        with self._using:
            kept = self._kept.get(token)
        if kept is not None and kept.question == question:
            return kept
        return self._keep(KeptRanking(token, question, born_by_of(token), is_continued=True))

    def _keep(self, ranking: KeptRanking[T]) -> KeptRanking[T]:
        with self._using:
            self._kept[ranking.token] = ranking
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return ranking
