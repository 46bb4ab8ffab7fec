"""Putting commands aside and taking them up again, with state sync on and off alike."""

from __future__ import annotations

import asyncio
from dataclasses import field

import pytest
from opened_log import opened, steered
from recording import Noted

from museion.log.event_store import WriteFailed
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.refusals import NotHandled, NotInCommand, Overloaded, WrittenNotHandled
from museion.testing.event_loop import in_event_loop, until


class Door(Aggregate, name="door"):
    """Takes visitors only while it is open; others wait outside."""

    is_open = False
    inside: list[str] = field(default_factory=list)

    @command
    async def enter(self, name: str) -> int:
        if not self.is_open:
            self.stash()
        await self.persist(Noted(name))
        return len(self.inside)

    @command
    async def unlock(self) -> None:
        await self.persist(Noted("open"))
        self.unstash_all()

    @command
    async def unlock_first(self) -> None:
        self.unstash_all()
        await self.persist(Noted("open"))

    @command
    async def write(self, text: str) -> None:
        await self.persist(Noted(text))

    @command
    async def try_again(self) -> None:
        self.unstash_all()

    @command
    async def knock(self) -> list[str]:
        return list(self.inside)

    @command
    async def stash_late(self) -> None:
        await self.persist(Noted("x"))
        self.stash()

    @command
    async def stash_after_asking(self) -> None:
        self.persist_async(Noted("x"))
        self.stash()

    @handles
    def _noted(self, event: Noted) -> None:
        if event.text == "open":
            self.is_open = True
        else:
            self.inside.append(event.text)


class BusyDoor(Door, name="door", state_sync=False):
    """The same with state sync off."""


doors_in_both_modes = pytest.mark.parametrize(
    "kind", [Door, BusyDoor], ids=["state sync on", "state sync off"]
)


async def come(door: Door, *names: str) -> list[asyncio.Task[int]]:
    """Let visitors come, and begin with their commands."""
    visitors = [asyncio.create_task(door.enter(name)) for name in names]
    await asyncio.sleep(0)
    return visitors


@doors_in_both_modes
@in_event_loop
async def test_a_stashed_command_keeps_its_caller_waiting_until_it_is_taken_up(
    kind: type[Door],
) -> None:
    async with opened() as log, Aggregates(log, kind) as doors:
        door = await doors.get("front")
        (visitor,) = await come(door, "ann")
        assert await door.knock() == []
        assert not visitor.done()
        await door.unlock()
        assert await visitor == 1


@doors_in_both_modes
@in_event_loop
async def test_unstashed_commands_run_in_their_order_before_newer_ones(kind: type[Door]) -> None:
    async with opened() as log, Aggregates(log, kind) as doors:
        door = await doors.get("front")
        early = await come(door, "ann", "bob", "cid")
        unlocking = asyncio.create_task(door.unlock())
        await unlocking
        late = await come(door, "dan")
        await asyncio.gather(*early, *late)
        assert await door.knock() == ["ann", "bob", "cid", "dan"]


@in_event_loop
async def test_a_command_stashed_within_a_write_of_another_is_taken_up_before_those_that_wait() -> (
    None
):
    store = steered()
    async with opened(store) as log, Aggregates(log, Door) as doors:
        door = await doors.get("front")
        early = await come(door, "ann")
        store.before_write.clear()
        unlocking = asyncio.create_task(door.unlock())
        late = await come(door, "bob", "cid")  # they wait for the write
        await until(lambda: store.writes_begun == 1)
        store.before_write.set()
        await asyncio.gather(unlocking, *early, *late)
        assert await door.knock() == ["ann", "bob", "cid"]


@in_event_loop
async def test_unstashing_before_a_write_lets_the_commands_run_after_the_whole_command() -> None:
    async with opened() as log, Aggregates(log, Door) as doors:
        door = await doors.get("front")
        early = await come(door, "ann", "bob")
        await door.unlock_first()
        await asyncio.gather(*early)
        assert await door.knock() == ["ann", "bob"]


