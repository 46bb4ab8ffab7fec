"""What every vector index must do. Inherit the suite, say how an index is opened, and run it.

class TestMyIndex(VectorIndexContract):
    def open(self, directory: Path) -> VectorIndex:
        return MyIndex(directory, dimension=DIMENSION)
"""

# ruff: noqa: D102 (the name of a test is its claim)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from museion.base.errors import InvalidInput
from museion.search.selection import Numbers, Selection
from museion.search.vector_index import Neighbour, VectorIndex

DIMENSION = 16


def unit_rows(count: int, *, seed: int, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """Return random unit vectors [count, dimension]."""
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def plainly_nearest(
    model: Mapping[str, NDArray[np.float32]], query: NDArray[np.float32], limit: int
) -> list[str]:
    """The specification: compare all in float64, sort by similarity and then by id."""
    wide = query.astype(np.float64)
    by_nearness = sorted(model, key=lambda id_: (-float(model[id_].astype(np.float64) @ wide), id_))
    return by_nearness[:limit]


def ids_of(neighbours: list[Neighbour]) -> list[str]:
    """Return the ids, in order."""
    return [neighbour.id for neighbour in neighbours]


ROWS = unit_rows(12, seed=1)
IDS = st.sampled_from([f"id{number}" for number in range(8)])
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), IDS, st.integers(0, len(ROWS) - 1)),
        st.tuples(st.just("remove"), IDS, st.just(0)),
        st.tuples(st.just("commit"), st.just(""), st.just(0)),
        st.tuples(st.just("reopen"), st.just(""), st.just(0)),
    ),
    max_size=30,
)


