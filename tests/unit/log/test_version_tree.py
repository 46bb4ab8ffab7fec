"""Concurrent versions as a tree: changes that build on a state."""

from __future__ import annotations

import msgspec
import pytest
from conflict_history import Added, add, appended, time, tree, values

from museion.log.sourced.conflicts.concurrent_versions import LATEST, Rule
from museion.log.sourced.conflicts.version_tree import TreeState, VersionTree

Texts = VersionTree[str, Added]


@pytest.fixture
def branches() -> Texts:
    """Return a tree with the versions ab, made by `b`, and ac, made by `c`."""
    root = add(tree(), "a", time(1))
    first = add(root, "b", time(1, 1), wall_ms=5, creator="b")
    return add(first, "c", time(1, 0, 1), wall_ms=6, creator="c")


@pytest.fixture
def resolved(branches: Texts) -> Texts:
    """Return that tree after `a` selected ab."""
    return branches.resolve(time(1, 1), vector_timestamp=time(2, 1, 1))


def test_a_new_tree_has_no_version_and_no_owner() -> None:
    assert (tree().all, tree().conflict, tree().owner) == ((), False, None)


def test_an_update_is_appended_to_its_closest_predecessor() -> None:
    versions = add(add(add(tree(), "a", time(1)), "b", time(2)), "c", time(3))
    assert values(versions) == ["abc"]
    assert not versions.conflict


def test_a_concurrent_update_makes_a_branch(branches: Texts) -> None:
    assert values(branches) == ["ab", "ac"]
    assert branches.conflict


def test_updates_of_each_branch_stay_on_it(branches: Texts) -> None:
    grown = add(add(branches, "d", time(1, 2)), "e", time(1, 0, 2))
    assert values(grown) == ["abd", "ace"]


def test_a_branch_may_start_at_any_earlier_node() -> None:
    chain = add(add(add(tree(), "a", time(1)), "b", time(2)), "c", time(3))
    assert values(add(chain, "d", time(2, 1))) == ["abc", "abd"]


def test_two_that_create_at_the_same_time_are_in_conflict() -> None:
    versions = add(add(tree(), "a", time(1)), "b", time(0, 1))
    assert values(versions) == ["a", "b"]


def test_a_version_tells_who_made_it_and_when(branches: Texts) -> None:
    first, second = branches.all
    assert (first.value, first.vector_timestamp) == ("ac", time(1, 0, 1))
    assert (first.system_time_ms, first.creator) == (6, "c")
    assert (second.system_time_ms, second.creator) == (5, "b")


def test_resolving_keeps_the_selected_version_only(resolved: Texts) -> None:
    assert values(resolved) == ["ab"]
    assert not resolved.conflict


def test_resolving_stamps_the_winner_with_the_timestamp_of_the_resolving_event(
    resolved: Texts,
) -> None:
    assert resolved.all[0].vector_timestamp == time(2, 1, 1)


def test_updates_after_the_resolution_build_on_the_winner(resolved: Texts) -> None:
    assert values(add(resolved, "d", time(2, 1, 2))) == ["abd"]


def test_versions_concurrent_to_the_resolving_event_stay(branches: Texts) -> None:
    third = add(branches, "d", time(3))
    resolved = third.resolve(time(1, 1), vector_timestamp=time(1, 2, 1))
    assert values(resolved) == ["ab", "ad"]


def test_a_later_update_that_builds_on_a_rejected_leaf_attaches_to_its_branch(
    resolved: Texts,
) -> None:
    assert values(add(resolved, "d", time(1, 0, 2))) == ["ab", "acd"]


def test_a_later_update_that_builds_on_a_rejected_inner_node_attaches_to_its_branch(
    branches: Texts,
) -> None:
    grown = add(branches, "d", time(1, 0, 2))
    resolved = grown.resolve(time(1, 1), vector_timestamp=time(2, 1, 2))
    late = VersionTree(appended, resolved.state).update(
        Added("e"), vector_timestamp=time(1, 0, 1).advance("d", 1), system_time_ms=0, creator="d"
    )
    assert values(late) == ["ab", "ace"]


