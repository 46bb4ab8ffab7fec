"""Over HTTP, a blob that lies elsewhere is sent for, and the answer says where it lies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from blob_neighbours import HoldingSource, Place, original, place, rendition
from litestar import Litestar
from litestar.di import Provide

from museion.api import asset_routes
from museion.api.problems import on_museion_error
from museion.archive.archive import Archive, IngestLimits
from museion.archive.catalog.projection import CatalogProjection
from museion.archive.catalog.reader import Catalog
from museion.archive.change_feed import ChangeFeed
from museion.base.errors import MuseionError
from museion.blobs.transfer.policies import ON_DEMAND
from museion.testing.contracts.blob_store import UNKNOWN, digest_of
from museion.testing.event_loop import in_event_loop, until

# The routes use spellings that older versions of litestar know as well.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PICTURE, SMALL = b"a picture" * 1000, b"RIFF1234WEBP a thumbnail"


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Place, httpx.AsyncClient, HoldingSource]]:
    """Yield a site that knows two blobs of another one, and a client of its API."""
    async with place(folder, policy=ON_DEMAND) as here:
        await here.tell(original(PICTURE), rendition(SMALL))
        projection = CatalogProjection(folder / "catalog.sqlite")
        await asyncio.to_thread(projection.apply, await here.log.read())
        catalog = Catalog(folder / "catalog.sqlite")
        archive = Archive(
            name="here",
            log=here.log,
            blobs=here.blobs,
            catalog=catalog,
            searcher=cast(Any, None),
            pool=cast(Any, None),
            changes=ChangeFeed(),
            limits=IngestLimits(),
        )
        archive.blob_exchange = here.exchange
        app = Litestar(
            [asset_routes.original, asset_routes.blob],
            dependencies={"archive": Provide(lambda: archive, sync_to_thread=False)},
            exception_handlers={MuseionError: on_museion_error},
            logging_config=None,
            openapi_config=None,
        )
        source = here.neighbour("Graz", HoldingSource())
        source.hold(PICTURE, SMALL)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(cast(Any, app)), base_url="http://here"
        ) as client:
            yield here, client, source
        catalog.close()
        projection.close()


@in_event_loop
async def test_a_rendition_that_lies_elsewhere_is_answered_when_it_comes(tmp_path: Path) -> None:
    async with served(tmp_path) as (here, client, _):
        answer = await client.get(f"/api/blobs/{digest_of(SMALL)}")
        assert (answer.status_code, answer.content) == (200, SMALL)
        assert digest_of(SMALL) in here.blobs


@in_event_loop
async def test_an_original_that_does_not_come_soon_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asset_routes, "_ORIGINAL_WAIT_S", 0.05)
    async with served(tmp_path) as (here, client, source):
        source.open.clear()
        address = f"/api/assets/{original(PICTURE).asset_id}/original"
        answer = await client.get(address)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.headers["Cache-Control"] == "no-store"
        problem = answer.json()
        assert problem["title"] == "Blob not here"
        assert "it lies at Graz" in problem["detail"]
        assert problem["places"] == [{"name": "Graz"}]
        assert "on its way" in problem["remedy"]
        source.open.set()
        await until(lambda: digest_of(PICTURE) in here.blobs)
        part = await client.get(address, headers={"Range": "bytes=2-9"})
        assert (part.status_code, part.content) == (206, PICTURE[2:10])


@in_event_loop
async def test_a_blob_that_the_archive_does_not_know_is_not_found(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, client, source):
        assert (await client.get(f"/api/blobs/{UNKNOWN}")).status_code == 404
        assert source.reads == []


@in_event_loop
async def test_a_damaged_original_is_healed_while_it_is_asked_for(tmp_path: Path) -> None:
    async with served(tmp_path) as (here, client, _):
        digest = here.blobs.put(PICTURE).digest
        path = here.blobs.path(digest)
        path.chmod(0o644)
        path.write_bytes(b"damage")
        answer = await client.get(f"/api/assets/{original(PICTURE).asset_id}/original")
        assert (answer.status_code, answer.content) == (200, PICTURE)
