"""How fast a checkpoint is on this machine, and how well it finds photos by their captions."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from museion.models.checkpoint import Checkpoint
from museion.models.encoder import Embeddings
from museion.models.registry import open_image_tower, open_text_tower
from museion.models.training.captioned_photos import decode, read_captioned_photos
from museion.models.training.recall import recall_both_ways
from museion.models.unrelated import UNRELATED_TEXTS, sample_pictures

_PHOTOS_AT_ONCE = 64


class ModelFigures(msgspec.Struct, frozen=True):
    """What was measured of a checkpoint.

    Attributes:
        threads: processor threads that each call could use.
        images_per_s: of the sample photos, decoded already; preprocessing is part of it.
        texts_per_s: of short texts, together.
        text_ms: of one text alone, the median.
        text_to_image, image_to_text: share found among the first 1, 5 and 10, in percent; None
            where no captioned photos were given.
    """

    name: str
    threads: int
    images_per_s: float
    texts_per_s: float
    text_ms: float
    photos: int = 0
    text_to_image: tuple[float, ...] | None = None
    image_to_text: tuple[float, ...] | None = None


def bench(
    checkpoint: Checkpoint, *, seconds: float = 3.0, threads: int = 1, captioned: Path | None = None
) -> ModelFigures:
    """Measure a checkpoint.

    Args:
        checkpoint: of this package or added.
        seconds: for each of the two towers, about.
        threads: processor threads, at least 1.
        captioned: a list `NAME.jsonl` beside its photos, as `read_captioned_photos` takes it.

    Raises:
        InvalidInput: photos of the list are missing.
        Damaged: a file of the checkpoint is not what its card says.
    """
    image_tower = open_image_tower(checkpoint, threads=threads)
    text_tower = open_text_tower(checkpoint, threads=threads)
    pictures, texts = sample_pictures(), list(UNRELATED_TEXTS)
    images_s = _seconds_each(lambda: image_tower.encode_images(pictures), seconds)
    texts_s = _seconds_each(lambda: text_tower.encode_texts(texts), seconds / 2)
    text_s = _seconds_each(lambda: text_tower.encode_texts(texts[:1]), seconds / 2)
    figures = ModelFigures(
        name=checkpoint.name,
        threads=threads,
        images_per_s=round(len(pictures) / images_s, 1),
        texts_per_s=round(len(texts) / texts_s, 1),
        text_ms=round(text_s * 1000, 2),
    )
    if captioned is None:
        return figures
    found = read_captioned_photos(captioned)
    starts = range(0, len(found.files), _PHOTOS_AT_ONCE)
    rows: Embeddings = np.concatenate(
        [
            image_tower.encode_images(
                [decode(each) for each in found.files[start : start + _PHOTOS_AT_ONCE]]
            )
            for start in starts
        ]
    )
    recall = recall_both_ways(
        rows, text_tower.encode_texts(found.all_captions), captions_each=len(found.captions[0])
    )
    return msgspec.structs.replace(
        figures,
        photos=len(found.files),
        text_to_image=recall.text_to_image,
        image_to_text=recall.image_to_text,
    )


def _seconds_each(call: Callable[[], object], seconds: float) -> float:
    """Return the median time of a call, after one that warms up; at least three are timed."""
    call()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return float(np.median(times))
