from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.media import sniff
from museion.media.errors import EmptyFile, UnknownMedia
from museion.media.sniff import SUPPORTED, MediaType
from museion.testing.media import FORMATS, make_sample

_EXPECTED = {media.extension: media for media in SUPPORTED}
_TIFF = struct.Struct("<2sHI")


def _ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", len(body) + 4) + body + bytes(64)


def _tiff(entries: list[tuple[int, int, int, int]], text: bytes = b"") -> bytes:
    """Return a little-endian TIFF of one directory; text lies at offset 8 + table size."""
    table = struct.pack("<H", len(entries))
    table += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return _TIFF.pack(b"II", 42, 8) + table + bytes(4) + text


def _camera(make: bytes, *, photometric: int = 32803) -> bytes:
    text_at = 8 + 2 + 12 * 2 + 4
    entries = [(262, 3, 1, photometric), (271, 2, len(make), text_at)]
    return _tiff(entries, make)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_known_under_a_name_that_lies(
    samples: dict[str, Path], tmp_path: Path, name: str
) -> None:
    lying = tmp_path / "notes.txt"
    lying.write_bytes(samples[name].read_bytes())

    assert sniff.sniff(lying) == _EXPECTED[name]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (_ftyp(b"avif", b"mif1", b"miaf"), sniff.AVIF),
        (_ftyp(b"mif1", b"avif", b"miaf"), sniff.AVIF),
        (_ftyp(b"heic", b"mif1"), sniff.HEIC),
        (_ftyp(b"mif1", b"heic"), sniff.HEIC),
        (_ftyp(b"crx ", b"isom"), sniff.CR3),
        (_ftyp(b"qt  "), sniff.MOV),
        (_ftyp(b"isom", b"avc1"), sniff.MP4),
        (_ftyp(b"mp42", b"qt  "), sniff.MP4),
        (_ftyp(b"3gp4"), sniff.MP4),
        (_ftyp(b"M4A ", b"M4A ", b"mp42", b"isom"), sniff.M4A),
        (struct.pack(">I", 4096) + b"mdat" + bytes(64), sniff.MOV),
        (b"FUJIFILMCCD-RAW 0201" + bytes(200), sniff.RAF),
        (b"IIRO\x08\0\0\0" + bytes(200), sniff.ORF),
        (b"IIU\0\x18\0\0\0" + bytes(200), sniff.RW2),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(200), sniff.CR2),
        (_camera(b"NIKON CORPORATION\0"), sniff.NEF),
        (_camera(b"SONY\0"), sniff.ARW),
        (_camera(b"PENTAX\0", photometric=34892), sniff.OTHER_RAW),
        (_camera(b"NIKON CORPORATION\0", photometric=2), sniff.TIFF),
        (_tiff([(262, 3, 1, 32803), (50706, 1, 4, 0x0401)]), sniff.DNG),
        (b"MM\0+\0\x08\0\0" + bytes(200), sniff.TIFF),
        (b"\n\n%PDF-1.7\n" + bytes(200), sniff.PDF),
        ("\ufeff<svg xmlns='http://www.w3.org/2000/svg'/>".encode(), sniff.SVG),
        ('<?xml version="1.0" encoding="UTF-16"?><svg/>'.encode("utf-16"), sniff.SVG),
        (b"<!-- " + b"x" * 9000 + b" --><svg/>", sniff.SVG),
    ],
)
def test_a_structure_tells_neighbouring_formats_apart(
    tmp_path: Path, content: bytes, expected: MediaType
) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)

    assert sniff.sniff(path) == expected


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"This is a text.\n" * 9, "plain text"),
        ("Größe, überall.\n".encode() * 400, "plain text"),
        (b"<!DOCTYPE html><html><body>svg</body></html>", "text/html"),
        (b"<?xml version='1.0'?><note>svg</note>", "application/xml"),
        (b"\x1aE\xdf\xa3\x93B\x82\x88matroska" + bytes(99), "video/x-matroska"),
        (b"PK\x03\x04" + bytes(99), "application/"),
        (b"OggS" + bytes(24) + b"\x80theora" + bytes(99), "ogg|unknown"),
        (bytes(range(256)) * 9, "unknown"),
        (bytes(4096), "unknown"),
        (b"\xff", "unknown"),
    ],
)
def test_other_content_is_refused_and_named(tmp_path: Path, content: bytes, named: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)

    with pytest.raises(UnknownMedia, match=named):
        sniff.sniff(path)


def test_a_file_without_bytes_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.touch()

    with pytest.raises(EmptyFile):
        sniff.sniff(path)


def test_a_file_that_vanished_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sniff.sniff(tmp_path / "gone.jpg")


def test_a_name_that_is_not_utf8_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.png"
    make_sample("png", tmp_path / "plain.png").rename(path)

    assert sniff.sniff(path) == sniff.PNG


@given(content=st.binary(min_size=1, max_size=300))
def test_any_bytes_give_a_media_type_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)

    with contextlib.suppress(UnknownMedia):
        assert sniff.sniff(path) in SUPPORTED


@given(
    head=st.sampled_from([b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"IIRO"]),
    rest=st.binary(max_size=400),
)
def test_hostile_directories_end(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, rest: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.tif"
    path.write_bytes(head + rest)

    assert sniff.sniff(path).kind in ("image", "raw")


def test_no_two_types_share_a_mime_or_an_extension() -> None:
    assert len({media.mime for media in SUPPORTED}) == len(SUPPORTED)
    assert len({media.extension for media in SUPPORTED}) == len(SUPPORTED)
