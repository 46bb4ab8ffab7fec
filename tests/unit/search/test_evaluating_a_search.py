"""A search of any kind is measured by judged queries; two of them are compared."""

from __future__ import annotations

import pytest

from museion.base.errors import InvalidInput
from museion.search.evaluation import Asked, BadCutOff, compare_evaluations, evaluate
from museion.search.judgements import JudgedQuery
from museion.search.significance import NothingMeasured

QUERIES = [
    JudgedQuery("first", {"a": 1.0}, 1),
    JudgedQuery("second", {"b": 2.0, "c": 1.0, "d": 0.0}, 2),
    JudgedQuery("nonsense", {}, 3),
]


def _search(query: str) -> Asked:
    answers = {"first": ["x", "a"], "second": ["c", "b", "d"], "nonsense": ["x"]}
    return Asked(answers[query], took_ms=len(query), fits=query != "nonsense")


def test_every_measure_is_the_mean_over_queries_with_something_relevant() -> None:
    told = {each.name: each for each in evaluate(QUERIES, _search, depth=2).figures()}

    assert told["recall@1"].interval.value == pytest.approx((0 + 0.5) / 2)
    assert told["recall@2"].interval.value == 1
    assert told["MRR"].interval.value == pytest.approx((0.5 + 1) / 2)
    assert told["nDCG@2"].queries == 2
    assert told["time p50"].interval.value == 6
    assert told["time p50"].unit == "ms"


def test_saying_that_nothing_fits_is_right_only_where_nothing_is_relevant() -> None:
    told = evaluate(QUERIES, _search)

    assert told.figure("nothing fits, rightly").interval.value == 1
    assert told.figure("nothing fits, wrongly").interval.value == 0
    assert evaluate(QUERIES[:1], _search).queries[0].missed == ()


def test_an_asset_worth_nothing_is_not_relevant() -> None:
    told = evaluate(QUERIES, lambda query: Asked(["d"]))

    assert told.queries[1].measures["recall@10"] == 0
    assert told.queries[1].missed == ("b", "c")


def test_a_query_that_is_refused_is_told_and_in_no_figure() -> None:
    def refusing(query: str) -> Asked:
        if query == "first":
            raise InvalidInput("Expected a year.")
        return _search(query)

    told = evaluate(QUERIES, refusing)
    assert [(each.line, each.reason) for each in told.refused] == [(1, "Expected a year.")]
    assert told.figure("MRR").queries == 1
    compared = compare_evaluations(evaluate(QUERIES, _search), told)
    assert compared["MRR"].queries == 1


def test_two_ways_are_compared_query_by_query() -> None:
    many = [JudgedQuery(f"q{each}", {"a": 1.0}, each) for each in range(20)]
    first = evaluate(many, lambda query: Asked(["x", "a"]))
    second = evaluate(many, lambda query: Asked(["a"] if query != "q3" else ["x", "y", "a"]))

    told = compare_evaluations(first, second)["recall@1"]
    assert told.verdict == "better"
    assert told.difference.value == pytest.approx(0.95)
    assert compare_evaluations(first, first)["MRR"].verdict == "not shown"
    with pytest.raises(NothingMeasured):
        compare_evaluations(first, evaluate([], _search))


def test_progress_is_told_query_by_query() -> None:
    told: list[str] = []
    evaluate(QUERIES, _search, on_asked=lambda each: told.append(each.query))

    assert told == ["first", "second", "nonsense"]


def test_a_depth_below_1_is_refused() -> None:
    with pytest.raises(BadCutOff):
        evaluate(QUERIES, _search, depth=0)
