"""Concurrent versions as a list: changes that bring a whole new value."""

from __future__ import annotations

import msgspec
import pytest
from conflict_history import add, time, values

from museion.log.sourced.conflicts.concurrent_versions import LATEST
from museion.log.sourced.conflicts.version_list import ListState, VersionList

Texts = VersionList[str]


@pytest.fixture
def two() -> Texts:
    """Return a list with the versions B and C, both changes of A."""
    texts: Texts = VersionList()
    return add(
        add(add(texts, "A", time(1)), "B", time(1, 1), wall_ms=5),
        "C",
        time(1, 0, 1),
        wall_ms=6,
    )


@pytest.fixture
def resolved(two: Texts) -> Texts:
    """Return that list after `a` selected B."""
    return two.resolve(time(1, 1), vector_timestamp=time(2, 1, 1))


def test_a_new_list_has_no_version_and_no_owner() -> None:
    texts: Texts = VersionList()
    assert (texts.all, texts.conflict, texts.owner) == ((), False, None)


def test_an_update_replaces_what_it_knew() -> None:
    texts: Texts = VersionList()
    assert values(add(add(texts, "A", time(1)), "B", time(1, 1))) == ["B"]


def test_a_concurrent_update_stands_beside(two: Texts) -> None:
    assert values(two) == ["B", "C"]
    assert two.conflict


def test_an_update_that_knew_all_versions_replaces_all(two: Texts) -> None:
    assert values(add(two, "D", time(1, 1, 2))) == ["D"]


def test_an_update_older_than_an_existing_version_is_ignored(two: Texts) -> None:
    assert add(two, "late", time(1)) == two


def test_an_update_older_than_a_resolution_is_ignored_as_resolved(resolved: Texts) -> None:
    assert add(resolved, "late", time(2)) == resolved


def test_resolving_keeps_the_selected_version_and_stamps_it(resolved: Texts) -> None:
    (version,) = resolved.all
    assert (version.value, version.vector_timestamp) == ("B", time(2, 1, 1))


def test_versions_concurrent_to_the_resolving_event_stay(two: Texts) -> None:
    third = add(two, "D", time(2))
    assert values(third.resolve(time(1, 1), vector_timestamp=time(1, 2, 1))) == ["B", "D"]


def test_a_later_update_of_a_rejected_version_is_a_conflict(resolved: Texts) -> None:
    assert values(add(resolved, "D", time(1, 0, 2))) == ["B", "D"]


def test_an_update_of_the_winner_that_does_not_know_of_the_resolution_is_no_conflict(
    two: Texts,
) -> None:
    """Whichever comes first."""
    update_first = add(two, "D", time(1, 2)).resolve(time(1, 1), vector_timestamp=time(2, 1, 1))
    resolution_first = add(two.resolve(time(1, 1), vector_timestamp=time(2, 1, 1)), "D", time(1, 2))
    assert values(update_first) == values(resolution_first) == ["D"]


def test_concurrent_resolutions_for_different_versions_are_a_conflict_again(two: Texts) -> None:
    one_then_other = two.resolve(time(1, 1), vector_timestamp=time(1, 2, 1)).resolve(
        time(1, 0, 1), vector_timestamp=time(1, 1, 2)
    )
    other_then_one = two.resolve(time(1, 0, 1), vector_timestamp=time(1, 1, 2)).resolve(
        time(1, 1), vector_timestamp=time(1, 2, 1)
    )
    assert values(one_then_other) == values(other_then_one) == ["B", "C"]


def test_concurrent_decisions_that_reject_all_there_is_reject_nothing(two: Texts) -> None:
    """One selects B and rejects an update of C; the other selects C and rejects one of B."""
    updates = add(add(two, "C2", time(1, 0, 2)), "B2", time(1, 2))
    for_b = updates.resolve(time(1, 1), vector_timestamp=time(2, 1, 2))
    both = for_b.resolve(time(1, 0, 1), vector_timestamp=time(1, 2, 1).advance("d", 1))
    assert values(for_b) == ["B2"]
    assert values(both) == ["B2", "C2"]


def test_merging_puts_one_version_in_the_place_of_all(two: Texts) -> None:
    merged = two.merge(
        [time(1, 1), time(1, 0, 1)],
        "B and C",
        vector_timestamp=time(2, 1, 1),
        system_time_ms=7,
        creator="a",
    )
    assert values(merged) == ["B and C"]
    assert values(add(merged, "D", time(1, 0, 2))) == ["B and C", "D"]


def test_a_rule_resolves_without_an_event(two: Texts) -> None:
    versions = VersionList(two.state, LATEST)
    assert values(versions) == ["C"]
    assert not versions.conflict


def test_the_owner_is_known_after_the_created_value_was_replaced(two: Texts) -> None:
    assert two.owner == "a"


def test_purging_drops_what_is_rejected_for_good(resolved: Texts) -> None:
    assert len(resolved.state.entries) == 2
    assert len(resolved.purge(time(1, 1, 1)).state.entries) == 2
    assert len(resolved.purge(time(2, 1, 1)).state.entries) == 1


def test_a_list_is_restored_from_a_snapshot_of_its_state(resolved: Texts) -> None:
    stored = msgspec.msgpack.encode(resolved.state)
    restored = VersionList(msgspec.msgpack.decode(stored, type=ListState[str]))
    assert restored == resolved
