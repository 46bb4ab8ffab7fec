from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.media.capture_time import (
    CaptureTime,
    format_offset,
    offset_from_satellites,
    offset_minutes,
)

_LOCAL = datetime(2024, 5, 1, 10, 11, 12)
_TIMES = st.builds(
    CaptureTime,
    local=st.datetimes(min_value=datetime(1826, 1, 1), max_value=datetime(9000, 1, 1)),
    offset_min=st.none() | st.integers(-14 * 60, 14 * 60),
)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("2024:05:01 10:11:12",), CaptureTime(_LOCAL)),
        (("2024:05:01 10:11:12", "25"), CaptureTime(_LOCAL.replace(microsecond=250_000))),
        (("2024:05:01 10:11:12", "025000000"), CaptureTime(_LOCAL.replace(microsecond=25_000))),
        (("2024:05:01 10:11:12", "  "), CaptureTime(_LOCAL)),
        (("2024:05:01 10:11:12", "", "+02:00"), CaptureTime(_LOCAL, 120)),
        (("2024:05:01 10:11:12", "", "-03:30"), CaptureTime(_LOCAL, -210)),
        (("2024:05:01 10:11:12", "", "   :  "), CaptureTime(_LOCAL)),
        (("2024-05-01T10:11:12",), CaptureTime(_LOCAL)),
        (("2024:05:01 10:11",), CaptureTime(_LOCAL.replace(second=0))),
    ],
)
def test_the_parts_that_exif_writes(parts: tuple[str, ...], expected: CaptureTime) -> None:
    assert CaptureTime.from_exif(*parts) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024", CaptureTime(datetime(2024, 1, 1))),
        ("2024-05", CaptureTime(datetime(2024, 5, 1))),
        ("2024-05-01", CaptureTime(datetime(2024, 5, 1))),
        ("2024-05-01T10:11", CaptureTime(datetime(2024, 5, 1, 10, 11))),
        ("2024-05-01T10:11:12.123456789Z", CaptureTime(_LOCAL.replace(microsecond=123_456), 0)),
        ("2024-05-01T10:11:12+0530", CaptureTime(_LOCAL, 330)),
    ],
)
def test_what_xmp_and_containers_write(written: str, expected: CaptureTime) -> None:
    assert CaptureTime.from_iso(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("D:20240501101112+02'00'", CaptureTime(_LOCAL, 120)),
        ("D:20240501101112-05'30", CaptureTime(_LOCAL, -330)),
        ("D:20240501101112Z", CaptureTime(_LOCAL, 0)),
        ("D:20240501", CaptureTime(datetime(2024, 5, 1))),
        ("2024", CaptureTime(datetime(2024, 1, 1))),
    ],
)
def test_what_pdf_writes(written: str, expected: CaptureTime) -> None:
    assert CaptureTime.from_pdf(written) == expected


@pytest.mark.parametrize("written", ["2024:13:01 10:00:00", "yesterday", "2024:05:01", ""])
def test_what_is_no_date_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"date|month|range"):
        CaptureTime.from_exif(written)


@given(time=_TIMES)
def test_the_written_form_comes_back(time: CaptureTime) -> None:
    assert CaptureTime.from_iso(time.iso()) == time


@given(offset_min=st.integers(-14 * 60, 14 * 60))
def test_an_offset_comes_back(offset_min: int) -> None:
    assert offset_minutes(format_offset(offset_min)) == offset_min


@pytest.mark.parametrize("written", ["", "+99:99", "CEST", "+15:00", "02:00"])
def test_what_is_no_offset_is_unknown(written: str) -> None:
    assert offset_minutes(written) is None


def test_a_known_offset_gives_a_moment_and_an_unknown_one_none() -> None:
    assert CaptureTime(_LOCAL, -210).moment == datetime(2024, 5, 1, 13, 41, 12, tzinfo=UTC)
    assert CaptureTime(_LOCAL).moment is None


def test_an_offset_that_is_known_is_not_replaced() -> None:
    assert CaptureTime(_LOCAL, 60).with_offset("+02:00").offset_min == 60
    assert CaptureTime(_LOCAL).with_offset("+02:00").offset_min == 120


@given(quarters=st.integers(-48, 56), error_s=st.integers(-170, 170))
def test_satellites_tell_the_offset_despite_a_clock_that_is_minutes_wrong(
    quarters: int, error_s: int
) -> None:
    utc = _LOCAL - timedelta(minutes=15 * quarters, seconds=error_s)

    assert offset_from_satellites(_LOCAL, utc) == 15 * quarters


@pytest.mark.parametrize("difference", [timedelta(minutes=7), timedelta(days=3)])
def test_satellites_that_contradict_the_clock_tell_nothing(difference: timedelta) -> None:
    assert offset_from_satellites(_LOCAL, _LOCAL - difference) is None
