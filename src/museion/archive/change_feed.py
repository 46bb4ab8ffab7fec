"""Tells those who watch a screen that the catalog has changed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from museion.archive.asset import AssetId

_KEPT_CHANGES = 256
_MOST_IDS = 200


@dataclass(frozen=True, slots=True)
class Change:
    """Catalog position after a change, and which assets it concerns.

    `more` says that further assets changed than are named.
    """

    position: int
    asset_ids: tuple[AssetId, ...]
    more: bool = False


class ChangeFeed:
    """Passes changes from the catalog's thread to any number of watchers on the event loop.

    A watcher that falls behind gets fewer, larger changes; nothing is queued for it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._recent: deque[Change] = deque(maxlen=_KEPT_CHANGES)
        self._grown = asyncio.Event()
        self._closed = False

    def publish(self, position: int, asset_ids: Sequence[AssetId]) -> None:
        """Note a change; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._publish, Change(position, tuple(asset_ids)))

    async def follow(self, after: int) -> AsyncGenerator[Change]:
        """Yield what changed above catalog position `after`, gathered, until the feed is closed."""
        position = after
        while not self._closed:
            grown = self._grown
            newer = [change for change in self._recent if change.position > position]
            if newer:
                position = newer[-1].position
                yield self._gather(newer)
            else:
                await grown.wait()

    def close(self) -> None:
        """Let all who follow come to their end. Idempotent."""
        self._closed = True
        self._wake()

    def _publish(self, change: Change) -> None:
        self._recent.append(change)
        self._wake()

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def _gather(self, changes: Sequence[Change]) -> Change:
        ids = tuple(dict.fromkeys(each for change in changes for each in change.asset_ids))
        forgotten = len(changes) == _KEPT_CHANGES
        return Change(changes[-1].position, ids[:_MOST_IDS], more=forgotten or len(ids) > _MOST_IDS)
