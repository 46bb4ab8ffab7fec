"""What another site found out is used, not found out again; its files are not mistaken for ours."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from small_archive import ingested, small_archive
from small_sites import SmallSite, exchange, small_sites

from museion.archive.enrichment.enricher import EnrichmentProcessor, EnrichmentSource
from museion.archive.events import (
    ArchiveEvent,
    EmbeddingComputed,
    FingerprintComputed,
    new_event,
)
from museion.archive.indexing import Indexes
from museion.archive.ingest import Ingest, Outcome
from museion.archive.searching import NotComparable, Searcher
from museion.log.event import NewEvent
from museion.log.sourced.processor import ProcessorRunner
from museion.models.embedded import EMBEDDED
from museion.models.registry import built_in_checkpoint
from museion.testing.event_loop import in_event_loop, until
from museion.testing.media import make_sample


class Counting:
    """Finds a fingerprint and counts how often it is asked."""

    name = "counting"

    def __init__(self) -> None:
        self.seen: list[EnrichmentSource] = []

    async def enrich(self, source: EnrichmentSource) -> Sequence[ArchiveEvent]:
        self.seen.append(source)
        return [FingerprintComputed(asset_id=source.asset_id, fingerprint=1)]


def _is_done(runner: ProcessorRunner, site: SmallSite) -> bool:
    return runner.position >= site.log.sequence_nr


@in_event_loop
async def test_what_another_site_computed_is_not_computed_again(tmp_path: Path) -> None:
    async with small_sites(tmp_path, "north", "south") as sites:
        counting = [Counting(), Counting()]
        runners = [
            ProcessorRunner(site.log, EnrichmentProcessor(each))
            for site, each in zip(sites, counting, strict=True)
        ]
        tasks = [asyncio.create_task(runner.run()) for runner in runners]
        for name in ("a.jpg", "b.jpg"):
            await sites[0].ingest(name)
        await sites[1].ingest("c.jpg")
        for _ in range(2):
            await exchange(sites)
            for site, runner in zip(sites, runners, strict=True):
                await until(partial(_is_done, runner, site))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        await exchange(sites)
        assert [len(each.seen) for each in counting] == [2, 1]
        for site in sites:
            catalog = await site.catch_up()
            shown = [asset.fingerprint for asset in catalog.page()]
            assert shown == ["0000000000000001"] * 3


@in_event_loop
async def test_content_that_came_in_elsewhere_is_recognised(tmp_path: Path) -> None:
    """It is one asset, and this site knows the path of its own file only."""
    sample = make_sample("png", tmp_path / "a.png")
    async with small_archive(tmp_path / "here") as here:
        (first,) = await here.take_in(sample)
        assert first.asset_id is not None
        (born,) = await here.log.read()
        async with small_sites(tmp_path, "north") as (north,):
            await north.log.append_replicated([born])
            ingest = Ingest(north.log, here.blobs, (await north.catch_up()).source)
            done = await ingest.ingest_file(sample)
            again = await ingest.ingest_file(sample)

            assert done.outcome is Outcome.RECOGNISED
            assert done.asset_id == first.asset_id
            assert again.outcome is Outcome.UNCHANGED
            assert (await north.catch_up()).detail(first.asset_id).sources == [str(sample)]


@in_event_loop
async def test_an_asset_that_a_site_heard_of_but_never_got_can_be_ingested_there(
    tmp_path: Path,
) -> None:
    """A filter may let through what people said, and not the birth."""
    sample = make_sample("png", tmp_path / "a.png")
    async with small_archive(tmp_path / "here") as here:
        (first,) = await here.take_in(sample)
        assert first.asset_id is not None
        async with small_sites(tmp_path, "leaf") as (leaf,):
            said = FingerprintComputed(asset_id=first.asset_id, fingerprint=1)
            (told,) = await here.log.append(
                [new_event(said, emitter_id="x", aggregate_id=first.asset_id)]
            )
            await leaf.log.append_replicated([told])
            ingest = Ingest(leaf.log, here.blobs, (await leaf.catch_up()).source)
            done = await ingest.ingest_file(sample)

            assert done.outcome is Outcome.INGESTED
            assert (await leaf.catch_up()).counts().assets == 1


@in_event_loop
async def test_of_two_embeddings_of_one_space_each_site_keeps_the_same(tmp_path: Path) -> None:
    checkpoint = built_in_checkpoint(EMBEDDED)
    space = checkpoint.space
    async with small_sites(tmp_path, "north", "south") as sites:
        for number, site in enumerate(sites):
            born = await site.ingest("a.jpg")
            unit = np.zeros(space.dimension, "<f2")
            unit[number] = 1.0
            await site.tell(
                EmbeddingComputed(asset_id=born.asset_id, space=space.id, vector=unit.tobytes())
            )
        await exchange(sites)
        kept = []
        for site in sites:
            catalog = await site.catch_up()
            indexes = Indexes.open(tmp_path / f"{site.id} index", checkpoint)
            with closing(indexes):
                for projection in indexes.projections(catalog):
                    projection.apply(await site.log.read())
                found = indexes.generation.vectors.get(ingested("a.jpg").asset_id)
                assert found is not None
                kept.append(found.tolist())

        assert kept[0] == kept[1]


@in_event_loop
async def test_an_embedding_of_another_space_is_said_to_be_not_comparable(tmp_path: Path) -> None:
    checkpoint = built_in_checkpoint(EMBEDDED)
    async with small_sites(tmp_path, "north") as (site,):
        born = await site.ingest("a.jpg")
        await site.tell(EmbeddingComputed(asset_id=born.asset_id, space="other:1", vector=b""))
        catalog = await site.catch_up()
        indexes = Indexes.open(tmp_path / "index", checkpoint)
        with closing(indexes):
            searcher = Searcher(catalog, indexes)
            with pytest.raises(NotComparable, match="other:1"):
                searcher.similar(born.asset_id, limit=3)
        assert catalog.detail(born.asset_id).spaces == ["other:1"]


@in_event_loop
async def test_an_event_of_a_type_that_is_not_known_here_is_kept_and_changes_nothing(
    tmp_path: Path,
) -> None:
    async with small_sites(tmp_path, "north", "south") as (north, south):
        newer = NewEvent(type_name="museion.from-the-future", payload=b"\xff", emitter_id="x")
        await north.log.append([newer])
        await north.ingest("a.jpg")
        await south.take_from(north)

        assert (await south.catch_up()).counts().assets == 1
        (first, _) = await south.log.read()
        assert (first.type_name, first.payload) == (newer.type_name, newer.payload)
