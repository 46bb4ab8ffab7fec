"""Events that lead to events: exactly one answer for each cause, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import field

import msgspec
import pytest
from msgspec.structs import replace
from opened_log import opened, steered
from recording import TYPES, Noted, emit, replicate, two_logs

from museion.base.retry import RetryPolicy
from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.event_store import WriteFailed
from museion.log.event_types import event_type
from museion.log.memory_store import MemoryEventStore
from museion.log.snapshots import MemorySnapshotStore, Snapshot
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.recovery import Recovery
from museion.log.sourced.refusals import NotInHandler
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until

AT_ONCE = RetryPolicy(first_delay_s=0.0, longest_delay_s=0.001)


@event_type("test.asked")
class Asked(msgspec.Struct, frozen=True):
    what: str
    depth: int = 0


@event_type("test.answered")
class Answered(msgspec.Struct, frozen=True):
    what: str


class Oracle(Aggregate, name="oracle"):
    """Answers each question, and lets deep ones lead to further ones."""

    asked: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    @command
    async def ask(self, what: str, depth: int = 0) -> None:
        await self.persist(Asked(what, depth))

    @command
    async def look(self) -> list[str]:
        return list(self.answers)

    @command
    async def save(self) -> Snapshot:
        return await self.save_snapshot()

    @command
    async def answer_wrongly(self) -> None:
        self.persist_on_event(Answered("outside of a handler"))

    @handles
    def _asked(self, event: Asked) -> None:
        self.asked.append(event.what)
        if event.depth > 0:
            self.persist_on_event(Asked(event.what, event.depth - 1))
        else:
            self.persist_on_event(Answered(event.what))

    @handles
    def _answered(self, event: Answered) -> None:
        self.answers.append(event.what)


ORACLE = "oracle:delphi@here"


def question(what: str = "why") -> NewEvent:
    return TYPES.with_kinds(Asked).encode(Asked(what), emitter_id="other", aggregate_id="delphi")


def answer_to(event: Event, *, emitter_id: str = ORACLE) -> NewEvent:
    return TYPES.with_kinds(Answered).encode(
        Answered("earlier"),
        emitter_id=emitter_id,
        aggregate_id="delphi",
        vector_timestamp=event.vector_timestamp,
        cause=event.id,
    )


async def names(log: EventLog) -> list[str]:
    return [event.type_name for event in await log.read()]


@in_event_loop
async def test_an_event_handler_can_persist_asynchronously() -> None:
    async with opened() as log, Aggregates(log, Oracle) as oracles:
        oracle = await oracles.get("delphi")
        await oracle.ask("why")
        await until(lambda: log.sequence_nr == 2)
        asked, answered = await log.read()
        assert answered.cause == asked.id
        assert asked.vector_timestamp < answered.vector_timestamp
        assert await oracle.look() == ["why"]


@pytest.mark.parametrize("state_sync", [True, False])
@in_event_loop
async def test_persist_on_event_does_not_block_commands(state_sync: bool) -> None:
    class Mode(Oracle, name="oracle", state_sync=state_sync):
        pass

    store = steered()
    async with opened(store) as log, Aggregates(log, Mode) as oracles:
        oracle = await oracles.get("delphi")
        store.after_write.clear()
        asking = asyncio.create_task(oracle.ask("why"))
        await until(lambda: len(store.batches) == 1)
        store.before_write.clear()
        store.after_write.set()
        await asking
        assert await oracle.look() == []  # the answer hangs in the store
        store.before_write.set()
        await until(lambda: log.sequence_nr == 2)


@in_event_loop
async def test_events_of_others_are_answered_too() -> None:
    async with opened() as log, Aggregates(log, Oracle) as oracles:
        await oracles.get("delphi")
        await log.append([question()])
        await until(lambda: log.sequence_nr == 2)
        assert (await log.read())[-1].emitter_id == ORACLE


@in_event_loop
async def test_cascades_work() -> None:
    async with opened() as log, Aggregates(log, Oracle) as oracles:
        oracle = await oracles.get("delphi")
        await oracle.ask("why", 3)
        await until(lambda: log.sequence_nr == 5)
        events = await log.read()
        assert [event.cause for event in events[1:]] == [event.id for event in events[:-1]]
        assert await oracle.look() == ["why"]


@in_event_loop
async def test_all_that_one_event_asks_for_is_one_batch() -> None:
    class Wordy(Oracle, name="wordy"):
        @handles
        def _asked(self, event: Asked) -> None:
            self.persist_on_event(Answered("one"), Answered("two"))
            self.persist_on_event(Answered("three"))

    store = steered()
    async with opened(store) as log, Aggregates(log, Wordy) as oracles:
        oracle = await oracles.get("delphi")
        await oracle.ask("why")
        await until(lambda: log.sequence_nr == 4)
        assert [len(batch.events) for batch in store.batches] == [1, 3]
        assert await oracle.look() == ["one", "two", "three"]


@in_event_loop
async def test_what_is_answered_is_not_sent_again_after_recovery() -> None:
    async with opened() as log:
        for _ in range(3):
            async with Aggregates(log, Oracle) as oracles:
                oracle = await oracles.get("delphi")
                if not log.sequence_nr:
                    await oracle.ask("why")
                    await until(lambda: log.sequence_nr == 2)
                await oracle.look()
        assert await names(log) == ["test.asked", "test.answered"]


@in_event_loop
async def test_what_is_not_answered_is_sent_after_recovery() -> None:
    async with opened() as log:
        await log.append([question("one"), question("two")])
        async with Aggregates(log, Oracle) as oracles:
            oracle = await oracles.get("delphi")
            await until(lambda: log.sequence_nr == 4)
            assert await oracle.look() == ["one", "two"]


@in_event_loop
async def test_only_an_event_of_the_aggregate_itself_that_names_the_cause_answers() -> None:
    async with opened() as log:
        (asked,) = await log.append([question()])
        await log.append([answer_to(asked, emitter_id="other")])
        async with Aggregates(log, Oracle) as oracles:
            await oracles.get("delphi")
            await until(lambda: log.sequence_nr == 3)
            last = (await log.read())[-1]
            assert (last.emitter_id, last.cause) == (ORACLE, asked.id)


@in_event_loop
async def test_an_event_of_the_aggregate_itself_that_names_no_cause_answers_nothing() -> None:
    async with opened() as log:
        (asked,) = await log.append([question()])
        await log.append([replace(answer_to(asked), cause=None)])
        async with Aggregates(log, Oracle) as oracles:
            await oracles.get("delphi")
            await until(lambda: log.sequence_nr == 3)


@in_event_loop
async def test_requests_without_an_answer_are_kept_in_snapshots() -> None:
    store, snapshots = steered(), MemorySnapshotStore()
    async with opened(store) as log:
        async with Aggregates(log, Oracle, snapshots=snapshots, restart=SLOW) as oracles:
            oracle = await oracles.get("delphi")
            store.failures = [None, WriteFailed("no space")]
            asking = asyncio.create_task(oracle.ask("why"))
            await asking
            snapshot = await oracle.save()
            assert snapshot.pending != b""
            await until(lambda: not store.failures)
        assert log.sequence_nr == 1
        async with Aggregates(log, Oracle, snapshots=snapshots) as oracles:
            oracle = await oracles.get("delphi")
            await until(lambda: log.sequence_nr == 2)
            assert await oracle.look() == ["why"]
            assert (await oracle.save()).pending == b""


SLOW = RetryPolicy(first_delay_s=3600.0, longest_delay_s=3600.0)


async def renumbered(log: EventLog, first: int) -> MemoryEventStore:
    """Return a store with the same events under other numbers, as a disaster recovery leaves it."""
    store = MemoryEventStore(log_id="here")
    other = EventLog(store)
    try:
        elsewhere = MemoryEventStore(log_id="elsewhere")
        stranger = EventLog(elsewhere)
        await emit(stranger, *(Noted("in between") for _ in range(first - 1)), aggregate_id="x")
        await replicate(stranger, other)
        await stranger.close()
        await other.append_replicated(await log.read())
    finally:
        await other.close()
    return store


@pytest.mark.parametrize("answered", [True, False])
@in_event_loop
async def test_after_a_recovery_that_renumbered_the_log_exactly_what_lacks_an_answer_is_sent(
    answered: bool,
) -> None:
    async with opened() as log:
        (asked,) = await log.append([question()])
        if answered:
            await log.append([answer_to(asked)])
        store = await renumbered(log, first=10)
    async with opened(store) as log, Aggregates(log, Oracle) as oracles:
        assert (await log.read(aggregate_id="delphi"))[0].sequence_nr != asked.sequence_nr
        await (await oracles.get("delphi")).look()
        await until(lambda: oracles.unload("delphi"))
        answers = [event for event in await log.read() if event.cause == asked.id]
        assert len(answers) == 1


@in_event_loop
async def test_a_request_of_a_snapshot_is_answered_by_an_event_under_another_number() -> None:
    snapshots = MemorySnapshotStore()
    store = steered()
    async with opened(store) as log:
        async with Aggregates(log, Oracle, snapshots=snapshots, restart=SLOW) as oracles:
            oracle = await oracles.get("delphi")
            store.failures = [None, WriteFailed("no space")]
            await oracle.ask("why")
            await oracle.save()
            await until(lambda: not store.failures)
        (asked,) = await log.read()
        await log.append([answer_to(asked)])
        kept = await renumbered(log, first=10)
    async with opened(kept) as log, Aggregates(log, Oracle, snapshots=snapshots) as oracles:
        oracle = await oracles.get("delphi")
        await until(lambda: oracles.unload("delphi"))
        answers = [event for event in await log.read() if event.cause == asked.id]
        assert len(answers) == 1


@in_event_loop
async def test_a_write_failure_restarts_the_aggregate_which_then_tries_again() -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, Oracle, restart=AT_ONCE) as oracles:
        oracle = await oracles.get("delphi")
        store.failures = [None, *[WriteFailed("no space")] * 3]
        await oracle.ask("why")
        await until(lambda: log.sequence_nr == 2)
        assert await oracle.look() == ["why"]
        assert await names(log) == ["test.asked", "test.answered"]


@in_event_loop
async def test_commands_wait_while_the_aggregate_restarts() -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, Oracle, restart=AT_ONCE) as oracles:
        oracle = await oracles.get("delphi")
        store.failures = [None, WriteFailed("no space")]
        await oracle.ask("why")
        await until(lambda: not store.failures)
        looks = await asyncio.gather(*(oracle.look() for _ in range(5)))
        assert all(look in ([], ["why"]) for look in looks)
        await until(lambda: log.sequence_nr == 2)


@in_event_loop
async def test_replies_to_an_earlier_incarnation_do_not_reach_the_present_one_twice() -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, Oracle, restart=AT_ONCE) as oracles:
        oracle = await oracles.get("delphi")
        store.after_write.clear()
        first = asyncio.create_task(oracle.ask("one"))
        await until(lambda: len(store.batches) == 1)
        store.before_write.clear()
        store.after_write.set()
        await first
        await until(lambda: store.writes_begun == 2)  # its answer hangs in the store
        second = asyncio.create_task(oracle.ask("two"))
        await until(lambda: log.statistics.pending_requests == 1)
        store.failures = [WriteFailed("no space")]
        store.before_write.set()
        await asyncio.wait([second])
        await until(lambda: log.sequence_nr == 4)
        await until(lambda: oracles.unload("delphi"))
        assert sorted(await oracle.look()) == ["one", "two"]
        causes = [event.cause for event in await log.read() if event.cause is not None]
        assert len(causes) == len(set(causes)) == 2


@in_event_loop
async def test_an_aggregate_is_not_unloaded_before_its_requests_are_answered() -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, Oracle) as oracles:
        oracle = await oracles.get("delphi")
        store.after_write.clear()
        asking = asyncio.create_task(oracle.ask("why"))
        await until(lambda: len(store.batches) == 1)
        store.before_write.clear()
        store.after_write.set()
        await asking
        assert not oracles.unload("delphi")
        store.before_write.set()
        await until(lambda: oracles.unload("delphi"))
        assert log.sequence_nr == 2


@in_event_loop
async def test_persist_on_event_outside_of_a_handler_is_refused() -> None:
    async with opened() as log, Aggregates(log, Oracle) as oracles:
        oracle = await oracles.get("delphi")
        with pytest.raises(NotInHandler):
            await oracle.answer_wrongly()


@in_event_loop
async def test_a_past_state_answers_nothing() -> None:
    async with opened() as log:
        await log.append([question()])
        async with Aggregates(log, Oracle, recovery=Recovery(to_sequence_nr=1)) as oracles:
            oracle = await oracles.get("delphi")
            assert await oracle.look() == []
            assert oracles.unload("delphi")
        assert log.sequence_nr == 1


# Ping-pong over two locations


@event_type("game.ping")
class Ping(msgspec.Struct, frozen=True):
    turn: int


@event_type("game.pong")
class Pong(msgspec.Struct, frozen=True):
    turn: int


LAST_TURN = 12


class Pinger(Aggregate, name="pinger"):
    seen: list[int] = field(default_factory=list)

    @command
    async def serve(self) -> None:
        await self.persist(Ping(1))

    @handles
    def _pong(self, event: Pong) -> None:
        self.seen.append(event.turn)
        if event.turn < LAST_TURN:
            self.persist_on_event(Ping(event.turn + 1))


class Ponger(Aggregate, name="ponger"):
    seen: list[int] = field(default_factory=list)

    @handles
    def _ping(self, event: Ping) -> None:
        self.seen.append(event.turn)
        self.persist_on_event(Pong(event.turn + 1))


class Link:
    """Two logs that replicate to each other while the link is there; it repeats a lot."""

    def __init__(self, first: EventLog, second: EventLog) -> None:
        self._logs = (first, second)
        self.up = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Link]:
        first, second = self._logs
        async with asyncio.TaskGroup() as tasks:
            both = [
                tasks.create_task(self._pull(first, second)),
                tasks.create_task(self._pull(second, first)),
            ]
            yield self
            for task in both:
                task.cancel()

    async def _pull(self, source: EventLog, target: EventLog) -> None:
        seen: list[Event] = []
        async with aclosing(source.follow()) as batches:
            async for batch in batches:
                seen += batch
                await self.up.wait()
                await target.append_replicated(seen)  # all of it, again and again

    @property
    def logs(self) -> Sequence[EventLog]:
        return self._logs


@in_event_loop
async def test_event_ping_pong_over_a_link_that_is_cut_neither_doubles_nor_loses_a_turn() -> None:
    async with (
        two_logs() as (here, there),
        Link(here, there).running() as link,
        Aggregates(here, Pinger) as pingers,
    ):
        link.up.set()
        await (await pingers.get("game")).serve()
        for cut_at in (2, 4, 7, 9):
            # The partner comes and goes too: it answers what it finds when it is there again.
            async with Aggregates(there, Ponger) as pongers:
                await pongers.get("game")
                await until(lambda nr=cut_at: there.sequence_nr >= nr)  # type: ignore[misc]
                link.up.clear()
            link.up.set()
        async with Aggregates(there, Ponger) as pongers:
            await pongers.get("game")
            await until(lambda: here.sequence_nr == there.sequence_nr == LAST_TURN)
            turns = [event.payload[-1] for event in await here.read()]
            assert turns == list(range(1, LAST_TURN + 1))
            assert turns == [event.payload[-1] for event in await there.read()]
            assert here.version == there.version == VectorTime(here.version.times)
