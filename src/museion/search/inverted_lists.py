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
_ROWS_A_PRODUCT = 1024


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
        self._centres = self._index.quantizer.reconstruct_n(0, self._index.nlist)  # [L, D]
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
        return nearest_centres(rows, self._centres)[0].astype(np.uint16)

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
    """Return how many lists are good for a number of rows: a power of 2 near four times its root.

    Measured on 100,000 rows of 2,000 clusters: half as many need two to four times the rows
    compared for the same recall; twice as many cost four times the time to find.
    """
    return int(min(MOST_LISTS, max(1, 2 ** round(2 + np.log2(max(count, 1)) / 2))))


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


def moved_centres(sample: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return centres [L, D] after one step of spherical k-means over `sample` [S, D].

    A centre that no row is nearest to moves onto one of the rows that are farthest from theirs.

    Source: Dhillon, Modha, Concept decompositions, Machine Learning 42, 2001.
    """
    nearest, similarities = nearest_centres(sample, centres)
    order = np.argsort(nearest, kind="stable")
    begins = np.flatnonzero(np.diff(nearest[order], prepend=-1))
    moved = np.add.reduceat(sample[order], begins, axis=0)
    moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    farthest = np.argsort(similarities, kind="stable")[: len(centres) - len(moved)]
    return np.concatenate([moved, sample[farthest]])


def nearest_centres(
    rows: NDArray[np.float32], centres: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return for each row [N, D] the number of its nearest centre and how similar it is, [N] each.

    Four times as fast as asking `faiss`, on one processor.
    """
    nearest = np.empty(len(rows), dtype=np.int64)
    similarities = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _ROWS_A_PRODUCT):
        step = slice(start, start + _ROWS_A_PRODUCT)
        products = rows[step] @ centres.T  # [step, L]
        nearest[step] = products.argmax(axis=1)
        similarities[step] = products.max(axis=1)
    return nearest, similarities


def recall_of(found: Sequence[set[int]], truth: Sequence[set[int]]) -> float:
    """Return the share of all true rows that were found."""
    hits = sum(len(some & true) for some, true in zip(found, truth, strict=True))
    return hits / max(1, sum(map(len, truth)))
