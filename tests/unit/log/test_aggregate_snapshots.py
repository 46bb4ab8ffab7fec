"""Snapshots of aggregates: what is in them, which is taken, how many stay."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import field
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from opened_log import opened
from recording import Noted, PassedOver, Recorder, emit, in_both_modes

from museion.base.codec import decode
from museion.log.erasure import erase
from museion.log.event_types import Erased, EventTypes, event_type
from museion.log.file_snapshots import FileSnapshotStore
from museion.log.snapshots import MemorySnapshotStore, Retention, Snapshot, SnapshotNotSaved
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.refusals import (
    NoSnapshotStore,
    NotSnapshotable,
    SnapshotRefused,
    SnapshotUnderway,
)
from museion.log.subject_keys import MemorySubjectKeys
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop, until


def newest(store: MemorySnapshotStore, emitter_id: str = "recorder:a@here") -> Snapshot:
    return next(store.newest_first(emitter_id, log_id="here"))


def count(store: MemorySnapshotStore, emitter_id: str = "recorder:a@here") -> int:
    return len(list(store.newest_first(emitter_id, log_id="here")))


async def save(recorder: Recorder) -> Snapshot:
    snapshot = await recorder.do(lambda self: self.save_snapshot())
    assert isinstance(snapshot, Snapshot)
    return snapshot


@in_both_modes
@in_event_loop
async def test_a_snapshot_has_state_emitter_last_handled_version_and_last_received(
    kind: type[Recorder],
) -> None:
    store = MemorySnapshotStore()
    async with opened() as log, Aggregates(log, kind, snapshots=store) as recorders:
        recorder = await recorders.get("a")
        (handled,) = await recorder.write(Noted("handled"))
        await recorder.write(PassedOver())
        snapshot = await save(recorder)
        assert snapshot == newest(store)
        assert decode(snapshot.state, dict) == {"texts": ["handled"]}
        assert (snapshot.emitter_id, snapshot.log_id) == ("recorder:a@here", "here")
        assert snapshot.last_handled == handled.id
        assert snapshot.version == VectorTime({"here": 1})
        assert snapshot.sequence_nr == 2
        assert (snapshot.deliveries, snapshot.pending) == (b"", b"")


@in_both_modes
@in_event_loop
async def test_recovery_with_a_snapshot_replays_only_what_came_after(kind: type[Recorder]) -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, kind, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("one", "two")
            await save(recorder)
            await recorder.note("three")
        async with Aggregates(log, kind, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            assert await recorder.look() == ["one", "two", "three"]
            assert await recorder.look_at("trace") == ["handle three"]
            (event,) = await recorder.write(Noted("four"))
            assert event.vector_timestamp == VectorTime({"here": 4})


@in_event_loop
async def test_the_version_after_a_snapshot_covers_what_was_handled_before_it() -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, Recorder, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("one")
            await save(recorder)
        async with Aggregates(log, Recorder, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            await recorder.look()
            assert recorder.version == VectorTime({"here": 1})


class SlowStore(MemorySnapshotStore):
    """A store whose saving waits for a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.begun = threading.Event()

    def save(self, snapshot: Snapshot) -> None:
        self.begun.set()
        assert self.gate.wait(30.0)
        super().save(snapshot)


@in_event_loop
async def test_a_second_save_while_one_runs_is_refused() -> None:
    class Saving(Recorder, name="recorder", state_sync=False):
        pass

    store = SlowStore()
    async with opened() as log, Aggregates(log, Saving, snapshots=store) as recorders:
        recorder = await recorders.get("a")
        first = asyncio.create_task(save(recorder))
        await until(store.begun.is_set)
        with pytest.raises(SnapshotUnderway):
            await save(recorder)
        store.gate.set()
        await first
        await save(recorder)


@in_event_loop
async def test_saving_without_a_store_is_refused() -> None:
    async with opened() as log, Aggregates(log, Recorder) as recorders:
        with pytest.raises(NoSnapshotStore):
            await save(await recorders.get("a"))


