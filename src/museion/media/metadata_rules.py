"""The one table of fields: where each is read from in stills, and which source wins.

Rows of a field stand in the order of trust, the most trusted first.

Source: Metadata Working Group, "Guidelines for handling image metadata" 2.0, November 2010: Exif
before XMP before IPTC for what all three hold (caption, creator, copyright, date), XMP before IPTC
for the rest. Departures: the checksum over IPTC, which few programs keep, is not
consulted; a caption that is a camera's own boilerplate is not read at all; sources that the
Guidelines do not name come last.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

Form = Literal[
    "text",
    "texts",
    "integer",
    "number",
    "rating",
    "flash",
    "orientation",
    "utf16",
    "utf16_list",
    "names",
    "caption",
    "xmp_coordinate",
    "xmp_time",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """One place where a field may stand: our name of it, the key of exiv2, its form."""

    field: str
    source: str
    key: str
    form: Form = "text"


RULES: tuple[Rule, ...] = (
    Rule("capture_time", "xmp:exif:DateTimeOriginal", "Xmp.exif.DateTimeOriginal", "xmp_time"),
    Rule("capture_time", "xmp:photoshop:DateCreated", "Xmp.photoshop.DateCreated", "xmp_time"),
    Rule("capture_time", "xmp:xmp:CreateDate", "Xmp.xmp.CreateDate", "xmp_time"),
    Rule("camera_make", "exif:Make", "Exif.Image.Make"),
    Rule("camera_make", "xmp:tiff:Make", "Xmp.tiff.Make"),
    Rule("camera_model", "exif:Model", "Exif.Image.Model"),
    Rule("camera_model", "xmp:tiff:Model", "Xmp.tiff.Model"),
    Rule("lens", "exif:LensModel", "Exif.Photo.LensModel"),
    Rule("lens", "xmp:exifEX:LensModel", "Xmp.exifEX.LensModel"),
    Rule("lens", "xmp:aux:Lens", "Xmp.aux.Lens"),
    Rule("exposure_time_s", "exif:ExposureTime", "Exif.Photo.ExposureTime", "number"),
    Rule("exposure_time_s", "xmp:exif:ExposureTime", "Xmp.exif.ExposureTime", "number"),
    Rule("f_number", "exif:FNumber", "Exif.Photo.FNumber", "number"),
    Rule("f_number", "xmp:exif:FNumber", "Xmp.exif.FNumber", "number"),
    Rule("iso", "exif:ISOSpeedRatings", "Exif.Photo.ISOSpeedRatings", "integer"),
    Rule("iso", "exif:ISOSpeed", "Exif.Photo.ISOSpeed", "integer"),
    Rule("iso", "xmp:exif:ISOSpeedRatings", "Xmp.exif.ISOSpeedRatings", "integer"),
    Rule("focal_length_mm", "exif:FocalLength", "Exif.Photo.FocalLength", "number"),
    Rule("focal_length_mm", "xmp:exif:FocalLength", "Xmp.exif.FocalLength", "number"),
    Rule(
        "equivalent_focal_length_mm",
        "exif:FocalLengthIn35mmFilm",
        "Exif.Photo.FocalLengthIn35mmFilm",
        "integer",
    ),
    Rule("flash_fired", "exif:Flash", "Exif.Photo.Flash", "flash"),
    Rule("orientation", "exif:Orientation", "Exif.Image.Orientation", "orientation"),
    Rule("orientation", "xmp:tiff:Orientation", "Xmp.tiff.Orientation", "orientation"),
    Rule("latitude", "xmp:exif:GPSLatitude", "Xmp.exif.GPSLatitude", "xmp_coordinate"),
    Rule("longitude", "xmp:exif:GPSLongitude", "Xmp.exif.GPSLongitude", "xmp_coordinate"),
    Rule("title", "xmp:dc:title", "Xmp.dc.title"),
    Rule("title", "iptc:ObjectName", "Iptc.Application2.ObjectName"),
    Rule("title", "exif:XPTitle", "Exif.Image.XPTitle", "utf16"),
    Rule("headline", "xmp:photoshop:Headline", "Xmp.photoshop.Headline"),
    Rule("headline", "iptc:Headline", "Iptc.Application2.Headline"),
    Rule("caption", "exif:ImageDescription", "Exif.Image.ImageDescription", "caption"),
    Rule("caption", "xmp:dc:description", "Xmp.dc.description"),
    Rule("caption", "iptc:Caption-Abstract", "Iptc.Application2.Caption"),
    Rule("caption", "exif:XPComment", "Exif.Image.XPComment", "utf16"),
    Rule("keywords", "xmp:dc:subject", "Xmp.dc.subject", "texts"),
    Rule("keywords", "iptc:Keywords", "Iptc.Application2.Keywords", "texts"),
    Rule("keywords", "exif:XPKeywords", "Exif.Image.XPKeywords", "utf16_list"),
    Rule("persons", "xmp:Iptc4xmpExt:PersonInImage", "Xmp.iptcExt.PersonInImage", "texts"),
    Rule("creator", "exif:Artist", "Exif.Image.Artist", "names"),
    Rule("creator", "xmp:dc:creator", "Xmp.dc.creator", "texts"),
    Rule("creator", "iptc:By-line", "Iptc.Application2.Byline", "texts"),
    Rule("creator", "exif:XPAuthor", "Exif.Image.XPAuthor", "utf16_list"),
    Rule("credit", "xmp:photoshop:Credit", "Xmp.photoshop.Credit"),
    Rule("credit", "iptc:Credit", "Iptc.Application2.Credit"),
    Rule("copyright", "exif:Copyright", "Exif.Image.Copyright"),
    Rule("copyright", "xmp:dc:rights", "Xmp.dc.rights"),
    Rule("copyright", "iptc:CopyrightNotice", "Iptc.Application2.Copyright"),
    Rule("rights", "xmp:xmpRights:UsageTerms", "Xmp.xmpRights.UsageTerms"),
    Rule("rights_url", "xmp:xmpRights:WebStatement", "Xmp.xmpRights.WebStatement"),
    Rule("rating", "xmp:xmp:Rating", "Xmp.xmp.Rating", "rating"),
    Rule("rating", "exif:Rating", "Exif.Image.Rating", "rating"),
    Rule("location", "xmp:Iptc4xmpCore:Location", "Xmp.iptc.Location"),
    Rule("location", "iptc:Sub-location", "Iptc.Application2.SubLocation"),
    Rule("city", "xmp:photoshop:City", "Xmp.photoshop.City"),
    Rule("city", "iptc:City", "Iptc.Application2.City"),
    Rule("state", "xmp:photoshop:State", "Xmp.photoshop.State"),
    Rule("state", "iptc:Province-State", "Iptc.Application2.ProvinceState"),
    Rule("country", "xmp:photoshop:Country", "Xmp.photoshop.Country"),
    Rule("country", "iptc:Country-PrimaryLocationName", "Iptc.Application2.CountryName"),
    Rule("country_code", "xmp:Iptc4xmpCore:CountryCode", "Xmp.iptc.CountryCode"),
    Rule("country_code", "iptc:Country-PrimaryLocationCode", "Iptc.Application2.CountryCode"),
)

_MOST_TRUSTED: dict[str, tuple[str, ...]] = {
    # Read from several keys together, so these sources have no row above.
    "capture_time": (
        "exif:DateTimeOriginal",
        "xmp:exif:DateTimeOriginal",
        "xmp:photoshop:DateCreated",
        "iptc:DateCreated",
        "exif:DateTimeDigitized",
        "xmp:xmp:CreateDate",
    ),
    "capture_offset": ("exif:OffsetTimeOriginal", "exif:OffsetTimeDigitized", "exif:GPSTimeStamp"),
    "latitude": ("exif:GPSLatitude",),
    "longitude": ("exif:GPSLongitude",),
    "altitude_m": ("exif:GPSAltitude", "xmp:exif:GPSAltitude"),
}

FIELDS: dict[str, str] = {
    "capture_time": "text, ISO 8601, local time, with offset only if its source states one",
    "capture_offset": "text, offset of the local time from UTC, as +02:00",
    "camera_make": "text",
    "camera_model": "text",
    "lens": "text",
    "exposure_time_s": "number, seconds",
    "f_number": "number",
    "iso": "integer",
    "focal_length_mm": "number, millimetres",
    "equivalent_focal_length_mm": "integer, millimetres, for the same view on 35 mm film",
    "flash_fired": "truth value",
    "orientation": "integer, 1 to 8, as in Exif",
    "latitude": "number, degrees, south negative",
    "longitude": "number, degrees, west negative",
    "altitude_m": "number, metres over sea level",
    "width": "integer, pixels of the upright picture (points of a page)",
    "height": "integer, pixels of the upright picture (points of a page)",
    "title": "text",
    "headline": "text",
    "caption": "text",
    "keywords": "list of text",
    "persons": "list of text, names of those who are shown",
    "creator": "list of text",
    "credit": "text",
    "copyright": "text",
    "rights": "text, terms of use",
    "rights_url": "text, where the terms of use stand",
    "rating": "integer, 0 to 5, or -1 for rejected",
    "location": "text, place within the city",
    "city": "text",
    "state": "text, state or province",
    "country": "text",
    "country_code": "text, ISO 3166",
    "duration_s": "number, seconds",
    "frame_rate": "number, frames a second",
    "video_codec": "text",
    "audio_codec": "text",
    "page_count": "integer",
}
"""Every field that `metadata_reading.extract_metadata` can give, and what its values are."""


@functools.cache
def precedence(field: str) -> dict[str, int]:
    """Return the rank of each known source of a field; the smallest is the most trusted."""
    sources = [
        *_MOST_TRUSTED.get(field, ()),
        *(rule.source for rule in RULES if rule.field == field),
    ]
    return {source: rank for rank, source in enumerate(dict.fromkeys(sources))}
