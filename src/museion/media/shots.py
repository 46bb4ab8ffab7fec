"""Where a film is cut, told from how much its pictures change from one look to the next.

A look is one small frame, taken every eighth of a second (see `film_looks`). What is here is
arithmetic over what the looks said, so that it costs nothing beside their decoding.

Letters: N looks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from museion.media.film_looks import LAG, Looks

LONGEST_SHOT_S = 10.0
"""A longer shot is divided, so that what comes late in it is found, too."""

MOST_SHOTS = 3_000
"""A film has no more of them: where there were more, shots are divided less or joined.

Each costs an embedding of a kilobyte, and all of a film travel in one event.
"""

_SHORTEST_SHOT_S = 0.5
_LEAST_CHANGE = 0.16
"""A cut changes at least so much of the picture; pans and noise change less from look to look."""
_TIMES_NEIGHBOURS = 2.5
"""A cut stands out from the looks around it, among which a restless hand changes much as well."""
_AROUND = 6
_GRADUAL_CHANGE = 0.22
"""What a cross-fade has changed after half a second."""
_LEAST_CONTRAST = 12.0
"""Of 255; a frame with less is black, white, or plain."""
_SECOND_OF_DECODING = 0.05
_RESTLESS = 2.0


@dataclass(frozen=True, slots=True)
class FilmShot:
    """A stretch between two cuts, and the frame that stands for it; seconds from the beginning."""

    start_s: float
    end_s: float
    at_s: float


def find_shots(looks: Looks, end_s: float) -> list[FilmShot]:
    """Return the shots of a film in order, without gaps, none longer than `LONGEST_SHOT_S`.

    Shots of more than `MOST_SHOTS` pieces in all are longer. A film of which nothing could be
    looked at has none. O(N).

    Args:
        looks: of the whole film, in order of time.
        end_s: when the film ends.

    Source: the idea of an adaptive threshold over the mean of the neighbours is that of
    PySceneDetect's AdaptiveDetector; changes are measured in another way (`film_looks`), and
    flashes and cross-fades are told by a second comparison over half a second.
    """
    if len(looks.times_s) == 0:
        return []
    end_s = max(end_s, float(looks.times_s[-1]))
    longest_s = max(LONGEST_SHOT_S, 2 * end_s / MOST_SHOTS)
    starts = [0.0, *_cuts(looks)]
    if len(starts) > MOST_SHOTS // 2:
        starts = _joined(starts, 2 * end_s / MOST_SHOTS)
    pieces = [
        piece
        for start_s, stop_s in zip(starts, [*starts[1:], end_s], strict=True)
        for piece in _divided(start_s, stop_s, longest_s)
    ]
    return [FilmShot(start, stop, _standing_for(looks, start, stop)) for start, stop in pieces]


def _cuts(looks: Looks) -> list[float]:
    """Return when a new shot begins, without the beginning of the film."""
    hard = _hard_cuts(looks)
    gradual = _gradual_cuts(looks, hard)
    cuts: list[float] = []
    for place in np.flatnonzero(hard | gradual):
        time_s = float(looks.times_s[place])
        if time_s - (cuts[-1] if cuts else 0.0) >= _SHORTEST_SHOT_S:
            cuts.append(time_s)
    return cuts


def _hard_cuts(looks: Looks) -> NDArray[np.bool_]:
    changes = looks.changes
    stands_out = changes >= _TIMES_NEIGHBOURS * _mean_around(changes)
    # At both ends of a flash the picture is as it was half a second ago, or will be.
    slow = looks.slow_changes
    later = np.append(slow, np.repeat(slow[-1:], LAG))[LAG - 1 : -1]
    lasts = np.minimum(slow, later) >= _LEAST_CHANGE / 2
    return (changes >= _LEAST_CHANGE) & stands_out & lasts


def _gradual_cuts(looks: Looks, hard: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell where a slow change is at its height, far from every hard cut."""
    slow = looks.slow_changes
    near_a_cut = np.convolve(hard, np.ones(4 * LAG + 1), mode="same") > 0
    is_height = slow >= _greatest_around(slow, 2 * LAG)
    # A flash differs from what was before it in one look only.
    beside = np.pad(slow, 1, mode="edge")
    lasts = np.minimum(beside[:-2], beside[2:]) >= _GRADUAL_CHANGE / 2
    found: NDArray[np.bool_] = (slow >= _GRADUAL_CHANGE) & is_height & lasts
    return found & ~near_a_cut[: len(slow)]


def _mean_around(changes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return for each look the mean change of its neighbours, without itself."""
    window = np.ones(2 * _AROUND + 1)
    window[_AROUND] = 0.0
    totals = np.convolve(changes, window)[_AROUND : _AROUND + len(changes)]
    counts = np.convolve(np.ones(len(changes)), window)[_AROUND : _AROUND + len(changes)]
    return totals / np.maximum(counts, 1.0)


def _greatest_around(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    padded = np.pad(values, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    greatest: NDArray[np.float32] = windows.max(axis=1)
    return greatest


def _joined(starts: Sequence[float], least_s: float) -> list[float]:
    kept: list[float] = []
    for start_s in starts:
        if not kept or start_s - kept[-1] >= least_s:
            kept.append(start_s)
    return kept


def _divided(start_s: float, stop_s: float, longest_s: float) -> Iterator[tuple[float, float]]:
    count = max(1, int(np.ceil((stop_s - start_s) / longest_s - 1e-9)))
    edges = np.linspace(start_s, stop_s, count + 1).round(3).tolist()
    yield from itertools.pairwise(edges)


def _standing_for(looks: Looks, start_s: float, stop_s: float) -> float:
    """Return when the frame comes that stands for a shot.

    It is still, not plain, near the middle, and not far behind a key frame, from which on it must
    be decoded each time that it is wanted.
    """
    first, last = np.searchsorted(looks.times_s, [start_s - 1e-3, stop_s - 1e-3])
    if first == last:
        return round(start_s, 3)
    span = slice(int(first), int(last))
    times_s = looks.times_s[span]
    length_s = max(stop_s - start_s, 1e-3)
    cost = np.abs(times_s - (start_s + stop_s) / 2) / length_s
    cost = cost + _SECOND_OF_DECODING * looks.since_key_s[span]
    cost = cost + _RESTLESS * looks.changes[span]
    cost = np.where(looks.contrasts[span] < _LEAST_CONTRAST, cost + 10.0, cost)
    return round(float(times_s[int(np.argmin(cost))]), 3)
