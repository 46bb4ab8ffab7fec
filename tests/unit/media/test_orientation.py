"""However a picture lies in its file, its renditions and its size stand upright."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import pyvips
from PIL import Image

from museion.media import sniff
from museion.media.metadata_reading import extract_metadata
from museion.media.metadata_writing import write_metadata
from museion.media.renditions import Rendition
from museion.testing.media import image_bytes, make_sample
from museion.testing.scenes import assert_upright, paint_scene

Preview = Callable[[Path], tuple[Rendition, np.ndarray]]

# How a camera stores an upright scene so that the orientation turns it back (Exif 3.0, 4.6.5).
_STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda scene: scene,
    2: np.fliplr,
    3: lambda scene: np.rot90(scene, 2),
    4: np.flipud,
    5: lambda scene: np.transpose(scene, (1, 0, 2)),
    6: lambda scene: np.rot90(scene, 1),
    7: lambda scene: np.rot90(np.transpose(scene, (1, 0, 2)), 2),
    8: lambda scene: np.rot90(scene, -1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif"])
def test_each_exif_orientation_gives_the_same_upright_picture(
    tmp_path: Path, preview_of: Preview, extension: str, orientation: int
) -> None:
    stored = np.ascontiguousarray(_STORED[orientation](paint_scene(400, 300)))
    path = tmp_path / f"turned{extension}"
    path.write_bytes(image_bytes(pyvips.Image.new_from_array(stored), extension))
    write_metadata(path, {"orientation": orientation})

    rendition, pixels = preview_of(path)

    assert (rendition.original_width, rendition.original_height) == (400, 300)
    assert_upright(pixels)
    fields = extract_metadata(path, sniff.sniff(path)).fields()
    assert (fields["orientation"], fields["width"], fields["height"]) == (orientation, 400, 300)


@pytest.mark.parametrize("name", ["heic", "avif"])
def test_a_rotation_of_the_container_is_applied_once(
    tmp_path: Path, preview_of: Preview, name: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(paint_scene(400, 300), 1)))
    path = tmp_path / f"turned.{name}"
    if name == "heic":
        pillow_heif.from_pillow(stored).save(path, exif=exif.tobytes())
    else:
        stored.save(path, exif=exif.tobytes())

    rendition, pixels = preview_of(path)

    assert (rendition.original_width, rendition.original_height) == (400, 300)
    assert_upright(pixels)
    fields = extract_metadata(path, sniff.sniff(path)).fields()
    assert (fields["width"], fields["height"]) == (400, 300)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_preview_of_a_raw_file_is_turned_as_the_camera_was_held(
    tmp_path: Path, preview_of: Preview, orientation: int
) -> None:
    scene = paint_scene(400, 300)
    path = make_sample("dng", tmp_path / "a.dng", orientation=orientation)

    rendition, pixels = preview_of(path)

    turned_back = _STORED[orientation](pixels)
    assert turned_back.shape == scene.shape
    assert_upright(turned_back)
    size = (400, 300) if orientation < 5 else (300, 400)
    assert (rendition.original_width, rendition.original_height) == size


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("name", ["mp4", "mov"])
def test_a_film_is_turned_as_its_container_says(
    tmp_path: Path, preview_of: Preview, name: str, rotation: int
) -> None:
    path = make_sample(name, tmp_path / "film", rotation=rotation, frames=1)

    rendition, pixels = preview_of(path)

    assert_upright(np.rot90(pixels, -rotation // 90))
    size = (400, 300) if rotation in (0, 180) else (300, 400)
    assert (rendition.original_width, rendition.original_height) == size
    fields = extract_metadata(path, sniff.sniff(path)).fields()
    assert (fields["width"], fields["height"]) == size
