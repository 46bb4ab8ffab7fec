"""What runs so that sites get what they may have, also what they were not sent at first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from museion.archive.sharing.asset_gate import AssetGate, words_filter
from museion.archive.sharing.disclosure import EnteredScope, WiderAccess
from museion.base.errors import InvalidInput
from museion.blobs.blob_store import Digest
from museion.log.replication.filters import Filter, Named, NamedFilters
from museion.log.replication.protocol import ReadRequest
from museion.log.sourced.processor import ProcessorRunner
from museion.node.site import Site
from museion.node.sites.kept_connections import ASSETS


class SharingRuns:
    """The gates of a site, its filters in words, and the processors that disclose histories."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._gates: dict[str, AssetGate] = {}
        self._scopes: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self.named_filters: NamedFilters = {ASSETS: words_filter(site.catalog)}

    def gate_for(self, site_id: str) -> AssetGate:
        """Return the gate of a site."""
        if site_id not in self._gates:
            self._gates[site_id] = AssetGate(site_id, self._site.catalog, self._taken_in)
        return self._gates[site_id]

    def may_have(self, site_id: str, digest: Digest) -> bool:
        """Tell whether a site may have a blob; any thread may ask."""
        return AssetGate(site_id, self._site.catalog, self._taken_in).may_have(digest)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Disclose meanwhile.

        Raises:
            Exception: what ended a processor; the body is cancelled then.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                wider = ProcessorRunner(self._site.log, WiderAccess(self._site.log))
                everywhere = self._group.create_task(wider.run())
                try:
                    yield
                finally:
                    for task in (everywhere, *self._scopes.values()):
                        task.cancel()
        except BaseExceptionGroup as errors:
            # The first one tells what happened; the others are what followed from it.
            raise errors.exceptions[0] from None
        finally:
            self._group = None

    async def note_read(self, site_id: str, request: ReadRequest) -> None:
        """See to it that a site which reads a part gets what comes into that part later."""
        words = _words(request.only)
        key = (site_id, words)
        if not words or key in self._scopes or self._group is None:
            return
        try:
            scope = EnteredScope(site_id, words, self._site.log, self._site.catalog, self._taken_in)
        except InvalidInput:
            return  # the read itself is refused, and says why
        # Reserved before anything waits: several reads of one site come at the same time.
        self._scopes[key] = self._group.create_task(self._follow(scope, is_new=not request.after))

    async def _follow(self, scope: EnteredScope, *, is_new: bool) -> None:
        log = self._site.log
        if is_new and not log.progress(scope.name):
            # A site that begins reads everything that fits now by itself.
            await log.append([], progress={scope.name: log.sequence_nr})
        await ProcessorRunner(log, scope, window=1).run()

    async def _taken_in(self, sequence_nr: int) -> None:
        await self._site.catalog_runner.reached(sequence_nr)


def _words(only: Filter) -> str:
    if isinstance(only, Named) and only.name == ASSETS:
        return only.settings.decode("utf-8", "replace")
    return ""
