"""Films are cut where their scenes change, and long shots are divided."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from museion.media.errors import CorruptMedia, PixelFlood
from museion.media.film_frames import frame_webp, frames_at, pixels_of
from museion.media.film_looks import LAG, Looks, Stretch, look_through
from museion.media.limits import Limits
from museion.media.shots import LONGEST_SHOT_S, MOST_SHOTS, FilmShot, find_shots
from museion.media.sniff import MOV, MP4
from museion.testing.cut_film_sample import make_cut_film

SCENES_S = (3.0, 2.2, 1.0, 4.0, 21.0)
CUTS_S = (3.0, 5.2, 6.2, 10.2)
_ONE_LOOK_S = 0.2


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "scenes.mp4"
    make_cut_film(path, SCENES_S)
    return path


def _stretch(path: Path, **options: float) -> Stretch:
    bounds = {"start_s": 0.0, "end_s": 1e9, "time_s": 60.0} | options
    return look_through(path, MP4, Limits(), **bounds)


def _shots(path: Path) -> list[FilmShot]:
    seen = _stretch(path)
    assert seen.duration_s is not None
    return find_shots(seen.looks, seen.duration_s)


def test_a_film_is_cut_where_its_scenes_change(film: Path) -> None:
    starts = [shot.start_s for shot in _shots(film)]

    assert starts[0] == 0.0
    for cut_s in CUTS_S:
        # A shot never begins before its scene does, and at most one look after it.
        assert any(0 <= start - cut_s <= _ONE_LOOK_S for start in starts), (cut_s, starts)


def test_a_scene_is_not_cut_but_a_long_one_is_divided(film: Path) -> None:
    shots = _shots(film)

    assert len(shots) == len(SCENES_S) + 2  # 21 seconds are three pieces
    assert max(shot.end_s - shot.start_s for shot in shots) <= LONGEST_SHOT_S + 1e-6


def test_a_cross_fade_is_a_cut_too(tmp_path: Path) -> None:
    path = tmp_path / "fading.mp4"
    make_cut_film(path, [4.0, 5.0, 4.0], fade_s=1.0)

    inner = [shot.start_s for shot in _shots(path)][1:]

    assert len([start for start in inner if 2.9 <= start <= 4.1]) == 1
    assert len([start for start in inner if 7.9 <= start <= 9.1]) == 1


def test_a_film_in_stretches_is_cut_as_in_one_go(film: Path) -> None:
    parts = []
    at_s: float | None = 0.0
    while at_s is not None:
        stretch = _stretch(film, start_s=at_s, time_s=0.05)
        parts.append(stretch.looks)
        at_s = stretch.until_s
    assert len(parts) > 2

    whole = _shots(film)
    pieced = find_shots(Looks.joined(parts), whole[-1].end_s)

    assert len(pieced) == len(whole)
    apart = [abs(a.start_s - b.start_s) for a, b in zip(pieced, whole, strict=True)]
    assert max(apart) <= _ONE_LOOK_S


def test_a_cut_at_the_seam_of_two_parts_is_noticed(film: Path) -> None:
    parts = [_stretch(film, end_s=5.2).looks, _stretch(film, start_s=5.2).looks]

    starts = [shot.start_s for shot in find_shots(Looks.joined(parts), 31.2)]

    assert any(abs(start - 5.2) <= _ONE_LOOK_S for start in starts)


def test_the_frame_that_stands_for_a_shot_lies_within_it(film: Path) -> None:
    assert all(shot.start_s <= shot.at_s < shot.end_s for shot in _shots(film))


def test_frames_are_those_of_their_seconds(film: Path) -> None:
    early, late = frames_at(film, MP4, Limits(), [1.0, 4.0], max_side=64)
    again = next(frames_at(film, MP4, Limits(), [1.0], max_side=64))

    assert np.array_equal(pixels_of(early), pixels_of(again))
    assert np.abs(pixels_of(early).astype(int) - pixels_of(late)).mean() > 20
    assert (early.image.width, early.image.height) == (64, 38)


def test_a_second_behind_the_end_shows_the_last_frame(film: Path) -> None:
    content = frame_webp(film, MP4, Limits(), 1e6, max_side=80)

    assert content[8:12] == b"WEBP"


def test_frames_that_are_too_large_are_refused(film: Path) -> None:
    tiny = Limits(max_frame_pixels=1000)

    with pytest.raises(PixelFlood):
        look_through(film, MP4, tiny, start_s=0, end_s=1, time_s=1)
    with pytest.raises(PixelFlood):
        next(frames_at(film, MP4, tiny, [0.0], max_side=64))


def test_a_film_that_is_noise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.mov"
    path.write_bytes(np.random.default_rng(3).bytes(5_000))

    with pytest.raises(CorruptMedia):
        look_through(path, MOV, Limits(), start_s=0, end_s=1, time_s=1)


def test_damage_in_the_middle_costs_no_more_than_its_frames(film: Path, tmp_path: Path) -> None:
    content = bytearray(film.read_bytes())
    at = len(content) // 3
    content[at : at + 2000] = bytes(2000)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(content)

    shots = _shots(path)

    assert shots[-1].end_s > 30


def _looks(rng: np.random.Generator, count: int) -> Looks:
    times_s = np.cumsum(rng.uniform(0.04, 0.5, count))
    changes = rng.uniform(0, 1, (2, count)).astype(np.float32) ** 3
    return Looks(
        times_s,
        changes[0],
        changes[1],
        rng.uniform(0, 80, count).astype(np.float32),
        rng.uniform(0, 5, count).astype(np.float32),
    )


@given(seed=st.integers(0, 10_000), count=st.integers(1, 400), tail_s=st.floats(0, 100))
@settings(max_examples=60, deadline=None)
def test_shots_follow_each_other_without_gaps(seed: int, count: int, tail_s: float) -> None:
    looks = _looks(np.random.default_rng(seed), count)
    end_s = round(float(looks.times_s[-1]) + tail_s, 3) + 0.001

    shots = find_shots(looks, end_s)

    assert shots[0].start_s == 0
    assert shots[-1].end_s == pytest.approx(end_s, abs=0.002)
    assert all(a.end_s == b.start_s for a, b in _pairs(shots))
    assert all(shot.start_s < shot.end_s for shot in shots)
    assert all(shot.end_s - shot.start_s <= LONGEST_SHOT_S + 0.002 for shot in shots)


def test_a_film_of_a_day_has_a_bounded_number_of_shots() -> None:
    times_s = np.arange(0, 86_400, 1.0)
    changes = np.where(np.arange(len(times_s)) % 7 == 0, 0.9, 0.0).astype(np.float32)
    plain = np.full(len(times_s), 40, np.float32)
    looks = Looks(times_s, changes, changes, plain, plain * 0)

    assert len(find_shots(looks, 86_400.0)) <= MOST_SHOTS


def test_a_flash_is_no_cut() -> None:
    # A flash of one look: what came before it is back a moment later.
    changes, slow = np.full(80, 0.02, np.float32), np.full(80, 0.03, np.float32)
    changes[[40, 41]] = 0.6
    slow[[40, 40 + LAG]] = 0.6

    assert len(find_shots(_seen(changes, slow), 9.9)) == 1


def test_the_same_change_is_a_cut_when_it_lasts() -> None:
    changes, slow = np.full(80, 0.02, np.float32), np.full(80, 0.03, np.float32)
    changes[40] = 0.6
    slow[40 : 40 + LAG] = 0.6

    assert [shot.start_s for shot in find_shots(_seen(changes, slow), 9.9)] == [0.0, 5.0]


def _seen(changes: NDArray[np.float32], slow: NDArray[np.float32]) -> Looks:
    times_s = np.arange(len(changes), dtype=np.float64) / 8
    return Looks(times_s, changes, slow, np.full(len(changes), 40, np.float32), changes * 0)


def test_a_film_of_which_nothing_was_seen_has_no_shots() -> None:
    nothing = _looks(np.random.default_rng(0), 0)

    assert find_shots(nothing, 10.0) == []


def _pairs(shots: list[FilmShot]) -> Iterator[tuple[FilmShot, FilmShot]]:
    return itertools.pairwise(shots)
