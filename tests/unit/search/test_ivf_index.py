"""The index with inverted lists keeps the contract, with lists and without, and finds enough."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from museion.search.exact_index import ExactIndex
from museion.search.ivf_index import IvfIndex
from museion.search.selection import Selection
from museion.testing.contracts.vector_index import (
    DIMENSION,
    VectorIndexContract,
    ids_of,
    plainly_nearest,
    unit_rows,
)

SPACE = "space-a"
WIDE = 64


def open_index(
    directory: Path, *, exact_below: int = 1, read_only: bool = False, dimension: int = DIMENSION
) -> IvfIndex:
    return IvfIndex.open(
        directory,
        space=SPACE,
        dimension=dimension,
        read_only=read_only,
        exact_below=exact_below,
    )


class TestIvfIndexWithoutLists(VectorIndexContract):
    def open(self, directory: Path) -> IvfIndex:
        return open_index(directory, exact_below=1000)


class TestIvfIndexWithLists(VectorIndexContract):
    """Lists are made in the background from the first entry on, while the suite goes on."""

    def open(self, directory: Path) -> IvfIndex:
        return open_index(directory, exact_below=1)


def clustered(count: int, *, seed: int) -> NDArray[np.float32]:
    """Return unit vectors [count, WIDE] around 40 centres."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((40, WIDE))
    rows = centres[random.integers(0, 40, count)] + 0.7 * random.standard_normal((count, WIDE))
    unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("f4")
    return unit


COUNT = 8000
CLUSTERED = clustered(COUNT, seed=1)
QUERIES = clustered(40, seed=2)
IDS = [f"{number:05}" for number in range(COUNT)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IvfIndex]:
    index = open_index(tmp_path_factory.mktemp("filled"), exact_below=COUNT, dimension=WIDE)
    index.add(list(zip(IDS, CLUSTERED, strict=True)))
    index.commit(1)
    index.optimise()
    yield index
    index.close()


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05, 0.01, 0.001])
def test_recall_at_10_is_97_of_100_or_more_at_every_selectivity(
    filled: IvfIndex, share: float
) -> None:
    chosen = np.random.default_rng(3).choice(COUNT, max(10, int(COUNT * share)), replace=False)
    rows = np.sort(chosen)
    allowed = Selection.of(filled.numbers, [IDS[row] for row in rows.tolist()])

    found = 0
    for query in QUERIES:
        truth = rows[np.argsort(-(CLUSTERED[rows] @ query))[:10]]
        hits = filled.search(query, limit=10, allowed=None if share == 1 else allowed)
        found += len({IDS[row] for row in truth.tolist()} & set(ids_of(hits)))

    assert filled.coverage.lists > 0
    assert found / (10 * len(QUERIES)) >= 0.97


def test_similarities_are_exact_and_fall_along_the_answer(filled: IvfIndex) -> None:
    hits = filled.search(QUERIES[0], limit=50)

    told = [hit.similarity for hit in hits]
    true = [float(CLUSTERED[int(hit.id)].astype("f8") @ QUERIES[0].astype("f8")) for hit in hits]
    assert told == sorted(told, reverse=True)
    np.testing.assert_allclose(told, true, atol=1e-6)  # one rounding when made unit length


def test_as_many_come_as_are_allowed_wherever_they_lie(filled: IvfIndex) -> None:
    far = np.argsort(CLUSTERED @ QUERIES[0])[:30]  # the farthest of all, in other lists
    allowed = {IDS[row] for row in far.tolist()}

    assert set(ids_of(filled.search(QUERIES[0], limit=30, allowed=allowed))) == allowed
    assert len(filled.search(QUERIES[0], limit=COUNT)) == COUNT


