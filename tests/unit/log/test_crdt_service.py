"""The service that runs replicated types on a log."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from museion.base.errors import InvalidInput
from museion.log.crdt.add_wins_set import Add, AddWinsSet, Remove
from museion.log.crdt.cart import Cart, InvalidQuantity, PutIn, TakeOut
from museion.log.crdt.counter import Count, Counter, CounterState
from museion.log.crdt.field_map import AddToField, CountField, FieldMap, MergeRule
from museion.log.crdt.last_writer_wins import LastWriterWins
from museion.log.crdt.multi_value import MultiValue
from museion.log.crdt.service import (
    CrdtService,
    InvalidCrdtName,
    UnwritableOperation,
    ValueForm,
    aggregate_id_of,
)
from museion.log.crdt.versions import Assign
from museion.log.event_log import EventLog, WritePolicy
from museion.log.event_store import EventStore, WriteFailed
from museion.log.file_snapshots import FileSnapshotStore
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.link import pull_all
from museion.log.snapshots import MemorySnapshotStore, Retention
from museion.log.sourced.refusals import NotOpen
from museion.testing.event_loop import in_event_loop, until
from museion.testing.failing_store import FailingStore, Fault
from museion.testing.steered_store import SteeredStore


class NeverBelowZero(Counter):
    """Has a precondition."""

    needs_state = True

    def __init__(self) -> None:
        super().__init__(name="never-below-zero")

    def prepare(self, state: CounterState, operation: Count) -> Count | None:
        if state.total + operation.by < 0:
            raise InvalidInput(f"Expected a total from 0, got {state.total + operation.by}.")
        return super().prepare(state, operation)


class Colour:
    """A type of a program's own, which msgspec does not know."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Colour) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


class Licence(msgspec.Struct, frozen=True):
    holder: str
    until: int | None = None


def new_log(store: EventStore | None = None) -> EventLog:
    return EventLog(
        store or MemoryEventStore(log_id="here"),
        policy=WritePolicy(retries=0, open_after_retries=1000),
    )


@in_event_loop
async def test_instances_come_into_being_when_they_are_asked_for() -> None:
    async with new_log() as log, CrdtService(log, Counter(), service_id="likes") as likes:
        assert await likes.value("one") == 0
        assert await likes.update("one", Count(3)) == 3
        assert await likes.update("two", Count(-1)) == -1
        assert (await likes.value("one"), await likes.value("two")) == (3, -1)
        assert likes.live == ("one", "two")


@in_event_loop
async def test_a_state_tells_what_the_value_does_not() -> None:
    notes = MultiValue(str)
    async with (
        new_log() as log,
        new_log(MemoryEventStore(log_id="there")) as other,
        CrdtService(log, notes, service_id="notes") as here,
        CrdtService(other, notes, service_id="notes") as there,
    ):
        await here.update("one", Assign("x"))
        await there.update("one", Assign("y"))
        assert not notes.conflict(await here.state("one"))
        await pull_all(other, log)
        assert notes.conflict(await here.state("one"))


@in_event_loop
async def test_a_service_outside_of_its_block_does_nothing() -> None:
    async with new_log() as log:
        likes = CrdtService(log, Counter(), service_id="likes")
        with pytest.raises(NotOpen):
            await likes.update("one", Count())
        assert log.sequence_nr == 0


@in_event_loop
async def test_instances_of_different_types_with_one_id_do_not_meet() -> None:
    """Flaw (a) of the original: a set and a cart of one id got each other's operations."""
    async with (
        new_log() as log,
        CrdtService(log, AddWinsSet(str), service_id="things") as sets,
        CrdtService(log, Cart(str), service_id="things") as carts,
    ):
        await sets.update("one", Add("apple"))
        await carts.update("one", PutIn("pear", 2))
        assert await sets.value("one") == {"apple"}
        assert await carts.value("one") == {"pear": 2}


