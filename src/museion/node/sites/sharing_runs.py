"""What runs so that sites get what they may have, also what they were not sent at first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from museion.archive.asset import AssetId
from museion.archive.catalog.reader import Catalog
from museion.archive.sharing.asset_gate import AssetGate, words_filter
from museion.archive.sharing.asset_words import AssetWords
from museion.archive.sharing.disclosure import EnteredScope, WiderAccess, scope_name
from museion.archive.sharing.lacking import AssetsLacking
from museion.archive.sharing.remembered import Following
from museion.base.errors import InvalidInput
from museion.blobs.blob_store import Digest
from museion.log.event_log import EventLog
from museion.log.replication.filters import Filter, Named, NamedFilters
from museion.log.replication.protocol import ReadRequest
from museion.log.replication.source import GateNotReady
from museion.log.sourced.processor import ProcessorRunner
from museion.node.sites.kept_connections import ASSETS

_CATALOG_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class _Followed:
    """The part that one site takes (empty words: everything), and who tells it what comes in."""

    words: str
    scope: EnteredScope
    runner: ProcessorRunner
    run: asyncio.Task[None]


class SharingSite(Protocol):
    """What of a site is shared: its log and its catalog, which follows the log."""

    @property
    def log(self) -> EventLog:
        """Its log."""

    @property
    def catalog(self) -> Catalog:
        """Its catalog."""

    @property
    def catalog_runner(self) -> Following:
        """What brings the catalog after the log."""


class SharingRuns:
    """The gates of a site, its filters in words, and the processors that disclose histories."""

    def __init__(self, site: SharingSite) -> None:
        self._site = site
        self._following = site.catalog_runner
        self._gates: dict[str, AssetGate] = {}
        self._followed: dict[str, _Followed] = {}
        self._wider = ProcessorRunner(site.log, WiderAccess(site.log))
        self._changing = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self.lacking = AssetsLacking(site.catalog, self._following)
        self.named_filters: NamedFilters = {
            ASSETS: words_filter(site.catalog, self._following, self._note_withheld)
        }

    def gate_for(self, site_id: str) -> AssetGate:
        """Return the gate of a site."""
        if site_id not in self._gates:
            self._gates[site_id] = AssetGate(site_id, self._site.catalog, self._following)
        return self._gates[site_id]

    def may_have(self, site_id: str, digest: Digest) -> bool:
        """Tell whether a site may have a blob; any thread may ask."""
        return AssetGate(site_id, self._site.catalog, self._following).may_have(digest)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Disclose meanwhile.

        Raises:
            Exception: what ended a processor; the body is cancelled then.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                everywhere = self._group.create_task(self._wider.run())
                try:
                    yield
                finally:
                    for task in (everywhere, *(each.run for each in self._followed.values())):
                        task.cancel()
        except BaseExceptionGroup as errors:
            # The first one tells what happened; the others are what followed from it.
            raise errors.exceptions[0] from None
        finally:
            self._group = None

    def positions(self) -> list[int]:
        """Return up to which events of the log everything was told that had to be."""
        runners = [self._wider, *(each.runner for each in self._followed.values())]
        return [each.position for each in runners]

    async def note_read(self, site_id: str, request: ReadRequest) -> None:
        """See to it that a site which reads a part gets what comes into that part later.

        Raises:
            GateNotReady: the catalog is far behind.
            Unavailable: that cannot be noted now; the site shall ask again.
        """
        words = _words(request.only)
        if self._is_followed(site_id, words):
            return
        try:
            part = AssetWords.read(words) if words else None
        except InvalidInput:
            return  # the read itself is refused, and says why
        async with self._changing:  # several reads of one site come at the same time
            if not self._is_followed(site_id, words):
                await self._leave_part(site_id)
                await self._follow_part(site_id, part)

    def _is_followed(self, site_id: str, words: str) -> bool:
        if self._group is None:
            return True
        followed = self._followed.get(site_id)
        if followed is None:
            return not words and not self._site.log.progress(_had_part(site_id))
        return followed.words == words

    async def _leave_part(self, site_id: str) -> None:
        followed = self._followed.pop(site_id, None)
        if followed is not None:
            followed.run.cancel()
            await asyncio.wait([followed.run])

    async def _follow_part(self, site_id: str, part: AssetWords | None) -> None:
        log = self._site.log
        if part is not None and not log.progress(_had_part(site_id)):
            # Until now nothing was held back from it but by rights.
            begun = {_had_part(site_id): 1, scope_name(site_id, part): log.sequence_nr}
            await log.append([], progress=begun)
        until = log.sequence_nr if part is None else None
        scope = EnteredScope(site_id, part, log, self._site.catalog, self._following, until=until)
        followed_to = log.progress(scope.name)
        if followed_to or not log.sequence_nr:
            await self._catalog_at(followed_to)
            await asyncio.to_thread(scope.begin_complete)
        if self._group is not None:
            runner = ProcessorRunner(log, scope, window=1)
            run = self._group.create_task(runner.run())
            self._followed[site_id] = _Followed(part.words if part else "", scope, runner, run)

    async def _catalog_at(self, sequence_nr: int) -> None:
        """Wait for the catalog: what was followed already must not count as before that."""
        try:
            async with asyncio.timeout(_CATALOG_LIMIT_S):
                await self._following.reached(sequence_nr)
        except TimeoutError:
            raise GateNotReady(_CATALOG_LIMIT_S) from None

    def _note_withheld(self, words: str, asset_id: AssetId) -> None:
        for followed in self._followed.values():
            if followed.words == words:
                followed.scope.missed(asset_id)


def _had_part(site_id: str) -> str:
    """Return under which name it is kept that a site once read over a filter."""
    return f"part {site_id}"


def _words(only: Filter) -> str:
    if isinstance(only, Named) and only.name == ASSETS:
        return only.settings.decode("utf-8", "replace")
    return ""