def test_changes_are_visible_at_their_commit_before_any_list_knows_them(tmp_path: Path) -> None:
    index = open_index(tmp_path, exact_below=COUNT, dimension=WIDE)
    index.add(list(zip(IDS, CLUSTERED, strict=True)))
    index.commit(1)
    index.optimise()

    index.add([("new", QUERIES[0]), (IDS[0], QUERIES[1])])
    index.remove([ids_of(index.search(QUERIES[2], limit=1))[0]])
    gone = index.search(QUERIES[2], limit=1)[0].id
    index.commit(2)

    assert index.coverage.listed == COUNT < index.coverage.rows
    assert index.search(QUERIES[0], limit=1)[0].id == "new"
    assert index.search(QUERIES[1], limit=1)[0].id == IDS[0]
    assert gone not in ids_of(index.search(QUERIES[2], limit=20))
    assert IDS[0] not in ids_of(index.search(CLUSTERED[0], limit=1))
    index.close()


def test_rows_are_folded_into_the_lists_and_stay_found(tmp_path: Path) -> None:
    index = open_index(tmp_path, exact_below=3000, dimension=WIDE)
    index.add(list(zip(IDS[:3000], CLUSTERED[:3000], strict=True)))
    index.commit(1)
    index.optimise()

    index.add(list(zip(IDS[3000:], CLUSTERED[3000:], strict=True)))
    index.commit(2)

    assert index.coverage.listed == COUNT
    for query in QUERIES[:5]:
        truth = plainly_nearest(dict(zip(IDS, CLUSTERED, strict=True)), query, 1)
        assert ids_of(index.search(query, limit=1)) == truth
    index.close()


def test_lists_are_kept_over_a_restart_and_readers_follow_them(tmp_path: Path) -> None:
    writer = open_index(tmp_path, exact_below=COUNT, dimension=WIDE)
    early = open_index(tmp_path, exact_below=COUNT, read_only=True, dimension=WIDE)
    writer.add(list(zip(IDS, CLUSTERED, strict=True)))
    writer.commit(1)
    writer.optimise()
    answers = [writer.search(query, limit=10) for query in QUERIES]
    before = writer.coverage
    writer.close()

    again = open_index(tmp_path, exact_below=COUNT, dimension=WIDE)
    late = open_index(tmp_path, exact_below=COUNT, read_only=True, dimension=WIDE)

    assert again.coverage == late.coverage == before
    assert [again.search(query, limit=10) for query in QUERIES] == answers
    assert [late.search(query, limit=10) for query in QUERIES] == answers
    assert len(early) == COUNT
    for index in (again, late, early):
        index.close()


def test_damaged_lists_are_made_anew_and_no_answer_is_lost(tmp_path: Path) -> None:
    index = open_index(tmp_path, exact_below=COUNT, dimension=WIDE)
    index.add(list(zip(IDS, CLUSTERED, strict=True)))
    index.commit(1)
    index.optimise()
    index.close()
    content = bytearray((tmp_path / "lists").read_bytes())
    content[-5] ^= 1
    (tmp_path / "lists").write_bytes(bytes(content))

    again = open_index(tmp_path, exact_below=COUNT, dimension=WIDE)

    assert again.search(CLUSTERED[7], limit=1)[0].id == IDS[7]
    again.optimise()
    assert again.coverage.lists > 0
    again.close()