@pytest.mark.parametrize("name", ["", "a:b", ":"])
@in_event_loop
async def test_a_name_that_could_run_into_an_id_is_refused(name: str) -> None:
    async with new_log() as log:
        with pytest.raises(InvalidCrdtName):
            CrdtService(log, Counter(name=name), service_id="likes")


def test_ids_with_a_colon_do_not_make_one_aggregate_of_two() -> None:
    assert aggregate_id_of("a", "b:c") != aggregate_id_of("a-b", "c")
    with pytest.raises(InvalidCrdtName):
        aggregate_id_of("a:b", "c")


@in_event_loop
async def test_an_operation_that_is_not_allowed_fails_and_writes_nothing() -> None:
    async with (
        new_log() as log,
        CrdtService(log, NeverBelowZero(), service_id="stock") as stock,
        CrdtService(log, Cart(str), service_id="carts") as carts,
    ):
        await stock.update("one", Count(2))
        with pytest.raises(InvalidInput):
            await stock.update("one", Count(-3))
        for quantity in (0, -1):
            with pytest.raises(InvalidQuantity):
                await carts.update("one", PutIn("pear", quantity))
        assert log.sequence_nr == 1
        assert await stock.update("one", Count(-2)) == 0


@in_event_loop
async def test_an_operation_that_changes_nothing_answers_the_value_and_writes_nothing() -> None:
    async with (
        new_log() as log,
        CrdtService(log, AddWinsSet(str), service_id="tags") as tags,
        CrdtService(log, Cart(str), service_id="carts") as carts,
    ):
        assert await tags.update("one", Add("dawn")) == {"dawn"}
        assert await tags.update("one", Remove("dusk")) == {"dawn"}
        assert await carts.update("one", TakeOut("pear")) == {}
        assert log.sequence_nr == 1


