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
def test_merge_takes_the_greater_entry_of_each_process(one: VectorTime, two: VectorTime) -> None:
    merged = one.merge(two)
    for process_id in "abcde":
        entries = (one.local_time(process_id), two.local_time(process_id))
        assert merged.local_time(process_id) == max(entries)


@given(vector_times, vector_times)
def test_of_two_that_are_ordered_merge_is_the_later(one: VectorTime, two: VectorTime) -> None:
    assert (one <= two) == (one.merge(two) == two)


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


@given(vector_times, vector_times)
def test_a_time_is_at_most_another_if_each_entry_is(one: VectorTime, two: VectorTime) -> None:
    entries = [(one.local_time(name), two.local_time(name)) for name in "abcd"]
    assert (one <= two) == all(mine <= theirs for mine, theirs in entries)


@given(vector_times, vector_times)
def test_being_concurrent_is_symmetric_and_not_of_a_time_with_itself(
    one: VectorTime, two: VectorTime
) -> None:
    assert one.concurrent(two) == two.concurrent(one)
    assert not one.concurrent(one)


@given(vector_times, vector_times)
def test_equal_times_have_equal_hashes(one: VectorTime, two: VectorTime) -> None:
    assert (one == two) == (one <= two <= one)
    if one == two:
        assert hash(one) == hash(two)


@given(vector_times)
def test_nothing_happened_before_the_empty_time(one: VectorTime) -> None:
    assert VectorTime() <= one
    assert not one < VectorTime()
    assert one.merge(VectorTime()) == one


@given(vector_times, vector_times)
def test_entries_of_zero_change_no_relation_and_no_merge(one: VectorTime, two: VectorTime) -> None:
    padded = VectorTime({**dict.fromkeys("abcdwxyz", 0), **one.times})
    assert (padded < two, padded > two) == (one < two, one > two)
    assert padded.concurrent(two) == one.concurrent(two)
    assert padded.merge(two) == one.merge(two) == two.merge(padded)


@given(vector_times, vector_times)
def test_times_differ_if_they_are_not_equal(one: VectorTime, two: VectorTime) -> None:
    assert (one != two) is not (one == two)
    assert (one != VectorTime(dict(one.times))) is False


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
    assert lifted == one.merge(VectorTime({process_id: time}))


@given(vector_times)
def test_a_stored_time_comes_back_equal(one: VectorTime) -> None:
    stored = msgspec.msgpack.encode(one)
    assert msgspec.msgpack.decode(stored, type=VectorTime) == one


def test_a_missing_entry_is_zero() -> None:
    assert VectorTime({"a": 1}).local_time("b") == 0


def test_merging_changes_neither_of_the_two() -> None:
    one, two = VectorTime({"a": 1}), VectorTime({"a": 2, "b": 1})
    one.merge(two)
    one.advance("c", 5)
    assert (one.times, two.times) == ({"a": 1}, {"a": 2, "b": 1})


def test_a_stored_time_below_zero_is_refused() -> None:
    stored = msgspec.msgpack.encode([{"a": -1}])
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(stored, type=VectorTime)


def test_times_compare_with_nothing_else() -> None:
    assert VectorTime() != {}
    with pytest.raises(TypeError):
        VectorTime() < 1  # noqa: B015
