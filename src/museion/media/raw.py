"""Camera RAW by the preview that the camera itself put into the file, through LibRaw.

The preview is the picture as the photographer saw it and comes in milliseconds. Only where there
is none worth showing is the sensor's data developed, at half its size. LibRaw does not read that
data otherwise, so a file cut short is noticed by the lengths that its directories state.
"""

from __future__ import annotations

from pathlib import Path

import pyvips
import rawpy

from museion.media.containers import check_complete
from museion.media.errors import CorruptMedia, TruncatedMedia, UnsupportedMedia
from museion.media.limits import Limits
from museion.media.native_path import native_path
from museion.media.picture import Picture, check_pixels, own_memory, preview_size, resize
from museion.media.sniff import MediaType
from museion.media.stills import decode_embedded_jpeg

_SMALLEST_USEFUL_SIDE = 640
# LibRaw's numbers for the turn that makes a picture upright. Source: LibRaw, "Data structures".
_TURNS = {3: "d180", 5: "d270", 6: "d90"}
_SIDEWAYS_FLIPS = (5, 6)
# The developed picture with four 16-bit channels at half size and its 8-bit copy.
_DEVELOPED_BYTES_PER_PIXEL = 5
_NO_PREVIEW = (
    rawpy.LibRawNoThumbnailError,
    rawpy.LibRawUnsupportedThumbnailError,
    rawpy.LibRawRequestForNonexistentImageError,
)


def decode_raw(path: Path, media: MediaType, limits: Limits) -> Picture:
    """Return the embedded preview of a RAW file, upright and in sRGB.

    Raises:
        UnsupportedMedia: LibRaw does not know the camera.
        TruncatedMedia, CorruptMedia: the file cannot be read.
        PixelFlood: it has more pixels than `limits` allow.
        OSError: the file cannot be read.
    """
    check_complete(path, media)
    with native_path(path) as name:
        try:
            with rawpy.imread(name) as raw:
                check_pixels(raw.sizes.raw_width, raw.sizes.raw_height, limits)
                return _embedded(raw, path, media, limits) or _developed(raw, limits)
        except rawpy.LibRawFileUnsupportedError:
            reason = "no decoder knows this camera"
            raise UnsupportedMedia(media.format_name, reason) from None
        except rawpy.LibRawIOError as reason:
            raise TruncatedMedia(media.format_name, _words(reason)) from None
        except (rawpy.LibRawError, rawpy.NotSupportedError) as reason:
            raise CorruptMedia(media.format_name, _words(reason)) from None


def _embedded(raw: rawpy.RawPy, path: Path, media: MediaType, limits: Limits) -> Picture | None:
    try:
        preview = raw.extract_thumb()
    except _NO_PREVIEW:
        return None
    if isinstance(preview.data, bytes):
        picture, says_upright = decode_embedded_jpeg(preview.data, path, media, limits)
        image = picture.image
    else:
        image, says_upright = pyvips.Image.new_from_array(preview.data), False
        image = resize(image, *preview_size(image.width, image.height))
    if max(image.width, image.height) < min(_SMALLEST_USEFUL_SIDE, *_upright_size(raw)):
        return None
    image = _turn(image, raw, says_upright=says_upright)
    return Picture(own_memory(image), *_upright_size(raw))


def _developed(raw: rawpy.RawPy, limits: Limits) -> Picture:
    width, height = _upright_size(raw)
    check_pixels(width, height, limits, whole_bytes_per_pixel=_DEVELOPED_BYTES_PER_PIXEL)
    pixels = raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
    image = pyvips.Image.new_from_array(pixels)
    image = resize(image, *preview_size(image.width, image.height))
    return Picture(own_memory(image), width, height)


def _upright_size(raw: rawpy.RawPy) -> tuple[int, int]:
    sizes = raw.sizes
    if sizes.flip in _SIDEWAYS_FLIPS:
        return sizes.height, sizes.width
    return sizes.width, sizes.height


def _turn(image: pyvips.Image, raw: rawpy.RawPy, *, says_upright: bool) -> pyvips.Image:
    """Return the preview turned upright, as far as it is not yet.

    Cameras differ: some store the preview as the sensor lay, some upright, with or without an
    orientation of its own. Where the turn is sideways the preview's shape tells which.
    """
    sizes = raw.sizes
    if sizes.flip in _SIDEWAYS_FLIPS:
        is_as_the_sensor_lay = (image.width >= image.height) == (sizes.width >= sizes.height)
        return image.rot(_TURNS[sizes.flip]) if is_as_the_sensor_lay else image
    if sizes.flip in _TURNS and not says_upright:
        return image.rot(_TURNS[sizes.flip])
    return image


def _words(reason: Exception) -> str:
    told = reason.args[0] if reason.args else "LibRaw cannot read it"
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
