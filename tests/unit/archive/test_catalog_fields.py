"""Which of a file's many values the catalog shows, sorts and filters by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.archive.asset import AssetId
from museion.archive.catalog.fields import asset_columns
from museion.archive.enrichment.metadata import storable
from museion.archive.events import MetadataExtracted, MetadataValue
from museion.base.codec import decode, encode


def _columns(*values: tuple[str, object, str]) -> dict[str, object]:
    return asset_columns([MetadataValue(*value) for value in values])[0]  # type: ignore[arg-type]  # any value


@pytest.mark.parametrize(
    ("make", "model", "shown"),
    [
        ("NIKON CORPORATION", "NIKON D750", "NIKON D750"),
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("SONY", "ILCE-7M3", "SONY ILCE-7M3"),
        ("", "X100V", "X100V"),
        ("FUJIFILM", "", "FUJIFILM"),
        ("", "", None),
    ],
)
def test_a_camera_names_its_maker_once(make: str, model: str, shown: str | None) -> None:
    values = [("camera_make", make, "exif:Make"), ("camera_model", model, "exif:Model")]

    assert _columns(*(value for value in values if value[1]))["camera"] == shown


def test_keywords_of_all_sources_are_joined_whatever_their_case() -> None:
    """Programs often write only one of them."""
    values = [
        MetadataValue("keywords", ("Sea", "boat "), "xmp:dc:subject"),
        MetadataValue("keywords", ("sea", "Harbour", " "), "iptc:Keywords"),
    ]

    assert sorted(asset_columns(values)[1]) == ["Harbour", "boat", "sea"]


def test_the_most_trusted_source_is_shown() -> None:
    """Exif before XMP before IPTC for captions."""
    columns = _columns(
        ("caption", "of iptc", "iptc:Caption-Abstract"),
        ("caption", "of exif", "exif:ImageDescription"),
        ("caption", "of xmp", "xmp:dc:description"),
    )

    assert columns["caption"] == "of exif"


def test_assets_sort_by_the_wall_clock_of_the_place() -> None:
    """A morning in Tokyo stays before an evening in London of the same day."""
    tokyo = _columns(("capture_time", "2024-05-01T08:00:00+09:00", "xmp:exif:DateTimeOriginal"))
    london = _columns(("capture_time", "2024-05-01T07:00:00+01:00", "xmp:exif:DateTimeOriginal"))

    assert tokyo["capture_time"] == "2024-05-01T08:00:00+09:00"
    assert tokyo["capture_local"] == "2024-05-01T08:00:00"
    assert str(tokyo["capture_sort"]) > str(london["capture_sort"])


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999"])
def test_the_first_and_the_last_moment_can_be_sorted(written: str) -> None:
    columns = _columns(("capture_time", written, "xmp:exif:DateTimeOriginal"))

    assert isinstance(columns["capture_sort"], int)


def test_several_creators_are_one_text() -> None:
    assert _columns(("creator", ("A", "B"), "xmp:dc:creator"))["creator"] == "A; B"


def test_nothing_known_is_nothing_shown() -> None:
    columns, keywords = asset_columns([])

    assert not keywords
    assert set(columns.values()) == {None}


@given(
    st.one_of(
        st.text(max_size=50),
        st.integers(min_value=-(10**400), max_value=10**400),
        st.floats(),
        st.booleans(),
        st.lists(st.text(max_size=5), max_size=5).map(tuple),
    )
)
def test_every_value_that_is_kept_can_be_written_and_read(
    value: bool | int | float | str | tuple[str, ...],
) -> None:
    kept = storable(value)
    if kept is None:
        return
    fact = MetadataExtracted(asset_id=AssetId("a"), values=(MetadataValue("f", kept, "s"),))

    assert decode(encode(fact), MetadataExtracted) == fact


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (10**30, None),
        (-(10**30), None),
        (float("nan"), None),
        (float("inf"), None),
        ("x" * 1_000_000, "x" * 20_000),
        (("y",) * 5_000, ("y",) * 1_000),
        ("half a pair \ud83d", "half a pair ?"),
        (2.5, 2.5),
        (True, True),
    ],
)
def test_a_value_beyond_all_use_is_cut_or_left_out(value: object, kept: object) -> None:
    assert storable(value) == kept  # type: ignore[arg-type]  # any value
