"""Photos for benchmarks: made from the sample library, each different, as a camera writes them."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from museion.media.metadata import FieldValue

LIBRARY = Path(__file__).parent.parent / "examples" / "sample_library"
LARGE = (4000, 3000)
"""Width and height of a 12-megapixel photo."""
SMALL = (640, 480)
_DISTINCT = 250

_CAMERA: dict[str, FieldValue] = {
    "capture_time": "2024-06-01T12:30:00+02:00",
    "camera_make": "Nikon",
    "camera_model": "Z 6",
    "exposure_time_s": 0.004,
    "f_number": 5.6,
    "iso": 200,
    "focal_length_mm": 50.0,
    "latitude": 48.2082,
    "longitude": 16.3738,
    "keywords": ("benchmark",),
}


def make_photos(folder: Path, count: int, size: tuple[int, int], *, seed: int = 1) -> list[Path]:
    """Make `count` JPEG files of `size` (width, height), or keep those that are there already.

    Every file has bytes of its own. Above `_DISTINCT` pictures the pixels come round again with
    other metadata: what is measured decodes each file anew and never knows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"photo-{number:05d}.jpg" for number in range(count)]
    missing = [number for number in range(min(count, _DISTINCT)) if not paths[number].exists()]
    if missing:
        with ProcessPoolExecutor(os.cpu_count()) as processes:
            tasks = [(paths[number], size, seed * 1_000_003 + number) for number in missing]
            list(processes.map(_make, tasks, chunksize=8))
    for number in range(_DISTINCT, count):
        if not paths[number].exists():
            _make_again(paths[number % _DISTINCT], paths[number], number)
    return paths


def _make_again(original: Path, path: Path, number: int) -> None:
    """Copy a photo and give it a title of its own."""
    from museion.media.metadata_writing import write_metadata

    unfinished = path.with_suffix(".part")
    shutil.copyfile(original, unfinished)
    write_metadata(unfinished, {"title": f"Photo {number}"})
    unfinished.rename(path)


def _make(task: tuple[Path, tuple[int, int], int]) -> None:
    """Cut a random part of a sample photo, scale it up, add the grain of a sensor, save."""
    import pyvips

    from museion.media.metadata_writing import write_metadata

    path, (width, height), seed = task
    random_numbers = random.Random(seed)  # noqa: S311 (pictures, no secrets)
    picture = pyvips.Image.new_from_file(str(random_numbers.choice(_samples())))[:3]
    share = random_numbers.uniform(0.55, 0.95)
    part_width = int(min(picture.width, picture.height * width / height) * share)
    part_height = max(1, part_width * height // width)
    left = random_numbers.randrange(picture.width - part_width + 1)
    top = random_numbers.randrange(picture.height - part_height + 1)
    part = picture.crop(left, top, part_width, part_height)
    scaled = part.resize(width / part_width, vscale=height / part_height)
    grain = pyvips.Image.gaussnoise(scaled.width, scaled.height, sigma=4, seed=seed)
    noisy = (scaled + grain).cast("uchar").copy(interpretation="srgb")
    unfinished = path.with_suffix(".part")
    noisy.jpegsave(str(unfinished), Q=88)
    write_metadata(unfinished, _CAMERA)
    unfinished.rename(path)


def _samples() -> Sequence[Path]:
    return sorted(LIBRARY.glob("*.jpg"))
