"""Captioned photos as both towers see them, and queries with what answers them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from museion.models.embedded import TextTower, open_embedded_image_tower
from museion.models.encoder import Embeddings, Label
from museion.models.training.captioned_photos import decode, read_captioned_photos

NONSENSE = Path(__file__).parents[1] / "queries" / "nonsense.txt"
_STOP_WORDS = (
    "a an the of in on with to and at for over from under into by is are his her their its it while"
    " two one three that as there being has through some who up out down"
)
_MOST_ANSWERS = 100
_FEWEST_ANSWERS = 4


@dataclass(frozen=True)
class DevSplit:
    """Photos with captions, embedded; photo `i` is called by its number."""

    captions: Sequence[Sequence[str]]
    photos: Embeddings
    labels: Sequence[Sequence[Label]]

    @property
    def texts(self) -> list[str]:
        """All captions of a photo as one text in lower case."""
        return [" ".join(some).lower() for some in self.captions]

    def naming(self, words: Iterable[str]) -> NDArray[np.bool_]:
        """Tell for each photo whether a caption names one of some words, or its plural."""
        spoken = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})(?:s|es)?\b")
        return np.array([spoken.search(text) is not None for text in self.texts])


def read_dev(listing: Path) -> DevSplit:
    """Read and embed the photos beside a list; takes half a minute."""
    read = read_captioned_photos(listing)
    tower = open_embedded_image_tower(threads=2)
    photos, labels = tower.see([decode(encoded) for encoded in read.files])
    return DevSplit(read.captions, photos, labels)


def short_queries(dev: DevSplit, *, most: int) -> dict[str, frozenset[int]]:
    """Return words and pairs of words that captions say, with the photos whose captions do.

    Captions leave things out, so more photos answer than are counted.
    """
    counted: dict[str, set[int]] = {}
    stop = frozenset(_STOP_WORDS.split())
    for photo, captions in enumerate(dev.captions):
        for caption in captions:
            words = re.findall(r"[a-z]+", caption.lower())
            content = [word for word in words if word not in stop and len(word) > 2]
            pairs = [f"{a} {b}" for a, b in pairwise(words) if {a, b} <= {*content}]
            for query in {*content, *pairs}:
                counted.setdefault(query, set()).add(photo)
    kept = sorted(q for q, s in counted.items() if _FEWEST_ANSWERS <= len(s) <= _MOST_ANSWERS)
    chosen = np.random.default_rng(0).permutation(len(kept))[:most]
    return {query: _answers(dev, query) for query in sorted(kept[place] for place in chosen)}


def nonsense() -> list[str]:
    """Return queries that no photo of the split answers."""
    lines = NONSENSE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def embed(tower: TextTower, texts: Sequence[str]) -> Embeddings:
    """Return one unit row a text."""
    return tower.encode_texts(texts)


def _answers(dev: DevSplit, query: str) -> frozenset[int]:
    each = [dev.naming([word]) for word in query.split()]
    return frozenset(map(int, np.flatnonzero(np.logical_and.reduce(each))))
