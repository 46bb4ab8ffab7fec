"""Blobs between sites: the door that gives them out, and the lines over which they come."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from museion.archive.asset import AssetId
from museion.archive.blob_exchange import BlobExchange
from museion.archive.missing_blobs import MissingBlobs
from museion.archive.sharing.asset_words import AssetWords
from museion.base.waiting import meanwhile
from museion.blobs.blob_store import Digest
from museion.blobs.transfer.bandwidth import Bandwidth
from museion.blobs.transfer.blob_source import BlobNeighbour
from museion.blobs.transfer.fetcher import BlobFetcher
from museion.blobs.transfer.http_blobs import BlobRequest, HttpBlobs
from museion.blobs.transfer.http_source import HttpBlobSource, blob_client
from museion.blobs.transfer.policies import (
    Asked,
    BlobFacts,
    BlobPolicy,
    KeepAll,
    KeepMatching,
    policy_of,
)
from museion.log.replication.directory import KnownSite, SiteDirectory
from museion.log.replication.replay_guard import ReplayGuard
from museion.log.replication.signing import Target, sign_request, verify_request
from museion.log.replication.site_keys import SiteKeys
from museion.node.settings import Settings
from museion.node.site import Site
from museion.streams.projection import ProjectionRunner

BLOBS = "/blobs/1/"
"""Beginning of the paths under which blobs are given out."""

FITS = "museion.fits"
"""Predicate of a policy: the asset fits the filter words."""

_COVERED = ("range",)

MayHave = Callable[[str, Digest], bool]
"""Site id, digest -> whether that site may have that blob."""


class BlobLines:
    """Gives out this site's blobs and brings those of others, while its context is open.

    Args:
        reachable: the sites that can be asked now, the best first.
        may_have: the rights predicate for each blob that leaves.
    """

    def __init__(
        self,
        site: Site,
        keys: SiteKeys,
        directory: SiteDirectory,
        *,
        reachable: Callable[[], Sequence[KnownSite]],
        may_have: MayHave,
    ) -> None:
        self._site = site
        self._keys = keys
        self._directory = directory
        self._reachable = reachable
        self._guard = ReplayGuard(_now_ms)
        limit = site.settings.blobs_mib_per_s * (1 << 20) or None
        self._bandwidth = Bandwidth(limit)
        self.door = HttpBlobs(
            site.blobs, caller_of=self._caller, may_read=may_have, bandwidth=Bandwidth(limit)
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[BlobExchange]:
        """Bring blobs meanwhile; the archive asks the exchange for those that are not here."""
        async with AsyncExitStack() as stack:
            self._client = await stack.enter_async_context(blob_client())
            missing = MissingBlobs(
                self._site.folder / "missing-blobs.sqlite",
                self._site.blobs,
                policy=_policy(self._site.settings),
                predicates={FITS: self._fits},
                log_end=self._site.log.sequence_nr,
            )
            stack.callback(missing.close)
            exchange = self._exchange(missing)
            runner = ProjectionRunner(self._site.log, missing, behind=self._site.catalog_runner)
            self._site.blob_exchange = exchange
            try:
                async with meanwhile(runner.run(), exchange.run()):
                    yield exchange
            finally:
                self._site.blob_exchange = None

    def _exchange(self, missing: MissingBlobs) -> BlobExchange:
        chance = random.Random()  # noqa: S311 (spreads retries, nothing secret)
        fetcher = BlobFetcher(
            self._site.blobs, self._neighbours, seed=chance, bandwidth=self._bandwidth
        )
        return BlobExchange(self._site.blobs, missing, fetcher, now_ms=_now_ms, seed=chance)

    def _neighbours(self) -> Sequence[BlobNeighbour]:
        return [self._neighbour(site, site.url) for site in self._reachable() if site.url]

    def _neighbour(self, site: KnownSite, url: str) -> BlobNeighbour:
        def signed(request: httpx.Request) -> httpx.Request:
            target = Target(request.method, _below_base(request.url.raw_path.decode("ascii")))
            headers = sign_request(
                self._keys,
                target,
                recipient_id=site.site_id,
                now_ms=_now_ms(),
                body=request.content,
                covered={
                    name: request.headers[name] for name in _COVERED if name in request.headers
                },
            )
            request.headers.update(headers)
            return request

        source = HttpBlobSource(self._client, url, name=site.name, sign=signed)
        return BlobNeighbour(site.site_id, site.name, source)

    async def _caller(self, request: BlobRequest) -> str:
        verified = verify_request(
            request.headers,
            Target(request.method, _below_base(request.target)),
            own_id=self._keys.site_id,
            directory=self._directory,
            guard=self._guard,
            now_ms=_now_ms,
            covered=[name for name in _COVERED if name in request.headers],
        )
        verified.require_body(request.body)
        return verified.caller_id

    def _fits(self, facts: BlobFacts, words: str) -> bool:
        return AssetWords.read(words).holds(self._site.catalog, AssetId(facts.subject))


def _policy(settings: Settings) -> BlobPolicy:
    policy = policy_of(settings.blobs)
    if settings.blobs_filter and policy.originals == KeepAll():
        only = KeepMatching(asked=(Asked(FITS, settings.blobs_filter),))
        return BlobPolicy(originals=only, renditions=policy.renditions)
    return policy


def _below_base(path: str) -> str:
    """Return a path without what a proxy or the base address of the site puts in front."""
    return BLOBS + path.rpartition(BLOBS)[2]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
