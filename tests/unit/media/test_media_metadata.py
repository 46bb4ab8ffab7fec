from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import exiv2
import msgspec
import pytest

from museion.media import sniff
from museion.media.capture_time import CaptureTime
from museion.media.errors import UnsupportedMedia
from museion.media.metadata import FieldValue, Metadata, Value
from museion.media.metadata_reading import extract_metadata
from museion.media.metadata_rules import FIELDS, RULES, precedence
from museion.media.metadata_writing import (
    UnfittingValue,
    UnwritableField,
    write_metadata,
)
from museion.testing.media import FORMATS, make_sample

_WRITABLE = ("jpg", "png", "webp", "tif")
_ALL: dict[str, FieldValue] = {
    "capture_time": "2024-05-01T10:11:12.250000-03:30",
    "camera_make": "Canon",
    "camera_model": "EOS R5",
    "lens": "RF 50mm F1.2",
    "exposure_time_s": 1 / 250,
    "f_number": 2.8,
    "iso": 400,
    "focal_length_mm": 50.0,
    "equivalent_focal_length_mm": 75,
    "flash_fired": True,
    "orientation": 1,
    "latitude": -33.8567844,
    "longitude": -151.2152967,
    "altitude_m": -12.5,
    "title": "Tïtel",
    "headline": "Überschrift",
    "caption": 'A dog; lang="de" runs, "fast"\nalong the beach 海',
    "keywords": ("dog, wet", "Strand", "海"),
    "creator": ("Zoë Ä", "Lee"),
    "credit": "Agency / Zoë",
    "copyright": "© 2024 Zoë",
    "rights": "Editorial use only",
    "rights_url": "https://example.org/terms",
    "rating": 4,
    "location": "Dom",
    "city": "Köln",
    "state": "Nordrhein-Westfalen",
    "country": "Deutschland",
    "country_code": "DEU",
}


def _read(path: Path) -> Metadata:
    return extract_metadata(path, sniff.sniff(path))


def _jpeg(path: Path, entries: Mapping[str, object]) -> Path:
    """Write a JPEG with entries by exiv2's keys: texts, or values of exiv2."""
    make_sample("jpg", path, width=32, height=24)
    image = exiv2.ImageFactory.open(str(path))
    image.readMetadata()
    blocks = {"Exif": image.exifData(), "Iptc": image.iptcData(), "Xmp": image.xmpData()}
    for key, value in entries.items():
        blocks[key.partition(".")[0]][key] = value
    image.writeMetadata()
    return path


def _replaced(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert len(old) == len(new)
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    return path


@pytest.mark.parametrize("name", _WRITABLE)
def test_every_field_that_is_written_is_read(tmp_path: Path, name: str) -> None:
    path = make_sample(name, tmp_path / "a", metadata=_ALL)

    read = _read(path)

    assert read.warnings == ()
    fields = read.fields()
    for field, value in _ALL.items():
        is_number = isinstance(value, float)
        assert fields[field] == (pytest.approx(value, abs=1e-7) if is_number else value), field
    assert (fields["width"], fields["height"]) == (400, 300)


@pytest.mark.parametrize("name", _WRITABLE)
def test_writing_again_replaces_and_leaves_other_fields(tmp_path: Path, name: str) -> None:
    path = make_sample(name, tmp_path / "a", metadata=_ALL)

    write_metadata(path, {"keywords": ("new",), "title": "New", "rating": -1})

    fields = _read(path).fields()
    assert (fields["keywords"], fields["title"], fields["rating"]) == (("new",), "New", -1)
    assert fields["caption"] == _ALL["caption"]
    assert {value.value for value in _read(path).candidates("keywords")} == {("new",)}


def test_what_cannot_be_written_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    path = make_sample("jpg", tmp_path / "a.jpg")
    before = path.read_bytes()

    with pytest.raises(UnwritableField, match="width"):
        write_metadata(path, {"title": "New", "width": 3})

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("field", "value"), [("capture_time", "soon"), ("latitude", "north"), ("iso", "high")]
)
def test_a_value_that_does_not_fit_is_refused_and_nothing_changes(
    tmp_path: Path, field: str, value: str
) -> None:
    path = make_sample("jpg", tmp_path / "a.jpg")
    before = path.read_bytes()

    with pytest.raises((UnfittingValue, UnwritableField)):
        write_metadata(path, {field: value})

    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["gif", "avif", "heic", "svg", "dng", "pdf", "mp4"])
def test_other_formats_take_no_metadata(copy_of: Callable[[str], Path], name: str) -> None:
    with pytest.raises(UnsupportedMedia, match="cannot be written"):
        write_metadata(copy_of(name), {"title": "New"})


