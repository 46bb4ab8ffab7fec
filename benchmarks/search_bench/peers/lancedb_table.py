"""lancedb: IVF_HNSW_SQ, with its filter before the search."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import lancedb  # type: ignore[import-not-found]  # in the peers' environment
import numpy as np
import pyarrow
from search_bench.library import DIMENSION, SHARES, Library
from search_bench.serving import Ask, Parts, Plain, serve

LIMIT = 10


class LanceDb(Plain):
    """One table on disk."""

    version = lancedb.__version__

    def __init__(self, library: Library, folder: Path) -> None:
        self._library = library
        self._queries = np.asarray(library.queries)
        self._database = lancedb.connect(folder / "lance")

    def build(self) -> Parts:
        """Add all, index embeddings and the column to filter by."""
        schema = pyarrow.schema(
            [
                ("number", pyarrow.int64()),
                ("draw", pyarrow.float32()),
                ("vector", pyarrow.list_(pyarrow.float32(), DIMENSION)),
            ]
        )
        self._table = self._database.create_table("record", data=self._batches(), schema=schema)
        partitions = max(1, len(self._library.rows) // 50_000)
        self._table.create_index(
            metric="dot",
            index_type="IVF_HNSW_SQ",
            num_partitions=partitions,
            vector_column_name="vector",
        )
        self._table.create_scalar_index("draw")
        return {}

    def cases(self) -> Mapping[str, Ask]:
        """Return what it can do."""
        filtered = {f"semantic {share:.1%}": self._filtered(share) for share in SHARES}
        return {"semantic": self._semantic, **filtered}

    def change(self) -> dict[str, float]:
        """Add, update and delete a row."""
        new, (first, second) = self._library.count, self._queries[:2]
        seconds = {}
        started = time.perf_counter()
        self._table.add([{"number": new, "draw": 2.0, "vector": first}])
        assert self._found(first, None)[0] == new
        seconds["added"] = time.perf_counter() - started
        started = time.perf_counter()
        self._table.update(where=f"number = {new}", values={"vector": second.tolist()})
        assert self._found(second, None)[0] == new
        seconds["updated"] = time.perf_counter() - started
        started = time.perf_counter()
        self._table.delete(f"number = {new}")
        assert self._found(second, None)[0] != new
        seconds["deleted"] = time.perf_counter() - started
        self._table.optimize(cleanup_older_than=timedelta(0))
        return seconds

    def _batches(self) -> Iterator[pyarrow.RecordBatch]:
        rows, draw = self._library.rows, self._library.draw
        for start in range(0, len(rows), 10_000):
            some = np.asarray(rows[start : start + 10_000])
            vectors = pyarrow.FixedSizeListArray.from_arrays(some.ravel(), DIMENSION)
            numbers = np.arange(start, start + len(some))
            yield pyarrow.record_batch(
                [pyarrow.array(numbers), pyarrow.array(draw[numbers]), vectors],
                names=["number", "draw", "vector"],
            )

    def _semantic(self, query: int) -> list[int]:
        return self._found(self._queries[query], None)

    def _filtered(self, share: float) -> Ask:
        return lambda query: self._found(self._queries[query], f"draw < {share}")

    def _found(self, query: object, condition: str | None) -> list[int]:
        asked = (
            self._table.search(query)
            .distance_type("dot")
            .limit(LIMIT)
            .select(["number", "_distance"])
        )
        if condition:
            asked = asked.where(condition, prefilter=True)
        return [int(number) for number in asked.to_arrow()["number"].to_pylist()]


if __name__ == "__main__":
    serve(LanceDb)