class VectorIndexContract:
    """Inherit and say how an index in a folder is opened."""

    def open(self, directory: Path) -> VectorIndex:
        """Return an index of width `DIMENSION` in a folder, open for writing."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[VectorIndex]:
        """An index in a folder of its own."""
        index = self.open(tmp_path / "index")
        yield index
        index.close()

    def test_an_empty_index_answers_nothing_at_position_0(self, index: VectorIndex) -> None:
        assert (len(index), index.position, index.dimension) == (0, 0, DIMENSION)
        assert index.search(ROWS[0], limit=3) == []
        assert index.get("a") is None

    def test_changes_appear_together_with_their_position_at_commit(
        self, index: VectorIndex
    ) -> None:
        index.add([("a", ROWS[0]), ("b", ROWS[1])])
        assert (len(index), index.position) == (0, 0)

        index.commit(7)

        assert (len(index), index.position) == (2, 7)
        assert ids_of(index.search(ROWS[0], limit=5)) == ["a", "b"]

    def test_the_nearest_comes_first_and_its_similarity_is_the_cosine(
        self, index: VectorIndex
    ) -> None:
        index.add([("a", ROWS[0]), ("b", ROWS[1])])
        index.commit(1)

        first, second = index.search(ROWS[1], limit=2)

        assert (first.id, second.id) == ("b", "a")
        assert first.similarity == pytest.approx(1.0, abs=1e-6)  # float32 rounding of a unit vector
        assert second.similarity == pytest.approx(float(ROWS[0] @ ROWS[1]), abs=1e-6)

    def test_exact_ties_are_ordered_by_id_also_at_the_limit(self, index: VectorIndex) -> None:
        index.add([(id_, ROWS[0]) for id_ in ("d", "b", "a", "c")])
        index.commit(1)

        assert ids_of(index.search(ROWS[2], limit=2)) == ["a", "b"]

    def test_adding_an_id_again_replaces_its_embedding(self, index: VectorIndex) -> None:
        index.add([("a", ROWS[0])])
        index.commit(1)
        index.add([("a", ROWS[1])])
        index.commit(2)

        kept = index.get("a")

        assert len(index) == 1
        assert kept is not None
        np.testing.assert_allclose(kept, ROWS[1], atol=1e-7)  # one rounding when made unit length

    def test_a_filter_is_applied_inside_the_search(self, index: VectorIndex) -> None:
        index.add([(f"{number:02}", row) for number, row in enumerate(ROWS)])
        index.commit(1)

        neighbours = index.search(ROWS[0], limit=2, allowed={"07", "11", "gone"})

        assert set(ids_of(neighbours)) == {"07", "11"}
        assert index.search(ROWS[0], limit=2, allowed=set()) == []

    def test_a_selection_filters_like_the_ids_that_it_holds(self, index: VectorIndex) -> None:
        index.add([(f"{number:02}", row) for number, row in enumerate(ROWS)])
        index.commit(1)
        elsewhere = Numbers()
        elsewhere.add(["gone", "11"])

        for numbers in (index.numbers, elsewhere):
            selected = Selection.of(numbers, ["07", "11", "gone"])
            assert set(ids_of(index.search(ROWS[0], limit=9, allowed=selected))) == {"07", "11"}

    def test_the_moments_of_a_film_are_allowed_with_it(self, index: VectorIndex) -> None:
        ids = ["film", "film@0", "film@83000", "other@5", "a@b", "@7"]
        index.add(list(zip(ids, ROWS, strict=False)))
        index.commit(1)

        found = index.search(ROWS[0], limit=9, allowed={"film", "a@b", "@7"})

        assert set(ids_of(found)) == {"film", "film@0", "film@83000", "a@b", "@7"}
        assert index.search(ROWS[0], limit=9, allowed={"film@0"}) == []

    @pytest.mark.parametrize(
        "bad",
        [
            np.zeros(DIMENSION, dtype=np.float32),
            np.full(DIMENSION, np.nan, dtype=np.float32),
            np.full(DIMENSION, np.inf, dtype=np.float32),
            np.ones(DIMENSION, dtype=np.float32),
            ROWS[0][:-1],
            ROWS[:2],
        ],
        ids=["zero", "nan", "infinite", "too-long", "too-narrow", "two"],
    )
    def test_what_is_no_unit_vector_is_refused_whole(
        self, index: VectorIndex, bad: NDArray[np.float32]
    ) -> None:
        with pytest.raises(InvalidInput):
            index.add([("good", ROWS[0]), ("bad", bad)])
        with pytest.raises(InvalidInput):
            index.search(bad, limit=1)
        index.commit(1)
        assert len(index) == 0

    @pytest.mark.parametrize("bad", ["", "two\nlines", "\ud800"])
    def test_an_unfit_id_is_refused(self, index: VectorIndex, bad: str) -> None:
        with pytest.raises(InvalidInput):
            index.add([(bad, ROWS[0])])

    def test_a_limit_below_1_is_refused(self, index: VectorIndex) -> None:
        with pytest.raises(InvalidInput):
            index.search(ROWS[0], limit=0)

    def test_what_was_not_committed_is_forgotten_at_close(self, tmp_path: Path) -> None:
        index = self.open(tmp_path / "index")
        index.add([("a", ROWS[0])])
        index.commit(1)
        index.add([("b", ROWS[1])])
        index.close()
        index.close()

        again = self.open(tmp_path / "index")

        assert (ids_of(again.search(ROWS[1], limit=5)), again.position) == (["a"], 1)

    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.differing_executors],  # one test for several engines
    )
    @given(changes=CHANGES, limit=st.integers(1, 9), allowed=st.none() | st.frozensets(IDS))
    def test_it_equals_the_plain_model_after_any_history(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        changes: list[tuple[str, str, int]],
        limit: int,
        allowed: frozenset[str] | None,
    ) -> None:
        directory = tmp_path_factory.mktemp("history")
        index = self.open(directory)
        waiting: dict[str, NDArray[np.float32] | None] = {}
        model: dict[str, NDArray[np.float32]] = {}
        for position, (change, id_, row) in enumerate([*changes, ("commit", "", 0)], 1):
            if change == "add":
                index.add([(id_, ROWS[row])])
                waiting[id_] = ROWS[row]
            elif change == "remove":
                index.remove([id_])
                waiting[id_] = None
            elif change == "commit":
                index.commit(position)
                merged = {**model, **waiting}
                model = {kept: found for kept, found in merged.items() if found is not None}
                waiting = {}
            else:
                index.close()
                index = self.open(directory)
                waiting = {}
        visible = {id_: row for id_, row in model.items() if allowed is None or id_ in allowed}
        found = index.search(ROWS[0], limit=limit, allowed=allowed)

        assert len(index) == len(model)
        assert ids_of(found) == plainly_nearest(visible, ROWS[0], limit)
        index.close()
