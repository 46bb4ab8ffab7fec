"""What happens when in a film or recording, and how it looks there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
from litestar import Response, Router, get
from litestar.di import Provide
from litestar.params import Parameter

from museion.api.arriving_blobs import on_blob_not_here, when_here
from museion.api.asset_routes import Id
from museion.api.openapi import contents, problems
from museion.archive.archive import Archive
from museion.archive.asset import AssetId
from museion.archive.blob_presence import BlobNotHere
from museion.archive.moment_frames import MomentFrames

_ORIGINAL_WAIT_S = 2.0
_FOR_AN_HOUR = "private, max-age=3600"
_LONGEST_FILM_S = 1e6


class ShotShown(msgspec.Struct, frozen=True):
    """A shot of a film in seconds; `frame` is the address of the frame that stands for it."""

    start_s: float
    end_s: float
    at_s: float
    frame: str


class UtteranceShown(msgspec.Struct, frozen=True):
    """What is said from one second to another."""

    start_s: float
    end_s: float
    text: str


class Moments(msgspec.Struct, frozen=True):
    """What happens when: shots and utterances in order; both empty where nothing was found yet.

    To play from a second on, put `#t=SECOND` behind the address of the original.
    """

    shots: list[ShotShown]
    utterances: list[UtteranceShown]


def moment_router(frames: MomentFrames) -> Router:
    """Return the routes; `frames` keeps the frames that were asked for."""
    return Router(
        path="/",
        route_handlers=[moments, frame],
        dependencies={"frames": Provide(lambda: frames, sync_to_thread=False)},
    )


@get(
    "/api/assets/{asset_id:str}/moments",
    summary="The shots of a film, and what is said in it",
    responses=problems(400, 404),
)
async def moments(archive: Archive, asset_id: Id) -> Moments:
    """In order of time; also what is said in a recording."""
    asset = (await archive.asset(AssetId(asset_id))).summary
    return await asyncio.to_thread(_moments, archive, asset.id)


@get(
    "/api/assets/{asset_id:str}/frame",
    summary="The frame that a film shows at a second",
    media_type="image/webp",
    responses=contents("image/webp", 200) | problems(400, 404, 422, 503),
    exception_handlers={BlobNotHere: on_blob_not_here},
)
async def frame(
    archive: Archive,
    frames: MomentFrames,
    asset_id: Id,
    at: Annotated[
        float,
        Parameter(ge=0, le=_LONGEST_FILM_S, description="Seconds from the film's beginning."),
    ] = 0.0,
) -> Response[bytes]:
    """Behind the end it is the last one. A film that lies at another site is sent for."""
    asset = (await archive.asset(AssetId(asset_id))).summary

    async def original() -> Path:
        return await when_here(
            archive,
            asset.digest,
            archive.blobs.path,
            wait_s=_ORIGINAL_WAIT_S,
            size_bytes=asset.size_bytes,
        )

    content = await frames.frame(asset, at, original)
    return Response(content, media_type="image/webp", headers={"Cache-Control": _FOR_AN_HOUR})


def _moments(archive: Archive, asset_id: AssetId) -> Moments:
    content = archive.catalog.content
    shots = [
        ShotShown(each.start_s, each.end_s, each.at_s, _address(asset_id, each.at_s))
        for each in content.shots(asset_id)
    ]
    said = [UtteranceShown(u.start_s, u.end_s, u.text) for u in content.utterances(asset_id)]
    return Moments(shots, said)


def _address(asset_id: AssetId, at_s: float) -> str:
    return f"/api/assets/{asset_id}/frame?at={round(at_s, 3)}"
