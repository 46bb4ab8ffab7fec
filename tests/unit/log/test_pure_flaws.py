"""The four flaws of the original's pure CRDTs, each pinned by a test."""

from __future__ import annotations

from pure_sites import exchange, handled, logs, services

from museion.log.crdt.crdt import Stamp
from museion.log.crdt.pure.add_wins_set import Add, PureAddWinsSet, Remove
from museion.log.crdt.pure.cart import PureCart, Put
from museion.log.crdt.pure.last_writer_wins import PureLastWriterWins
from museion.log.crdt.pure.multi_value import Assign
from museion.log.snapshots import MemorySnapshotStore
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop

SET = PureAddWinsSet(str)


@in_event_loop
async def test_flaw_a_a_set_and_a_cart_of_equal_id_do_not_meet() -> None:
    async with (
        logs("a") as (log,),
        services(SET, log) as (sets,),
        services(PureCart(str), log) as (carts,),
    ):
        await sets.update("same id", Add("in the set"))
        await carts.update("same id", Put("in the cart", 2))
        assert await sets.value("same id") == {"in the set"}
        assert await carts.value("same id") == {"in the cart": 2}
        first, second = await log.read()
        assert first.aggregate_id != second.aggregate_id
        assert first.destinations.isdisjoint(second.destinations)


def test_flaw_b_a_cart_gives_up_what_is_stable_already() -> None:
    cart = PureCart(str)
    first = Stamp(VectorTime({"a": 1}), 0, "a")
    state = cart.effect(cart.zero(), Put("bread", 2), first)
    state = cart.stabilise(state, VectorTime({"a": 1}))
    assert (state.unstable, state.stable) == ((), {"bread": 2})
    state = cart.effect(state, Put("milk", 1), Stamp(VectorTime({"a": 2}), 0, "a"))
    state = cart.effect(state, Remove("bread"), Stamp(VectorTime({"a": 3}), 0, "a"))
    assert cart.value(state) == {"milk": 1}


def test_flaw_c_a_stable_write_keeps_wall_clock_and_creator() -> None:
    register = PureLastWriterWins(str)
    writes = {
        "early": Stamp(VectorTime({"a": 1}), 10, "a"),
        "late": Stamp(VectorTime({"b": 1}), 30, "b"),
        "between": Stamp(VectorTime({"c": 1}), 20, "c"),
    }
    all_three = register.zero()
    for value, stamp in writes.items():
        all_three = register.effect(all_three, Assign(value), stamp)
    # At each site other ones of the concurrent writes are stable, and the winner is the same.
    stable_at = [{}, {"a": 1}, {"b": 1}, {"c": 1}, {"a": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}]
    for times in stable_at:
        state = register.stabilise(all_three, VectorTime(dict(times)))
        assert register.value(state) == "late", times
    tied = register.effect(register.zero(), Assign("of a"), Stamp(VectorTime({"a": 1}), 5, "a"))
    tied = register.effect(tied, Assign("of b"), Stamp(VectorTime({"b": 1}), 5, "b"))
    for times in [{}, {"a": 1}, {"b": 1}]:
        assert register.value(register.stabilise(tied, VectorTime(dict(times)))) == "of b"


@in_event_loop
async def test_flaw_d_the_table_of_stability_is_in_the_snapshot() -> None:
    snapshots = MemorySnapshotStore()
    async with (
        logs("a", "b", "c") as (a, b, c),
        services(SET, b, c, locations="abc") as (of_b, of_c),
    ):
        async with services(SET, a, locations="abc", snapshots=snapshots) as (of_a,):
            everyone = (of_a, of_b, of_c), (a, b, c)
            await of_a.update("set", Add("x"))
            await exchange(a, b, c)
            await handled(*everyone)
            await of_b.acknowledge()
            await exchange(a, b, c)
            await handled(*everyone)
            assert of_a.waiting_for == ("c",)
            await of_a.save()
        # Without its events, what `b` was heard to have is in the snapshot or lost.
        await a.delete(a.sequence_nr)
        async with services(SET, a, locations="abc", snapshots=snapshots) as (again,):
            assert again.waiting_for == ("c",)
            await of_c.acknowledge()
            await exchange(a, b, c)
            await handled((again,), (a,))
            assert not again.waiting_for
            assert again.status.unstable == 0
            assert await again.value("set") == {"x"}
