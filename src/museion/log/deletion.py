"""Deleting old events: hidden at once, removed from the store little by little.

What is hidden may still be wanted by the logs that replicate from this one. They are named when
events are deleted, and an event is removed only when each has come past it. That is kept in the
store as progress, under names of its own, so it outlives the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol

from museion.base.errors import InvalidInput, MuseionError
from museion.log.event import Event, require_name
from museion.log.event_store import EventStore, StoreState, WriteBatch

KEPT_FOR = "museion.kept-for:"
"""Prefix of a name whose progress says up to which event deleted ones are kept for a reader."""

_BATCH_EVENTS = 100
_PAUSE_S = 0.01
_RETRY_S = 60.0


class Written(Protocol):
    """What deletion needs of its log."""

    @property
    def sequence_nr(self) -> int:
        """Sequence number of the last event on disk."""

    async def maintain(
        self, work: Callable[[], None], is_done: Callable[[StoreState], bool]
    ) -> None:
        """Let the writer thread work on the store."""


class Deletion:
    """Owns what is deleted of one log, and the task that removes it.

    Attributes:
        deleted_to: events up to this number are hidden.
        removed_to: events up to this number are gone from the store.
        trouble: why removal waits, None when it does not.
    """

    def __init__(self, log: Written, store: EventStore, state: StoreState) -> None:
        self._log = log
        self._store = store
        self.deleted_to = state.deleted_to
        self.removed_to = state.removed_to
        self.trouble: str | None = None
        self._marked_to = state.deleted_to
        self._removed_chain = dict(state.removed_chain)
        self._wanted = asyncio.Event()
        self._removal: asyncio.Task[None] | None = None
        if self.removed_to < self.deleted_to:
            self._begin()

    async def delete(self, to: int, *, keep_for: Collection[str]) -> int:
        """Hide all events up to a number; as `EventLog.delete` says."""
        if to < 0:
            raise InvalidInput(f"Expected the number of an event, 0 or more, got {to}.")
        to = max(min(to, self._log.sequence_nr), self.deleted_to)
        kept = {KEPT_FOR + name: to for name in keep_for}
        for name in kept:
            require_name(name)
        await self._log.maintain(partial(self._mark, to, kept), partial(self._is_marked, to, kept))
        self.deleted_to = max(to, self.deleted_to)
        self._begin()
        return self.deleted_to

    def look_again(self) -> None:
        """Try now to remove what could not be removed before."""
        self._begin()

    async def close(self) -> None:
        """End the removal; it goes on when the log is opened again."""
        if self._removal is not None:
            self._removal.cancel()
            await asyncio.wait([self._removal])

    def _mark(self, to: int, kept: Mapping[str, int]) -> None:
        if kept:
            self._store.write(WriteBatch((), kept, ()))
        # In the writer thread one comes after the other: a smaller request that was made while a
        # larger one waited must not undo it.
        to = max(to, self._marked_to)
        self._store.mark_deleted(to)
        self._marked_to = to

    def _is_marked(self, to: int, kept: Mapping[str, int], state: StoreState) -> bool:
        self._marked_to = max(self._marked_to, state.deleted_to)  # perhaps by this very request
        return state.deleted_to >= to and all(
            self._store.progress(name) == number for name, number in kept.items()
        )

    def _begin(self) -> None:
        self._wanted.set()
        if self._removal is None or self._removal.done():
            self._removal = asyncio.create_task(self._remove_all())

    async def _remove_all(self) -> None:
        while True:
            self._wanted.clear()
            try:
                while await self._remove_some():  # noqa: ASYNC110 (it gives way between parts)
                    await asyncio.sleep(_PAUSE_S)
                self.trouble = None
            except MuseionError as reason:
                self.trouble = str(reason)
            # NOTE: `asyncio.wait_for` of Python 3.11 swallows a cancellation that comes together
            # with what it waits for; closing the log right behind a deletion would never end.
            with suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_S):
                    await self._wanted.wait()

    async def _remove_some(self) -> bool:
        """Remove one batch; false when there is nothing that may go now."""
        to = await asyncio.to_thread(self._removable_to)
        if to <= self.removed_to:
            return False
        read = partial(self._store.read, after=self.removed_to, limit=_BATCH_EVENTS)
        events = [event for event in await asyncio.to_thread(read) if event.sequence_nr <= to]
        last = events[-1].sequence_nr if events else to
        chain = self._removed_chain | _heads(events)
        await self._log.maintain(
            partial(self._store.remove, last, chain), lambda state: state.removed_to >= last
        )
        self.removed_to, self._removed_chain = last, chain
        return True

    def _removable_to(self) -> int:
        known = self._store.all_progress()
        kept = [
            (to, known.get(name.removeprefix(KEPT_FOR), 0))
            for name, to in known.items()
            if name.startswith(KEPT_FOR)
        ]
        # Who has come past what was kept for it holds up nothing that was deleted later.
        behind = [position for to, position in kept if position < to]
        return min([self.deleted_to, self._log.sequence_nr - 1, *behind])


def _heads(events: Collection[Event]) -> dict[str, bytes]:
    return {e.process_id: e.chain_digest for e in events if e.chain_digest is not None}
