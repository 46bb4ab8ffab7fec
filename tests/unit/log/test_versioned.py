"""Commands on a value with concurrent versions: an order that two sites change."""

from __future__ import annotations

import msgspec
import pytest
from conflict_history import Emitted, Site, time

from museion.base.errors import Conflict, InvalidInput, NotFound
from museion.log.event import Event
from museion.log.sourced.conflicts.conflict_errors import (
    AlreadyExists,
    ConflictDetected,
    ConflictNotDetected,
    DoesNotExist,
    NothingSelected,
    ResolutionRejected,
    UnknownVersion,
)
from museion.log.sourced.conflicts.version_list import VersionList
from museion.log.sourced.conflicts.version_tree import TreeState, VersionTree
from museion.log.sourced.conflicts.versioned import Versioned
from museion.log.vector_time import VectorTime


class Order(msgspec.Struct, frozen=True):
    items: tuple[str, ...] = ()


class OrderCreated(msgspec.Struct, frozen=True):
    pass


class OrderItemAdded(msgspec.Struct, frozen=True):
    item: str


class OrderResolved(msgspec.Struct, frozen=True):
    selected: VectorTime


class OrderMerged(msgspec.Struct, frozen=True):
    selected: tuple[VectorTime, ...]
    merged: Order


Change = OrderCreated | OrderItemAdded
Orders = VersionTree[Order, Change]
RULES = Versioned("order-1", resolves=OrderResolved, merges=OrderMerged)


def project(order: Order | None, change: Change) -> Order:
    if isinstance(change, OrderCreated):
        return Order()
    assert order is not None
    return Order((*order.items, change.item))


EMPTY: Orders = VersionTree(project)


def fold(orders: Orders, payload: object, at: VectorTime, *, emitter: str) -> Orders:
    event = Emitted(payload, at, 0, emitter)
    return RULES.handle(orders, payload, event)


@pytest.fixture
def created() -> Orders:
    """Return an order that `a` created."""
    return fold(EMPTY, OrderCreated(), time(1), emitter="a")


@pytest.fixture
def conflict(created: Orders) -> Orders:
    """Return that order after `a` added a pen, and `b` a book at the same time."""
    pen = fold(created, OrderItemAdded("pen"), time(2), emitter="a")
    return fold(pen, OrderItemAdded("book"), time(1, 1), emitter="b")


def test_the_event_to_persist_is_returned_as_it_is(created: Orders) -> None:
    creation, change = OrderCreated(), OrderItemAdded("pen")
    assert RULES.create(EMPTY, creation) is creation
    assert RULES.update(created, change) is change


def test_creating_what_exists_is_refused(created: Orders) -> None:
    with pytest.raises(AlreadyExists):
        RULES.create(created, OrderCreated())


def test_what_does_not_exist_can_be_neither_changed_nor_resolved_nor_merged() -> None:
    with pytest.raises(DoesNotExist):
        RULES.update(EMPTY, OrderItemAdded("pen"))
    with pytest.raises(DoesNotExist):
        RULES.resolve(EMPTY, OrderResolved(time(1)), origin="a")
    with pytest.raises(DoesNotExist):
        RULES.merge(EMPTY, OrderMerged((time(1),), Order()), origin="a")


def test_an_update_is_refused_while_a_conflict_is_visible(conflict: Orders) -> None:
    with pytest.raises(ConflictDetected) as refused:
        RULES.update(conflict, OrderItemAdded("lamp"))
    shown = [version.value for version in refused.value.versions]
    assert shown == [Order(("pen",)), Order(("book",))]
    assert "2 versions" in str(refused.value)


def test_resolving_without_a_conflict_is_refused(created: Orders) -> None:
    with pytest.raises(ConflictNotDetected):
        RULES.resolve(created, OrderResolved(time(1)), origin="a")


def test_only_the_owner_may_resolve(conflict: Orders) -> None:
    selection = OrderResolved(conflict.all[0].vector_timestamp)
    with pytest.raises(ResolutionRejected, match="'a'"):
        RULES.resolve(conflict, selection, origin="b")
    assert RULES.resolve(conflict, selection, origin="a") is selection


def test_only_the_owner_may_merge(conflict: Orders) -> None:
    names = tuple(version.vector_timestamp for version in conflict.all)
    merging = OrderMerged(names, Order(("pen", "book")))
    with pytest.raises(ResolutionRejected):
        RULES.merge(conflict, merging, origin="b")
    assert RULES.merge(conflict, merging, origin="a") is merging


