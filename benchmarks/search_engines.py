"""Exact and lexical search beside numpy and SQLite FTS5, on the same data in the same run.

    python benchmarks/search_engines.py [--records 10000 100000] [--rounds 3] [--queries 100]

Embeddings: 512 numbers, unit length, drawn around 2,000 centres. Texts: a title of 6 words and a
caption of 19, Zipf-distributed over 30,000 words. Every query is asked of the index and then of its
peer, in interleaved rounds; a figure is the median over rounds. `ratio` is value over peer's value:
below 1 is faster (for rates: above 1). Peers do less: numpy names no ids and breaks no ties, FTS5
has no stems and says nothing of what matched.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from figures import Figure, beside, print_figures, print_machine
from numpy.typing import NDArray

from museion.search.exact_index import ExactIndex
from museion.search.lexical import Field, LexicalIndex

Q = TypeVar("Q")

DIMENSION = 512
CENTRES = 2000
WORDS = 30_000
LIMIT = 10
FIELDS = [Field("title", weight=2.0), Field("caption")]


def main() -> None:
    """Measure, print progress, and end with one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=100)
    asked = parser.parse_args()
    print_machine(["numpy", "tantivy"])
    print(f"SQLite {sqlite3.sqlite_version}")
    figures: list[Figure] = []
    for count in asked.records:
        for measure in (exact_figures, lexical_figures):
            with tempfile.TemporaryDirectory() as directory:
                figures += measure(Path(directory), count, asked.rounds, asked.queries)
    print_figures(figures)


