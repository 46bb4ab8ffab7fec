"""Blobs follow the log: what the policy wants comes by itself, the rest when someone asks for it.

A blob that is not here yet is no error of the archive: it is a state, with the places that have it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeVar

from museion.archive.blob_presence import BlobNotHere, ExchangeSettings, ExchangeStatus
from museion.archive.missing_blobs import Missing, MissingBlobs
from museion.base.errors import MuseionError
from museion.base.retry import Retries, RetryPolicy
from museion.base.waiting import to_end
from museion.blobs.blob_store import (
    BlobStore,
    BlobUnreadable,
    BlobWriteFailed,
    DamagedBlob,
    Digest,
    UnknownBlob,
    as_digest,
)
from museion.blobs.transfer.fetch_settings import WantedBlob
from museion.blobs.transfer.fetcher import BlobFetcher
from museion.blobs.transfer.policies import BlobPolicy
from museion.blobs.transfer.statistics import FetchStatistics
from museion.blobs.transfer.turns import Urgency

T = TypeVar("T")

_ABSENT = (UnknownBlob, DamagedBlob, BlobUnreadable)


class BlobExchange:
    """Keeps a site's blobs coming while `run` runs, and reads them.

    Args:
        fetcher: brings blobs into the same store; it is opened and closed by `run`.
        missing: what is not here; drive it with a `ProjectionRunner`.
        now_ms: wall clock, milliseconds since 1970.
        seed: randomness of waits.
    """

    def __init__(
        self,
        blobs: BlobStore,
        missing: MissingBlobs,
        fetcher: BlobFetcher,
        *,
        now_ms: Callable[[], int],
        seed: Random,
        settings: ExchangeSettings | None = None,
    ) -> None:
        self._blobs = blobs
        self._fetcher = fetcher
        self._missing = missing
        self._now_ms = now_ms
        self._seed = seed
        self._settings = settings or ExchangeSettings()
        self._retries = Retries(RetryPolicy())
        self._group: asyncio.TaskGroup | None = None
        self._kept: dict[Digest, asyncio.Task[None]] = {}
        self._asked: dict[Digest, asyncio.Task[MuseionError | None]] = {}
        self._wake = asyncio.Event()
        self._paused_until_s = 0.0
        self._trouble: str | None = None

    @property
    def missing(self) -> MissingBlobs:
        """What is not here, to be driven as a projection."""
        return self._missing

    async def run(self) -> None:
        """Fetch what the policy wants until cancelled; the next run goes on where it stood."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._wake.set)

        self._missing.on_change = wake
        try:
            async with self._fetcher, asyncio.TaskGroup() as self._group:
                while True:
                    self._wake.clear()
                    await self._feed(self._group)
                    await self._woken()
        finally:
            self._group = None
            self._missing.on_change = None

    async def path(
        self, digest: Digest, *, wait_s: float = 0.0, size_bytes: int | None = None
    ) -> Path:
        """Return the verified file of a blob, to be read only.

        One that is not here is fetched from whoever has it, and goes on coming after `wait_s`; one
        that is damaged is fetched again.

        Args:
            wait_s: how long to wait for it to come.
            size_bytes: given where the caller knows that the archive has it. Else it is fetched
                only where the log tells of it, so that nobody makes this site ask for digests that
                are made up.

        Raises:
            BlobNotHere: it lies elsewhere, and did not come within `wait_s`.
            UnknownBlob, DamagedBlob, BlobUnreadable: as the store's `path`, where no site has it.
        """
        try:
            return await asyncio.to_thread(self._blobs.path, digest)
        except _ABSENT as absence:
            await self._come(digest, absence, wait_s=wait_s, size_bytes=size_bytes)
        return await asyncio.to_thread(self._blobs.path, digest)

    async def read(self, digest: Digest, *, wait_s: float = 0.0) -> bytes:
        """Return the bytes of a blob. As `path`."""
        await self.path(digest, wait_s=wait_s)
        return await asyncio.to_thread(self._blobs.read, digest)

    async def where(self, digest: Digest) -> list[str]:
        """Return the names of the neighbours that say they have a blob."""
        return [each.name for each in await self._fetcher.where(digest)]

    def cancel(self, digest: Digest) -> None:
        """Break off what a person asked for; what has come of it stays for the next time."""
        task = self._asked.get(digest)
        if task is not None:
            task.cancel()

    async def set_policy(self, policy: BlobPolicy) -> None:
        """Want something else from now on; what is here stays."""
        await to_end(asyncio.to_thread(self._missing.set_policy, policy))

    async def neighbours_changed(self) -> None:
        """Try everything again at once, because a site has come that may have it."""
        await to_end(asyncio.to_thread(self._missing.due_now))

    def set_limit(self, limit_bytes_per_s: float | None) -> None:
        """Set how fast blobs may come, all together."""
        self._fetcher.bandwidth.limit_bytes_per_s = limit_bytes_per_s

    def statistics(self) -> FetchStatistics:
        """Return what the fetcher says of itself; to be called while `run` runs."""
        return self._fetcher.statistics()

    def status(self) -> ExchangeStatus:
        """Return how blobs are coming, while `run` runs. Blocks for a look at the disk."""
        counts, fetched = self._missing.counts(), self._fetcher.statistics()
        return ExchangeStatus(
            policy=self._missing.policy,
            wanted=counts.wanted,
            wanted_bytes=counts.wanted_bytes,
            on_demand=counts.on_demand,
            on_demand_bytes=counts.on_demand_bytes,
            failing=counts.failing,
            waiting=fetched.waiting,
            running=len(fetched.running),
            fetched=fetched.fetched_blobs,
            fetched_bytes=fetched.fetched_bytes,
            bytes_from=dict(fetched.bytes_from),
            rate_bytes_per_s=fetched.rate_bytes_per_s,
            limit_bytes_per_s=self._fetcher.bandwidth.limit_bytes_per_s,
            trouble=self._trouble or self._retries.trouble,
        )

    async def _feed(self, group: asyncio.TaskGroup) -> None:
        """Begin with as many wanted blobs as there is room for."""
        room = self._settings.in_flight - len(self._kept)
        if room <= 0 or asyncio.get_running_loop().time() < self._paused_until_s:
            return
        self._trouble = None
        if not self._fetcher.has_neighbours:
            return
        now_ms, limit = self._now_ms(), room + len(self._kept)
        for each in await self._noted(lambda: self._missing.due(now_ms, limit=limit)):
            if each.digest not in self._kept and len(self._kept) < self._settings.in_flight:
                self._kept[each.digest] = group.create_task(self._keep(each))

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(self._settings.look_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _keep(self, missing: Missing) -> None:
        """Fetch one wanted blob; where that fails, note when it is tried again."""
        urgency = Urgency.REPAIR if missing.damaged else Urgency.POLICY
        try:
            await self._fetch(missing.digest, missing.size_bytes, urgency)
        except MuseionError as error:
            self._look_at(error)
            reason, next_ms = error.message, self._next_try_ms(missing.tries)
            await self._noted(
                lambda: self._missing.failed(missing.digest, reason, next_try_ms=next_ms)
            )
        finally:
            self._kept.pop(missing.digest, None)
            self._wake.set()

    async def _fetch(self, digest: Digest, size_bytes: int | None, urgency: Urgency) -> None:
        await self._fetcher.fetch(WantedBlob(digest, size_bytes), urgency=urgency)
        self._trouble = None
        await self._noted(lambda: self._missing.come(digest))

    def _look_at(self, error: MuseionError) -> None:
        if isinstance(error, BlobWriteFailed):
            self._trouble = str(error)
            now_s = asyncio.get_running_loop().time()
            self._paused_until_s = now_s + self._settings.full_disk_s

    def _next_try_ms(self, tries: int) -> int:
        retry = self._settings.retry
        delay_s = min(retry.first_delay_s * float(2 ** min(tries, 30)), retry.longest_delay_s)
        return self._now_ms() + round(delay_s * self._seed.uniform(0.8, 1.2) * 1000)

    async def _come(
        self, digest: Digest, absence: MuseionError, *, wait_s: float, size_bytes: int | None
    ) -> None:
        """Wait for a blob that is not here or damaged; raise where it does not come in time."""
        as_digest(digest)
        missing = await self._known(digest, absence)
        if self._group is None or (missing is None and size_bytes is None):
            raise absence
        asked = self._ask_for(digest, missing.size_bytes if missing else size_bytes)
        done, _ = await asyncio.wait([asked], timeout=wait_s)
        if done and not asked.cancelled() and asked.result() is None:
            return
        failure = asked.result() if done and not asked.cancelled() else None
        sites = tuple(await self.where(digest))
        if not sites and not isinstance(absence, UnknownBlob):
            raise absence
        raise BlobNotHere(
            digest,
            sites,
            arriving=not done,
            retry_after_s=self._settings.shown_after_s,
            reason=failure.message if failure else "",
        ) from (failure or absence)

    async def _known(self, digest: Digest, absence: MuseionError) -> Missing | None:
        if isinstance(absence, UnknownBlob):
            return await self._noted(lambda: self._missing.find(digest))
        await self._noted(lambda: self._missing.damaged(digest))
        return await self._noted(lambda: self._missing.find(digest))

    def _ask_for(self, digest: Digest, size_bytes: int | None) -> asyncio.Task[MuseionError | None]:
        """Begin to fetch, or join who has begun; the queue of the fetcher bounds how many."""
        assert self._group is not None
        task = self._asked.get(digest)
        if task is None:
            task = self._group.create_task(self._answer(digest, size_bytes))
            self._asked[digest] = task
            task.add_done_callback(lambda _: self._asked.pop(digest, None))
        return task

    async def _answer(self, digest: Digest, size_bytes: int | None) -> MuseionError | None:
        try:
            await self._fetch(digest, size_bytes, Urgency.PERSON)
        except MuseionError as error:
            self._look_at(error)
            return error
        return None

    async def _noted(self, call: Callable[[], T]) -> T:
        return await self._retries.until_done(lambda: to_end(asyncio.to_thread(call)))
