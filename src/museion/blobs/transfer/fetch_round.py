"""One round over the sources of one blob: the first that delivers it ends the round.

Bytes of several sources may make up one blob. If they turn out wrong, nobody knows whose fault it
is; then the blob is begun anew and never mixed again, so that the source that is wrong is found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from museion.base.errors import MuseionError
from museion.base.waiting import to_end
from museion.blobs.blob_store import Blob, BlobStore, Partial, WrongBytes
from museion.blobs.transfer.arrival import bring, opened
from museion.blobs.transfer.bandwidth import Bandwidth
from museion.blobs.transfer.blob_source import BlobNeighbour
from museion.blobs.transfer.errors import (
    BadBlobAnswer,
    BlobNotThere,
    SourceRefused,
    SourceUnavailable,
    TooManyBytes,
)
from museion.blobs.transfer.fetch_settings import FetchSettings, WantedBlob
from museion.blobs.transfer.standing import Standing

_OF_THE_SOURCE = (SourceUnavailable, SourceRefused, BadBlobAnswer, BlobNotThere)


@dataclass(slots=True)
class Origin:
    """Where the bytes of a blob come from, over all rounds of one fetch.

    Attributes:
        contributors: ids of the sites whose bytes are in the file; None stands for those of before.
        aside: ids of sites that sent wrong bytes for this blob.
        unmixed: whether all bytes must come from one source.
        now: site that delivers at the moment.
    """

    contributors: set[str | None] = field(default_factory=set)
    aside: set[str] = field(default_factory=set)
    unmixed: bool = False
    now: str | None = None
    done_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all rounds of a fetcher share.

    Attributes:
        on_bytes: told site and size of each piece.
        on_wrong: told each site that sent wrong bytes.
    """

    store: BlobStore
    standing: Standing
    bandwidth: Bandwidth
    settings: FetchSettings
    on_bytes: Callable[[str, int], None]
    on_wrong: Callable[[str], None]


