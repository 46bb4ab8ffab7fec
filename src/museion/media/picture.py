"""A decoded picture on its way to renditions, and the guards around libvips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyvips

from museion.media.containers import missing_bytes
from museion.media.errors import (
    CorruptMedia,
    MemoryFlood,
    PixelFlood,
    TruncatedMedia,
    UnsupportedMedia,
)
from museion.media.limits import Limits
from museion.media.sniff import MediaType

PREVIEW_SIDE_PIXELS = 1600
"""Longest side of a preview; nothing larger is ever needed after decoding."""

_SIGNS_OF_AN_EARLY_END = (
    *("premature end", "unexpected end", "truncated", "end of file", "eof"),
    *("contains no image", "no data"),
)
_SIGNS_OF_A_MISSING_DECODER = ("not been built in", "unsupported", "not supported", "unimplemented")
_SIGNS_OF_NO_MEMORY = ("out of memory", "insufficient memory", "unable to malloc", "allocate")
# Lines that say where libvips stopped, not why.
_NOISE = ("unable to c", "bad seek")
_LIBRARY_NAME = re.compile(r"^(VipsJpeg|vipspng|gifload|webp|tiff2vips|heif|svgload): ")


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels as they are to be seen: upright, sRGB, at most preview size, in memory.

    `image` has 8-bit bands: one (grey) or three, and one more where it is transparent. `width` and
    `height` are those of the upright original in pixels (for drawings and pages: in their units).
    """

    image: pyvips.Image
    width: int
    height: int


def own_memory(image: pyvips.Image) -> pyvips.Image:
    """Return the image with its pixels computed, in memory that belongs to it alone.

    NOTE: `copy_memory` by itself copies nothing where the pixels lie in memory already, an array
    for example, and forgets the array; once that is collected, reading the picture crashes.
    """
    return image.copy().copy_memory()


def check_pixels(
    width: int, height: int, limits: Limits, *, whole_bytes_per_pixel: int = 0
) -> None:
    """Refuse a picture by its header.

    Args:
        whole_bytes_per_pixel: memory per pixel where the decoder must hold the whole picture.

    Raises:
        PixelFlood: it has too many pixels or too long a side, or would need too much memory.
    """
    if width * height > limits.max_pixels:
        raise PixelFlood(width=width, height=height, limit=f"{limits.max_pixels} in all")
    if max(width, height) > limits.max_side_pixels:
        raise PixelFlood(width=width, height=height, limit=f"{limits.max_side_pixels} a side")
    needed_bytes = width * height * whole_bytes_per_pixel
    if needed_bytes > limits.max_decoded_bytes:
        limit = f"{limits.max_decoded_bytes} bytes in memory, it needs {needed_bytes}"
        raise PixelFlood(width=width, height=height, limit=limit)


def preview_size(width: int, height: int) -> tuple[int, int]:
    """Return the size that fits into a preview with the same proportions, never an enlarged one."""
    return fit(width, height, PREVIEW_SIDE_PIXELS)


def fit(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Return width and height scaled down together so that neither exceeds `max_side`."""
    scale = min(1.0, max_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def resize(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Scale an image, with its colours weighted by their opacity where it is transparent."""
    if (width, height) == (image.width, image.height):
        return image
    scale, vertical_scale = width / image.width, height / image.height
    if not image.hasalpha():
        return image.resize(scale, vscale=vertical_scale)
    weighted = image.premultiply().resize(scale, vscale=vertical_scale)
    return weighted.unpremultiply().cast(image.format)


@contextmanager
def decoding_errors(path: Path, media: MediaType) -> Iterator[None]:
    """Turn what libvips says inside this context into one of our errors.

    Raises:
        TruncatedMedia: the file ends too early.
        UnsupportedMedia: it uses something that no decoder here knows.
        MemoryFlood: there was not enough memory for it.
        CorruptMedia: anything else that made the decoder stop.
    """
    pyvips.vips_lib.vips_error_clear()
    try:
        yield
    except pyvips.Error as reason:
        raise _explain(_without_names(str(reason), path), path, media) from None


def library_complaints() -> list[str]:
    """Return what libvips said in its last operation, also without failing."""
    told = pyvips.ffi.string(pyvips.vips_lib.vips_error_buffer()).decode("utf-8", "replace")
    return [line for line in told.splitlines() if line]


def _explain(
    reason: str, path: Path, media: MediaType
) -> TruncatedMedia | UnsupportedMedia | MemoryFlood | CorruptMedia:
    lowered = reason.lower()
    missing = missing_bytes(path, media)
    if missing:
        return TruncatedMedia(media.format_name, f"at least {missing} bytes are missing")
    if any(sign in lowered for sign in _SIGNS_OF_NO_MEMORY):
        return MemoryFlood(media.format_name)
    if any(sign in lowered for sign in _SIGNS_OF_AN_EARLY_END):
        return TruncatedMedia(media.format_name, reason)
    if any(sign in lowered for sign in _SIGNS_OF_A_MISSING_DECODER):
        return UnsupportedMedia(media.format_name, reason)
    return CorruptMedia(media.format_name, reason)


def _without_names(reason: str, path: Path) -> str:
    lines = [line.strip().replace(str(path), "the file") for line in reason.splitlines()]
    lines = [_LIBRARY_NAME.sub("", line) for line in lines]
    told = [line for line in lines if line and not any(noise in line for noise in _NOISE)]
    return "; ".join(dict.fromkeys(told)) or "the decoder stopped"
