"""HEIC through pillow-heif: the libvips that Python packages carry has no HEVC decoder."""

from __future__ import annotations

from pathlib import Path

import pillow_heif
import pyvips

from museion.media import sniff
from museion.media.errors import MemoryFlood
from museion.media.limits import Limits
from museion.media.picture import check_pixels

_PEAK_BYTES_PER_PIXEL = 6


def open_heic(name: str, limits: Limits) -> pyvips.Image:
    """Return the main picture of a HEIC file, turned upright by libheif, its profile attached.

    Raises:
        PixelFlood: it has more pixels than `limits` allow; it was not decoded.
        pyvips.Error: it cannot be decoded; the message is libheif's.
    """
    try:
        container = pillow_heif.open_heif(Path(name), convert_hdr_to_8bit=True)
        picture = container[container.primary_index]
        check_pixels(*picture.size, limits, whole_bytes_per_pixel=_PEAK_BYTES_PER_PIXEL)
        # Its rows may be padded, so that the array is wider than the picture.
        padded = pyvips.Image.new_from_array(picture)
    except MemoryError:
        raise MemoryFlood(sniff.HEIC.format_name) from None
    except (ValueError, LookupError, RuntimeError, EOFError, OSError, SyntaxError) as reason:
        raise pyvips.Error(str(reason)) from None
    image = padded.crop(0, 0, *picture.size)
    profile = picture.info.get("icc_profile")
    if profile:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image
