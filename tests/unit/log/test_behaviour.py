"""Behaviours that change: commands, event handlers and snapshots, each on its own."""

from __future__ import annotations

from dataclasses import field

import pytest
from opened_log import opened
from recording import Noted, emit

from museion.log.snapshots import MemorySnapshotStore
from museion.log.sourced.aggregate import Aggregate, Behaviour, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.refusals import UnhandledCommand
from museion.log.sourced.view import View, running
from museion.testing.event_loop import in_event_loop


class Shop(Aggregate, name="shop"):
    sold: list[str] = field(default_factory=list)

    @command
    async def sell(self, what: str) -> str:
        await self.persist(Noted(what))
        return f"sold {what}"

    @command
    async def close(self) -> None:
        self.become(commands=Closed)

    @command
    async def reopen(self) -> None:
        self.unbecome(commands=True)

    @command
    async def look(self) -> list[str]:
        return list(self.sold)

    @command
    async def shout(self, on: bool) -> None:
        if on:
            self.become(events=Loud)
        else:
            self.unbecome(events=True)

    @command
    async def save(self, *, plainly: bool = True) -> bytes:
        if not plainly:
            self.become(snapshots=Sealed)
        return (await self.save_snapshot()).state

    @command
    async def change_all(self) -> None:
        self.become(commands=Closed, events=Loud, snapshots=Sealed)

    @handles
    def _noted(self, event: Noted) -> None:
        if event.text == "close for good":
            self.become(commands=Closed)
        self.sold.append(event.text)


class Closed(Behaviour[Shop]):
    @command
    async def sell(self, what: str) -> str:
        return f"closed, {what} later"

    @command
    async def reopen(self) -> None:
        self.aggregate.unbecome()

    @command
    async def write(self, what: str) -> None:
        await self.aggregate.persist(Noted(what))


class Loud(Behaviour[Shop]):
    @handles
    def _noted(self, event: Noted) -> None:
        self.aggregate.sold.append(event.text.upper())


class Sealed(Behaviour[Shop]):
    def snapshot_state(self) -> object:
        return {"sold": ["sealed"]}


@in_event_loop
async def test_commands_are_taken_by_the_behaviour_on_top_of_the_stack() -> None:
    async with opened() as log, Aggregates(log, Shop) as shops:
        shop = await shops.get("corner")
        await shop.close()
        assert await shop.sell("tea") == "closed, tea later"
        await shop.reopen()
        assert await shop.sell("tea") == "sold tea"


@in_event_loop
async def test_a_command_that_the_present_behaviour_lacks_is_refused() -> None:
    async with opened() as log, Aggregates(log, Shop) as shops:
        shop = await shops.get("corner")
        await shop.close()
        with pytest.raises(UnhandledCommand, match="it takes reopen, sell, write"):
            await shop.look()


@in_event_loop
async def test_a_behaviour_may_have_commands_of_its_own_and_persist() -> None:
    async with opened() as log, Aggregates(log, Shop) as shops:
        shop = await shops.get("corner")
        await shop.close()
        await shop.write("tea")  # type: ignore[attr-defined]  # a command of Closed only
        await shop.reopen()
        assert await shop.look() == ["tea"]


@in_event_loop
async def test_event_handlers_change_independently_of_commands() -> None:
    async with opened() as log, Aggregates(log, Shop) as shops:
        shop = await shops.get("corner")
        await shop.shout(True)
        await shop.sell("tea")
        await shop.shout(False)
        await shop.sell("milk")
        assert await shop.look() == ["TEA", "milk"]


@in_event_loop
async def test_what_is_saved_in_snapshots_changes_independently_of_commands() -> None:
    store = MemorySnapshotStore()
    async with opened() as log, Aggregates(log, Shop, snapshots=store) as shops:
        shop = await shops.get("corner")
        await shop.sell("tea")
        assert b"tea" in await shop.save()
        assert b"sealed" in await shop.save(plainly=False)
        assert await shop.look() == ["tea"]


@in_event_loop
async def test_unbecome_without_names_takes_back_all_three() -> None:
    async with opened() as log, Aggregates(log, Shop) as shops:
        shop = await shops.get("corner")
        await shop.change_all()
        await shop.reopen()
        await shop.sell("tea")
        assert await shop.look() == ["tea"]


@in_event_loop
async def test_unbecome_at_the_bottom_of_a_stack_has_no_effect() -> None:
    async with opened() as log, Aggregates(log, Shop) as shops:
        shop = await shops.get("corner")
        await shop.reopen()
        await shop.reopen()
        assert await shop.sell("tea") == "sold tea"


@in_event_loop
async def test_a_behaviour_that_an_event_handler_changed_is_there_again_after_a_replay() -> None:
    async with opened() as log:
        async with Aggregates(log, Shop) as shops:
            await (await shops.get("corner")).sell("close for good")
        async with Aggregates(log, Shop) as shops:
            shop = await shops.get("corner")
            assert await shop.sell("tea") == "closed, tea later"


@in_event_loop
async def test_the_stack_of_behaviours_is_not_part_of_snapshots() -> None:
    store = MemorySnapshotStore()
    async with opened() as log:
        async with Aggregates(log, Shop, snapshots=store) as shops:
            shop = await shops.get("corner")
            await shop.sell("tea")
            await shop.shout(True)
            await shop.save()
        async with Aggregates(log, Shop, snapshots=store) as shops:
            shop = await shops.get("corner")
            await shop.sell("milk")
            assert await shop.look() == ["tea", "milk"]


class Log(View):
    seen: list[str] = field(default_factory=list)

    @handles
    def _noted(self, event: Noted) -> None:
        self.seen.append(event.text)
        if event.text == "loud":
            self.become(events=LoudLog)


class LoudLog(Behaviour[Log]):
    @handles
    def _noted(self, event: Noted) -> None:
        self.aggregate.seen.append(event.text.upper())
        if event.text == "quiet":
            self.aggregate.unbecome(events=True)


@in_event_loop
async def test_a_view_can_change_its_event_handlers() -> None:
    async with opened() as log:
        events = await emit(log, *map(Noted, ("a", "loud", "b", "quiet", "c")))
        async with running(Log, log) as view:
            await view.at_least(events[-1].vector_timestamp)
            assert view.seen == ["a", "loud", "B", "QUIET", "c"]
