"""What a vector drawing says of itself: its title, its description, its size."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import pyvips
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from museion.media.errors import MediaTooLarge, one_line
from museion.media.limits import Limits
from museion.media.metadata import Metadata, Value
from museion.media.svg import read_svg

# Encodings unknown to expat and Python are a LookupError or a ValueError.
_UNREADABLE = (
    MediaTooLarge,
    DefusedXmlException,
    ParseError,
    LookupError,
    ValueError,
    pyvips.Error,
)
_SVG = "{http://www.w3.org/2000/svg}"


def read_svg_metadata(path: Path) -> Metadata:
    """Return title, description and size (CSS pixels) of a drawing.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        content = read_svg(path, Limits())
        root = ElementTree.fromstring(content)
        drawing = pyvips.Image.svgload_buffer(content)
    except _UNREADABLE as reason:
        return Metadata(warnings=(f"svg: {one_line(str(reason))}",))
    found = (
        Value("title", _text(root, "title"), "svg:title"),
        Value("caption", _text(root, "desc"), "svg:desc"),
        Value("width", drawing.width, "container"),
        Value("height", drawing.height, "container"),
    )
    return Metadata(tuple(value for value in found if value.value != ""))


def _text(root: Element, name: str) -> str:
    return " ".join((root.findtext(f"{_SVG}{name}") or "").split())
