"""Whoever watches hears of every change, late or gathered, but never not at all."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

import pytest

from museion.archive.asset import AssetId
from museion.archive.change_feed import Change, ChangeFeed
from museion.testing.event_loop import in_event_loop


def _ids(*numbers: int) -> tuple[AssetId, ...]:
    return tuple(AssetId(str(number)) for number in numbers)


async def _told(feed: ChangeFeed, *, after: int = 0, up_to: int) -> list[Change]:
    """Follow until a position is reached."""
    told = []
    async with aclosing(feed.follow(after)) as changes:
        async for change in changes:
            told.append(change)
            if change.position >= up_to:
                break
    return told


@in_event_loop
async def test_changes_come_in_order_with_their_assets() -> None:
    feed = ChangeFeed()
    watching = asyncio.create_task(_told(feed, up_to=2))
    await asyncio.sleep(0)
    feed.publish(1, _ids(1))
    await asyncio.sleep(0.01)
    feed.publish(2, _ids(2, 3))

    assert await watching == [Change(1, _ids(1)), Change(2, _ids(2, 3))]


@in_event_loop
async def test_a_slow_watcher_gets_what_it_missed_as_one_change() -> None:
    feed = ChangeFeed()
    for position in range(1, 51):
        feed.publish(position, _ids(position, 1))
    await asyncio.sleep(0)

    (change,) = await _told(feed, up_to=50)

    assert change == Change(50, _ids(*range(1, 51)))


@in_event_loop
async def test_a_watcher_hears_only_of_what_came_after_its_position() -> None:
    feed = ChangeFeed()
    for position in range(1, 6):
        feed.publish(position, _ids(position))
    await asyncio.sleep(0)

    (change,) = await _told(feed, after=3, up_to=5)

    assert change == Change(5, _ids(4, 5))


@pytest.mark.parametrize(("changes", "assets_each"), [(300, 1), (2, 150)])
def test_a_watcher_that_missed_too_much_is_told_that_there_is_more(
    changes: int, assets_each: int
) -> None:
    """Of all assets it is then told only some, and has to look anew."""

    @in_event_loop
    async def watch() -> None:
        feed = ChangeFeed()
        for position in range(1, changes + 1):
            first = position * assets_each
            feed.publish(position, _ids(*range(first, first + assets_each)))
        await asyncio.sleep(0)
        (change,) = await _told(feed, up_to=changes)

        assert change.more
        assert len(change.asset_ids) <= 200
        assert change.position == changes

    watch()


@in_event_loop
async def test_watchers_do_not_hold_each_other_up() -> None:
    feed = ChangeFeed()
    sleeping = feed.follow(0)
    feed.publish(1, _ids(1))
    await asyncio.sleep(0)
    assert (await anext(sleeping)).position == 1  # and now it looks away
    for position in range(2, 1000):
        feed.publish(position, _ids(position))
    await asyncio.sleep(0)

    (change,) = await _told(feed, after=998, up_to=999)

    assert change == Change(999, _ids(999))
    assert (await anext(sleeping)).position == 999


@in_event_loop
async def test_changes_may_be_published_from_any_thread() -> None:
    feed = ChangeFeed()
    threads = [
        threading.Thread(target=feed.publish, args=(position, _ids(position)))
        for position in range(1, 20)
    ]
    watching = asyncio.create_task(_told(feed, up_to=19))
    for thread in threads:
        await asyncio.to_thread(thread.start)
        await asyncio.to_thread(thread.join)

    told = await watching

    assert [each for change in told for each in change.asset_ids] == list(_ids(*range(1, 20)))


@in_event_loop
async def test_all_who_follow_come_to_an_end_when_the_feed_is_closed() -> None:
    feed = ChangeFeed()

    async def follow() -> int:
        return len([change async for change in feed.follow(0)])

    watchers = [asyncio.create_task(follow()) for _ in range(3)]
    await asyncio.sleep(0)
    feed.close()

    assert await asyncio.gather(*watchers) == [0, 0, 0]
