"""Embeds what other sites have not: assets that came without an embedding in the searched space.

Each site embeds what was born there, and its embeddings travel. Where another site uses another
model, its assets would be found here by words and filters only. So this site embeds them itself,
once their own site has had its chance, and tells all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from museion.archive.catalog.embedding_reader import Stranger
from museion.archive.catalog.reader import Catalog
from museion.archive.events import EmbeddingComputed, new_event
from museion.base.errors import MuseionError, Unavailable
from museion.blobs.blob_store import Digest
from museion.log.event_log import EventLog

CHANCE_S = 3600.0
"""How long the site where an asset was born has time to embed it."""
_PAGE = 16

Embed = Callable[[Digest], Awaitable[tuple[str, bytes]]]
"""Returns space and embedding (float16) of a preview, as the searched generation sees it."""


class Stragglers:
    """Embeds assets of other sites; a page at a time, so that work of this site comes between.

    Args:
        log: gets the embeddings.
        catalog: tells what lacks one.
        space_id: returns the id of the space that is searched now.
        embed: sees a preview.
        chance_s: how long an asset is left to its own site, at least; twice that at most.
    """

    def __init__(
        self,
        log: EventLog,
        catalog: Catalog,
        *,
        space_id: Callable[[], str],
        embed: Embed,
        chance_s: float = CHANCE_S,
    ) -> None:
        self._log = log
        self._catalog = catalog
        self._space_id = space_id
        self._embed = embed
        self._chance_s = chance_s

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            space_id = self._space_id()
            known_nr = await asyncio.to_thread(self._catalog.embeddings.last_nr)
            await asyncio.sleep(self._chance_s)
            if space_id == self._space_id():
                await self.embed_up_to(known_nr)

    async def embed_up_to(self, last_nr: int) -> int:
        """Embed what lacks an embedding among the assets up to a row number; return how many.

        One whose preview is not here, or cannot be seen, is passed over until the next time.
        """
        count, after_nr, space_id = 0, 0, self._space_id()
        while page := await asyncio.to_thread(
            self._catalog.embeddings.strangers,
            space_id,
            here=self._log.log_id,
            after_nr=after_nr,
            up_to_nr=last_nr,
            limit=_PAGE,
        ):
            count += await self._embed_page(page, space_id)
            after_nr = page[-1].nr
        return count

    async def _embed_page(self, page: Sequence[Stranger], space_id: str) -> int:
        found: list[EmbeddingComputed] = []
        for stranger in page:
            try:
                space, vector = await self._embed(stranger.preview)
            except MuseionError:
                # Not told as a failure: the site where the asset was born may well see it.
                continue
            if space == space_id:
                told = EmbeddingComputed(asset_id=stranger.asset_id, space=space, vector=vector)
                found.append(told)
        return len(found) if await self._tell(found) else 0

    async def _tell(self, found: Sequence[EmbeddingComputed]) -> bool:
        """Write embeddings; tell whether the log took them. It may be held, or its disk full."""
        seen = self._log.version
        events = [
            new_event(each, emitter_id="stragglers", aggregate_id=each.asset_id, seen=seen)
            for each in found
        ]
        try:
            await self._log.append(events)
        except Unavailable:
            return False
        return True
