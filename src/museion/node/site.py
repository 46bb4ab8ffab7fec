"""A site, assembled: the log, blobs, catalog and indexes in one folder, and what runs on them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from museion.archive.archive import Archive, ArchiveReader, IngestLimits
from museion.archive.catalog.projection import CatalogProjection
from museion.archive.catalog.reader import Catalog
from museion.archive.change_feed import ChangeFeed
from museion.archive.enrichment.embeddings import see
from museion.archive.enrichment.worker_pool import WorkerLimits, WorkerPool
from museion.archive.generations import read_choice
from museion.archive.indexing import Indexes, LexicalProjection
from museion.archive.known_values import CatalogNames
from museion.archive.searching import Searcher
from museion.base.errors import Conflict
from museion.base.waiting import meanwhile
from museion.blobs.blob_store import Digest
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.media.limits import Limits
from museion.models.checkpoint import Checkpoint
from museion.models.registry import Registry
from museion.node.pipeline import Follower, enrichment, hearing, reading_pictures, seeing
from museion.node.settings import FILE_NAME, Settings, read_settings, settings_text
from museion.node.site_lock import SiteLock
from museion.node.site_models import SiteModels, models_folder
from museion.node.sites.site_files import forked_log, has_joined, names_of_sites, site_id_of
from museion.node.stragglers import Stragglers
from museion.streams.projection import ProjectionRunner

_INDEX_PAUSE_S = 0.2
"""Events gather this long before an index commits: a commit costs much more than one event."""


class FolderNotEmpty(Conflict):
    """A new site needs a folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} is not empty and not a site.", remedy="Name a new or an empty folder."
        )


class Site(Archive):
    """An archive in a folder, open for writing, with its processors running.

    Example:
        async with Site.open("my-site", create=True) as site:
            async for file in site.ingest("holiday-photos"):
                print(file.outcome, file.filename)
            await site.settle()
            answer = await site.search("a dog on the beach")
    """

    folder: Path
    settings: Settings
    lock: SiteLock
    catalog_runner: ProjectionRunner
    models: SiteModels

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: str | Path, *, create: bool = False) -> AsyncIterator[Site]:
        """Open a site for reading and writing, and let its processors run meanwhile.

        Args:
            folder: the site's folder.
            create: make the site when the folder does not exist or is empty.

        Raises:
            NoSite: the folder is no site and `create` is off.
            SiteInUse: another process has it open for writing.
            Exception: what ended a processor or projection meanwhile; the body is cancelled then.
        """
        if create:
            init_site(Path(folder))
        settings = read_settings(Path(folder))
        async with AsyncExitStack() as stack:
            yield await _assemble(Path(folder), settings, stack)

    @classmethod
    @asynccontextmanager
    async def open_reading(cls, folder: str | Path) -> AsyncIterator[ArchiveReader]:
        """Open a site for reading only, also beside a process that writes.

        Raises:
            NoSite: the folder is no site.
            NoCatalog: nothing was ever ingested.
        """
        place = Path(folder)
        settings = read_settings(place)
        async with AsyncExitStack() as stack:
            catalog = Catalog(place / "catalog.sqlite")
            stack.callback(catalog.close)
            choice = read_choice(models_folder(place), default=settings.encoder)
            checkpoint = Registry(models_folder(place)).find(choice.current)
            indexes = Indexes.open_reading(place / "index", checkpoint)
            stack.callback(indexes.close)
            pool = WorkerPool(_worker_limits(settings))
            stack.callback(pool.close)
            reader = ArchiveReader(
                name=settings.name,
                blobs=FilesystemBlobStore(place / "blobs", writable=False),
                catalog=catalog,
                searcher=Searcher(
                    catalog, indexes, names=_names(place, stack), fusion=settings.fusion
                ),
                pool=pool,
            )
            reader.name_sites(names_of_sites(place, settings.name))
            yield reader

    async def settle(self, *, trouble_limit_s: float = 30.0) -> list[Follower]:
        """Wait until everything that was ingested is enriched and can be found.

        Returns:
            The parts that cannot go on, with their trouble; empty when all is done.
        """
        return await self.models.pipeline.settle(trouble_limit_s=trouble_limit_s)

    @property
    def settled(self) -> bool:
        """Tell whether everything that was ingested so far is enriched and can be found."""
        return self.models.pipeline.settled

    def followers(self) -> list[Follower]:
        """Return how far each processor and projection has come."""
        return self.models.pipeline.followers()