def test_moving_rows_together_keeps_the_lists(tmp_path: Path) -> None:
    index = open_index(tmp_path, exact_below=1000, dimension=WIDE)
    index.add(list(zip(IDS, CLUSTERED, strict=True)))
    index.commit(1)
    index.optimise()

    index.remove(IDS[: COUNT * 6 // 10])
    index.commit(2)

    left = dict(zip(IDS[COUNT * 6 // 10 :], CLUSTERED[COUNT * 6 // 10 :], strict=True))
    assert index.coverage.rows == index.coverage.listed == len(left)
    for query in QUERIES[:5]:
        assert ids_of(index.search(query, limit=1)) == plainly_nearest(left, query, 1)
    index.close()


def test_after_optimising_the_order_of_additions_does_not_show(tmp_path: Path) -> None:
    entries = list(zip(IDS[:3000], CLUSTERED[:3000], strict=True))
    answers = []
    for name, ordered in (("forth", entries), ("back", entries[::-1])):
        index = open_index(tmp_path / name, exact_below=3000, dimension=WIDE)
        index.add(ordered)
        index.commit(1)
        index.optimise()
        answers.append([index.search(query, limit=20) for query in QUERIES])
        index.close()

    assert answers[0] == answers[1]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    number=st.integers(0, len(QUERIES) - 1),
    limit=st.integers(1, 60),
    share=st.sampled_from([0.002, 0.01, 0.03]),
)
def test_where_it_compares_all_it_answers_like_the_exact_index(
    tmp_path_factory: pytest.TempPathFactory,
    filled: IvfIndex,
    number: int,
    limit: int,
    share: float,
) -> None:
    exact = exact_twin(tmp_path_factory)
    chosen = np.random.default_rng(limit).choice(COUNT, int(COUNT * share), replace=False)
    allowed = frozenset(IDS[row] for row in chosen.tolist())

    answer = filled.search(QUERIES[number], limit=limit, allowed=allowed)

    assert answer == exact.search(QUERIES[number], limit=limit, allowed=allowed)
    exact.close()


def exact_twin(tmp_path_factory: pytest.TempPathFactory) -> ExactIndex:
    directory = tmp_path_factory.getbasetemp() / "twin"
    index = ExactIndex.open(directory, space=SPACE, dimension=WIDE)
    if not len(index):
        index.add(list(zip(IDS, CLUSTERED, strict=True)))
        index.commit(1)
    return index


def test_searches_beside_commits_and_building_see_whole_commits_only(tmp_path: Path) -> None:
    """Every commit replaces all entries; lists are made and rows moved under the readers' hands."""
    rows = unit_rows(1500, seed=5)
    writer = open_index(tmp_path)
    reader = open_index(tmp_path, read_only=True)
    seen: list[set[str]] = []
    done = threading.Event()

    def read(index: IvfIndex) -> None:
        while not done.is_set():
            seen.append({id_.split("/")[0] for id_ in ids_of(index.search(rows[0], limit=2000))})

    with ThreadPoolExecutor(2) as pool:
        reading = [pool.submit(read, index) for index in (writer, reader)]
        for turn in range(8):
            writer.remove([f"{turn - 1}/{number}" for number in range(1500)])
            writer.add([(f"{turn}/{number}", row) for number, row in enumerate(rows)])
            writer.commit(turn + 1)
        done.set()
        for each in reading:
            each.result(timeout=60)
    writer.close()
    reader.close()

    assert seen
    assert all(len(turns) <= 1 for turns in seen)


def test_closing_while_lists_are_made_waits_for_one_step_only(tmp_path: Path) -> None:
    index = open_index(tmp_path, dimension=WIDE)
    index.add(list(zip(IDS, CLUSTERED, strict=True)))
    index.commit(1)
    index.close()

    again = open_index(tmp_path, exact_below=COUNT + 1, dimension=WIDE)
    assert (len(again), again.position) == (COUNT, 1)
    again.close()


def test_either_engine_opens_what_the_other_left(tmp_path: Path) -> None:
    index = open_index(tmp_path, exact_below=1000, dimension=WIDE)
    index.add(list(zip(IDS[:1000], CLUSTERED[:1000], strict=True)))
    index.commit(1)
    index.close()

    exact = ExactIndex.open(tmp_path, space=SPACE, dimension=WIDE)
    exact.add([(IDS[1000], CLUSTERED[1000])])
    exact.commit(2)
    exact.close()

    again = open_index(tmp_path, exact_below=1000, dimension=WIDE)
    assert (len(again), again.position) == (1001, 2)
    assert ids_of(again.search(CLUSTERED[1000], limit=1)) == [IDS[1000]]
    again.close()
