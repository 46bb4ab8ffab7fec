"""Measure a written checkpoint with the towers that users run, and write its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from museion.models.embedded import ImageTower, TextTower, image_tower_of, text_tower_of
from museion.models.encoder import Embeddings, Label
from museion.models.registry import Card, Checkpoint
from museion.models.training.calibrate import (
    calibration_error,
    measured_labels,
    said_of_photos,
)
from museion.models.training.captioned_photos import CaptionedPhotos, decode
from museion.models.training.class_words import load_class_words
from museion.models.training.efficientnet_lite import LITE_SHAPES
from museion.models.training.recall import Recall, recall_both_ways, recall_of_queries
from museion.models.training.starting_points import IMAGE_TRUNK

NAME = "museion-embedded-1"
FILES = ("image_tower.onnx", "text_tower.onnx", "tokenizer.json", "labels.json")
LABEL_THRESHOLD = 0.2
LICENCE = (
    "The weights of the built-in encoder were trained on Flickr8k, whose photos are for "
    "non-commercial research and education: use them for that only, until you refit them on free "
    "data (make train-encoder DATA=…). What they start from, EfficientNet-Lite and MiniLM, is "
    "Apache-2.0; the label words come from WordNet 3.0."
)
DATA = (
    "Flickr8k, 6,000 photos with five captions each (Hodosh, Young, Hockenmaier, Framing Image "
    "Description as a Ranking Task, JAIR 47, 2013). Starting points: EfficientNet-Lite2 "
    "(ImageNet-1k) and all-MiniLM-L6-v2."
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the image tower said of some photos, and the text tower of their captions."""

    photos: Embeddings
    labels: list[list[Label]]
    texts: Embeddings


def write_card(
    folder: Path,
    dev: CaptionedPhotos,
    *,
    objects: CaptionedPhotos | None = None,
) -> Card:
    """Measure the checkpoint in `folder` on photos it was not trained on, and write `card.json`.

    Args:
        folder: holds the four files of a checkpoint.
        dev: photos with equally many captions each; they are also the background.
        objects: photos of things the captions never showed, one caption each.
    """
    raw = Checkpoint(folder, _card(folder, 0.0, 1.0, {}))
    image_tower, text_tower = image_tower_of(raw, threads=2), text_tower_of(raw, threads=2)
    seen = look_at(dev, image_tower, text_tower)
    metrics = _dev_metrics(seen, dev)
    similarities = [foreign_similarities(seen.photos, seen.texts)]
    if objects is not None:
        things = look_at(objects, image_tower, text_tower)
        found = recall_of_queries(np.concatenate([things.photos, seen.photos]), things.texts)
        metrics |= {
            f"objects_text_to_image_r{k}": v for k, v in zip((1, 5, 10), found, strict=True)
        }
        similarities.append((things.texts @ seen.photos.T).ravel())
    background = np.concatenate(similarities)
    card = _card(folder, float(background.mean()), float(background.std()), metrics)
    encoded = msgspec.json.format(msgspec.json.encode(card), indent=2)
    (folder / "card.json").write_bytes(encoded + b"\n")
    return card


def look_at(photos: CaptionedPhotos, image_tower: ImageTower, text_tower: TextTower) -> Seen:
    """Run both towers over photos and their captions."""
    embeddings, labels = image_tower.see([decode(encoded) for encoded in photos.files])
    return Seen(embeddings, labels, text_tower.encode_texts(photos.all_captions))


def foreign_similarities(photos: Embeddings, texts: Embeddings) -> NDArray[np.float32]:
    """Return the similarities of all pairs of a photo and a caption of another photo, flat."""
    similarity = texts @ photos.T
    each = len(texts) // len(photos)
    foreign = np.ones(similarity.shape, np.bool_)
    foreign[np.arange(len(texts)), np.repeat(np.arange(len(photos)), each)] = False
    return similarity[foreign]


def label_error(labels: Sequence[Sequence[Label]], captions: Sequence[Sequence[str]]) -> float:
    """Return the calibration error of the given labels against what captions say."""
    words = load_class_words()
    said = said_of_photos(words, captions)
    columns = {
        (words[c].word, words[c].synonyms): c for c in measured_labels(words, said, at_least=3)
    }
    pairs = [
        (label.score, said[photo, columns[label.word, label.synonyms]])
        for photo, some in enumerate(labels)
        for label in some
        if (label.word, label.synonyms) in columns
    ]
    scores, truth = zip(*pairs, strict=True)
    return calibration_error(np.array(scores, np.float32), np.array(truth, np.bool_))


def _dev_metrics(seen: Seen, dev: CaptionedPhotos) -> dict[str, float]:
    each = len(dev.captions[0])
    recall: Recall = recall_both_ways(seen.photos, seen.texts, captions_each=each)
    metrics: dict[str, float] = {}
    for way, shares in (
        ("text_to_image", recall.text_to_image),
        ("image_to_text", recall.image_to_text),
    ):
        metrics |= {f"dev_{way}_r{k}": v for k, v in zip((1, 5, 10), shares, strict=True)}
    metrics["dev_photos"] = len(dev.files)
    metrics["labels_a_photo"] = round(float(np.mean([len(some) for some in seen.labels])), 2)
    metrics["label_calibration_error"] = round(label_error(seen.labels, dev.captions), 3)
    return metrics


def _card(folder: Path, mean: float, deviation: float, metrics: Mapping[str, float]) -> Card:
    digests = {name: blake3((folder / name).read_bytes()).hexdigest() for name in FILES}
    return Card(
        name=NAME,
        dimension=640,
        side=LITE_SHAPES[IMAGE_TRUNK].side,
        label_threshold=LABEL_THRESHOLD,
        background_mean=round(mean, 4),
        background_deviation=round(deviation, 4),
        licence=LICENCE,
        data=DATA,
        files=digests,
        metrics=dict(metrics),
    )