@in_event_loop
async def test_commands_stashed_over_several_writes_keep_their_order() -> None:
    async with opened() as log, Aggregates(log, Door) as doors:
        door = await doors.get("front")
        early = await come(door, "ann")
        await door.write("one")
        early += await come(door, "bob")
        await door.write("two")
        early += await come(door, "cid")
        await door.unlock()
        await asyncio.gather(*early)
        assert await door.knock() == ["one", "two", "ann", "bob", "cid"]


@doors_in_both_modes
@in_event_loop
async def test_stashed_commands_stay_put_aside_when_a_write_fails(kind: type[Door]) -> None:
    store = steered()
    async with opened(store) as log, Aggregates(log, kind) as doors:
        door = await doors.get("front")
        (visitor,) = await come(door, "ann")
        store.failures = [WriteFailed("no space")] * 50
        with pytest.raises(WriteFailed):
            await door.unlock()
        store.failures.clear()
        assert not visitor.done()
        await door.unlock()
        assert await visitor == 1


@doors_in_both_modes
@in_event_loop
async def test_a_command_that_is_taken_up_may_be_stashed_again(kind: type[Door]) -> None:
    async with opened() as log, Aggregates(log, kind) as doors:
        door = await doors.get("front")
        early = await come(door, "ann", "bob")
        await door.try_again()
        await door.try_again()
        await door.unlock()
        await asyncio.gather(*early)
        assert await door.knock() == ["ann", "bob"]


@doors_in_both_modes
@in_event_loop
async def test_stash_is_refused_after_the_first_persist_of_a_command(kind: type[Door]) -> None:
    async with opened() as log, Aggregates(log, kind) as doors:
        door = await doors.get("front")
        with pytest.raises(NotInCommand, match="first persist"):
            await door.stash_late()
        with pytest.raises(NotInCommand, match="first persist"):
            await door.stash_after_asking()


@pytest.mark.parametrize("action", ["stash", "unstash_all"])
@in_event_loop
async def test_stash_and_unstash_are_refused_in_an_event_handler(action: str) -> None:
    class Wrong(Door, name="wrong"):
        def _noted(self, event: Noted) -> None:
            getattr(self, action)()

    async with opened() as log, Aggregates(log, Wrong) as doors:
        door = await doors.get("front")
        with pytest.raises(WrittenNotHandled) as caught:
            await door.unlock()
        assert isinstance(caught.value.__cause__, NotHandled)
        assert isinstance(caught.value.__cause__.__cause__, NotInCommand)


@in_event_loop
async def test_stash_is_refused_outside_of_a_command() -> None:
    refused: list[Exception] = []

    class Early(Door, name="early"):
        def recovered(self, error: Exception | None) -> None:
            try:
                self.stash()
            except NotInCommand as reason:
                refused.append(reason)

    async with opened() as log, Aggregates(log, Early) as doors:
        await doors.get("front")
        assert len(refused) == 1


@doors_in_both_modes
@in_event_loop
async def test_too_many_stashed_commands_are_refused(kind: type[Door]) -> None:
    async with opened() as log, Aggregates(log, kind, max_waiting=3) as doors:
        door = await doors.get("front")
        early = await come(door, "ann", "bob", "cid")
        await asyncio.sleep(0)  # those that had to wait for their turn are put aside, too
        with pytest.raises(Overloaded):
            await door.enter("dan")
        await door.unlock()
        await asyncio.gather(*early)


@doors_in_both_modes
@in_event_loop
async def test_a_stashed_command_whose_caller_gives_up_is_not_taken_up(kind: type[Door]) -> None:
    async with opened() as log, Aggregates(log, kind) as doors:
        door = await doors.get("front")
        ann, bob = await come(door, "ann", "bob")
        ann.cancel()
        await asyncio.wait([ann])
        await door.unlock()
        await bob
        assert await door.knock() == ["bob"]
