"""faiss IVF,SQ8 as its manual has it: filter by bitmap, no planner, no exact comparison after."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faiss as typed_faiss
import numpy as np
from search_bench.library import DIMENSION, SHARES, Library
from search_bench.serving import Ask, Parts, Plain, serve

LIMIT = 10
_PROBED_SHARE = 64
"""One in so many lists is looked into, as in the manual's examples."""

faiss: Any = typed_faiss  # its stubs describe other arguments than its Python wrappers take


class FaissAlone(Plain):
    """One index in memory."""

    version = faiss.__version__

    def __init__(self, library: Library, _: Path) -> None:
        self._library = library
        self._queries = library.queries

    def build(self) -> Parts:
        """Train on 64 rows a list and add all."""
        rows = self._library.rows
        lists = int(2 ** round(1 + np.log2(len(rows)) / 2))
        index = faiss.index_factory(DIMENSION, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        chosen = np.random.default_rng(0).choice(len(rows), min(len(rows), lists * 64), False)
        index.train(np.asarray(rows[np.sort(chosen)]))
        for start in range(0, len(rows), 50_000):
            index.add(np.ascontiguousarray(rows[start : start + 50_000]))
        self._index, self._probes = index, max(1, lists // _PROBED_SHARE)
        self._bits = {
            share: np.packbits(self._library.draw < share, bitorder="little") for share in SHARES
        }
        return {}

    def cases(self) -> Mapping[str, Ask]:
        """Return what it can do."""
        filtered = {f"semantic {share:.1%}": self._filtered(share) for share in SHARES}
        return {"semantic": self._semantic, **filtered}

    def _semantic(self, query: int) -> list[int]:
        return self._found(query, faiss.SearchParametersIVF(nprobe=self._probes))

    def _filtered(self, share: float) -> Ask:
        def ask(query: int) -> list[int]:
            selector = faiss.IDSelectorBitmap(self._bits[share])
            chosen = faiss.SearchParametersIVF(nprobe=self._probes, sel=selector)
            return self._found(query, chosen)

        return ask

    def _found(self, query: int, chosen: object) -> list[int]:
        _, rows = self._index.search(self._queries[query : query + 1], LIMIT, params=chosen)
        return [int(row) for row in rows[0] if row >= 0]


if __name__ == "__main__":
    serve(FaissAlone)
