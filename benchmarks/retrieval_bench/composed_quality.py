"""A picture with words: "like this, but with snow", "like this, but no snow"."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from figures import Figure
from numpy.typing import NDArray
from retrieval_bench.dev_split import DevSplit

from museion.models.embedded import TextTower
from museion.models.encoder import Embeddings
from museion.search.concepts import compose

NAMED = {
    "dog": ["dog"],
    "child": ["child", "children", "boy", "girl", "kid"],
    "man": ["man", "men"],
    "snow": ["snow", "snowy"],
    "water": ["water", "ocean", "lake", "pool", "river"],
    "beach": ["beach", "sand"],
    "grass": ["grass", "field", "lawn"],
    "bicycle": ["bike", "bicycle", "bmx", "biker"],
    "ball": ["ball"],
}
PAIRS = (
    *(("dog", place) for place in ("snow", "water", "ball", "grass")),
    *(("child", place) for place in ("water", "beach", "snow", "grass")),
    *(("man", place) for place in ("bicycle", "snow", "beach")),
)
PICTURES_A_PAIR = 15
DEPTH = 10


def composed_figures(dev: DevSplit, tower: TextTower) -> list[Figure]:
    """Return how many of the first ten show the one thing with, or without, the other."""
    found: list[Figure] = []
    for sign in ("plus", "minus"):
        both, alone = (
            100 * float(np.mean(list(_shares(dev, tower, sign, composed=composed))))
            for composed in (True, False)
        )
        print(f"picture {sign} words: {both:.1f} % of the first {DEPTH} fit, picture {alone:.1f} %")
        found.append(
            Figure(
                f"composed.picture_{sign}_words",
                both,
                "%",
                "picture alone",
                round(both / alone, 3),
                "> 1x",
                both > alone,
            )
        )
    return found


def _shares(dev: DevSplit, tower: TextTower, sign: str, *, composed: bool) -> Iterator[float]:
    named = {thing: dev.naming(words) for thing, words in NAMED.items()}
    texts = dict(zip(NAMED, tower.encode_texts(list(NAMED)), strict=True))
    chance = np.random.default_rng(0)
    for thing, other in PAIRS:
        begun = named[thing] & (~named[other] if sign == "plus" else named[other])
        wanted = named[thing] & (named[other] if sign == "plus" else ~named[other])
        for photo in chance.permutation(np.flatnonzero(begun))[:PICTURES_A_PAIR]:
            picture, text = dev.photos[photo], texts[other]
            query = picture
            if composed and sign == "plus":
                query = compose([picture], text=text)
            elif composed:
                query = compose([picture], minus=[text])
            yield float(wanted[_nearest(dev.photos, query, but=int(photo))].mean())


def _nearest(photos: Embeddings, query: NDArray[np.float32], *, but: int) -> NDArray[np.intp]:
    near = photos @ query
    near[but] = -np.inf
    return np.argsort(-near)[:DEPTH]
