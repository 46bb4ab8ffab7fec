"""What a vector drawing may not have: scripts, ways out of itself, and floods.

Source: SVG 2 (W3C), chapters on linking, scripting and processing modes ("secure static mode");
the parser is defusedxml's, which stops entity bombs and external entities.
"""

from __future__ import annotations

import base64
import binascii
import re
from xml.etree.ElementTree import ParseError

import pyvips
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from museion.media import sniff
from museion.media.errors import (
    CorruptMedia,
    MediaTooLarge,
    PixelFlood,
    TruncatedMedia,
    UnsafeVector,
)
from museion.media.limits import Limits
from museion.media.picture import check_pixels

_ACTIVE_ELEMENTS = frozenset(
    {"script", "iframe", "object", "embed", "handler", "listener"}
    | {"audio", "video", "canvas", "include"}
)
_ANIMATIONS = frozenset({"set", "animate"})
_LINK = "a"
_COLOUR_PROFILE = "color-profile"  # some programs name a file of their own machine; none is read
_SAFE_LINK = re.compile(r"\s*(https?:|mailto:|#)", re.IGNORECASE)
_REFERENCES = frozenset({"href", "src"})
_DATA_PICTURE = re.compile(
    r"\s*data:image/(?:png|jpe?g|gif|webp)\s*;\s*base64\s*,(?P<content>.*)", re.DOTALL | re.I
)
_STYLE_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STYLE_ADDRESS = re.compile(r"url\(\s*[\"']?\s*(?P<address>[^)\"']*)", re.IGNORECASE)
_STYLE_DANGER = re.compile(r"@import|javascript:|expression\s*\(|-moz-binding", re.IGNORECASE)
_STYLE_ESCAPE = re.compile(r"\\[0-9a-f]", re.IGNORECASE)
_EARLY_ENDS = ("no element found", "unclosed", "partial character")
_BYTES_PER_PIXEL = 4


def check_safe(content: bytes, limits: Limits) -> None:
    """Refuse a drawing that runs something, reaches outside itself, or floods.

    Raises:
        UnsafeVector: with what was found first.
        MediaTooLarge: it has too many elements.
        TruncatedMedia, CorruptMedia: it is not well-formed XML.
        PixelFlood: a picture inside it is too large.
    """
    parser = DefusedXMLParser(
        target=_Inspector(limits), forbid_dtd=False, forbid_entities=True, forbid_external=True
    )
    try:
        parser.feed(content)
        parser.close()
    except DefusedXmlException as reason:
        raise UnsafeVector(f"it declares entities ({type(reason).__name__})") from None
    except ParseError as reason:
        told = str(reason)
        is_early = any(sign in told for sign in _EARLY_ENDS)
        kind = TruncatedMedia if is_early else CorruptMedia
        raise kind(sniff.SVG.format_name, told) from None
    except (LookupError, ValueError) as reason:
        raise CorruptMedia(sniff.SVG.format_name, f"its encoding: {reason}") from None


class _Inspector:
    """Is told of every part of the document and raises at the first that is not allowed."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._elements = 0
        self._embedded_bytes = 0
        self._style: list[str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > self._limits.max_svg_elements:
            raise MediaTooLarge(
                f"{sniff.SVG.format_name} of more than {self._limits.max_svg_elements} elements",
                size_bytes=self._elements,
                max_bytes=self._limits.max_svg_elements,
            )
        name = _local(tag)
        if name in _ACTIVE_ELEMENTS:
            raise UnsafeVector(f"it has an element <{name}>")
        if name == "style":
            self._style = []
        for attribute, value in attributes.items():
            self._inspect(name, attribute, value)

    def data(self, text: str) -> None:
        if self._style is not None:
            self._style.append(text)

    def end(self, tag: str) -> None:
        if _local(tag) == "style" and self._style is not None:
            self._inspect_style("".join(self._style))
            self._style = None

    def pi(self, target: str, _text: str | None = None) -> None:
        if target.lower() == "xml-stylesheet":
            raise UnsafeVector("it loads a style sheet")

    def close(self) -> None:
        return

    def _inspect(self, element: str, attribute: str, value: str) -> None:
        name = _local(attribute)
        if name.startswith("on"):
            raise UnsafeVector(f"it has an event handler {name}")
        if name == "base" and attribute.startswith("{"):
            raise UnsafeVector("it moves its base address")
        if name in _REFERENCES:
            self._inspect_reference(element, value)
        if element in _ANIMATIONS and name == "attributename" and _local(value) == "href":
            raise UnsafeVector("it changes an address while it runs")
        if name == "style" or "url(" in value.lower():
            self._inspect_style(value)

    def _inspect_reference(self, element: str, address: str) -> None:
        if element == _COLOUR_PROFILE or (element == _LINK and _SAFE_LINK.match(address)):
            return
        self._inspect_address(address)

    def _inspect_style(self, style: str) -> None:
        style = _STYLE_COMMENT.sub("", style)
        if _STYLE_ESCAPE.search(style):
            raise UnsafeVector("it hides letters in its style")
        danger = _STYLE_DANGER.search(style)
        if danger:
            raise UnsafeVector(f"its style has {danger.group()}")
        for found in _STYLE_ADDRESS.finditer(style):
            self._inspect_address(found.group("address"))

    def _inspect_address(self, address: str) -> None:
        address = address.strip()
        if not address or address.startswith("#"):
            return
        picture = _DATA_PICTURE.match(address)
        if not picture:
            raise UnsafeVector(f"it refers to {_shown(address)}")
        self._inspect_picture(picture.group("content"))

    def _inspect_picture(self, encoded: str) -> None:
        try:
            content = base64.b64decode("".join(encoded.split()), validate=True)
            image = pyvips.Image.new_from_buffer(content, "")
        except (binascii.Error, pyvips.Error):
            raise CorruptMedia(sniff.SVG.format_name, "a picture inside it is damaged") from None
        if not str(image.get("vips-loader")).startswith(("png", "jpeg", "gif", "webp")):
            raise UnsafeVector("a picture inside it is not what it is said to be")
        check_pixels(image.width, image.height, self._limits)
        self._embedded_bytes += image.width * image.height * _BYTES_PER_PIXEL
        if self._embedded_bytes > self._limits.max_decoded_bytes:
            limit = f"{self._limits.max_decoded_bytes} bytes for all in a drawing"
            raise PixelFlood(width=image.width, height=image.height, limit=limit)


def _local(name: str) -> str:
    return re.split(r"[}:]", name)[-1].lower()


def _shown(address: str) -> str:
    return address if len(address) <= 60 else address[:59] + "…"