def test_of_two_concurrent_creators_only_the_smaller_origin_may_resolve() -> None:
    first = fold(EMPTY, OrderCreated(), time(0, 1), emitter="b")
    both = fold(first, OrderCreated(), time(1), emitter="a")
    selection = OrderResolved(both.all[0].vector_timestamp)
    with pytest.raises(ResolutionRejected):
        RULES.resolve(both, selection, origin="b")
    assert RULES.resolve(both, selection, origin="a") is selection


def test_selecting_what_is_no_version_is_refused(conflict: Orders) -> None:
    with pytest.raises(UnknownVersion):
        RULES.resolve(conflict, OrderResolved(time(1)), origin="a")
    with pytest.raises(UnknownVersion):
        RULES.merge(conflict, OrderMerged((time(2), time(1)), Order()), origin="a")


def test_merging_nothing_is_refused(conflict: Orders) -> None:
    with pytest.raises(NothingSelected):
        RULES.merge(conflict, OrderMerged((), Order()), origin="a")


def test_a_persisted_selection_resolves_the_conflict(conflict: Orders) -> None:
    resolved = fold(conflict, OrderResolved(time(1, 1)), time(3, 1), emitter="a")
    assert RULES.value(resolved) == Order(("book",))
    RULES.update(resolved, OrderItemAdded("lamp"))


def test_a_persisted_merging_resolves_the_conflict(conflict: Orders) -> None:
    merging = OrderMerged((time(2), time(1, 1)), Order(("pen", "book")))
    merged = fold(conflict, merging, time(3, 1), emitter="a")
    more = fold(merged, OrderItemAdded("lamp"), time(4, 1), emitter="a")
    assert RULES.value(more) == Order(("pen", "book", "lamp"))


def test_the_value_of_a_conflict_is_not_told(conflict: Orders) -> None:
    with pytest.raises(ConflictDetected):
        RULES.value(conflict)


def test_an_interactive_resolution_gives_the_same_on_every_site_and_in_every_replay() -> None:
    """Somebody at `a` chooses; the choice is an event, and travels like any other."""
    a, b = Site("a", EMPTY, RULES), Site("b", EMPTY, RULES)
    a.emit(RULES.create(a.versions, OrderCreated()))
    b.receive(a)
    a.emit(RULES.update(a.versions, OrderItemAdded("pen")))
    b.emit(RULES.update(b.versions, OrderItemAdded("book")))
    a.receive(b)
    chosen = next(each for each in a.versions.all if each.value == Order(("book",)))
    selection = OrderResolved(chosen.vector_timestamp)
    a.emit(RULES.resolve(a.versions, selection, origin="a"))
    b.receive(a)

    assert RULES.value(a.versions) == Order(("book",))
    assert b.versions.all == a.versions.all
    assert _replay(a.handled).all == a.versions.all
    assert [event.payload for event in a.handled] != [event.payload for event in b.handled]


def test_events_of_a_log_are_stamped_enough() -> None:
    event = Event(
        type_name="order.created",
        form=1,
        payload=b"",
        emitter_id="a",
        aggregate_id="order-1",
        custom_destinations=(),
        system_time_ms=5,
        vector_timestamp=time(1),
        process_id="log",
        log_id="log",
        sequence_nr=1,
    )
    assert RULES.handle(EMPTY, OrderCreated(), event).owner == "a"


def test_the_origin_may_be_the_log_where_all_sites_share_the_emitter_id() -> None:
    by_log = Versioned("order-1", origin=lambda event: event.process_id)
    event = Emitted(OrderCreated(), time(1), 0, "log-a")
    assert by_log.handle(EMPTY, event.payload, event).owner == "log-a"


def test_a_list_of_whole_values_obeys_the_same_rules() -> None:
    versions: VersionList[Order] = VersionList()
    for order, at in ((Order(), time(1)), (Order(("a",)), time(2)), (Order(("b",)), time(1, 1))):
        versions = RULES.handle(versions, order, Emitted(order, at, 0, "a"))
    with pytest.raises(ConflictDetected):
        RULES.update(versions, Order(("c",)))


def test_the_state_of_an_order_survives_a_snapshot(conflict: Orders) -> None:
    stored = msgspec.msgpack.encode(conflict.state)
    restored = VersionTree(project, msgspec.msgpack.decode(stored, type=TreeState[Order]))
    assert restored == conflict


def test_refusals_belong_to_the_families_of_errors() -> None:
    assert issubclass(DoesNotExist, NotFound)
    assert issubclass(UnknownVersion, NotFound)
    assert issubclass(NothingSelected, InvalidInput)
    for refusal in (AlreadyExists, ConflictDetected, ConflictNotDetected, ResolutionRejected):
        assert issubclass(refusal, Conflict)


def _replay(history: list[Emitted]) -> Orders:
    orders = EMPTY
    for event in history:
        orders = RULES.handle(orders, event.payload, event)
    return orders
