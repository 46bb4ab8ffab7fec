"""Selections behave like sets of ids, also when they were made at different times."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.selection import Numbers, OtherNumbers, Selection, selection_of

IDS = st.frozensets(st.sampled_from([f"id{number}" for number in range(12)]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(first=IDS, second=IDS)
def test_selections_join_like_sets_of_ids(first: frozenset[str], second: frozenset[str]) -> None:
    numbers = Numbers()
    mine, theirs = Selection.of(numbers, first), Selection.of(numbers, second)  # of other lengths

    assert set((mine & theirs).ids()) == first & second
    assert set((mine | theirs).ids()) == first | second
    assert set((mine - theirs).ids()) == first - second
    assert set((~mine).ids()) == (first | second) - first
    assert (~~mine, mine.count, bool(mine)) == (mine, len(first), bool(first))
    assert all((id_ in mine) == (id_ in first) for id_ in first | second | {"unknown"})


def test_a_number_is_given_once_and_stays() -> None:
    numbers = Numbers()

    assert numbers.add(["a", "b"]).tolist() == [0, 1]
    assert numbers.add(["b", "c", "a"]).tolist() == [1, 2, 0]
    assert [numbers.id_of(number) for number in range(len(numbers))] == ["a", "b", "c"]
    assert numbers.known(["c", "never"]).tolist() == [2]


def test_threads_that_add_the_same_ids_agree_on_their_numbers() -> None:
    numbers, start = Numbers(), threading.Barrier(4, timeout=10)

    def add(first: int) -> list[int]:
        start.wait()
        return [int(numbers.add([f"{(first + n) % 500}"])[0]) for n in range(500)]

    with ThreadPoolExecutor(4) as pool:
        given_numbers = list(pool.map(add, (0, 100, 200, 300)))

    assert len(numbers) == 500
    for first, found in zip((0, 100, 200, 300), given_numbers, strict=True):
        assert [numbers.id_of(n) for n in found] == [f"{(first + n) % 500}" for n in range(500)]


def test_selections_of_different_numbers_are_not_joined_but_can_be_carried_over() -> None:
    one, other = Numbers(), Numbers()
    other.add(["x", "b"])
    selected = Selection.of(one, ["a", "b"])

    with pytest.raises(OtherNumbers):
        selected & Selection.of(other, ["b"])

    assert selection_of(selected, other).ids() == ["b"]
    assert selection_of({"b", "unknown"}, other).ids() == ["b"]
