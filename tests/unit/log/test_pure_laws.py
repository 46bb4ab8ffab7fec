"""Pure CRDTs converge, and what becomes stable, whenever it does, never shows in a value."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_world import KINDS, Kind, World

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
seeds = st.integers(0, 1 << 32)


@every_kind
@settings(max_examples=60, deadline=None)
@given(seed=seeds, steps=st.integers(1, 120))
def test_values_equal_those_of_a_log_that_is_never_pruned(
    kind: Kind, seed: int, steps: int
) -> None:
    random = Random(seed)  # noqa: S311 (seeded)
    world = World(kind)
    for _ in range(steps):
        world.act(random)  # checks against the oracle


@every_kind
@settings(max_examples=30, deadline=None)
@given(seed=seeds, names=st.sampled_from(["ab", "abc", "abcd"]))
def test_sites_with_the_same_operations_are_equal(kind: Kind, seed: int, names: str) -> None:
    random = Random(seed)  # noqa: S311 (seeded)
    world = World(kind, list(names))
    for _ in range(80):
        world.act(random)
    world.exchange(random)
    values = [kind.crdt.value(site.state) for site in world.sites.values()]
    assert all(value == values[0] for value in values)
    world.settle_all(random)
    states = [site.state for site in world.sites.values()]
    assert all(state == states[0] for state in states)
    assert kind.crdt.value(states[0]) == values[0]


@every_kind
def test_everything_is_stable_once_all_have_heard_of_all(kind: Kind) -> None:
    random = Random(7)  # noqa: S311 (seeded)
    world = World(kind)
    for _ in range(60):
        world.act(random)
    world.settle_all(random)
    assert all(not site.state.unstable for site in world.sites.values())


@every_kind
def test_states_and_operations_have_a_stored_form(kind: Kind) -> None:
    random = Random(3)  # noqa: S311 (seeded)
    world = World(kind)
    for _ in range(60):
        world.act(random)
    for site in world.sites.values():
        assert _stored(site.state, kind.crdt.state_type) == site.state
        for operation, _ in site.history:
            if operation is not None:
                assert _stored(operation, kind.crdt.operation_type) == operation


def _stored(value: object, kind: Any) -> object:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind)
