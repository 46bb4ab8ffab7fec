from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from museion.base.errors import InvalidInput
from museion.media import errors
from museion.media.errors import (
    CorruptMedia,
    EmptyFile,
    TruncatedMedia,
    UnknownMedia,
    UnsupportedMedia,
)
from museion.media.limits import Limits
from museion.media.metadata import Metadata
from museion.media.metadata_reading import extract_metadata
from museion.media.renditions import make_renditions
from museion.media.sniff import MP4, SVG, sniff
from museion.testing.media import DAMAGES, FORMATS, break_file

# Arithmetic coders give some picture for any bits, and raw sensor data or a picture inside a page
# has no check that its reader applies; the formats themselves cannot tell.
_WITHOUT_CHECK = ("webp", "heic", "webm", "dng", "pdf")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("how", ["cut-10", "cut-50", "cut-90"])
def test_a_file_cut_short_is_refused(copy_of: Callable[[str], Path], name: str, how: str) -> None:
    path = break_file(copy_of(name), how)

    with pytest.raises((TruncatedMedia, UnknownMedia)) as refusal:
        make_renditions(path, sniff(path))

    if isinstance(refusal.value, UnknownMedia):
        assert (name, how) == ("svg", "cut-10"), "only a drawing without its root is unknown"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kept", [1, 23, 47, 71, 97])
def test_no_cut_goes_unseen(copy_of: Callable[[str], Path], name: str, kept: int) -> None:
    path = break_file(copy_of(name), f"cut-{kept}")

    with pytest.raises((TruncatedMedia, CorruptMedia, UnknownMedia)):
        make_renditions(path, sniff(path))


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in _WITHOUT_CHECK])
@pytest.mark.parametrize("seed", range(3))
def test_damaged_bytes_are_noticed(copy_of: Callable[[str], Path], name: str, seed: int) -> None:
    path = break_file(copy_of(name), "garbled", seed=seed)

    with pytest.raises((CorruptMedia, TruncatedMedia)):
        make_renditions(path, sniff(path))


@pytest.mark.parametrize("name", _WITHOUT_CHECK)
def test_damage_that_a_format_cannot_notice_still_ends_well(
    copy_of: Callable[[str], Path], name: str
) -> None:
    path = break_file(copy_of(name), "garbled")

    with contextlib.suppress(InvalidInput):
        assert len(make_renditions(path, sniff(path))) == 2


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("seed", range(12))
def test_a_few_wrong_bytes_anywhere_are_shown_or_refused(
    copy_of: Callable[[str], Path], name: str, seed: int
) -> None:
    path = copy_of(name)
    content = bytearray(path.read_bytes())
    draw = np.random.default_rng([FORMATS.index(name), seed])
    reach = min(len(content), int(draw.choice((64, 1024, 65536))))
    for place in draw.integers(0, reach, size=draw.choice((1, 4, 16))):
        content[place] ^= 0xFF
    path.write_bytes(content)

    with contextlib.suppress(InvalidInput):
        media = sniff(path)
        assert isinstance(extract_metadata(path, media), Metadata)
        assert len(make_renditions(path, media)) == 2


def test_a_codec_that_nobody_knows_is_unsupported(copy_of: Callable[[str], Path]) -> None:
    path = copy_of("mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9"))

    with pytest.raises(UnsupportedMedia, match="no decoder"):
        make_renditions(path, MP4)
    assert extract_metadata(path, MP4).best("duration_s") == 2.0


@pytest.mark.parametrize("encoding", ["UTV-8", "utf-7", "hex"])
def test_an_encoding_that_nobody_knows_is_damage(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.svg"
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    path.write_text(f'<?xml version="1.0" encoding="{encoding}"?>{drawing}')

    with contextlib.suppress(UnknownMedia):
        assert sniff(path) == SVG
    with pytest.raises(CorruptMedia):
        make_renditions(path, SVG)
    assert extract_metadata(path, SVG).warnings


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_file_and_a_text_are_never_media(
    copy_of: Callable[[str], Path], name: str
) -> None:
    path = copy_of(name)

    with pytest.raises(UnknownMedia, match="plain text"):
        sniff(break_file(path, "text"))
    with pytest.raises(EmptyFile):
        sniff(break_file(path, "empty"))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("how", DAMAGES)
def test_metadata_of_a_broken_file_never_raise(
    copy_of: Callable[[str], Path], name: str, how: str
) -> None:
    path = copy_of(name)
    media = sniff(path)

    assert isinstance(extract_metadata(break_file(path, how), media), Metadata)


@pytest.mark.parametrize("name", FORMATS)
def test_a_refusal_is_one_line_without_the_files_path(
    copy_of: Callable[[str], Path], name: str
) -> None:
    path = break_file(copy_of(name), "cut-60")

    with pytest.raises(InvalidInput) as refusal:
        make_renditions(path, sniff(path))

    told = str(refusal.value)
    assert "\n" not in told
    assert path.parent.name not in told
    assert refusal.value.remedy


@pytest.mark.parametrize(
    "error",
    [
        errors.EmptyFile(),
        errors.UnknownMedia("plain text"),
        errors.UnsupportedMedia("HEIC", "no decoder"),
        errors.TruncatedMedia("JPEG", "premature end"),
        errors.CorruptMedia("PNG", "bad\nchecksum."),
        errors.PixelFlood(width=3, height=4, limit="10 in all"),
        errors.MemoryFlood("GIF"),
        errors.MediaTooLarge("SVG", size_bytes=9, max_bytes=8),
        errors.UnsafeVector("it has a script"),
        errors.LockedDocument(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_crosses_a_process_border(error: InvalidInput) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)


def test_limits_are_a_plain_value() -> None:
    assert pickle.loads(pickle.dumps(Limits())) == Limits()  # noqa: S301 (our own bytes)
