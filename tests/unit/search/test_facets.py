"""Facets answer like a plain loop over the rows, and readers see whole puts only."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.base.errors import InvalidInput
from museion.search.facet_columns import BLOCK, Column
from museion.search.facets import Facets
from museion.search.places import distance_km
from museion.search.selection import Numbers, Selection

COLUMNS = [
    Column("stars", "number"),
    Column("camera", "code"),
    Column("tags", "terms"),
    Column("place", "point"),
]
WORDS = st.sampled_from(["Sea", "sea ", "Seaside", "Hill", "STRASSE", "straße"])
ROW = st.fixed_dictionaries(
    {},
    optional={
        "stars": st.integers(0, 5) | st.none(),
        "camera": WORDS | st.none(),
        "tags": st.lists(WORDS, max_size=3),
        "place": st.tuples(st.floats(-90, 90), st.floats(-180, 180)) | st.none(),
    },
)
IDS = st.sampled_from([f"id{number}" for number in range(6)])
PUTS = st.lists(st.dictionaries(IDS, ROW | st.none(), max_size=4), max_size=6)
"""Each put replaces rows; None removes one."""


def fold(text: str) -> str:
    return text.strip().casefold()


@settings(max_examples=80, deadline=None, derandomize=True)
@given(puts=PUTS, word=WORDS, low=st.integers(0, 5))
def test_every_filter_equals_a_plain_loop_over_the_rows(
    puts: list[dict[str, dict[str, Any] | None]], word: str, low: int
) -> None:
    facets, model = Facets(COLUMNS), dict[str, Mapping[str, Any]]()
    for put in puts:
        facets.put({id_: row for id_, row in put.items() if row is not None})
        facets.remove(id_ for id_, row in put.items() if row is None)
        model.update({id_: row for id_, row in put.items() if row is not None})
        for id_ in [id_ for id_, row in put.items() if row is None]:
            model.pop(id_, None)
    view = facets.view

    def same(selection: Selection, holds: Callable[[Mapping[str, Any]], bool]) -> None:
        plain = {id_ for id_, row in model.items() if holds(row)}
        assert set(selection.ids()) == plain
        assert set((~selection).ids()) == set(model) - plain

    def tags(row: Mapping[str, Any]) -> list[str]:
        return [fold(tag) for tag in row.get("tags", [])]

    def stars(row: Mapping[str, Any]) -> float:
        found = row.get("stars")
        return math.nan if found is None else found

    same(view.all, lambda row: True)
    same(view.between("stars", low), lambda row: stars(row) >= low)
    same(view.between("stars", None, low), lambda row: stars(row) <= low)
    same(view.equals("stars", low), lambda row: stars(row) == low)
    same(view.equals("camera", word), lambda row: fold(row.get("camera") or "") == fold(word))
    same(view.contains("camera", word), lambda row: fold(word) in fold(row.get("camera") or ""))
    same(view.equals("tags", word), lambda row: fold(word) in tags(row))
    same(view.contains("tags", word), lambda row: any(fold(word) in tag for tag in tags(row)))
    same(view.is_set("tags"), lambda row: bool(tags(row)))
    same(view.is_set("stars"), lambda row: row.get("stars") is not None)
    same(view.is_set("place"), lambda row: row.get("place") is not None)
    same(
        view.has("tags", [word, "hill"]),
        lambda row: fold(word) in tags(row) or "hill" in tags(row),
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    points=st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), max_size=8),
    middle=st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    radius_km=st.floats(0.1, 20_000),
)
def test_a_radius_on_the_earth_is_that_of_the_plain_formula(
    points: list[tuple[float, float]], middle: tuple[float, float], radius_km: float
) -> None:
    facets = Facets(COLUMNS)
    facets.put({f"p{n}": {"place": point} for n, point in enumerate(points)})

    found = set(facets.view.within_km("place", *middle, radius_km).ids())

    for n, point in enumerate(points):
        distance = distance_km(*middle, *point)
        if abs(distance - radius_km) > 0.001:  # a metre: two formulas, each rounded
            assert (f"p{n}" in found) == (distance <= radius_km)


def test_order_goes_by_value_and_puts_what_has_none_last() -> None:
    facets = Facets(COLUMNS)
    facets.put(
        {
            "a": {"stars": 2, "camera": "Nikon"},
            "b": {},
            "c": {"stars": 5, "camera": "canon"},
            "d": {"stars": 2, "camera": "Sony"},
        }
    )
    view = facets.view

    assert view.order(view.all, "stars") == ["a", "d", "c", "b"]
    assert view.order(view.all, "stars", descending=True) == ["c", "a", "d", "b"]
    assert view.order(view.all, "camera") == ["c", "a", "d", "b"]
    assert view.order(view.all, "stars", limit=1, offset=1) == ["d"]
    assert view.order(~view.equals("camera", "sony"), "stars", limit=2) == ["a", "c"]


def test_counts_tell_how_many_have_each_value_most_first() -> None:
    facets = Facets(COLUMNS)
    facets.put({"a": {"tags": ["Sea", "hill"]}, "b": {"tags": ["sea"]}, "c": {"camera": "Nikon"}})
    view = facets.view

    assert view.counts("tags") == {"Sea": 2, "hill": 1}
    assert view.counts("tags", view.of(["b", "unknown"])) == {"Sea": 1}
    assert view.counts("camera", limit=1) == {"Nikon": 1}


def test_records_beyond_one_block_are_found_and_replaced() -> None:
    count = BLOCK + 100
    facets, ids = Facets(COLUMNS), [f"{number:06}" for number in range(BLOCK + 100)]
    facets.load(
        ids, {"stars": [n % 5 for n in range(count)], "tags": [[f"t{n}"] for n in range(count)]}
    )
    facets.put({ids[3]: {"stars": 9}, ids[-1]: {"stars": 9, "tags": ["t0"]}})

    view = facets.view

    assert view.equals("stars", 9).ids() == [ids[3], ids[-1]]
    assert view.equals("tags", "t0").ids() == [ids[0], ids[-1]]
    assert view.equals("tags", "t3").ids() == []
    assert (view.all.count, view.between("stars").count) == (count, count)


def test_of_an_id_that_comes_twice_in_one_load_the_last_counts() -> None:
    facets = Facets(COLUMNS)

    facets.load(["a", "b", "a"], {"stars": [1, 2, 3], "tags": [["x"], ["y"], ["z"]]})

    assert facets.view.equals("stars", 3).ids() == ["a"]
    assert (facets.view.equals("tags", "x").ids(), facets.view.equals("tags", "z").ids()) == (
        [],
        ["a"],
    )


def test_numbers_are_shared_with_whoever_gave_them() -> None:
    numbers = Numbers()
    numbers.add(["elsewhere"])
    facets = Facets(COLUMNS, numbers=numbers)
    facets.put({"a": {"stars": 1}})

    assert facets.view.all.ids() == ["a"]
    assert (~facets.view.equals("stars", 1)).ids() == []
    assert facets.numbers is numbers


def test_what_does_not_fit_its_column_is_refused_whole() -> None:
    facets = Facets(COLUMNS)
    for row in (
        {"stars": "many"},
        {"tags": "not a list"},
        {"unknown": 1},
        {"place": 3.0},
        {"camera": 7},
    ):
        with pytest.raises(InvalidInput):
            facets.put({"good": {"stars": 1}, "bad": row})
    with pytest.raises(InvalidInput):
        facets.load(["a", "b"], {"stars": [1]})
    for ask in (
        lambda: facets.view.between("tags", 1),
        lambda: facets.view.contains("stars", "x"),
        lambda: facets.view.order(facets.view.all, "tags"),
        lambda: facets.view.is_set("unknown"),
    ):
        with pytest.raises(InvalidInput):
            ask()

    assert facets.view.all.count == 0


def test_readers_beside_a_writer_see_a_whole_put_or_none() -> None:
    facets, ids = Facets(COLUMNS), [f"{number}" for number in range(50)]
    done = threading.Event()

    def read() -> int:
        looks = 0
        while not done.is_set():
            view = facets.view
            numbers = set(view.numbers_in("stars", view.all).tolist())
            tagged = [view.equals("tags", f"t{turn}").count for turn in range(20)]
            assert len(numbers) <= 1
            assert sorted(tagged)[-1] == view.all.count
            assert sum(tagged) == view.all.count
            looks += 1
        return looks

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for turn in range(20):
            facets.put({id_: {"stars": turn, "tags": [f"t{turn}"]} for id_ in ids})
        done.set()
        for reader in readers:
            reader.result(timeout=30)
