"""Rows of a segment in lists around centres, compressed to one byte a number (IVF,SQ8).

A search looks into the lists whose centres are nearest to the query. What it finds are candidates:
their similarities are off by some thousandths, so the caller compares them again exactly.

Letters: `N` rows covered, `D` width, `L` lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faiss as typed_faiss
import numpy as np
from numpy.typing import NDArray

from museion.search.selection import Mask
from museion.search.shared_lock import SharedLock
from museion.search.vector_index import Embedding

NO_LIST = np.uint16(0xFFFF)
"""Stands for a row that was dead when it would have come into a list."""

faiss: Any = typed_faiss  # its stubs describe other arguments than its Python wrappers take

MOST_LISTS = 16_384
_ROWS_A_STEP = 8192


class InvertedLists:
    """Lists of rows; searches from any thread, while one folds more rows in.

    Attributes:
        trained: the centres and the compression, as bytes.
        probes: how many lists a search without a filter should look into.
        trained_rows: how many rows there were when the centres were found.
    """

    def __init__(self, trained: bytes, *, probes: int, trained_rows: int) -> None:
        self.trained = trained
        self.probes = probes
        self.trained_rows = trained_rows
        self._index = faiss.deserialize_index(np.frombuffer(trained, dtype=np.uint8))
        self._assigned = np.empty(0, dtype=np.uint16)
        self.lock = SharedLock()

    @property
    def count(self) -> int:
        """How many lists there are, `L`."""
        return int(self._index.nlist)

    @property
    def covered(self) -> int:
        """How many rows, from the first on, the lists know, `N`."""
        return len(self._assigned)

    @property
    def assigned(self) -> NDArray[np.uint16]:
        """The list of each row that they know, or `NO_LIST`, [N]."""
        return self._assigned

    @property
    def held(self) -> int:
        """How many rows lie in the lists, dead ones too."""
        return int(self._index.ntotal)

    def nearest_lists(self, rows: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Return the list that each row belongs to."""
        _, found = self._index.quantizer.search(np.ascontiguousarray(rows), 1)
        return np.asarray(found[:, 0]).astype(np.uint16)

    def fold(self, rows: NDArray[np.float32], lists: NDArray[np.uint16]) -> None:
        """Take in the rows that follow those known; searches wait for the last step only.

        Args:
            rows: float32, [any, D], all rows of the segment.
            lists: of the rows from `covered` on; `NO_LIST` leaves one out.
        """
        first = self.covered
        order = np.argsort(lists, kind="stable")
        kept = order[: np.searchsorted(lists[order], NO_LIST)]
        codes = self._encoded(rows, first + kept, lists[kept])
        # NOTE: one call for each list and exact sizes: lists that grow row by row keep twice the
        # memory that they need.
        begins = np.flatnonzero(np.diff(lists[kept], prepend=NO_LIST))
        with self.lock.alone():
            for start, stop in zip(begins, np.append(begins, len(kept))[1:], strict=True):
                part = np.ascontiguousarray(first + kept[start:stop], dtype=np.int64)
                self._index.invlists.add_entries(
                    int(lists[kept[start]]),
                    len(part),
                    faiss.swig_ptr(part),
                    faiss.swig_ptr(codes[start:stop]),
                )
            self._index.ntotal += len(kept)
            self._assigned = np.concatenate([self._assigned, lists])

    def search(
        self, query: Embedding, count: int, *, probes: int, allowed: Mask | None = None
    ) -> NDArray[np.intp]:
        """Return up to `count` rows near `query`, nearest first; call it with `lock` shared.

        Args:
            query: unit vector of shape [D].
            count: how many at most; fewer come when the lists looked into hold fewer.
            probes: how many lists to look into.
            allowed: rows that may be found, [N].
        """
        chosen = faiss.SearchParametersIVF(nprobe=probes)
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)
            chosen = faiss.SearchParametersIVF(nprobe=probes, sel=selector)
        _, rows = self._index.search(query.reshape(1, -1), count, params=chosen)
        found = rows[0]
        return np.asarray(found[found >= 0])

    def _encoded(
        self, rows: NDArray[np.float32], chosen: NDArray[np.intp], lists: NDArray[np.uint16]
    ) -> NDArray[np.uint8]:
        codes = np.empty((len(chosen), self._index.code_size), dtype=np.uint8)
        for start in range(0, len(chosen), _ROWS_A_STEP):
            step = slice(start, start + _ROWS_A_STEP)
            part = np.ascontiguousarray(rows[chosen[step]])
            of = lists[step].astype(np.int64)
            self._index.encode_vectors(
                len(part),
                faiss.swig_ptr(part),
                faiss.swig_ptr(of),
                faiss.swig_ptr(codes[step]),
                False,
            )
        return codes


def lists_for(count: int) -> int:
    """Return how many lists are good for a number of rows: about its square root, a power of 2."""
    return int(min(MOST_LISTS, max(1, 2 ** round(np.log2(max(count, 1)) / 2))))


def trained_on(sample: NDArray[np.float32], centres: NDArray[np.float32]) -> bytes:
    """Return lists without rows, as bytes, around `centres` [L, D], fit to compress `sample`."""
    quantiser = faiss.IndexFlatIP(centres.shape[1])
    quantiser.add(centres)
    index = faiss.IndexIVFScalarQuantizer(
        quantiser,
        centres.shape[1],
        len(centres),
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
        True,
    )
    index.train(np.ascontiguousarray(sample))
    return bytes(faiss.serialize_index(index))


def moved_centres(
    sample: NDArray[np.float32], centres: NDArray[np.float32], *, seed: int
) -> NDArray[np.float32]:
    """Return centres [L, D] after one step of spherical k-means over `sample`.

    Source: Dhillon, Modha, Concept decompositions, Machine Learning 42, 2001; empty clusters are
        filled as `faiss` does.
    """
    means = faiss.Kmeans(
        sample.shape[1],
        len(centres),
        niter=1,
        spherical=True,
        seed=seed,
        min_points_per_centroid=1,
        max_points_per_centroid=len(sample),
    )
    means.train(sample, init_centroids=centres)
    return np.asarray(means.centroids)


def recall_of(found: Sequence[set[int]], truth: Sequence[set[int]]) -> float:
    """Return the share of all true rows that were found."""
    hits = sum(len(some & true) for some, true in zip(found, truth, strict=True))
    return hits / max(1, sum(map(len, truth)))