def exact_figures(directory: Path, count: int, rounds: int, queries: int) -> list[Figure]:
    """Measure the exact index: build, plain and filtered search, opening, one change."""
    rows, asked = embeddings(count + queries)[:count], embeddings(count + queries)[count:]
    ids = [f"asset{number:010}" for number in range(count)]
    index = ExactIndex.open(directory, space="benchmark", dimension=DIMENSION)
    started = time.perf_counter()
    index.add(list(zip(ids, rows, strict=True)))
    index.commit(1)
    built_s = time.perf_counter() - started
    chosen = np.random.default_rng(2).choice(count, count // 100, replace=False)
    allowed, wanted = frozenset(ids[row] for row in chosen.tolist()), np.sort(chosen)

    def plain(query: NDArray[np.float32]) -> object:
        return np.argpartition(np.vecdot(rows, query), -LIMIT)[-LIMIT:]

    def threaded(query: NDArray[np.float32]) -> object:
        return np.argpartition(rows @ query, -LIMIT)[-LIMIT:]

    def plain_filtered(query: NDArray[np.float32]) -> object:
        return wanted[np.argpartition(rows[wanted] @ query, -LIMIT)[-LIMIT:]]

    times = interleaved(
        {
            "index": lambda query: index.search(query, limit=LIMIT),
            "numpy vecdot": plain,
            "numpy matrix product": threaded,
            "filtered index": lambda query: index.search(query, limit=LIMIT, allowed=allowed),
            "numpy on gathered rows": plain_filtered,
        },
        list(asked),
        rounds,
    )
    started = time.perf_counter()
    index.add([("new", asked[0])])
    index.commit(2)
    assert index.search(asked[0], limit=1)[0].id == "new"
    visible_ms = (time.perf_counter() - started) * 1000
    index.close()
    started = time.perf_counter()
    ExactIndex.open(directory, space="benchmark", dimension=DIMENSION).close()
    opened_ms = (time.perf_counter() - started) * 1000
    name = f"exact search {count} x {DIMENSION}"
    goals = {"p50": None, "p95": 5.0 if count <= 10_000 else None}
    return [
        *compared(name, times, "index", "numpy vecdot", goals),
        *compared(f"{name}, plain numpy vecdot", times, "numpy vecdot", "numpy matrix product", {}),
        *compared(f"{name}, filter 1 %", times, "filtered index", "numpy on gathered rows", {}),
        beside(f"exact index {count}: build", count / built_s, "entries/s"),
        beside(f"exact index {count}: one change visible", visible_ms, "ms", goal=1000),
        beside(f"exact index {count}: opened", opened_ms, "ms"),
        beside(f"exact index {count}: on disk", _size_mb(directory), "MB"),
    ]


def lexical_figures(directory: Path, count: int, rounds: int, queries: int) -> list[Figure]:
    """Measure the lexical index beside FTS5: build, OR and phrase queries, filter, one change."""
    records = texts(count)
    index = LexicalIndex.open(directory, FIELDS)
    started = time.perf_counter()
    index.add((id_, {"title": title, "caption": caption}) for id_, title, caption in records)
    index.commit(1)
    built_s = time.perf_counter() - started
    peer, peer_built_s = fts5(records)
    asked = pairs_that_occur(records, queries)
    allowed = frozenset(id_ for id_, _, _ in records[::100])

    def fts_any(words: tuple[str, str]) -> object:
        return peer.execute(
            "SELECT id FROM records WHERE records MATCH ? ORDER BY bm25(records, 0, 2, 1) LIMIT ?",
            (" OR ".join(words), LIMIT),
        ).fetchall()

    def fts_phrase(words: tuple[str, str]) -> object:
        return peer.execute(
            "SELECT id FROM records WHERE records MATCH ? ORDER BY bm25(records, 0, 2, 1) LIMIT ?",
            (f'"{" ".join(words)}"', LIMIT),
        ).fetchall()

    times = interleaved(
        {
            "index": lambda words: index.search(" ".join(words), limit=LIMIT),
            "FTS5": fts_any,
            "phrase": lambda words: index.search("", phrases=[" ".join(words)], limit=LIMIT),
            "FTS5 phrase": fts_phrase,
            "deep": lambda words: index.search(" ".join(words), limit=200),
            "filtered": lambda words: index.search(" ".join(words), limit=LIMIT, allowed=allowed),
        },
        asked,
        rounds,
    )
    started = time.perf_counter()
    index.add([("new", {"title": "neverseenbefore"})])
    index.commit(2)
    assert index.search("neverseenbefore", limit=1)
    visible_ms = (time.perf_counter() - started) * 1000
    index.close()
    name = f"lexical search {count}"
    return [
        *compared(f"{name}, any of 2 words", times, "index", "FTS5", {"p95": 10.0}),
        *compared(f"{name}, phrase", times, "phrase", "FTS5 phrase", {}),
        *compared(f"{name}, any of 2 words, 200 hits", times, "deep", None, {}),
        *compared(f"{name}, filter 1 %", times, "filtered", None, {}),
        beside(
            f"lexical index {count}: build",
            count / built_s,
            "records/s",
            _peer_name("FTS5"),
            count / peer_built_s,
        ),
        beside(f"lexical index {count}: one change visible", visible_ms, "ms", goal=1000),
        beside(f"lexical index {count}: on disk", _size_mb(directory), "MB"),
    ]


def embeddings(count: int) -> NDArray[np.float32]:
    """Return unit vectors [count, DIMENSION] around common centres; the same for each count."""
    random_ = np.random.default_rng(1)
    centres = random_.standard_normal((CENTRES, DIMENSION), dtype=np.float32)
    rows = centres[random_.integers(0, CENTRES, count)]
    rows = rows + 0.6 * random_.standard_normal((count, DIMENSION), dtype=np.float32)
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def texts(count: int) -> list[tuple[str, str, str]]:
    """Return ids, titles and captions."""
    random_ = random.Random(1)  # noqa: S311 (test data)
    weights = list(itertools.accumulate(1 / rank for rank in range(1, WORDS + 1)))
    words = [f"w{rank}" for rank in range(WORDS)]
    return [
        (
            f"asset{number:010}",
            " ".join(random_.choices(words, cum_weights=weights, k=6)),
            " ".join(random_.choices(words, cum_weights=weights, k=19)),
        )
        for number in range(count)
    ]


def pairs_that_occur(records: Sequence[tuple[str, str, str]], count: int) -> list[tuple[str, str]]:
    """Return two words that stand side by side in some caption, for each query."""
    random_ = random.Random(2)  # noqa: S311 (test data)
    pairs = []
    for _, _, caption in random_.sample(records, count):
        words = caption.split()
        at = random_.randrange(len(words) - 1)
        pairs.append((words[at], words[at + 1]))
    return pairs


def fts5(records: Sequence[tuple[str, str, str]]) -> tuple[sqlite3.Connection, float]:
    """Return a filled FTS5 table in memory and the seconds that filling took."""
    connection = sqlite3.connect(":memory:")
    started = time.perf_counter()
    connection.execute("CREATE VIRTUAL TABLE records USING fts5(id UNINDEXED, title, caption)")
    connection.executemany("INSERT INTO records VALUES (?, ?, ?)", records)
    connection.commit()
    return connection, time.perf_counter() - started


def interleaved(
    engines: dict[str, Callable[[Q], object]], queries: Sequence[Q], rounds: int
) -> dict[str, list[list[float]]]:
    """Return milliseconds per query, by engine and round; a first round is not counted."""
    times: dict[str, list[list[float]]] = {name: [] for name in engines}
    for turn in range(rounds + 1):
        each: dict[str, list[float]] = {name: [] for name in engines}
        for query in queries:
            for name, ask in engines.items():
                each[name].append(_timed_ms(ask, query))
        if turn:
            for name, measured in each.items():
                times[name].append(measured)
    return times


def compared(
    figure: str,
    times: dict[str, list[list[float]]],
    engine: str,
    peer: str | None,
    goals: dict[str, float | None],
) -> list[Figure]:
    """Return p50 and p95 of an engine beside its peer's."""
    figures = []
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        value = _quantile(times[engine], share)
        peer_value = None if peer is None else _quantile(times[peer], share)
        against = None if peer is None else _peer_name(peer)
        figures.append(
            beside(f"{figure}, {name}", value, "ms", against, peer_value, goal=goals.get(name))
        )
    return figures


def _peer_name(peer: str) -> str:
    version_ = np.__version__ if "numpy" in peer else sqlite3.sqlite_version
    return f"{peer} ({version_})"


def _quantile(rounds: list[list[float]], share: float) -> float:
    return statistics.median(float(np.quantile(each, share)) for each in rounds)


def _timed_ms(ask: Callable[[Q], object], query: Q) -> float:
    started = time.perf_counter()
    ask(query)
    return (time.perf_counter() - started) * 1000


def _size_mb(directory: Path) -> float:
    return sum(path.stat().st_size for path in directory.iterdir()) / 1e6


if __name__ == "__main__":
    main()
