"""Files that are made to harm are refused from their headers, or fail within their limits."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from pathlib import Path

import pytest
import pyvips

from museion.media import sniff
from museion.media.errors import (
    CorruptMedia,
    MediaTooLarge,
    PixelFlood,
    TruncatedMedia,
    UnsafeVector,
)
from museion.media.limits import Limits
from museion.media.metadata_reading import extract_metadata
from museion.media.renditions import make_renditions
from museion.testing.hostile_media import make_png_bomb, unsafe_svgs
from museion.testing.media import FORMATS, image_bytes, make_sample

_UNSAFE = unsafe_svgs()
_WORKER_BYTES = 2 << 30
_SAFE_BODIES = {
    "link": '<a href="https://example.org/"><rect width="9" height="9"/></a>',
    "own part": '<defs><linearGradient id="a"/></defs><rect width="9" height="9" fill="url(#a)"/>',
    "use of own part": '<g id="b"><rect width="9" height="9"/></g><use href="#b" x="20"/>',
    "style": "<style>rect { fill: red } /* @import would be bad */</style>",
    "description": '<metadata><work about="http://example.org/">Ada</work></metadata>',
    "profile of another machine": '<color-profile name="P3" href="file:///P3.icc"/>',
    "page without fetches": "<foreignObject><p>text</p></foreignObject>",
}


def _svg(body: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60">{body}</svg>'.encode()


def _picture_inside(content: bytes) -> str:
    encoded = base64.b64encode(content).decode("ascii")
    return f'<image width="90" height="60" href="data:image/png;base64,{encoded}"/>'


def test_a_png_bomb_is_refused_from_its_header(tmp_path: Path) -> None:
    path = make_png_bomb(tmp_path / "bomb.png")
    started = time.perf_counter()

    with pytest.raises(PixelFlood, match="60000 x 60000"):
        make_renditions(path, sniff.sniff(path))

    assert time.perf_counter() - started < 1.0
    fields = extract_metadata(path, sniff.PNG).fields()
    assert (fields["width"], fields["height"]) == (60_000, 60_000)


def test_rows_may_not_be_too_long(tmp_path: Path) -> None:
    """Found by mutation: 7 million pixels in each of 48 rows made GLib abort the process."""
    path = make_png_bomb(tmp_path / "long.png", width=7_274_560, height=48)

    with pytest.raises(PixelFlood, match="a side"):
        make_renditions(path, sniff.PNG)


@pytest.mark.parametrize("name", ["jpg", "png", "gif", "webp", "tif", "avif", "heic", "dng"])
def test_each_still_is_measured_before_it_is_decoded(samples: dict[str, Path], name: str) -> None:
    with pytest.raises(PixelFlood, match="400 x 300"):
        make_renditions(samples[name], sniff.sniff(samples[name]), Limits(max_pixels=119_999))


@pytest.mark.parametrize("name", ["mp4", "mov", "webm"])
def test_frames_of_a_film_are_measured(samples: dict[str, Path], name: str) -> None:
    with pytest.raises(PixelFlood, match="in a frame"):
        make_renditions(samples[name], sniff.sniff(samples[name]), Limits(max_frame_pixels=9))


@pytest.mark.parametrize(
    ("extension", "options"),
    [
        (".gif", {}),
        (".webp", {}),
        (".avif", {}),
        (".png", {"interlace": True}),
        (".jpg", {"interlace": True}),
    ],
)
def test_what_is_decoded_whole_is_measured_in_bytes(
    tmp_path: Path, extension: str, options: dict[str, bool]
) -> None:
    path = tmp_path / "whole"
    image = pyvips.Image.black(400, 300, bands=3).copy(interpretation="srgb")
    path.write_bytes(image_bytes(image, extension, **options))

    with pytest.raises(PixelFlood, match="in memory"):
        make_renditions(path, sniff.sniff(path), Limits(max_decoded_bytes=300_000))


@pytest.mark.parametrize("name", _UNSAFE)
def test_an_unsafe_drawing_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "unsafe.svg"
    path.write_bytes(_UNSAFE[name])

    with pytest.raises(UnsafeVector) as refusal:
        make_renditions(path, sniff.sniff(path))

    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", _SAFE_BODIES)
def test_a_safe_drawing_is_drawn(tmp_path: Path, name: str) -> None:
    path = tmp_path / "safe.svg"
    path.write_bytes(_svg(_SAFE_BODIES[name]))

    assert len(make_renditions(path, sniff.SVG)) == 2


def test_a_picture_inside_a_drawing_is_drawn(tmp_path: Path) -> None:
    inside = make_sample("png", tmp_path / "inside.png").read_bytes()
    path = tmp_path / "a.svg"
    path.write_bytes(_svg(_picture_inside(inside)))

    assert len(make_renditions(path, sniff.SVG)) == 2


def test_a_bomb_inside_a_drawing_is_refused(tmp_path: Path) -> None:
    bomb = make_png_bomb(tmp_path / "bomb.png", width=30_000, height=30_000).read_bytes()
    path = tmp_path / "a.svg"
    path.write_bytes(_svg(_picture_inside(bomb)))

    with pytest.raises(PixelFlood):
        make_renditions(path, sniff.SVG)


def test_a_drawing_may_not_be_too_large(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_bytes(_svg("<g/>" * 2000))

    with pytest.raises(MediaTooLarge, match="bytes"):
        make_renditions(path, sniff.SVG, Limits(max_svg_bytes=4000))
    with pytest.raises(MediaTooLarge, match="elements"):
        make_renditions(path, sniff.SVG, Limits(max_svg_elements=1000))


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><g>", TruncatedMedia),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><g></svg>", CorruptMedia),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>&nothing;</svg>", CorruptMedia),
    ],
)
def test_a_drawing_that_is_not_xml_is_refused(
    tmp_path: Path, content: bytes, refusal: type[Exception]
) -> None:
    path = tmp_path / "a.svg"
    path.write_bytes(content)

    with pytest.raises(refusal):
        make_renditions(path, sniff.SVG)


def _run_limited(paths: list[Path], *, limits: str = "", memory_bytes: int = _WORKER_BYTES) -> str:
    program = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({memory_bytes}, {memory_bytes}))
from pathlib import Path
from museion.media.process import prepare_worker
prepare_worker()
from museion.media.limits import Limits
from museion.media.metadata_reading import extract_metadata
from museion.media.renditions import make_renditions
from museion.media.sniff import sniff
for name in sys.argv[1:]:
    path = Path(name)
    try:
        extract_metadata(path, sniff(path))
        print(len(make_renditions(path, sniff(path), Limits({limits}))))
    except Exception as refusal:
        print(type(refusal).__name__)
"""
    command = [sys.executable, "-c", program, *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert run.stderr == ""
    return run.stdout


def test_every_format_fits_into_a_worker_of_two_gibibytes(samples: dict[str, Path]) -> None:
    told = _run_limited([samples[name] for name in FORMATS])

    assert told.split() == ["2"] * len(FORMATS)


def test_the_largest_allowed_pictures_fit_into_a_worker(tmp_path: Path) -> None:
    image = pyvips.Image.black(22_000, 22_000, bands=3).copy(interpretation="srgb")
    paths = [tmp_path / "a.png", tmp_path / "a.tif"]
    image.pngsave(str(paths[0]), compression=1)
    image.tiffsave(str(paths[1]), compression="deflate", tile=True)

    assert _run_limited(paths).split() == ["2", "2"]


def test_too_little_memory_is_an_error_and_not_the_end_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    image = pyvips.Image.black(20_000, 18_000, bands=3).copy(interpretation="srgb")
    image.pngsave(str(path), compression=1, interlace=True)

    told = _run_limited([path], limits="max_decoded_bytes=1 << 40", memory_bytes=1 << 30)

    assert told.split() == ["MemoryFlood"]
