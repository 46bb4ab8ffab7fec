"""Fetches blobs from other sites: several at a time, the most urgent first, from whoever has them.

A blob that is fetched for several is fetched once. It goes on where it broke off, also at another
source and after a restart, and is visible only when all its bytes have come and are verified.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Self

from museion.base.waiting import to_end
from museion.blobs.blob_store import (
    Blob,
    BlobStore,
    BlobUnreadable,
    DamagedBlob,
    Digest,
    UnknownBlob,
    as_digest,
)
from museion.blobs.transfer.bandwidth import Bandwidth
from museion.blobs.transfer.blob_source import BlobNeighbour
from museion.blobs.transfer.errors import BlobNotFetched, FetcherClosed, FetchQueueFull
from museion.blobs.transfer.fetch_round import FetchRound, Origin, Surroundings
from museion.blobs.transfer.fetch_settings import FetchSettings, WantedBlob
from museion.blobs.transfer.standing import Standing
from museion.blobs.transfer.statistics import FetchStatistics, RateMeter, Running
from museion.blobs.transfer.turns import Turns, Urgency

_PROGRESS_BYTES = 1 << 20
"""A try that brought so much does not count as a failed one."""


@dataclass(eq=False, slots=True)
class _Fetch:
    """One blob on its way, and all who wait for it."""

    wanted: WantedBlob
    urgency: Urgency
    outcome: asyncio.Future[Blob]
    origin: Origin = field(default_factory=Origin)
    waiters: int = 0
    task: asyncio.Task[None] | None = None


class BlobFetcher:
    """Brings blobs into a store while its context is open. Use it in one event loop.

    Args:
        store: where blobs are kept.
        neighbours: called for each round, so that sites may come and go; the best first.
        bandwidth: shared by all transfers; may be shared with other fetchers, too.
        seed: randomness of the waits.

    Example:
        async with BlobFetcher(store, lambda: [vienna, graz], seed=Random()) as fetcher:
            blob = await fetcher.fetch(WantedBlob(digest))
    """

    def __init__(
        self,
        store: BlobStore,
        neighbours: Callable[[], Sequence[BlobNeighbour]],
        *,
        seed: Random,
        settings: FetchSettings | None = None,
        bandwidth: Bandwidth | None = None,
    ) -> None:
        self._store = store
        self._neighbours = neighbours
        self._seed = seed
        self._settings = settings or FetchSettings()
        self.bandwidth = bandwidth or Bandwidth()
        self._turns = Turns(self._settings.parallel, self._settings.extra_for_people)
        self._fetches: dict[Digest, _Fetch] = {}
        self._group: asyncio.TaskGroup | None = None
        self._rate: RateMeter | None = None
        self._counts: Counter[str] = Counter()
        self._bytes_from: Counter[str] = Counter()
        self._wrong_from: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        now_s = asyncio.get_running_loop().time
        self._rate = RateMeter(now_s)
        self._standing = Standing(
            self._settings.retry,
            wrong_rest_s=self._settings.wrong_rest_s,
            now_s=now_s,
            seed=self._seed,
        )
        self._group = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Break off all transfers; what has come of them stays for the next time."""
        group, self._group = self._group, None
        assert group is not None
        for fetch in self._fetches.values():
            if fetch.task is not None:
                fetch.task.cancel()
        try:
            await group.__aexit__(None, None, None)
        finally:
            for fetch in self._fetches.values():  # cancelled before they began
                if not fetch.outcome.done():
                    fetch.outcome.set_exception(FetcherClosed())
            self._fetches.clear()

    async def fetch(self, wanted: WantedBlob, *, urgency: Urgency = Urgency.PERSON) -> Blob:
        """Return a blob that is in the store, verified, when this returns.

        A blob that is here intact costs no transfer; a damaged one is healed. Cancel it to break
        off; the transfer ends when nobody waits for it any more. Its limit is the settings' number
        of tries.

        Raises:
            BlobNotFetched: no source delivered it; what has come is kept for the next time.
            BlobWriteFailed: the disk is full, for example; also what has come is kept.
            FetchQueueFull: too many wait.
            FetcherClosed: the context is not open.
            InvalidDigest: the text is not a digest.
        """
        fetch = self._joined(wanted, urgency)
        fetch.waiters += 1
        try:
            return await asyncio.shield(fetch.outcome)
        finally:
            fetch.waiters -= 1
            if not fetch.waiters and not fetch.outcome.done():
                self._break_off(fetch)

    async def where(self, digest: Digest) -> list[BlobNeighbour]:
        """Return the neighbours that say they have a blob; who is left alone now is not asked.

        Takes as long as the slowest answer, and no longer than `ask_s`.
        """
        return await self._round_for(WantedBlob(as_digest(digest)), Origin()).who_has()

    @property
    def has_neighbours(self) -> bool:
        """Tell whether there is anyone to be asked."""
        return bool(self._neighbours())

    def is_fetching(self, digest: Digest) -> bool:
        """Tell whether a blob waits or is on its way."""
        return digest in self._fetches

    def statistics(self) -> FetchStatistics:
        """Return counts since the fetcher was made."""
        running = tuple(
            Running(
                each.wanted.digest, each.origin.done_bytes, each.wanted.size_bytes, each.origin.now
            )
            for each in self._fetches.values()
            if each.origin.now is not None
        )
        return FetchStatistics(
            fetched_blobs=self._counts["blobs"],
            fetched_bytes=self._counts["bytes"],
            failed=self._counts["failed"],
            waiting=len(self._fetches) - len(running),
            running=running,
            rate_bytes_per_s=self._rate.bytes_per_s if self._rate else 0.0,
            bytes_from=dict(self._bytes_from),
            wrong_from=dict(self._wrong_from),
        )

    def _joined(self, wanted: WantedBlob, urgency: Urgency) -> _Fetch:
        if self._group is None:
            raise FetcherClosed
        as_digest(wanted.digest)
        fetch = self._fetches.get(wanted.digest)
        if fetch is None or fetch.outcome.done():
            return self._begun(wanted, urgency, fetch)
        if urgency < fetch.urgency:
            fetch.urgency = urgency
            self._turns.look()
        return fetch

    def _begun(self, wanted: WantedBlob, urgency: Urgency, before: _Fetch | None) -> _Fetch:
        assert self._group is not None
        most = self._settings.max_waiting
        if len(self._fetches) >= most + (most // 4 + 1 if urgency is Urgency.PERSON else 0):
            raise FetchQueueFull(most)
        outcome: asyncio.Future[Blob] = asyncio.get_running_loop().create_future()
        # Whoever waited may be gone when it fails; then its error is nobody's.
        outcome.add_done_callback(lambda done: done.cancelled() or done.exception())
        fetch = _Fetch(wanted, urgency, outcome)
        self._fetches[wanted.digest] = fetch
        ending = before.task if before else None
        fetch.task = self._group.create_task(self._work(fetch, ending))
        return fetch

    def _break_off(self, fetch: _Fetch) -> None:
        fetch.outcome.cancel()
        if fetch.task is not None:
            fetch.task.cancel()

    async def _work(self, fetch: _Fetch, ending: asyncio.Task[None] | None) -> None:
        """Carry out one fetch; its error goes to who waits, so that it never stops another one."""
        try:
            if ending is not None:
                await asyncio.wait([ending])  # the same blob, broken off: its file is still open
            blob = await self._bring(fetch)
        except asyncio.CancelledError:
            if not fetch.outcome.done():
                fetch.outcome.set_exception(FetcherClosed())
            raise
        except Exception as error:
            self._counts["failed"] += 1
            if not fetch.outcome.done():
                fetch.outcome.set_exception(error)
        else:
            if not fetch.outcome.done():
                fetch.outcome.set_result(blob)
        finally:
            if self._fetches.get(fetch.wanted.digest) is fetch:
                del self._fetches[fetch.wanted.digest]

    async def _bring(self, fetch: _Fetch) -> Blob:
        digest = fetch.wanted.digest
        async with self._turns.turn(fetch):
            here = await to_end(asyncio.to_thread(_intact, self._store, digest))
            if here is not None:
                return here
            one = self._round(fetch)
            blob = await one.bring()
        reasons: dict[str, str] = {}
        delays_s = self._settings.retry.delays_s()
        tries = 0
        while blob is None:
            reasons.update(one.reasons)
            if one.come_bytes >= _PROGRESS_BYTES:
                tries, delays_s = 0, self._settings.retry.delays_s()
            tries += 1
            if tries >= self._settings.tries or not one.may_pass:
                raise BlobNotFetched(digest, reasons)
            delay_s = next(delays_s) * self._seed.uniform(0.8, 1.2)
            await asyncio.sleep(max(delay_s, one.shortest_rest_s()))
            async with self._turns.turn(fetch):
                one = self._round(fetch)
                blob = await one.bring()
        self._counts["blobs"] += 1
        self._counts["bytes"] += blob.size_bytes
        return blob

    def _round(self, fetch: _Fetch) -> FetchRound:
        return self._round_for(fetch.wanted, fetch.origin)

    def _round_for(self, wanted: WantedBlob, origin: Origin) -> FetchRound:
        neighbours = self._neighbours()
        self._standing.forget_all_but([each.site_id for each in neighbours])
        surroundings = Surroundings(
            self._store,
            self._standing,
            self.bandwidth,
            self._settings,
            self._note,
            self._note_wrong,
        )
        return FetchRound(wanted, origin, neighbours, surroundings)

    def _note(self, site_id: str, size_bytes: int) -> None:
        assert self._rate is not None
        self._rate.add(size_bytes)
        self._bytes_from[site_id] += size_bytes

    def _note_wrong(self, site_id: str) -> None:
        self._wrong_from[site_id] += 1


def _intact(store: BlobStore, digest: Digest) -> Blob | None:
    """Return a blob that is in a store undamaged."""
    try:
        return Blob(digest, store.path(digest).stat().st_size)
    except (UnknownBlob, DamagedBlob, BlobUnreadable, FileNotFoundError):
        return None