def init_site(folder: Path, *, name: str | None = None) -> bool:
    """Make a site in a folder; tell whether it was new. An existing site stays as it is.

    Raises:
        FolderNotEmpty: the folder holds something else.
    """
    if (folder / FILE_NAME).exists():
        return False
    if folder.exists() and any(folder.iterdir()):
        raise FolderNotEmpty(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = settings_text(name or folder.absolute().name)
    (folder / FILE_NAME).write_text(text, "utf-8")
    _make_views(folder)
    return True


def _make_views(folder: Path) -> None:
    """Make an empty catalog and empty indexes, so that a new site can be searched in vain."""
    CatalogProjection(folder / "catalog.sqlite").close()
    checkpoint = Registry(models_folder(folder)).find(read_settings(folder).encoder)
    Indexes.open(folder / "index", checkpoint).close()


async def _assemble(folder: Path, settings: Settings, stack: AsyncExitStack) -> Site:
    lock = SiteLock(folder).acquire()
    stack.callback(lock.release)
    log = await _open_log(folder)
    stack.push_async_callback(log.close)
    changes = ChangeFeed()
    projection = CatalogProjection(
        folder / "catalog.sqlite", log_end=log.sequence_nr, on_change=changes.publish
    )
    stack.callback(projection.close)
    catalog = Catalog(folder / "catalog.sqlite")
    stack.callback(catalog.close)
    current, coming = _checkpoints(folder, settings)
    indexes = Indexes.open(folder / "index", current, coming=coming, log_end=log.sequence_nr)
    stack.callback(indexes.close)
    pool = WorkerPool(_worker_limits(settings))
    stack.callback(pool.close)
    site = Site(
        name=settings.name,
        log=log,
        blobs=FilesystemBlobStore(folder / "blobs"),
        catalog=catalog,
        searcher=Searcher(catalog, indexes, names=_names(folder, stack), fusion=settings.fusion),
        pool=pool,
        changes=changes,
        limits=IngestLimits(settings.files_at_once, settings.max_upload_mib << 20),
    )
    site.folder, site.settings, site.lock = folder, settings, lock
    site.name_sites(names_of_sites(folder, settings.name))
    projection.tell(lambda _, changed: site.searcher.facets.changed(changed))
    site.models = _models(site, projection, indexes)
    await stack.enter_async_context(site.models.pipeline.running())
    await stack.enter_async_context(meanwhile(site.models.run(), _stragglers(site).run()))
    return site


def _names(folder: Path, stack: AsyncExitStack) -> CatalogNames:
    names = CatalogNames(folder / "catalog.sqlite")
    stack.callback(names.close)
    return names


def _checkpoints(folder: Path, settings: Settings) -> tuple[Checkpoint, Checkpoint | None]:
    """Return the checkpoint that is searched with, and the one that a change goes to."""
    registry = Registry(models_folder(folder))
    choice = read_choice(models_folder(folder), default=settings.encoder)
    # One that was taken away before the change was complete is not missed.
    coming = choice.wanted if choice.wanted in registry.names() else None
    return registry.find(choice.current), None if coming is None else registry.find(coming)


async def _open_log(folder: Path) -> EventLog:
    """Open the log; one that was lost begins empty under its old id and takes no new events.

    Nor does one that has not all events yet of the forked log that it follows.
    """
    log = EventLog(LmdbEventStore(folder / "log", log_id=site_id_of(folder)))
    if forked_log(folder) is not None or (log.sequence_nr == 0 and has_joined(folder)):
        await log.write_hold.hold()
    return log


def _models(site: Site, catalog: CatalogProjection, indexes: Indexes) -> SiteModels:
    """Return the models of a site, with the pipeline that they are part of."""
    site.catalog_runner = first = ProjectionRunner(site.log, catalog)
    lexical = LexicalProjection(indexes.lexical, site.catalog)
    limits = Limits(max_pixels=site.settings.max_megapixels * 1_000_000)
    return SiteModels(
        site.folder,
        indexes,
        log=site.log,
        catalog=site.catalog,
        pool=site.pool,
        fixed=[
            *enrichment(site.log, site.blobs, site.pool, limits),
            *hearing(site.log, site.blobs, site.pool, site.settings.speech_model),
            *reading_pictures(site.log, site.blobs, site.pool, wanted=site.settings.recognise_text),
            first,
            ProjectionRunner(site.log, lexical, pause_s=_INDEX_PAUSE_S, behind=first),
        ],
        catalog_runner=first,
        seeing=lambda checkpoint: seeing(site.log, site.blobs, site.pool, checkpoint, limits),
    )


def _stragglers(site: Site) -> Stragglers:
    async def embed(preview: Digest) -> tuple[str, bytes]:
        content = await asyncio.to_thread(site.blobs.read, preview)
        space, vector, _ = await site.pool.run(see, content, site.searcher.checkpoint)
        return space, vector

    return Stragglers(
        site.log, site.catalog, space_id=lambda: site.searcher.generation.space.id, embed=embed
    )


def _worker_limits(settings: Settings) -> WorkerLimits:
    return WorkerLimits(
        workers=settings.workers or len(os.sched_getaffinity(0)),
        memory_bytes=settings.worker_memory_mib << 20,
        time_s=settings.worker_time_s,
    )
