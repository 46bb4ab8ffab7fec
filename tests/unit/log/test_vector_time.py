"""Vector time is a partial order with least upper bounds, whatever the times are."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.log.vector_time import VectorTime, merge_all

vector_times = st.builds(
    VectorTime, st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3), max_size=4)
)


@given(vector_times, vector_times)
def test_merge_is_commutative(one: VectorTime, two: VectorTime) -> None:
    assert one.merge(two) == two.merge(one)


@given(vector_times, vector_times, vector_times)
def test_merge_is_associative(one: VectorTime, two: VectorTime, three: VectorTime) -> None:
    assert one.merge(two).merge(three) == one.merge(two.merge(three))


@given(vector_times)
def test_merge_is_idempotent(one: VectorTime) -> None:
    assert one.merge(one) == one


@given(vector_times, vector_times, vector_times)
def test_merge_is_the_least_upper_bound(
    one: VectorTime, two: VectorTime, bound: VectorTime
) -> None:
    merged = one.merge(two)
    assert one <= merged
    assert two <= merged
    if one <= bound and two <= bound:
        assert merged <= bound


@given(st.lists(vector_times, max_size=5))
def test_merging_all_is_merging_one_after_another(times: list[VectorTime]) -> None:
    merged = VectorTime()
    for time in times:
        merged = merged.merge(time)
    assert merge_all(times) == merged


@given(vector_times, vector_times)
def test_exactly_one_relation_holds(one: VectorTime, two: VectorTime) -> None:
    relations = [one < two, one > two, one == two, one.concurrent(two)]
    assert relations.count(True) == 1


@given(vector_times, vector_times, vector_times)
def test_happened_before_is_transitive(one: VectorTime, two: VectorTime, three: VectorTime) -> None:
    if one < two < three:
        assert one < three


@given(vector_times, vector_times)
def test_at_most_is_before_or_equal(one: VectorTime, two: VectorTime) -> None:
    assert (one <= two) == (one < two or one == two)
    assert (one >= two) == (two <= one)


@given(vector_times)
def test_entries_of_zero_count_as_missing(one: VectorTime) -> None:
    padded = VectorTime({**dict.fromkeys("wxyz", 0), **one.times})
    assert padded == one
    assert hash(padded) == hash(one)
    assert not padded.concurrent(one)


@given(vector_times, st.sampled_from("abcd"), st.integers(0, 5))
def test_advancing_lifts_one_entry_and_never_lowers_it(
    one: VectorTime, process_id: str, time: int
) -> None:
    lifted = one.advance(process_id, time)
    assert lifted.local_time(process_id) == max(time, one.local_time(process_id))
    assert one <= lifted


def test_a_missing_entry_is_zero() -> None:
    assert VectorTime({"a": 1}).local_time("b") == 0


def test_merging_changes_neither_of_the_two() -> None:
    one, two = VectorTime({"a": 1}), VectorTime({"a": 2, "b": 1})
    one.merge(two)
    assert (one.times, two.times) == ({"a": 1}, {"a": 2, "b": 1})


def test_a_stored_time_below_zero_is_refused() -> None:
    stored = msgspec.msgpack.encode([{"a": -1}])
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(stored, type=VectorTime)


def test_times_compare_with_nothing_else() -> None:
    assert VectorTime() != {}
    with pytest.raises(TypeError):
        VectorTime() < 1  # noqa: B015
