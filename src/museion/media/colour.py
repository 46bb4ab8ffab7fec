"""Colours of any picture in sRGB, the space in which renditions are kept and shown.

Source: ICC.1:2022 (profile header: 7.2); Exif 3.0, annex on DCF (InteroperabilityIndex R03 stands
for Adobe RGB (1998) where no profile is embedded).
"""

from __future__ import annotations

import pyvips

from museion.media import icc

_PROFILE = "icc-profile-data"
_INTEROPERABILITY = "exif-ifd4-InteroperabilityIndex"
_BANDS_BY_SPACE = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
_HEADER_BYTES = 128


def to_srgb(image: pyvips.Image) -> pyvips.Image:
    """Return the image in 8-bit sRGB (grey stays grey), transparency kept.

    An embedded profile is followed if it fits the image's bands; CMYK without one is taken for a
    common coated paper; a camera's mark for Adobe RGB is honoured.

    Raises:
        pyvips.Error: the pixels cannot be decoded or their space is unknown.
    """
    profile = _profile_to_follow(image)
    if profile is not None:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, _PROFILE, profile)
        fallback = "cmyk" if image.interpretation == "cmyk" else "srgb"
        image = image.icc_transform(
            "srgb", embedded=True, input_profile=fallback, intent="relative", depth=8
        )
    elif image.interpretation == "cmyk":
        image = image.icc_transform("srgb", input_profile="cmyk", intent="relative", depth=8)
    target = "b-w" if image.interpretation in ("b-w", "grey16") else "srgb"
    image = image.colourspace(target)
    return image if image.format == "uchar" else image.cast("uchar")


def _profile_to_follow(image: pyvips.Image) -> bytes | None:
    profile = _embedded_profile(image)
    if profile is not None:
        return None if icc.is_srgb(profile) else profile
    return icc.adobe_rgb() if _is_marked_adobe_rgb(image) else None


def _embedded_profile(image: pyvips.Image) -> bytes | None:
    if image.get_typeof(_PROFILE) == 0:
        return None
    profile = bytes(image.get(_PROFILE))
    bands = image.bands - int(image.hasalpha())
    fits = len(profile) > _HEADER_BYTES and _BANDS_BY_SPACE.get(profile[16:20]) == bands
    return profile if fits else None


def _is_marked_adobe_rgb(image: pyvips.Image) -> bool:
    if image.get_typeof(_INTEROPERABILITY) == 0:
        return False
    return str(image.get(_INTEROPERABILITY)).startswith("R03")
