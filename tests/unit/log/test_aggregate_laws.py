"""Laws of aggregates and views: whatever happens, the state is the fold of the log in its order."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opened_log import opened
from recording import Noted, Recorder, SideBySide, emit, replicate, two_logs
from texts_view import Texts

from museion.base.codec import decode
from museion.log.event_log import EventLog
from museion.log.snapshots import MemorySnapshotStore, Retention
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.view import running
from museion.testing.event_loop import LIMIT_S

STEPS = st.lists(
    st.sampled_from(
        ["command", "commands", "async", "other", "elsewhere", "replicate", "save", "unload"]
    ),
    max_size=25,
)


async def texts_of(log: EventLog) -> list[str]:
    """The plain model: read the log and take the texts in its order."""
    return [decode(event.payload, Noted).text for event in await log.read(aggregate_id="a")]


async def step(name: str, nr: int, here: EventLog, there: EventLog, recorder: Recorder) -> None:
    match name:
        case "command":
            await recorder.note(f"own {nr}")
        case "commands":
            await asyncio.gather(*(recorder.note(f"own {nr} {each}") for each in range(3)))
        case "async":
            await recorder.do(lambda self: self.persist_async(Noted(f"async {nr}")))
        case "other":
            await emit(here, Noted(f"other {nr}"), aggregate_id="b", destinations=("a",))
        case "elsewhere":
            await emit(there, Noted(f"there {nr}"))
        case "replicate":
            await replicate(there, here)
        case "save":
            await recorder.do(lambda self: self.save_snapshot())


@pytest.mark.parametrize("kind", [Recorder, SideBySide], ids=["state sync on", "state sync off"])
@given(steps=STEPS, every=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_the_state_is_the_fold_of_the_log_in_its_order(
    kind: type[Recorder], steps: list[str], every: int
) -> None:
    async def check() -> None:
        snapshots = MemorySnapshotStore()
        retention = Retention(every_events=every)
        async with (
            asyncio.timeout(LIMIT_S),
            two_logs() as (here, there),
            running(Texts, here) as view,
        ):
            async with Aggregates(here, kind, snapshots=snapshots) as recorders:
                recorder = await recorders.get("a")
                for nr, name in enumerate(steps):
                    if name == "unload":
                        recorders.unload("a")
                    else:
                        await step(name, nr, here, there, recorder)
                deferred = await recorder.do(lambda self: self.defer())
                assert isinstance(deferred, asyncio.Future)
                await deferred
                await recorder.at_least(here.version)
                await view.at_least(here.version)
                state = await recorder.look()
            expected = await texts_of(here)
            assert state == view.texts == expected
            async with Aggregates(
                here, kind, snapshots=snapshots, retention=retention
            ) as recorders:
                assert await (await recorders.get("a")).look() == expected
            assert recorder.version <= here.version

    asyncio.run(check())


@given(texts=st.lists(st.text("ab", max_size=3), max_size=30), cut=st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_recovery_with_a_snapshot_equals_recovery_without(texts: list[str], cut: int) -> None:
    async def check() -> None:
        snapshots = MemorySnapshotStore()
        async with asyncio.timeout(LIMIT_S), opened() as log:
            async with Aggregates(log, Recorder, snapshots=snapshots) as recorders:
                recorder = await recorders.get("a")
                for nr, text in enumerate(texts):
                    await recorder.note(text)
                    if nr == cut:
                        await recorder.do(lambda self: self.save_snapshot())
            async with Aggregates(log, Recorder, snapshots=snapshots) as recorders:
                recorder = await recorders.get("a")
                with_snapshot = (await recorder.look(), recorder.version)
            async with Aggregates(log, Recorder) as recorders:
                recorder = await recorders.get("a")
                assert (await recorder.look(), recorder.version) == with_snapshot

    asyncio.run(check())
