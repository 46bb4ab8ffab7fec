from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import pyvips

from museion.media import sniff
from museion.media.errors import CorruptMedia
from museion.media.fingerprint import distance, fingerprint
from museion.media.renditions import make_renditions
from museion.testing.media import image_bytes, make_sample
from museion.testing.scenes import paint_scene

# Zauner 2010 takes pictures for alike up to about a tenth of the bits and finds unrelated ones
# around half of them; a quarter lies safely between.
_ALIKE_BITS = 6
_UNRELATED_BITS = 16
_SEEDS = range(12)


def _scene(seed: int) -> pyvips.Image:
    return pyvips.Image.new_from_array(paint_scene(640, 480, seed=seed))


def _webp(image: pyvips.Image, **options: object) -> bytes:
    return image_bytes(image, ".webp", effort=0, **options)


@pytest.mark.parametrize("seed", _SEEDS)
def test_encoding_again_hardly_changes_it(seed: int) -> None:
    original = fingerprint(_webp(_scene(seed), lossless=True))

    for quality in (30, 60, 90):
        again = image_bytes(_scene(seed), ".jpg", Q=quality)
        assert distance(original, fingerprint(again)) <= _ALIKE_BITS


@pytest.mark.parametrize("seed", _SEEDS)
@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0])
def test_scaling_hardly_changes_it(seed: int, scale: float) -> None:
    original = fingerprint(_webp(_scene(seed)))

    assert distance(original, fingerprint(_webp(_scene(seed).resize(scale)))) <= _ALIKE_BITS


@pytest.mark.parametrize("seed", _SEEDS)
def test_a_little_light_hardly_changes_it(seed: int) -> None:
    brighter = (_scene(seed) * 1.08 + 6).cast("uchar").copy(interpretation="srgb")

    assert (
        distance(fingerprint(_webp(_scene(seed))), fingerprint(_webp(brighter))) <= 2 * _ALIKE_BITS
    )


def test_different_pictures_are_far() -> None:
    prints = [fingerprint(_webp(pyvips.Image.new_from_array(_noise(seed)))) for seed in _SEEDS]

    for one, other in itertools.combinations(prints, 2):
        assert distance(one, other) >= _UNRELATED_BITS


def _noise(seed: int) -> np.ndarray:
    """Return smooth random blots: unlike scenes, they share no corners."""
    small = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return np.asarray(pyvips.Image.new_from_array(small).resize(20).numpy())


def test_both_renditions_of_a_file_have_nearly_the_same(tmp_path: Path) -> None:
    path = make_sample("jpg", tmp_path / "a.jpg", width=2400, height=1600)
    thumbnail, preview = make_renditions(path, sniff.JPEG)

    assert distance(fingerprint(thumbnail.content), fingerprint(preview.content)) <= 2


@pytest.mark.parametrize("colour", [0, 77, 255])
def test_a_plain_picture_gives_zero(colour: int) -> None:
    plain = (pyvips.Image.black(64, 48, bands=3) + colour).cast("uchar")

    assert fingerprint(_webp(plain.copy(interpretation="srgb"))) == 0


def test_it_has_sixty_four_bits_and_is_stable() -> None:
    prints = [fingerprint(_webp(_scene(seed), lossless=True)) for seed in _SEEDS]

    assert all(0 <= value < 1 << 64 for value in prints)
    assert all(28 <= value.bit_count() <= 32 for value in prints), "half lie over their median"
    assert prints == [fingerprint(_webp(_scene(seed), lossless=True)) for seed in _SEEDS]


def test_distance_counts_differing_bits() -> None:
    assert (distance(0b1010, 0b1010), distance(0b1010, 0b0101), distance(0, 2**64 - 1)) == (
        0,
        4,
        64,
    )


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(CorruptMedia):
        fingerprint(b"no picture")