def test_a_conflict_with_a_rejected_branch_can_be_resolved_again(resolved: Texts) -> None:
    late = add(resolved, "d", time(1, 0, 2))
    again = late.resolve(time(1, 0, 2), vector_timestamp=time(3, 1, 2))
    assert values(again) == ["acd"]


def test_the_winner_is_selected_by_its_stamp_in_a_second_resolution(resolved: Texts) -> None:
    late = add(resolved, "d", time(1, 0, 2))
    again = late.resolve(time(2, 1, 1), vector_timestamp=time(3, 1, 2))
    assert values(again) == ["ab"]


def test_an_update_of_the_winner_that_does_not_know_of_the_resolution_is_no_conflict(
    branches: Texts,
) -> None:
    """Whichever comes first."""
    update_first = add(branches, "d", time(1, 2)).resolve(
        time(1, 1), vector_timestamp=time(2, 1, 1)
    )
    resolution_first = add(
        branches.resolve(time(1, 1), vector_timestamp=time(2, 1, 1)), "d", time(1, 2)
    )
    assert values(update_first) == values(resolution_first) == ["abd"]


def test_concurrent_resolutions_for_different_versions_are_a_conflict_again(
    branches: Texts,
) -> None:
    for first, second in ((time(1, 2, 1), time(1, 1, 2)), (time(1, 1, 2), time(1, 2, 1))):
        selected = {time(1, 2, 1): time(1, 1), time(1, 1, 2): time(1, 0, 1)}
        both = branches.resolve(selected[first], vector_timestamp=first).resolve(
            selected[second], vector_timestamp=second
        )
        assert values(both) == ["ab", "ac"]


def test_concurrent_decisions_that_reject_all_there_is_reject_nothing(branches: Texts) -> None:
    """One selects ab and rejects an update of ac; the other selects ac and rejects one of ab."""
    updates = add(add(branches, "2", time(1, 0, 2)), "3", time(1, 2))
    for_b = updates.resolve(time(1, 1), vector_timestamp=time(2, 1, 2))
    both = for_b.resolve(time(1, 0, 1), vector_timestamp=time(1, 2, 1).advance("d", 1))
    assert values(for_b) == ["ab3"]
    assert values(both) == ["ab3", "ac2"]


def test_selecting_what_the_event_could_not_know_changes_nothing(branches: Texts) -> None:
    assert branches.resolve(time(9, 9), vector_timestamp=time(2, 1, 1)) == branches


def test_merging_puts_one_version_in_the_place_of_all(branches: Texts) -> None:
    merged = branches.merge(
        [time(1, 1), time(1, 0, 1)],
        "abc",
        vector_timestamp=time(2, 1, 1),
        system_time_ms=7,
        creator="a",
    )
    assert values(merged) == ["abc"]
    assert merged.all[0].vector_timestamp == time(2, 1, 1)
    assert merged.all[0].creator == "a"


def test_updates_after_a_merging_build_on_the_merged_value(branches: Texts) -> None:
    assert values(add(_merged(branches), "d", time(2, 1, 2))) == ["(ab+ac)d"]


def test_merging_rejects_known_versions_that_were_not_selected(branches: Texts) -> None:
    third = add(branches, "d", time(2))
    merged = third.merge(
        [time(1, 1), time(1, 0, 1)],
        "abc",
        vector_timestamp=time(3, 1, 1),
        system_time_ms=7,
        creator="a",
    )
    assert values(merged) == ["abc"]


def test_versions_concurrent_to_a_merging_stay(branches: Texts) -> None:
    """Also those that build on what was merged, whichever comes first."""
    update_first = _merged(add(branches, "d", time(1, 2)))
    merging_first = add(_merged(branches), "d", time(1, 2))
    assert values(update_first) == values(merging_first) == ["(ab+ac)", "abd"]


def test_a_rule_resolves_without_an_event(branches: Texts) -> None:
    versions = VersionTree(appended, branches.state, LATEST)
    assert values(versions) == ["ac"]
    assert not versions.conflict