class FetchRound:
    """Asks who has a blob, and each that has, one after the other.

    Attributes:
        reasons: name of each source that did not deliver -> why.
        come_bytes: how many bytes came in this round.
        may_pass: whether another round may end better: someone was left alone, or broke off.
    """

    def __init__(
        self,
        wanted: WantedBlob,
        origin: Origin,
        neighbours: Sequence[BlobNeighbour],
        surroundings: Surroundings,
    ) -> None:
        self._wanted = wanted
        self._origin = origin
        self._around = surroundings
        standing = surroundings.standing
        fit = [each for each in neighbours if each.site_id not in origin.aside]
        self._resting = [each for each in fit if standing.rest_s(each.site_id)]
        self._awake = [each for each in fit if not standing.rest_s(each.site_id)]
        self.reasons = {each.name: f"{each.name} has failed just before." for each in self._resting}
        self.may_pass = bool(self._resting)
        self.come_bytes = 0

    async def who_has(self) -> list[BlobNeighbour]:
        """Return those that say that they have the blob, in the order given."""
        return await self._having(self._awake)

    async def bring(self) -> Blob | None:
        """Return the blob, kept and verified; None if nobody delivered it in this round.

        Raises:
            BlobWriteFailed, BlobArriving: it cannot be written here.
        """
        if not self._awake:
            return None
        async with opened(self._around.store, self._wanted.digest) as partial:
            if partial.size_bytes and not self._origin.contributors:
                self._origin.contributors.add(None)
            try:
                return await self._from_any(partial)
            finally:
                self._origin.now = None

    async def _from_any(self, partial: Partial) -> Blob | None:
        first, others = self._likely_first()
        if first is not None and (blob := await self._from(first, partial)):
            return blob
        for neighbour in await self._having(others):
            if blob := await self._from(neighbour, partial):
                return blob
        return None

    def _likely_first(self) -> tuple[BlobNeighbour | None, list[BlobNeighbour]]:
        """Return who is read from without being asked before, and the others.

        Its answer to the reading says the same as one to the question; so a blob mostly costs one
        turn over the line, not two.
        """
        likely = [each for each in self._awake if self._around.standing.is_likely(each.site_id)]
        first = next(iter(likely or (self._awake if len(self._awake) == 1 else [])), None)
        return first, [each for each in self._awake if each is not first]

    async def _having(self, neighbours: Sequence[BlobNeighbour]) -> list[BlobNeighbour]:
        answers = await asyncio.gather(*(self._ask(each) for each in neighbours))
        return [each for each, has in zip(neighbours, answers, strict=True) if has]

    def shortest_rest_s(self) -> float:
        """Return how long to wait where all are left alone; 0 where one is not."""
        if self._awake and not all(self._rest_s(each) for each in self._awake):
            return 0.0
        rests = [self._rest_s(each) for each in (*self._resting, *self._awake)]
        return min([*rests, self._around.settings.retry.longest_delay_s])

    def _rest_s(self, neighbour: BlobNeighbour) -> float:
        return self._around.standing.rest_s(neighbour.site_id)

    async def _ask(self, neighbour: BlobNeighbour) -> bool:
        limit_s = self._around.settings.ask_s
        try:
            async with asyncio.timeout(limit_s):
                has = self._wanted.digest in await neighbour.source.has([self._wanted.digest])
        except TimeoutError:
            late = SourceUnavailable(neighbour.name, f"no answer for {limit_s:g} s")
            return self._failed(neighbour, late)
        except _OF_THE_SOURCE as error:
            return self._failed(neighbour, error)
        if not has:
            self.reasons[neighbour.name] = BlobNotThere(neighbour.name, self._wanted.digest).message
        return has

    async def _from(self, neighbour: BlobNeighbour, partial: Partial) -> Blob | None:
        """Return the blob if this neighbour completes it; if in doubt it is asked for all of it."""
        origin = self._origin
        origin.now = neighbour.site_id
        while True:
            if origin.unmixed and origin.contributors - {neighbour.site_id}:
                partial.restart()
                origin.contributors.clear()
            origin.contributors.add(neighbour.site_id)
            try:
                blob = await self._complete(neighbour, partial)
            except _OF_THE_SOURCE as error:
                self._failed(neighbour, error)
                return None
            except (WrongBytes, TooManyBytes) as error:
                partial.restart()
                if origin.contributors == {neighbour.site_id}:
                    self._set_aside(neighbour, error)
                    return None
                origin.unmixed = True
            else:
                self._around.standing.delivered(neighbour.site_id)
                return blob

    async def _complete(self, neighbour: BlobNeighbour, partial: Partial) -> Blob:
        size_bytes = self._wanted.size_bytes
        self._origin.done_bytes = partial.size_bytes
        if partial.size_bytes != size_bytes:
            await bring(
                partial,
                neighbour,
                max_bytes=self._most_bytes(size_bytes),
                idle_s=self._around.settings.idle_s,
                bandwidth=self._around.bandwidth,
                on_bytes=lambda size: self._note(neighbour, size),
            )
        if size_bytes is not None and partial.size_bytes < size_bytes:
            come = f"it ended after {partial.size_bytes} of {size_bytes} bytes"
            raise SourceUnavailable(neighbour.name, come)
        return await to_end(asyncio.to_thread(partial.keep))

    def _most_bytes(self, size_bytes: int | None) -> int:
        return self._around.settings.max_unknown_bytes if size_bytes is None else size_bytes

    def _note(self, neighbour: BlobNeighbour, size_bytes: int) -> None:
        self.come_bytes += size_bytes
        self._origin.done_bytes += size_bytes
        self._around.on_bytes(neighbour.site_id, size_bytes)

    def _failed(self, neighbour: BlobNeighbour, error: MuseionError) -> bool:
        """Note why a neighbour did not deliver; return False."""
        self.reasons[neighbour.name] = error.message
        if isinstance(error, BlobNotThere):
            self._around.standing.lacks(neighbour.site_id)
        else:
            wish_s = error.retry_after_s if isinstance(error, SourceUnavailable) else None
            self._around.standing.failed(neighbour.site_id, retry_after_s=wish_s)
            self.may_pass = True
        return False

    def _set_aside(self, neighbour: BlobNeighbour, error: MuseionError) -> None:
        self.reasons[neighbour.name] = f"{neighbour.name} sent wrong bytes: {error.message}"
        self._origin.aside.add(neighbour.site_id)
        self._around.standing.gave_wrong_bytes(neighbour.site_id)
        self._around.on_wrong(neighbour.site_id)
