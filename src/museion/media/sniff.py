"""Step 2 of the path of a photo: the first bytes say what a file is, its name never does.

The signatures are puremagic's. It leaves four families to us, each read from its own structure:
ISO base media files (AVIF, HEIC, CR3, MP4 and MOV differ by their brands), TIFF files that are
camera RAW, EBML files (WebM or another Matroska), and SVG (an XML document by its root element).
Sounds are told in `sound_signatures`.
"""

from __future__ import annotations

import codecs
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal
from xml.parsers import expat

import puremagic

from museion.media import tiff
from museion.media.errors import EmptyFile, UnknownMedia
from museion.media.sound_signatures import sound_format

Kind = Literal["image", "raw", "vector", "video", "sound", "document"]


@dataclass(frozen=True, slots=True)
class MediaType:
    """What a file is: its MIME type, how it is treated, and the usual end of its name."""

    mime: str
    kind: Kind
    extension: str

    @property
    def format_name(self) -> str:
        """The name by which people call the format, for messages."""
        return _NAMES.get(self.extension, self.extension.upper())


JPEG = MediaType("image/jpeg", "image", "jpg")
PNG = MediaType("image/png", "image", "png")
GIF = MediaType("image/gif", "image", "gif")
WEBP = MediaType("image/webp", "image", "webp")
TIFF = MediaType("image/tiff", "image", "tif")
AVIF = MediaType("image/avif", "image", "avif")
HEIC = MediaType("image/heic", "image", "heic")
SVG = MediaType("image/svg+xml", "vector", "svg")
DNG = MediaType("image/x-adobe-dng", "raw", "dng")
CR2 = MediaType("image/x-canon-cr2", "raw", "cr2")
CR3 = MediaType("image/x-canon-cr3", "raw", "cr3")
NEF = MediaType("image/x-nikon-nef", "raw", "nef")
ARW = MediaType("image/x-sony-arw", "raw", "arw")
RAF = MediaType("image/x-fuji-raf", "raw", "raf")
ORF = MediaType("image/x-olympus-orf", "raw", "orf")
RW2 = MediaType("image/x-panasonic-rw2", "raw", "rw2")
OTHER_RAW = MediaType("image/x-raw", "raw", "raw")
PDF = MediaType("application/pdf", "document", "pdf")
MP4 = MediaType("video/mp4", "video", "mp4")
MOV = MediaType("video/quicktime", "video", "mov")
WEBM = MediaType("video/webm", "video", "webm")
MP3 = MediaType("audio/mpeg", "sound", "mp3")
WAV = MediaType("audio/wav", "sound", "wav")
FLAC = MediaType("audio/flac", "sound", "flac")
OGG = MediaType("audio/ogg", "sound", "ogg")
M4A = MediaType("audio/mp4", "sound", "m4a")

SUPPORTED: tuple[MediaType, ...] = (
    *(JPEG, PNG, GIF, WEBP, TIFF, AVIF, HEIC, SVG),
    *(DNG, CR2, CR3, NEF, ARW, RAF, ORF, RW2, OTHER_RAW),
    *(PDF, MP4, MOV, WEBM),
    *(MP3, WAV, FLAC, OGG, M4A),
)

_NAMES = {
    "jpg": "JPEG",
    "tif": "TIFF",
    "webp": "WebP",
    "webm": "WebM",
    "ogg": "Ogg",
    "raw": "camera RAW",
}
_HEAD_BYTES = 4096
_SVG_HEAD_BYTES = 1 << 18
_SOUNDS = {media.extension: media for media in (MP3, WAV, FLAC, OGG)}
_BY_SIGNATURE = {media.mime: media for media in (JPEG, PNG, GIF, WEBP, PDF)}
_LEAST_CONFIDENCE = 0.3
_PDF_HEAD_BYTES = 1024
_EBML = b"\x1aE\xdf\xa3"

