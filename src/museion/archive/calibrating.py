"""Keeps the calibration of the generation that is searched, as the archive grows."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from blake3 import blake3

from museion.archive.generations import Generation
from museion.base.ids import random_id
from museion.models.encoder import Embeddings
from museion.models.registry import checkpoint_names
from museion.search.calibration import (
    MOST_SAMPLED,
    Calibration,
    CutOff,
    background_texts,
    nonsense_texts,
)
from museion.search.vector_index import Embedding

_GROWN = 1.2
"""The sample is taken anew when there are so many times the assets that there were."""
_UNKNOWN_STRONG_Z, _UNKNOWN_WEAK_Z = 4.0, 1.5
"""Where nothing is there to be compared with."""


class Calibrator:
    """Says where the hits of a query end; safe to use from several threads.

    The first question of a generation takes about a second, since the background texts must be
    embedded; `warm_up` asks it.
    """

    def __init__(self, ids: Callable[[], Iterable[str]], folder: Path | None = None) -> None:
        """Begin with no calibration.

        Args:
            ids: returns the assets that may be sampled; asked seldom.
            folder: where embeddings of the background texts are kept for the next time, if it can
                be written to; None keeps none.
        """
        self._ids = ids
        self._folder = folder
        self._making = threading.Lock()
        self._made: _Made | None = None

    def cut_off(
        self,
        generation: Generation,
        query: Embedding,
        *,
        among: int | None = None,
        is_everyday: bool = False,
    ) -> CutOff:
        """Return where the hits of a text end.

        Args:
            generation: that is searched.
            query: the embedding of the text in it.
            among: how many assets may be hits at all; None means all.
            is_everyday: the text is, as `search.calibration` says.
        """
        calibration = self._of(generation)
        if calibration is None:
            background = generation.background
            return CutOff(
                background.mean + _UNKNOWN_STRONG_Z * background.deviation,
                background.mean + _UNKNOWN_WEAK_Z * background.deviation,
            )
        return calibration.cut_off(query, among=among, is_everyday=is_everyday)

    def warm_up(self, generation: Generation) -> None:
        """Make the calibration now."""
        self._of(generation)

    def _of(self, generation: Generation) -> Calibration | None:
        made, count = self._made, len(generation.vectors)
        if made is not None and made.fits(generation, count):
            return made.calibration
        # Who has a calibration of this space goes on with it while another thread makes a new one.
        must_wait = made is None or made.space != generation.space.id
        if not self._making.acquire(blocking=must_wait):
            assert made is not None
            return made.calibration
        try:
            if self._made is None or not self._made.fits(generation, count):
                self._made = self._make(generation, count, before=self._made)
            return self._made.calibration
        finally:
            self._making.release()

    def _make(self, generation: Generation, count: int, before: _Made | None) -> _Made:
        sample, space = _sample(generation, self._ids()), generation.space.id
        texts = before.texts if before is not None and before.space == space else None
        if not len(sample):
            return _Made(space, count, texts, None)
        if texts is None:
            is_judged = generation.checkpoint.card.name in checkpoint_names()
            senseless = None if is_judged else self._embedded(generation, nonsense_texts())
            texts = self._embedded(generation, background_texts()), senseless
        calibration = Calibration(texts[0], sample, assets=count, nonsense=texts[1])
        return _Made(space, count, texts, calibration)

    def _embedded(self, generation: Generation, texts: Sequence[str]) -> Embeddings:
        """Return embeddings of texts: kept ones where there are, as embedding takes a second."""
        if self._folder is None:
            return generation.embed_all(texts)
        name = blake3("\n".join([generation.space.id, *texts]).encode()).hexdigest()[:32]
        place = self._folder / f"{name}.npy"
        try:
            kept: Embeddings = np.load(place)
            if kept.shape == (len(texts), generation.space.dimension):
                return kept
        except (OSError, ValueError):
            pass  # not there yet, or cut off: embedded below and written anew
        rows = generation.embed_all(texts)
        with suppress(OSError):  # beside a writer the folder may be read-only
            self._folder.mkdir(parents=True, exist_ok=True)
            part = place.with_suffix(f".{random_id()}.part")
            with part.open("wb") as file:
                np.save(file, rows)
            part.replace(place)
        return rows


@dataclass(frozen=True, slots=True)
class _Made:
    """A calibration, None of an archive without embeddings, and what it was made for."""

    space: str
    count: int
    texts: tuple[Embeddings, Embeddings | None] | None
    calibration: Calibration | None

    def fits(self, generation: Generation, count: int) -> bool:
        """Tell whether it still serves a generation that holds so many embeddings."""
        has_changed = count > self.count * _GROWN or count * _GROWN < self.count
        return self.space == generation.space.id and not has_changed


def _sample(generation: Generation, ids: Iterable[str]) -> Embeddings:
    """Return embeddings of up to `MOST_SAMPLED` assets, chosen by their ids and nothing else."""
    chosen = heapq.nsmallest(MOST_SAMPLED, ids, key=lambda each: blake3(each.encode()).digest())
    found = [
        vector for each in chosen for vector in [generation.vectors.get(each)] if vector is not None
    ]
    if not found:
        return np.zeros((0, generation.space.dimension), np.float32)
    return np.stack(found).astype(np.float32)