@pytest.mark.parametrize("rating", range(-1, 6))
def test_ratings_from_rejected_to_five_stars(tmp_path: Path, rating: int) -> None:
    path = make_sample("jpg", tmp_path / "a.jpg", metadata={"rating": rating})

    assert _read(path).best("rating") == rating


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(48.8577, 2.295), (-33.8568, 151.2153), (40.6892, -74.0445), (-22.9519, -43.2105), (0.0, 0.0)],
)
def test_places_in_each_quarter_of_the_world(
    tmp_path: Path, latitude: float, longitude: float
) -> None:
    metadata: dict[str, FieldValue] = {"latitude": latitude, "longitude": longitude}
    path = make_sample("jpg", tmp_path / "a.jpg", metadata=metadata)

    read = _read(path)

    assert read.best("latitude") == pytest.approx(latitude, abs=1e-7)
    assert read.best("longitude") == pytest.approx(longitude, abs=1e-7)
    assert read.best_value("latitude") == Value(
        "latitude", read.best("latitude") or 0.0, "exif:GPSLatitude"
    )


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({}, CaptureTime.from_iso("2024-05-01T10:11:12")),
        (
            {"Exif.Photo.OffsetTimeOriginal": "+02:00"},
            CaptureTime.from_iso("2024-05-01T10:11:12+02:00"),
        ),
        (
            {"Exif.Photo.SubSecTimeOriginal": "07"},
            CaptureTime.from_iso("2024-05-01T10:11:12.07"),
        ),
        (
            {
                "Exif.GPSInfo.GPSDateStamp": "2024:05:01",
                "Exif.GPSInfo.GPSTimeStamp": "4/1 41/1 5/1",
            },
            CaptureTime.from_iso("2024-05-01T10:11:12+05:30"),
        ),
    ],
    ids=["alone", "with zone", "with sub-seconds", "with satellites"],
)
def test_capture_time_knows_no_more_than_the_camera_wrote(
    tmp_path: Path, entries: dict[str, str], expected: CaptureTime
) -> None:
    path = _jpeg(
        tmp_path / "a.jpg", {"Exif.Photo.DateTimeOriginal": "2024:05:01 10:11:12", **entries}
    )

    assert _read(path).capture_time() == expected


def test_a_camera_whose_clock_was_never_set_gives_no_time(tmp_path: Path) -> None:
    path = _jpeg(tmp_path / "a.jpg", {"Exif.Photo.DateTimeOriginal": "0000:00:00 00:00:00"})

    assert (_read(path).capture_time(), _read(path).warnings) == (None, ())


def test_the_most_trusted_source_wins_and_all_are_kept(tmp_path: Path) -> None:
    path = _jpeg(
        tmp_path / "a.jpg",
        {
            "Iptc.Application2.Caption": "from IPTC",
            "Xmp.dc.description": "from XMP",
            "Exif.Image.ImageDescription": "from Exif",
        },
    )

    read = _read(path)

    assert [value.value for value in read.candidates("caption")] == [
        "from Exif",
        "from XMP",
        "from IPTC",
    ]
    assert read.best_value("caption") == Value("caption", "from Exif", "exif:ImageDescription")


def test_a_cameras_boilerplate_is_no_caption(tmp_path: Path) -> None:
    path = _jpeg(
        tmp_path / "a.jpg",
        {"Exif.Image.ImageDescription": "OLYMPUS DIGITAL CAMERA", "Xmp.dc.description": "A dog"},
    )

    assert _read(path).candidates("caption") == (Value("caption", "A dog", "xmp:dc:description"),)


def test_latin_1_without_a_mark_is_read(tmp_path: Path) -> None:
    path = _jpeg(tmp_path / "a.jpg", {"Iptc.Application2.City": "K_ln"})

    assert _read(_replaced(path, b"K_ln", b"K\xf6ln")).best("city") == "Köln"


def test_windows_1252_without_a_mark_is_read(tmp_path: Path) -> None:
    path = _jpeg(tmp_path / "a.jpg", {"Exif.Image.Copyright": "_ _Zo__"})

    read = _read(_replaced(path, b"_ _Zo__", b"\xa9 \x93Zo\xeb\x94"))

    assert read.best("copyright") == "© “Zoë”"


def test_utf_8_with_and_without_its_mark_is_read(tmp_path: Path) -> None:
    marked = _jpeg(
        tmp_path / "a.jpg",
        {"Iptc.Envelope.CharacterSet": "\x1b%G", "Iptc.Application2.City": "Köln"},
    )
    unmarked = _jpeg(tmp_path / "b.jpg", {"Iptc.Application2.City": "Köln"})

    assert (_read(marked).best("city"), _read(unmarked).best("city")) == ("Köln", "Köln")


