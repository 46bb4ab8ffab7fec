"""Step 1 over the network: files arrive, and what could not be taken in is tried again."""

from __future__ import annotations

import asyncio
from typing import Annotated

from blake3 import blake3
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from museion.api.openapi import TakesFile, problems
from museion.api.problems import AnyRequest
from museion.api.schemas import QuarantineItem, Retried, UploadOutcome
from museion.archive.archive import Archive
from museion.archive.catalog.records import QuarantineEntry
from museion.archive.ingest import Outcome


@post(
    "/api/assets",
    summary="Upload one file",
    status_code=201,
    request_max_body_size=None,
    operation_class=TakesFile,
    responses={
        200: ResponseSpec(UploadOutcome, generate_examples=False, description="Known already.")
    }
    | problems(400, 415, 422, 503),
)
async def upload(
    archive: Archive,
    request: AnyRequest,
    filename: Annotated[
        str, Parameter(min_length=1, max_length=255, description="Name of the file, for people.")
    ],
) -> Response[UploadOutcome]:
    """The body is the bytes of the file. 201 for a new asset, 200 for content known already."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1] or "unnamed"
    ingested = await archive.ingest_stream(request.stream(), name)
    assert ingested.asset_id is not None, "refusals are raised"
    assert ingested.digest is not None, "refusals are raised"
    outcome = UploadOutcome(ingested.asset_id, ingested.digest, ingested.outcome)
    return Response(outcome, status_code=201 if ingested.outcome is Outcome.INGESTED else 200)


@get("/api/quarantine", summary="What could not be taken in or shown, and why")
async def quarantine(archive: Archive) -> list[QuarantineItem]:
    """Newest first."""
    return [_item(entry) for entry in await asyncio.to_thread(archive.catalog.quarantine)]


@post("/api/quarantine/retry", summary="Try everything in quarantine once more", status_code=200)
async def retry(archive: Archive) -> Retried:
    """Files are tried at once, assets in the background."""
    entries = await asyncio.to_thread(archive.catalog.quarantine)
    async for _ in archive.retry():
        pass
    return Retried(len(entries))


def _item(entry: QuarantineEntry) -> QuarantineItem:
    about = entry.path or f"{entry.asset_id}/{entry.processor}".encode()
    return QuarantineItem(
        id=blake3(about).hexdigest(16),
        filename=entry.filename,
        path=entry.place,
        reason=entry.reason,
        remedy=entry.remedy,
        time=entry.time,
        asset_id=entry.asset_id,
    )