def test_the_latest_wins_and_of_two_at_the_same_time_the_lower_creator() -> None:
    start = add(tree(LATEST), "a", time(1))
    b = add(start, "b", time(1, 1), wall_ms=5, creator="b")
    later = add(b, "c", time(1, 0, 1), wall_ms=6, creator="c")
    same = add(b, "c", time(1, 0, 1), wall_ms=5, creator="c")
    assert (values(later), values(same)) == (["ac"], ["ab"])


def test_with_a_rule_an_update_that_knew_all_ends_the_conflict() -> None:
    start = add(tree(LATEST), "a", time(1))
    both = add(add(start, "b", time(1, 1), wall_ms=5), "c", time(1, 0, 1), wall_ms=6)
    ended = add(both, "d", time(1, 1, 2), wall_ms=7)
    assert values(VersionTree(appended, ended.state)) == ["acd"]


def test_another_rule_may_look_at_the_value() -> None:
    longest = Rule("longest", lambda version: -len(str(version.value)))
    start = add(tree(longest), "a", time(1))
    both = add(add(start, "bb", time(1, 1)), "c", time(1, 0, 1), wall_ms=6)
    assert values(both) == ["abb"]


def test_the_owner_is_who_created_the_value(branches: Texts) -> None:
    assert branches.owner == "a"


def test_of_two_creators_at_the_same_time_the_smaller_is_the_owner() -> None:
    one, two = (time(1), "y"), (time(0, 1), "x")
    for first, second in ((one, two), (two, one)):
        versions = add(tree(), "1", first[0], creator=first[1])
        assert add(versions, "2", second[0], creator=second[1]).owner == "x"


def test_purging_leaves_nothing_but_the_versions_when_all_is_stable(resolved: Texts) -> None:
    purged = resolved.purge(time(2, 1, 1))
    assert purged.all == resolved.all
    assert purged.owner == "a"
    assert len(purged.state.nodes) == 1


def test_purging_keeps_what_a_concurrent_update_may_still_build_on(branches: Texts) -> None:
    """Only the root is stable: other sites may know ab or ac, or neither."""
    purged = branches.purge(time(1))
    assert values(add(purged, "d", time(2))) == ["ab", "ac", "ad"]


def test_purging_forgets_a_long_past() -> None:
    versions = tree()
    for number in range(1, 501):
        versions = add(versions, "x", time(number))
        if number % 100 == 0:
            versions = versions.purge(time(number - 1))
    assert len(versions.state.nodes) <= 100
    assert values(versions) == ["x" * 500]


def test_purging_waits_for_a_selection_to_be_stable(resolved: Texts) -> None:
    assert resolved.purge(time(1, 1, 1)) == resolved


def test_no_operation_changes_the_tree_it_was_called_on(branches: Texts) -> None:
    before = msgspec.msgpack.encode(branches.state)
    add(branches, "d", time(1, 2))
    branches.resolve(time(1, 1), vector_timestamp=time(2, 1, 1))
    _merged(branches).purge(time(9, 9, 9))
    assert msgspec.msgpack.encode(branches.state) == before


def test_states_are_shared_between_trees_and_never_copied() -> None:
    value = object()
    versions: VersionTree[object, object] = VersionTree(lambda _, change: change)
    first = versions.update(value, vector_timestamp=time(1), system_time_ms=0, creator="a")
    second = first.update(object(), vector_timestamp=time(1, 1), system_time_ms=0, creator="b")
    assert second.state.nodes[0].value is value


def test_a_tree_is_restored_from_a_snapshot_of_its_state(resolved: Texts) -> None:
    stored = msgspec.msgpack.encode(resolved.state)
    restored = VersionTree(appended, msgspec.msgpack.decode(stored, type=TreeState[str]))
    assert values(add(restored, "d", time(1, 0, 2))) == ["ab", "acd"]


def _merged(versions: Texts) -> Texts:
    return versions.merge(
        [time(1, 1), time(1, 0, 1)],
        "(ab+ac)",
        vector_timestamp=time(2, 1, 1),
        system_time_ms=7,
        creator="a",
    )