def test_a_mark_that_lies_is_a_warning_and_the_text_is_read(tmp_path: Path) -> None:
    path = _jpeg(
        tmp_path / "a.jpg",
        {"Iptc.Envelope.CharacterSet": "\x1b%G", "Iptc.Application2.City": "K_ln"},
    )

    read = _read(_replaced(path, b"K_ln", b"K\xf6ln"))

    assert read.best("city") == "Köln"
    assert read.warnings == ("iptc:City: declared as UTF-8 but is not",)


def test_a_text_in_several_languages_gives_its_default(tmp_path: Path) -> None:
    titles = exiv2.LangAltValue()
    titles.read('lang="de" Hund')
    titles.read('lang="x-default" Dog')
    several = _jpeg(tmp_path / "a.jpg", {"Xmp.dc.title": titles})
    single = _jpeg(tmp_path / "b.jpg", {"Xmp.dc.title": 'lang="de" Hund'})

    assert (_read(several).best("title"), _read(single).best("title")) == ("Dog", "Hund")


def test_the_fields_of_windows_are_read_last(tmp_path: Path) -> None:
    title = " ".join(str(part) for part in "Grüße".encode("utf-16-le") + b"\0\0")
    terms = " ".join(str(part) for part in "a;b c".encode("utf-16-le") + b"\0\0")
    path = _jpeg(tmp_path / "a.jpg", {"Exif.Image.XPTitle": title, "Exif.Image.XPKeywords": terms})

    assert (_read(path).best("title"), _read(path).best("keywords")) == ("Grüße", ("a", "b c"))


@pytest.mark.parametrize(
    ("entries", "source"),
    [
        ({"Exif.Photo.FNumber": "28/0"}, "exif:FNumber"),
        ({"Exif.Photo.DateTimeOriginal": "2024:99:99 10:00:00"}, "exif:DateTimeOriginal"),
        ({"Xmp.xmp.Rating": "many"}, "xmp:xmp:Rating"),
        ({"Xmp.xmp.Rating": "9"}, "xmp:xmp:Rating"),
        ({"Exif.Image.Orientation": "77"}, "exif:Orientation"),
        ({"Exif.GPSInfo.GPSLatitude": "1/0 0/1 0/1"}, "exif:GPSLatitude"),
        ({"Exif.GPSInfo.GPSLatitude": "99/1 0/1 0/1"}, "exif:GPSLatitude"),
        ({"Xmp.exif.GPSLatitude": "somewhere"}, "xmp:exif:GPSLatitude"),
        ({"Xmp.photoshop.DateCreated": "long ago"}, "xmp:photoshop:DateCreated"),
    ],
)
def test_a_value_that_cannot_be_read_is_a_warning_and_hinders_no_other(
    tmp_path: Path, entries: dict[str, str], source: str
) -> None:
    path = _jpeg(tmp_path / "a.jpg", {"Exif.Image.Make": "Canon", **entries})

    read = _read(path)

    assert read.best("camera_make") == "Canon"
    assert [warning.partition(": ")[0] for warning in read.warnings] == [source]


def test_damage_in_the_exif_block_leaves_xmp(tmp_path: Path) -> None:
    path = _jpeg(tmp_path / "a.jpg", {"Exif.Image.Make": "Canon", "Xmp.dc.title": "Still here"})
    content = bytearray(path.read_bytes())
    start = content.index(b"Exif\0\0") + 14
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)

    assert _read(path).best("title") == "Still here"


@pytest.mark.parametrize("name", FORMATS)
def test_each_value_has_a_known_field_and_the_type_of_its_field(
    samples: dict[str, Path], name: str
) -> None:
    for value in _read(samples[name]).values:
        assert value.field in FIELDS
        kind = FIELDS[value.field].partition(",")[0]
        expected = {"text": str, "number": float, "integer": int, "list of text": tuple}[kind]
        assert type(value.value) is expected, value


def test_metadata_survive_being_stored(samples: dict[str, Path], tmp_path: Path) -> None:
    read = _read(make_sample("jpg", tmp_path / "a.jpg", metadata=_ALL))

    stored = msgspec.msgpack.encode(read)

    assert msgspec.msgpack.decode(stored, type=Metadata) == read


def test_the_tables_agree_with_each_other() -> None:
    assert {rule.field for rule in RULES} <= set(FIELDS)
    assert len({(rule.field, rule.source) for rule in RULES}) == len(RULES)
    for field in FIELDS:
        ranks = precedence(field).values()
        assert sorted(ranks) == list(range(len(ranks)))
