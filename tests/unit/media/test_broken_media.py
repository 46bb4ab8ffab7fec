from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from museion.base.errors import InvalidInput
from museion.media import errors
from museion.media.errors import CorruptMedia, EmptyFile, TruncatedMedia, UnknownMedia
from museion.media.limits import Limits
from museion.media.metadata import Metadata, extract_metadata
from museion.media.renditions import make_renditions
from museion.media.sniff import sniff
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
