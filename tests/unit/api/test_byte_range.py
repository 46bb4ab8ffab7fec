"""Any header gives bytes that exist; a range that is understood gives exactly those."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.api.byte_range import ByteRange, _chunks, requested_range

SIZES = st.integers(min_value=1, max_value=10**12)


@given(header=st.one_of(st.none(), st.text(), st.from_regex(r"bytes=\d*-\d*")), size=SIZES)
def test_every_header_gives_a_part_that_exists(header: str | None, size: int) -> None:
    part = requested_range(header, size)

    assert 0 <= part.start < part.end <= part.size_bytes == size


@given(size=SIZES, first=st.integers(0, 10**12), length=st.integers(1, 10**12))
def test_a_range_within_the_file_is_given_exactly(size: int, first: int, length: int) -> None:
    first %= size
    end = min(first + length, size)

    assert requested_range(f"bytes={first}-{end - 1}", size) == ByteRange(first, end, size)
    assert requested_range(f"bytes={first}-", size) == ByteRange(first, size, size)


@given(size=SIZES, length=st.integers(1, 10**12))
def test_the_last_bytes_are_given_as_far_as_there_are_any(size: int, length: int) -> None:
    part = requested_range(f"bytes=-{length}", size)

    assert part == ByteRange(max(0, size - length), size, size)


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "bytes", "bytes=", "bytes=-", "bytes=-0", "bytes=5-2", "bytes=100-"),
        *("bytes=0-1,3-4", "items=0-1", "bytes=0-1\n", "bytes= 0-1", "bytes=²-³", "bytes=١-٢"),
        *("bytes=" + "9" * 5000 + "-", "bytes=-" + "9" * 5000, "Bytes=0-1"),
    ],
)
def test_what_is_not_understood_gives_the_whole(header: str | None) -> None:
    assert requested_range(header, 100).whole


@given(
    content=st.binary(min_size=1, max_size=2000),
    first=st.integers(0, 2000),
    length=st.integers(1, 2000),
)
def test_a_part_is_streamed_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, first: int, length: int
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "streamed"
    path.write_bytes(content)
    first %= len(content)
    end = min(first + length, len(content))

    streamed = b"".join(_chunks(path, ByteRange(first, end, len(content))))

    assert streamed == content[first:end]