@in_event_loop
async def test_updates_with_a_precondition_are_decided_one_after_another() -> None:
    async with new_log() as log, CrdtService(log, NeverBelowZero(), service_id="stock") as stock:
        await stock.update("one", Count(3))
        outcomes = await asyncio.gather(
            *(stock.update("one", Count(-1)) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(each, InvalidInput) for each in outcomes) == 2
        assert await stock.value("one") == 0


@in_event_loop
async def test_updates_without_a_precondition_go_to_disk_together() -> None:
    """State sync is off for them: they do not wait for each other's writes."""
    batches = []
    for crdt in (Counter(), NeverBelowZero()):
        store = SteeredStore(MemoryEventStore(log_id="here"))
        async with new_log(store) as log, CrdtService(log, crdt, service_id="n") as counts:
            await asyncio.gather(*(counts.update("one", Count(1)) for _ in range(20)))
            assert await counts.value("one") == 20
            batches.append(store.writes_begun)
    at_once, in_turn = batches
    assert at_once <= 3
    assert in_turn == 20


@in_event_loop
async def test_a_write_that_fails_fails_the_update_and_leaves_the_value() -> None:
    store = FailingStore(MemoryEventStore(log_id="here"))
    async with new_log(store) as log, CrdtService(log, Counter(), service_id="likes") as likes:
        await likes.update("one", Count(1))
        store.next_faults.append(Fault.REFUSED)
        with pytest.raises(WriteFailed):
            await likes.update("one", Count(1))
        assert await likes.value("one") == 1
        assert await likes.update("one", Count(1)) == 2


@in_event_loop
async def test_an_instance_recovers_from_the_log() -> None:
    async with new_log() as log:
        async with CrdtService(log, AddWinsSet(str), service_id="tags") as tags:
            await tags.update("one", Add("dawn"))
            await tags.update("one", Add("dusk"))
            await tags.update("one", Remove("dawn"))
            assert tags.unload("one")
            assert await tags.value("one") == {"dusk"}
        async with CrdtService(log, AddWinsSet(str), service_id="tags") as tags:
            assert await tags.value("one") == {"dusk"}


@in_event_loop
async def test_an_instance_recovers_from_a_snapshot_and_what_came_after_it(tmp_path: Path) -> None:
    snapshots = FileSnapshotStore(tmp_path)
    words = AddWinsSet(str)
    async with new_log() as log:
        async with CrdtService(log, words, service_id="tags", snapshots=snapshots) as tags:
            await tags.update("one", Add("dawn"))
            saved = await tags.save("one")
            await tags.update("one", Add("dusk"))
        assert saved.sequence_nr == 1
        await log.delete(1)
        async with CrdtService(log, words, service_id="tags", snapshots=snapshots) as tags:
            assert await tags.value("one") == {"dawn", "dusk"}
            assert await tags.update("one", Remove("dawn")) == {"dusk"}
    snapshots.close()


@in_event_loop
async def test_a_snapshot_of_another_form_of_values_is_passed_over() -> None:
    snapshots = MemorySnapshotStore()
    async with new_log() as log:
        words = LastWriterWins(str, name="value")
        async with CrdtService(log, words, service_id="v", snapshots=snapshots) as texts:
            await texts.update("one", Assign("3"))
            await texts.save("one")
        wider: LastWriterWins[object] = LastWriterWins(object, name="value")
        async with CrdtService(log, wider, service_id="v", snapshots=snapshots) as values:
            assert await values.value("one") == "3"


@in_event_loop
async def test_a_snapshot_of_another_merge_rule_is_passed_over() -> None:
    snapshots = MemorySnapshotStore()

    def under(rule: MergeRule) -> FieldMap[str, str]:
        return FieldMap({"tags": rule}, str, str)

    sets, counters = under(MergeRule.ADD_WINS_SET), under(MergeRule.COUNTER)
    async with new_log() as log:
        async with CrdtService(log, sets, service_id="fields", snapshots=snapshots) as fields:
            await fields.update("one", AddToField("tags", "dawn"))
            await fields.save("one")
        async with CrdtService(log, counters, service_id="fields", snapshots=snapshots) as fields:
            assert await fields.update("one", CountField("tags", 2)) == {"tags": 2}


@in_event_loop
async def test_snapshots_are_saved_by_themselves_when_they_are_due() -> None:
    snapshots = MemorySnapshotStore()
    async with (
        new_log() as log,
        CrdtService(
            log,
            Counter(),
            service_id="likes",
            snapshots=snapshots,
            retention=Retention(every_events=5),
        ) as likes,
    ):
        for _ in range(5):
            await likes.update("one", Count(1))
        emitter_id = f"likes:{aggregate_id_of('counter', 'one')}@here"
        await until(lambda: any(snapshots.newest_first(emitter_id, log_id="here")))


@in_event_loop
async def test_values_may_be_structs_of_a_program() -> None:
    licence = Licence("Ann", until=2030)
    async with new_log() as log:
        for _ in range(2):
            service = CrdtService(log, MultiValue(Licence), service_id="licences")
            async with service as licences:
                if not await licences.value("one"):
                    await licences.update("one", Assign(licence))
                assert [each.value for each in await licences.value("one")] == [licence]


@in_event_loop
async def test_values_may_be_of_types_with_a_form_of_their_own() -> None:
    form = ValueForm(to_plain=lambda colour: colour.name, from_plain=lambda kind, name: kind(name))
    snapshots = MemorySnapshotStore()
    async with new_log() as log:
        for _ in range(2):
            async with CrdtService(
                log, AddWinsSet(Colour), service_id="colours", snapshots=snapshots, form=form
            ) as colours:
                assert await colours.update("one", Add(Colour("red"))) == {Colour("red")}
                await colours.save("one")


@in_event_loop
async def test_a_value_of_another_type_is_refused_and_not_written() -> None:
    async with new_log() as log, CrdtService(log, AddWinsSet(str), service_id="tags") as tags:
        for wrong in (Add(3), Add(Colour("red")), Count(1)):
            with pytest.raises((UnwritableOperation, AttributeError)):
                await tags.update("one", wrong)  # type: ignore[arg-type]  # on purpose
        assert log.sequence_nr == 0
        assert await tags.value("one") == frozenset()