@in_event_loop
async def test_an_unreadable_snapshot_falls_back_to_an_older_one(tmp_path: Any) -> None:
    store = FileSnapshotStore(tmp_path)
    async with opened() as log:
        async with Aggregates(log, Recorder, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("one")
            older = await save(recorder)
            await recorder.note("two")
            newer = await save(recorder)
        store.save(replace(newer, state=b"\xc1 no msgpack"))
        async with Aggregates(log, Recorder, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            assert await recorder.look() == ["one", "two"]
            assert await recorder.look_at("trace") == ["handle two"]
        assert older.sequence_nr == 1


@in_event_loop
async def test_if_no_snapshot_can_be_read_everything_is_replayed() -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, Recorder, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("one")
            snapshot = await save(recorder)
        store.save(replace(snapshot, state=b"\xc1"))
        async with Aggregates(log, Recorder, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            assert await recorder.look() == ["one"]
            assert await recorder.look_at("trace") == ["handle one"]


class Picky(Recorder, name="recorder"):
    """Takes no snapshot whose state is longer than one text."""

    def snapshot_state(self) -> list[str]:
        return self.texts

    def restore(self, state: list[str]) -> None:
        self.texts = list(state)
        if len(state) > 1:
            raise SnapshotRefused("too long")


@in_event_loop
async def test_a_snapshot_that_the_handler_does_not_accept_means_a_full_replay() -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, Picky, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("one")
            await save(recorder)
            await recorder.note("two")
            await save(recorder)
        async with Aggregates(log, Picky, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            assert await recorder.look() == ["one", "two"]
            assert await recorder.look_at("trace") == ["handle one", "handle two"]


@in_event_loop
async def test_a_snapshot_of_another_form_means_a_full_replay() -> None:
    class Newer(Recorder, name="recorder", form=2, transient=("trace", "gate", "emitters")):
        pass

    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, Recorder, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("one")
            await save(recorder)
        async with Aggregates(log, Newer, snapshots=store) as newer_ones:
            newer = await newer_ones.get("a")
            assert await newer.look_at("trace") == ["handle one"]


@in_event_loop
async def test_a_snapshot_above_the_end_of_the_log_is_not_used() -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, Recorder, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("one")
            snapshot = await save(recorder)
        store.save(replace(snapshot, sequence_nr=99))
        store.delete("recorder:a@here", to_sequence_nr=98)
        async with Aggregates(log, Recorder, snapshots=store) as recorders:
            assert await (await recorders.get("a")).look_at("trace") == ["handle one"]


@in_event_loop
async def test_a_new_attribute_has_its_default_after_an_older_snapshot() -> None:
    class Longer(Recorder, name="recorder", transient=("trace", "gate", "emitters")):
        added = 7

    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, Recorder, snapshots=store) as recorders:
            recorder = await recorders.get("a")
            await recorder.note("one")
            await save(recorder)
        async with Aggregates(log, Longer, snapshots=store) as longer_ones:
            longer = await longer_ones.get("a")
            assert (await longer.look(), await longer.look_at("added")) == (["one"], 7)


class Limited(Recorder, name="recorder"):
    most = 3


class LessLimited(Recorder, name="recorder"):
    most = 9


@in_event_loop
async def test_a_constant_of_the_class_is_no_state() -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, Limited, snapshots=store) as limited:
            await save(await limited.get("a"))
        async with Aggregates(log, LessLimited, snapshots=store) as less_limited:
            assert await (await less_limited.get("a")).look_at("most") == 9


# Retention


@in_event_loop
async def test_retention_saves_every_n_events_and_keeps_k_snapshots() -> None:
    store = MemorySnapshotStore()
    retention = Retention(every_events=2, keep=2)
    async with opened() as log:
        async with Aggregates(log, Recorder, snapshots=store, retention=retention) as recorders:
            recorder = await recorders.get("a")
            for nr in range(1, 9):
                await recorder.note(str(nr))
                await until(lambda: recorders.unload("a"))  # it waits for a snapshot under way
        kept = store.newest_first("recorder:a@here", log_id="here")
        assert [each.sequence_nr for each in kept] == [8, 6]


@in_event_loop
async def test_without_retention_at_most_three_snapshots_are_kept() -> None:
    store = MemorySnapshotStore()
    async with opened() as log, Aggregates(log, Recorder, snapshots=store) as recorders:
        recorder = await recorders.get("a")
        for nr in range(5):
            await recorder.note(str(nr))
            await save(recorder)
        assert count(store) == 3


@in_event_loop
async def test_a_long_replay_is_followed_by_a_snapshot() -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        await emit(log, *(Noted(str(nr)) for nr in range(10)))
        retention = Retention(every_events=5)
        async with Aggregates(log, Recorder, snapshots=store, retention=retention) as recorders:
            await recorders.get("a")
            await until(lambda: count(store) == 1)


class FullStore(MemorySnapshotStore):
    def save(self, snapshot: Snapshot) -> None:
        raise SnapshotNotSaved(snapshot.emitter_id, snapshot.sequence_nr, "no space")


@in_event_loop
async def test_an_automatic_snapshot_that_fails_is_told_and_the_aggregate_goes_on() -> None:
    retention = Retention(every_events=1)
    async with (
        opened() as log,
        Aggregates(log, Recorder, snapshots=FullStore(), retention=retention) as recorders,
    ):
        recorder = await recorders.get("a")
        await recorder.note("one")
        await until(lambda: recorders.trouble is not None)
        assert recorders.trouble is not None
        assert "no space" in recorders.trouble
        assert await recorder.note("two") == ["one", "two"]


# State that can be saved


class Undeclared(Recorder, name="undeclared", transient=("trace", "gate", "emitters")):
    def __init__(self) -> None:
        self.extra = "state that a snapshot would lose"


@in_event_loop
async def test_state_that_is_not_declared_is_refused_rather_than_lost() -> None:
    store = MemorySnapshotStore()
    retention = Retention()
    async with opened() as log:
        async with Aggregates(log, Undeclared, snapshots=store, retention=retention) as recorders:
            with pytest.raises(NotSnapshotable, match="'extra' is not declared"):
                await recorders.get("a")
        async with Aggregates(log, Undeclared, snapshots=store) as recorders:
            with pytest.raises(NotSnapshotable):
                await save(await recorders.get("a"))


class Point(msgspec.Struct):
    x: int


class Rich(Aggregate, name="rich"):
    points: dict[str, Point] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    last: Point | None = None
    flag = False

    @command
    async def add(self, name: str) -> None:
        await self.persist(Noted(name))

    @command
    async def save(self) -> None:
        await self.save_snapshot()

    @command
    async def look(self) -> tuple[dict[str, Point], set[str], Point | None, bool]:
        return self.points, self.names, self.last, self.flag

    @handles
    def _noted(self, event: Noted) -> None:
        self.last = self.points[event.text] = Point(len(event.text))
        self.names.add(event.text)
        self.flag = True


@in_event_loop
async def test_declared_attributes_of_any_type_that_can_be_encoded_are_restored() -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, Rich, snapshots=store) as riches:
            rich = await riches.get("a")
            await rich.add("abc")
            await rich.save()
            before = await rich.look()
        async with Aggregates(log, Rich, snapshots=store) as riches:
            after = await (await riches.get("a")).look()
        assert after == before == ({"abc": Point(3)}, {"abc"}, Point(3), True)


# Data subjects


@event_type("test.personal", subject=lambda event: event.who)
class Personal(msgspec.Struct, frozen=True):
    who: str
    text: str


class Diary(Aggregate, name="diary"):
    texts: list[str] = field(default_factory=list)

    @command
    async def write(self, who: str, text: str) -> list[str]:
        await self.persist(Personal(who, text))
        return list(self.texts)

    @command
    async def look(self) -> list[str]:
        return list(self.texts)

    @command
    async def save(self) -> Snapshot:
        return await self.save_snapshot()

    @handles
    def _personal(self, event: Personal) -> None:
        self.texts.append(event.text)


class TellingDiary(Diary, name="diary"):
    @handles
    def _erased(self, event: Erased) -> None:
        self.texts.append(f"erased {event.type_name}")


@in_event_loop
async def test_a_snapshot_names_the_keys_of_the_data_subjects_in_its_state() -> None:
    store = MemorySnapshotStore()
    keys = MemorySubjectKeys()
    async with opened() as log:
        async with Aggregates(log, Diary, snapshots=store, keys=keys) as diaries:
            diary = await diaries.get("a")
            await diary.write("ann", "secret")
            first = await diary.save()
        async with Aggregates(log, Diary, snapshots=store, keys=keys) as diaries:
            diary = await diaries.get("a")
            await diary.write("bob", "secret, too")
            second = await diary.save()
        key_ids = {event.subject_key_id for event in await log.read()}
        assert set(first.subject_key_ids) < set(second.subject_key_ids) == key_ids


@in_event_loop
async def test_an_erased_payload_is_passed_over_unless_there_is_a_handler_for_it() -> None:
    keys = MemorySubjectKeys()
    async with opened() as log:
        async with Aggregates(log, Diary, keys=keys) as diaries:
            diary = await diaries.get("a")
            await diary.write("ann", "secret")
            await diary.write("bob", "kept")
        keys.destroy("ann")
        async with Aggregates(log, Diary, keys=keys) as diaries:
            assert await (await diaries.get("a")).look() == ["kept"]
        async with Aggregates(log, TellingDiary, types=EventTypes(Personal, keys=keys)) as telling:
            assert await (await telling.get("a")).look() == ["erased test.personal", "kept"]


@in_event_loop
async def test_a_state_that_still_holds_what_was_erased_is_not_kept_in_a_snapshot() -> None:
    store = MemorySnapshotStore()
    keys = MemorySubjectKeys()
    async with opened() as log:
        async with Aggregates(log, Diary, snapshots=store, keys=keys) as diaries:
            diary = await diaries.get("a")
            await diary.write("ann", "secret")
            await erase("ann", keys, store)
            await diary.save()
            assert count(store, "diary:a@here") == 0
        async with Aggregates(log, Diary, snapshots=store, keys=keys) as diaries:
            diary = await diaries.get("a")
            await diary.write("bob", "kept")
            await diary.save()
            assert decode(newest(store, "diary:a@here").state, dict) == {"texts": ["kept"]}
