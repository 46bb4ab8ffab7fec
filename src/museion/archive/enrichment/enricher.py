"""What all enriching processors share: a failure on one asset becomes an event, not an end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from museion.archive.asset import AssetId
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    EnrichmentFailed,
    EnrichmentRetried,
    RenditionMade,
    ShotsFound,
    new_event,
    payload_as,
    type_name,
)
from museion.base.errors import MuseionError, Unavailable
from museion.log.event import Event, NewEvent


class Enricher(Protocol):
    """Adds one kind of knowledge to an asset."""

    @property
    def name(self) -> str:
        """Stable name; progress and failures are kept under it."""

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        """Return what is now known; raise a `MuseionError` where the asset cannot be worked on."""


EnrichmentSource = AssetIngested | EnrichmentRetried | RenditionMade | ShotsFound


class EnrichmentProcessor:
    """Runs one enricher as a processor of the log.

    It works on what was written here only: assets that were born at this site, and other tries that
    were asked for here. What another site computes comes as its events, and is not computed again.

    Args:
        enricher: does the work.
        on_rendition: the rendition class whose making starts the work; None starts it with the
            original, when it is ingested or when another try is asked for.
        on_shots: the finding of a film's shots starts the work, or another try.
        generation: of what the enricher computes. Another generation has no progress yet, so it
            begins with the first asset again, beside what the one before it has left.
    """

    def __init__(
        self,
        enricher: Enricher,
        *,
        on_rendition: str | None = None,
        on_shots: bool = False,
        generation: str = "",
    ) -> None:
        self._enricher = enricher
        self._rendition = on_rendition
        self.name = f"{enricher.name} {generation}" if generation else enricher.name
        begins = ShotsFound if on_shots else AssetIngested
        kinds: tuple[type[EnrichmentSource], ...] = (
            (RenditionMade,) if on_rendition else (begins, EnrichmentRetried)
        )
        self._kinds = {type_name(kind): kind for kind in kinds}
        self.handles = frozenset(self._kinds)

    async def process(self, event: Event) -> Sequence[NewEvent]:
        """Return what the enricher found, or one `EnrichmentFailed`."""
        if event.process_id != event.log_id:
            return ()
        source: EnrichmentSource = payload_as(event, self._kinds[event.type_name])
        if not self._concerns(source):
            return ()
        try:
            return self._events(await self._enricher.enrich(source), source, event)
        except Unavailable:
            raise
        except MuseionError as error:
            return self._events([self._failure(source.asset_id, error)], source, event)

    def _events(
        self, found: Sequence[ArchiveEvent], source: EnrichmentSource, cause: Event
    ) -> list[NewEvent]:
        return [
            new_event(payload, emitter_id=self.name, aggregate_id=source.asset_id, cause=cause)
            for payload in found
        ]

    def _concerns(self, source: EnrichmentSource) -> bool:
        if isinstance(source, RenditionMade):
            return source.rendition == self._rendition and not source.is_drawing
        if isinstance(source, EnrichmentRetried):
            return self._enricher.name in source.processors
        return True

    def _failure(self, asset_id: AssetId, error: MuseionError) -> EnrichmentFailed:
        return EnrichmentFailed(
            asset_id=asset_id,
            processor=self._enricher.name,
            reason=error.message,
            remedy=error.remedy,
        )
