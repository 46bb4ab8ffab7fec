"""A small archive with its blob exchange, and neighbours that hold blobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import MappingProxyType

from museion.archive.asset import asset_id_of
from museion.archive.blob_exchange import BlobExchange
from museion.archive.blob_presence import ExchangeSettings
from museion.archive.events import ArchiveEvent, AssetIngested, RenditionMade, new_event
from museion.archive.missing_blobs import MissingBlobs
from museion.base.retry import RetryPolicy
from museion.blobs.blob_store import Digest
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.transfer.blob_source import BlobNeighbour
from museion.blobs.transfer.errors import BlobNotThere, SourceUnavailable
from museion.blobs.transfer.fetch_settings import FetchSettings
from museion.blobs.transfer.fetcher import BlobFetcher
from museion.blobs.transfer.policies import EVERYTHING, BlobPolicy, Predicate
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.streams.projection import ProjectionRunner
from museion.testing.contracts.blob_store import digest_of

QUICK = FetchSettings(retry=RetryPolicy(0.001, 0.01), tries=2)


@dataclass
class HoldingSource:
    """Has contents in memory; `away` it does not answer, `open` it gives bytes."""

    contents: dict[Digest, bytes] = field(default_factory=dict)
    away: bool = False
    open: asyncio.Event = field(default_factory=asyncio.Event)
    reads: list[Digest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open.set()

    def hold(self, *contents: bytes) -> None:
        self.contents |= {digest_of(content): content for content in contents}

    async def has(self, digests: Sequence[Digest]) -> Collection[Digest]:
        if self.away:
            raise SourceUnavailable("it", "it is away")
        return [each for each in digests if each in self.contents]

    async def read(self, digest: Digest, start: int) -> AsyncGenerator[bytes, None]:
        if self.away:
            raise SourceUnavailable("it", "it is away")
        if digest not in self.contents:
            raise BlobNotThere("it", digest)
        self.reads.append(digest)
        await self.open.wait()
        yield self.contents[digest][start:]


@dataclass
class Place:
    """One site: what it knows, what it holds, and whom it can ask."""

    folder: Path
    log: EventLog
    blobs: FilesystemBlobStore
    missing: MissingBlobs
    exchange: BlobExchange
    neighbours: list[BlobNeighbour]
    runner: ProjectionRunner
    clock_ms: list[int]

    async def tell(self, *facts: ArchiveEvent) -> None:
        """Write facts into the log, and wait until the exchange has seen them."""
        await self.log.append([new_event(fact, emitter_id="test") for fact in facts])
        await self.runner.reached(self.log.sequence_nr)

    def neighbour(self, name: str, source: HoldingSource) -> HoldingSource:
        """Connect a site."""
        self.neighbours.append(BlobNeighbour(name.lower(), name, source))
        return source


@asynccontextmanager
async def place(
    folder: Path,
    *,
    policy: BlobPolicy = EVERYTHING,
    predicates: Mapping[str, Predicate] = MappingProxyType({}),
    log: EventLog | None = None,
) -> AsyncIterator[Place]:
    """Open a site that follows its log and fetches blobs meanwhile."""
    folder.mkdir(exist_ok=True)
    own = log or EventLog(MemoryEventStore(log_id="here"))
    blobs = FilesystemBlobStore(folder / "blobs")
    missing = MissingBlobs(folder / "blobs.sqlite", blobs, policy=policy, predicates=predicates)
    neighbours: list[BlobNeighbour] = []
    clock_ms = [1_700_000_000_000]
    seed = Random(3)  # noqa: S311 (repeatable)
    exchange = BlobExchange(
        blobs,
        missing,
        BlobFetcher(blobs, lambda: neighbours, seed=seed, settings=QUICK),
        now_ms=lambda: clock_ms[0],
        seed=seed,
        settings=ExchangeSettings(look_s=0.01, in_flight=4, full_disk_s=0.02),
    )
    runner = ProjectionRunner(own, missing)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in (runner.run(), exchange.run())]
            await asyncio.sleep(0)
            yield Place(folder, own, blobs, missing, exchange, neighbours, runner, clock_ms)
            for task in tasks:
                task.cancel()
    finally:
        missing.close()
        if log is None:
            await own.close()


def original(content: bytes, *, kind: str = "image") -> AssetIngested:
    """Return the fact that content came in at some site."""
    digest = digest_of(content)
    return AssetIngested(
        asset_id=asset_id_of(digest),
        digest=digest,
        size_bytes=len(content),
        media_type=f"{kind}/any",
        kind=kind,
        filename="any",
    )


def rendition(content: bytes, name: str = "thumbnail") -> RenditionMade:
    """Return the fact that a rendition was made at some site."""
    digest = digest_of(content)
    return RenditionMade(
        asset_id=asset_id_of(digest),
        rendition=name,
        digest=digest,
        media_type="image/webp",
        width=3,
        height=2,
        size_bytes=len(content),
    )