# ISO base media files state a major brand and the brands they are compatible with.
# Source: ISO/IEC 14496-12 (4.3), 23008-12 (HEIF, annex B), AV1-AVIF 1.1 (6), mp4ra.org.
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF_BRANDS = frozenset({b"mif1", b"msf1", b"mif2"})
_MP4_BRANDS = frozenset(
    {b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41"}
    | {b"mp42", b"avc1", b"M4V ", b"M4VH", b"M4VP", b"MSNV", b"dash", b"mp71", b"XAVC", b"f4v "}
)
_BY_MAJOR_BRAND = {b"M4A ": M4A, b"M4B ": M4A, b"crx ": CR3, b"qt  ": MOV}
# QuickTime files of before the brand box begin with one of these boxes.
_QUICKTIME_BOXES = frozenset({b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot"})

_RAW_SIGNATURES = (
    (b"FUJIFILMCCD-RAW", RAF),
    (b"IIRO", ORF),
    (b"IIRS", ORF),
    (b"MMOR", ORF),
    (b"IIU\0", RW2),
)
_SENSOR_PHOTOMETRICS = frozenset({32803, 34892})  # colour filter array, linear raw
_SENSOR_COMPRESSIONS = frozenset({32767, 34713, 65535})  # Sony, Nikon, Pentax
_RAW_BY_MAKE = (("NIKON", NEF), ("SONY", ARW))


def sniff(path: Path) -> MediaType:
    """Return what the file at `path` is, judged by its content alone.

    Reads a few kilobytes (for TIFF also its directories, for SVG the start of the document).

    Raises:
        EmptyFile: the file has no bytes.
        UnknownMedia: it is of no supported kind.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if not head:
            raise EmptyFile
        media = _by_structure(file, head) or _sound(file, head) or _by_signature(head)
    if media is None:
        raise UnknownMedia(_describe(head))
    return media


def _by_structure(file: BinaryIO, head: bytes) -> MediaType | None:
    for signature, media in _RAW_SIGNATURES:
        if head.startswith(signature):
            return media
    if tiff.is_tiff(head):
        return _tiff_kind(file, head)
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    if head[4:8] in _QUICKTIME_BOXES and _is_box_size(head):
        return MOV
    if head.startswith(_EBML):
        return WEBM if _ebml_doc_type(head) == b"webm" else None
    return _svg(file, head)


def _sound(file: BinaryIO, head: bytes) -> MediaType | None:
    sound = sound_format(file, head)
    return _SOUNDS[sound] if sound else None


def _by_signature(head: bytes) -> MediaType | None:
    for guess in _guesses(head):
        if guess.mime_type in _BY_SIGNATURE and guess.confidence >= _LEAST_CONFIDENCE:
            return _BY_SIGNATURE[guess.mime_type]
    # Viewers accept a PDF whose header stands anywhere in the first kilobyte (ISO 32000-1, H.3).
    return PDF if b"%PDF-" in head[:_PDF_HEAD_BYTES] else None


def _guesses(head: bytes) -> list[puremagic.PureMagicWithConfidence]:
    try:
        return puremagic.magic_string(head)
    except puremagic.PureError:
        return []


def _by_brands(head: bytes) -> MediaType | None:
    size_bytes = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major, *(head[at : at + 4] for at in range(16, size_bytes - 3, 4))}
    if major in _BY_MAJOR_BRAND:
        return _BY_MAJOR_BRAND[major]
    if brands & _AVIF_BRANDS:
        return AVIF
    if brands & _HEIC_BRANDS or brands & _HEIF_BRANDS:
        return HEIC
    if brands & _MP4_BRANDS or major[:3] in (b"3gp", b"3g2"):
        return MP4
    return MOV if b"qt  " in brands else None


def _is_box_size(head: bytes) -> bool:
    size_bytes = int.from_bytes(head[:4], "big")
    return size_bytes in (0, 1) or size_bytes >= 8


def _tiff_kind(file: BinaryIO, head: bytes) -> MediaType:
    if head[8:10] == b"CR" and head[10:11] == b"\x02":
        return CR2
    directories = list(tiff.read_directories(file))
    if any(tiff.DNG_VERSION in directory for directory in directories[:1]):
        return DNG
    if not any(_is_from_sensor(directory) for directory in directories):
        return TIFF
    make = tiff.text(directories[0], tiff.MAKE).upper()
    return next((media for start, media in _RAW_BY_MAKE if make.startswith(start)), OTHER_RAW)


def _is_from_sensor(directory: tiff.Directory) -> bool:
    photometric = tiff.numbers(directory, tiff.PHOTOMETRIC)
    compression = tiff.numbers(directory, tiff.COMPRESSION)
    return bool(
        _SENSOR_PHOTOMETRICS.intersection(photometric)
        or _SENSOR_COMPRESSIONS.intersection(compression)
    )


def _ebml_doc_type(head: bytes) -> bytes:
    # Element DocType, id 0x4282, with a length of one byte. Source: RFC 8794, 11.2.4.
    at = head.find(b"\x42\x82")
    if at < 0 or at + 3 > len(head):
        return b""
    length = head[at + 2] & 0x7F
    return head[at + 3 : at + 3 + length].rstrip(b"\0")


def _svg(file: BinaryIO, head: bytes) -> MediaType | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    is_wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not (start.startswith(b"<") or is_wide):
        return None
    file.seek(0)
    root = _root_element(file.read(_SVG_HEAD_BYTES))
    return SVG if root.rpartition(" ")[2] == "svg" else None


def _root_element(head: bytes) -> str:
    """Return the first element's name with its namespace before a space; empty if none comes."""
    found: list[str] = []

    def stop(name: str, _attributes: object) -> None:
        found.append(name)
        raise StopIteration

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = stop
    # Expat asks Python for encodings that it does not know itself: LookupError, ValueError.
    with contextlib.suppress(StopIteration, expat.ExpatError, LookupError, ValueError):
        parser.Parse(head.lstrip(), False)
    return found[0] if found else ""


def _describe(head: bytes) -> str:
    if head.startswith(_EBML):
        return "video/x-matroska"
    named = [guess for guess in _guesses(head) if guess.mime_type]
    if named:
        return str(named[0].mime_type)
    if b"\0" in head:
        return "of an unknown binary format"
    is_whole = len(head) < _HEAD_BYTES
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=is_whole)
    except UnicodeDecodeError:
        return "of an unknown format"
    return "plain text"
