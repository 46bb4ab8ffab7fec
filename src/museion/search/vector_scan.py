"""Exact comparison of the rows of a segment with a query.

An answer depends only on the ids and embeddings, never on the order in which they came or on how a
filter was applied: a float32 scan finds all rows that can belong to the answer within its rounding
error, and these are compared again in float64.

Letters: `N` rows, `D` width, `K` candidates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from museion.search.selection import Allowed, Mask, selection_of
from museion.search.vector_errors import NotAnEmbedding
from museion.search.vector_index import Embedding, Neighbour
from museion.search.vector_segment import Segment

_LENGTH_TOLERANCE = 0.01
"""How far from 1 the length of an embedding may be; one that went through float16 stays within."""

_FLOAT32_SPACING = 2.0**-23
"""Twice the unit roundoff of float32."""

_GATHER_COST = 8
"""How much dearer a gathered row is than a scanned one (measured: 5 to 10 times)."""


def unit(embedding: Embedding, dimension: int, what: str) -> Embedding:
    """Return an embedding brought to length 1 as closely as float32 can.

    Raises:
        NotAnEmbedding: it has another width, is not finite or not of unit length.
    """
    array = np.asarray(embedding, dtype=np.float64)
    if array.shape != (dimension,):
        raise NotAnEmbedding(what, dimension, f"an array of shape {array.shape}")
    length = float(np.sqrt((array * array).sum()))
    if not abs(length - 1) <= _LENGTH_TOLERANCE:
        raise NotAnEmbedding(what, dimension, f"a length of {length:.4g}")
    return (array / length).astype(np.float32)


def live_rows(segment: Segment, allowed: Allowed | None) -> Mask:
    """Return which rows may be found, [N]."""
    if allowed is None:
        return segment.is_live
    numbers = segment.numbers
    of_record = selection_of(allowed, numbers).mask(len(numbers))
    return of_record.take(segment.record_of, mode="clip") & segment.is_live


def nearest_rows(
    segment: Segment, query: Embedding, limit: int, rows: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the candidates [K] among `rows` (ascending): gathered if few, else in a full scan."""
    if not len(rows):
        return rows
    first, stop = int(rows[0]), int(rows[-1]) + 1
    if len(rows) * _GATHER_COST <= stop - first:
        similarities = _similarities(segment.rows[rows], query)
    else:
        similarities = _similarities(segment.rows[first:stop], query)
        if len(rows) < stop - first:
            similarities = similarities[rows - first]
    return rows[_candidates(similarities, limit, len(query))]


def ranked(segment: Segment, query: Embedding, rows: NDArray[np.intp]) -> list[Neighbour]:
    """Compare `rows` [K] again, each by itself in float64, and sort them."""
    products = segment.rows[rows].astype(np.float64)  # [K, D]
    products *= query.astype(np.float64)
    similarities = np.clip(products.sum(axis=1), -1.0, 1.0).tolist()
    neighbours = zip((segment.ids[row] for row in rows.tolist()), similarities, strict=True)
    ordered = sorted(neighbours, key=lambda pair: (-pair[1], pair[0]))
    return [Neighbour(entry_id, similarity) for entry_id, similarity in ordered]


def _similarities(rows: NDArray[np.float32], query: Embedding) -> NDArray[np.float32]:
    # NOTE: not `rows @ query`: BLAS splits that over all processors and waits for the slowest. On
    # an idle machine it is faster; beside decoding or inference 10,000 rows took up to 10 ms (p50)
    # instead of 0.4 ms.
    products: NDArray[np.float32] = np.vecdot(rows, query)
    return products


def _candidates(similarities: NDArray[np.float32], limit: int, dimension: int) -> NDArray[np.intp]:
    """Return all places whose true similarity can be among the `limit` largest.

    A float32 dot product of two unit vectors is off by at most D times the unit roundoff; two of
    them are compared here.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1.
    """
    count = len(similarities)
    if limit >= count:
        return np.arange(count)
    smallest_kept = np.partition(similarities, count - limit)[count - limit]
    return np.flatnonzero(similarities >= smallest_kept - dimension * _FLOAT32_SPACING)
