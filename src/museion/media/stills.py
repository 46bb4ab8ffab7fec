"""Still pictures through libvips: decoded once, reduced while they are read.

Every byte of pixels is read, so that a file cut short or damaged is refused instead of shown half
grey. What carries no check (lossy WebP, some patterns in JPEG) can still be wrong unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyvips

from museion.media import sniff
from museion.media.colour import to_srgb
from museion.media.errors import CorruptMedia, TruncatedMedia
from museion.media.heic import open_heic
from museion.media.limits import Limits
from museion.media.native_path import native_path
from museion.media.picture import (
    PREVIEW_SIDE_PIXELS,
    Picture,
    check_pixels,
    decoding_errors,
    library_complaints,
    preview_size,
    resize,
)
from museion.media.sniff import MediaType

_LOADERS = {
    sniff.JPEG: pyvips.Image.jpegload,
    sniff.PNG: pyvips.Image.pngload,
    sniff.GIF: pyvips.Image.gifload,
    sniff.WEBP: pyvips.Image.webpload,
    sniff.TIFF: pyvips.Image.tiffload,
    sniff.AVIF: pyvips.Image.heifload,
}
# Without "revalidate" libvips would answer from its cache for a file that changed since.
_STRICTLY = {"access": "sequential", "fail_on": "error", "revalidate": True}
# Memory at the peak of decoding, measured (docs/decisions/0003-media-libraries.md), of formats
# that cannot be read row by row.
_PEAK_BYTES_PER_PIXEL = {sniff.GIF: 6, sniff.WEBP: 4, sniff.AVIF: 16, sniff.HEIC: 6}
# libheif turns its pictures by their own rotation box; the Exif orientation beside it repeats that.
_UPRIGHT_ALREADY = frozenset({sniff.AVIF, sniff.HEIC})
_JPEG_SHRINKS = (8, 4, 2)
_SIDEWAYS_ORIENTATIONS = range(5, 9)
# What libjpeg reports of files that are odd but whole.
_HARMLESS_COMPLAINTS = (
    "extraneous bytes before marker",
    "unknown jfif revision",
    "unknown adobe color transform",
    "inconsistent progression sequence",
    "invalid sos parameters",
    "exif",
)


def decode_still(path: Path, media: MediaType, limits: Limits) -> Picture:
    """Return the first picture of a still, upright and in sRGB, at most preview size.

    Raises:
        PixelFlood: its header states more than `limits` allow; nothing was decoded.
        TruncatedMedia, CorruptMedia, UnsupportedMedia: the content cannot be decoded in full.
        OSError: the file cannot be read.
    """
    with native_path(path) as name, decoding_errors(path, media):
        if media == sniff.HEIC:
            return _decode(partial(open_heic, name, limits), media, limits)
        return _decode(partial(_LOADERS[media], name, **_STRICTLY), media, limits)


def decode_embedded_jpeg(
    content: bytes, path: Path, media: MediaType, limits: Limits
) -> tuple[Picture, bool]:
    """Return the JPEG that a camera put into its RAW file, and whether it says which way is up.

    Args:
        path, media: the file around it, for messages.

    Raises:
        PixelFlood, TruncatedMedia, CorruptMedia: as for a JPEG file.
    """
    reopen = partial(pyvips.Image.jpegload_buffer, content, **_STRICTLY)
    with decoding_errors(path, media):
        says_upright = reopen().get_typeof("orientation") != 0
        return _decode(reopen, sniff.JPEG, limits), says_upright


def _decode(reopen: Callable[..., pyvips.Image], media: MediaType, limits: Limits) -> Picture:
    header = reopen()
    whole_bytes_per_pixel = _whole_bytes_per_pixel(header, media)
    check_pixels(header.width, header.height, limits, whole_bytes_per_pixel=whole_bytes_per_pixel)
    return _reduce(_open_reduced(reopen, media, header), header, media)


def _open_reduced(
    reopen: Callable[..., pyvips.Image], media: MediaType, header: pyvips.Image
) -> pyvips.Image:
    longest = max(header.width, header.height)
    if media == sniff.JPEG:
        shortest = min(header.width, header.height)
        fitting = (n for n in _JPEG_SHRINKS if longest >= n * PREVIEW_SIDE_PIXELS and shortest >= n)
        shrink = next(fitting, 1)
        return reopen(shrink=shrink) if shrink > 1 else header
    if media == sniff.WEBP and longest > PREVIEW_SIDE_PIXELS:
        return reopen(scale=PREVIEW_SIDE_PIXELS / longest)
    return header


def _reduce(image: pyvips.Image, header: pyvips.Image, media: MediaType) -> Picture:
    # Colours are converted and sides turned after the reduction, on a few per cent of the pixels.
    width, height = header.width, header.height
    small = resize(image, *preview_size(width, height)).copy_memory()
    if media == sniff.JPEG:
        _refuse_damage(library_complaints())
    small = to_srgb(small)
    if media not in _UPRIGHT_ALREADY:
        if _is_sideways(header):
            width, height = height, width
        small = small.autorot()
    return Picture(small.copy_memory(), width, height)


def _whole_bytes_per_pixel(header: pyvips.Image, media: MediaType) -> int:
    """Return the memory for each pixel of a picture that cannot be read row by row, else 0."""
    if media in _PEAK_BYTES_PER_PIXEL:
        return _PEAK_BYTES_PER_PIXEL[media]
    if header.get_typeof("jpeg-multiscan") and header.get("jpeg-multiscan"):
        return 2 * int(header.bands)
    if header.get_typeof("interlaced"):
        return int(header.bands) * (1 if header.format == "uchar" else 2)
    return 0


def _is_sideways(header: pyvips.Image) -> bool:
    has_orientation = header.get_typeof("orientation") != 0
    return has_orientation and header.get("orientation") in _SIDEWAYS_ORIENTATIONS


def _refuse_damage(complaints: list[str]) -> None:
    # libjpeg goes on after damaged data and only warns; later operations forget its words.
    for complaint in complaints:
        reason = complaint.removeprefix("VipsJpeg: ").removeprefix("Corrupt JPEG data: ")
        lowered = reason.lower()
        if any(harmless in lowered for harmless in _HARMLESS_COMPLAINTS):
            continue
        if "premature end of jpeg" in lowered:
            raise TruncatedMedia(sniff.JPEG.format_name, reason)
        raise CorruptMedia(sniff.JPEG.format_name, reason)
