"""All embeddings in one array, compared with `vecdot`: the truth, and the plainest peer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from search_bench.library import SHARES, Library
from search_bench.serving import Ask, Parts, Plain, serve

LIMIT = 10


class NumpyExact(Plain):
    """An array in memory."""

    version = np.__version__

    def __init__(self, library: Library, _: Path) -> None:
        self._library = library

    def build(self) -> Parts:
        """Read the rows."""
        self._rows = np.array(self._library.rows)
        self._queries = self._library.queries
        self._allowed = {share: self._library.allowed(share) for share in SHARES}
        return {}

    def cases(self) -> Mapping[str, Ask]:
        """Return what comparing can do."""
        filtered = {f"semantic {share:.1%}": self._filtered(share) for share in SHARES}
        return {"semantic": self._semantic, **filtered, "similar": self._similar}

    def _semantic(self, query: int) -> list[int]:
        return _best(np.vecdot(self._rows, self._queries[query]), LIMIT)

    def _filtered(self, share: float) -> Ask:
        def ask(query: int) -> list[int]:
            rows = self._allowed[share]
            best = _best(np.vecdot(self._rows[rows], self._queries[query]), LIMIT)
            return [int(rows[place]) for place in best]

        return ask

    def _similar(self, query: int) -> list[int]:
        own = query * 7919 % self._library.count
        best = _best(np.vecdot(self._rows, self._rows[own]), LIMIT + 1)
        return [row for row in best if row != own][:LIMIT]


def _best(similarities: NDArray[np.float32], count: int) -> list[int]:
    count = min(count, len(similarities))
    near = np.argpartition(similarities, -count)[-count:]
    ordered: list[int] = near[np.argsort(-similarities[near])].tolist()
    return ordered


if __name__ == "__main__":
    serve(NumpyExact)
