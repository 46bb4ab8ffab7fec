"""Which part of a picture fits a query."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get
from litestar.di import Provide
from litestar.params import Parameter

from museion.api.asset_routes import Id
from museion.api.openapi import problems
from museion.archive.archive import Archive
from museion.archive.asset import AssetId
from museion.archive.regions import PictureRegions, WhyPicture


def why_router(regions: PictureRegions) -> Router:
    """Return the route; `regions` keeps what was seen of the pictures asked for."""
    return Router(
        path="/",
        route_handlers=[why],
        dependencies={"regions": Provide(lambda: regions, sync_to_thread=False)},
    )


@get(
    "/api/assets/{asset_id:str}/why",
    summary="Which part of a picture fits a query, as a heat map",
    responses=problems(400, 404, 503),
)
async def why(
    archive: Archive,
    regions: PictureRegions,
    asset_id: Id,
    q: Annotated[str, Parameter(max_length=2000, description="A query, as for the search.")],
) -> WhyPicture:
    """Lay the grid over the whole picture: `relevance[row][column]`, each cell in 0..1."""
    return await regions.why(archive, AssetId(asset_id), q)
