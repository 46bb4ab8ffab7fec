"""A folder of a site was copied and both copies run: that is found out, not passed over."""

from __future__ import annotations

import pytest
from joined_endpoints import Line, everything, world
from msgspec.structs import replace
from opened_log import new

from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.replication.connection import Connection, Direction
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.protocol import Offer, OfferTaken
from museion.log.replication.twins import RecentEvents, TwoHistories
from museion.testing.event_loop import in_event_loop, until


async def _written(*payloads: bytes) -> list[Event]:
    async with EventLog(MemoryEventStore(log_id="a")) as log:
        for payload in payloads:
            await log.append([new(payload)])
        return list(await log.read())


@in_event_loop
async def test_one_id_with_two_contents_is_two_histories() -> None:
    original, clone = await _written(b"original"), await _written(b"clone")
    recent = RecentEvents()
    recent.require_one_history(original, "a")
    recent.remember(original)
    recent.require_one_history(original, "a")  # again: that happens all the time
    with pytest.raises(TwoHistories, match="two sites write as 'a'"):
        recent.require_one_history(clone, "a")


@in_event_loop
async def test_an_event_that_goes_on_from_another_one_is_of_two_histories() -> None:
    original, clone = await _written(b"1", b"2"), await _written(b"1'", b"2'")
    recent = RecentEvents()
    recent.remember(original[:1])
    recent.require_one_history(original[1:], "a")
    with pytest.raises(TwoHistories):
        recent.require_one_history(clone[1:], "a")


@in_event_loop
async def test_events_that_are_held_back_are_no_sign_of_two_histories() -> None:
    events = await _written(b"1", b"2", b"3")
    recent = RecentEvents()
    recent.remember(events[:1])
    recent.require_one_history(events[2:], "a")
    recent.require_one_history([replace(events[1], chain_digest=None)], "a")


@in_event_loop
async def test_a_clone_and_its_original_beside_each_other_are_found_out() -> None:
    async with world("b", "a") as sites, world("a") as copies:
        await sites.read("b", "a")
        line = _Watched(sites["b"], "a")
        await copies["a"].connect(Connection("b", direction=Direction.BOTH), line)
        await sites.write("a", b"original")
        await until(lambda: sites.log("b").sequence_nr == 1)
        await copies.write("a", b"copy")
        await copies.write("a", b"another")  # the first is passed over: its number was read already
        # Which of the two sees it first is open: the site that takes the events, or the copy when
        # it next compares what it has with what is known of it.
        await until(lambda: bool(line.refusals or copies["a"].status().needs_recovery))
        found = " ".join([*line.refusals, copies["a"].status().needs_recovery])
        assert "two sites write as 'a'" in found or "another event 1 of it" in found
        assert [event.payload for event in await everything(sites.log("b"))] == [b"original"]


class _Watched(Line):
    """A line that notes what the other end refused to take; a status shows only the last reason."""

    def __init__(self, endpoint: Endpoint, caller_id: str) -> None:
        super().__init__(endpoint, caller_id)
        self.refusals: list[str] = []

    async def offer(self, offer: Offer) -> OfferTaken:
        try:
            return await super().offer(offer)
        except TwoHistories as refusal:
            self.refusals.append(str(refusal))
            raise
