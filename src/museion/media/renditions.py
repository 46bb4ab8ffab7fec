"""Step 7 of the path of a photo: what is shown of an original in the grid and on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyvips

from museion.media.decoding import decode
from museion.media.limits import Limits
from museion.media.picture import Picture, fit, resize
from museion.media.sniff import MediaType

THUMBNAIL_SIDE_PIXELS = 320

# Chosen by measurement: docs/decisions/0003-media-libraries.md.
_QUALITY = 75
_PREVIEW_EFFORT = 0
_THUMBNAIL_EFFORT = 2


@dataclass(frozen=True, slots=True)
class Rendition:
    """One picture made from an original: its bytes, and the sizes of both in pixels."""

    kind: Literal["thumbnail", "preview"]
    content: bytes
    mime: str
    width: int
    height: int
    original_width: int
    original_height: int


def make_renditions(
    path: Path, media: MediaType, limits: Limits | None = None
) -> tuple[Rendition, ...]:
    """Return the thumbnail (320 pixels on its longest side) and the preview (1600) of a file.

    Both are WebP, upright, in sRGB, never larger than the original, transparent where it is, and
    without metadata. The original is decoded once, in full. The same bytes give the same
    renditions with the same versions of the libraries.

    Raises:
        TruncatedMedia, CorruptMedia, UnsupportedMedia, LockedDocument: it cannot be decoded.
        PixelFlood, MediaTooLarge, UnsafeVector: it must not be decoded.
        OSError: the file cannot be read.
    """
    picture = decode(path, media, limits or Limits())
    preview = _rendition("preview", picture.image, picture)
    side = fit(picture.image.width, picture.image.height, THUMBNAIL_SIDE_PIXELS)
    return _rendition("thumbnail", resize(picture.image, *side), picture), preview


def _rendition(
    kind: Literal["thumbnail", "preview"], image: pyvips.Image, picture: Picture
) -> Rendition:
    effort = _PREVIEW_EFFORT if kind == "preview" else _THUMBNAIL_EFFORT
    content = image.webpsave_buffer(Q=_QUALITY, effort=effort, keep="none")
    return Rendition(
        kind, content, "image/webp", image.width, image.height, picture.width, picture.height
    )
