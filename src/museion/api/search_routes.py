"""Search by words and filters, by an asset, or by a picture that is sent along."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from litestar import get, post
from litestar.params import Parameter

from museion.api.asset_routes import Id, Limit, Offset
from museion.api.openapi import TakesFile, problems
from museion.api.problems import AnyRequest
from museion.api.schemas import SearchAnswer, Suggestion, search_answer
from museion.archive.archive import Archive
from museion.archive.asset import AssetId
from museion.archive.finding.ranking import Mode
from museion.archive.ingest import TooLarge
from museion.archive.searching import Asking
from museion.archive.suggesting import suggest

_MOST_PICTURE_BYTES = 64 << 20


@get("/api/search", summary="Hits for a query, best first", responses=problems(400, 404, 409))
async def search(
    archive: Archive,
    q: Annotated[str, Parameter(max_length=2000, description="Words, phrases and filters.")],
    limit: Limit = 50,
    offset: Offset = 0,
    answer: Annotated[
        str, Parameter(max_length=100, description="`answer` of the first page, to go on in it.")
    ] = "",
    mode: Annotated[Mode, Parameter(description="What the ranking listens to.")] = "all",
    collapse: Annotated[
        bool, Parameter(description="Let one hit stand for all that look like it.")
    ] = True,
    cut: Annotated[
        bool, Parameter(description="Leave out pictures that fit the words less than weakly.")
    ] = True,
) -> SearchAnswer:
    """Each hit carries its scores and why it is one; `strong` of them fit, the others may."""
    asking = Asking(mode=mode, collapses=collapse, cuts=cut)
    found = await archive.search(q, limit=limit, offset=offset, token=answer, asking=asking)
    return search_answer(found)


@get(
    "/api/assets/{asset_id:str}/similar",
    summary="Assets that look like an asset",
    responses=problems(400, 404, 409),
)
async def similar(archive: Archive, asset_id: Id, limit: Limit = 24) -> SearchAnswer:
    """The asset itself is not among the hits."""
    return search_answer(await archive.similar(AssetId(asset_id), limit=limit))


@post(
    "/api/search/like",
    summary="Assets that look like a picture",
    status_code=200,
    operation_class=TakesFile,
    responses=problems(400, 404, 409, 415, 422),
)
async def search_like(
    archive: Archive,
    request: AnyRequest,
    limit: Limit = 50,
    q: Annotated[str, Parameter(max_length=2000, description="What hits shall fit as well.")] = "",
) -> SearchAnswer:
    """The body is the bytes of the picture; it is not kept."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture")
        size_bytes = 0
        with path.open("wb") as file:  # noqa: ASYNC230 (a local file, small writes)
            async for chunk in request.stream():
                size_bytes += len(chunk)
                if size_bytes > _MOST_PICTURE_BYTES:
                    raise TooLarge(_MOST_PICTURE_BYTES)
                file.write(chunk)
        return search_answer(await archive.search_like(path, q, limit=limit))


@get(
    "/api/suggest",
    summary="Completions for the last word of a query",
    sync_to_thread=True,
    responses=problems(400),
)
def suggestions(
    archive: Archive,
    q: Annotated[str, Parameter(description="What has been typed so far.")] = "",
) -> list[Suggestion]:
    """Names of filters, and the keywords and cameras that the archive holds."""
    found = suggest(archive.catalog, q, names=archive.searcher.names)
    return [Suggestion(each.text, each.label, each.kind) for each in found]
