"""Measure the built-in encoder: speed of both towers, and how well texts find photos.

`python benchmarks/encoder.py` measures speed and the photos of things in the repository; with
`--dev DIR/dev.jsonl` (captioned photos that training did not see) also recall both ways. The last
lines are figures, one JSON object each.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from figures import Figure, at_least, at_most, percentile, print_figures, print_machine

from museion.models.embedded import (
    EMBEDDED,
    ImageTower,
    TextTower,
    open_embedded_image_tower,
    open_embedded_text_tower,
)
from museion.models.encoder import Embeddings
from museion.models.registry import built_in_checkpoint
from museion.models.training.captioned_photos import decode, read_captioned_photos
from museion.models.training.recall import recall_both_ways, recall_of_queries

ROOT = Path(__file__).parents[1]
OBJECTS = ROOT / "tests" / "data" / "objects" / "objects.jsonl"
DEV = ROOT.parent / "shared" / "data" / "flickr8k" / "dev.jsonl"
ROUNDS = 5
QUERIES = (
    "a dog running on the beach",
    "castle",
    "two children play in the snow with a red sled",
    "my grandmother's birthday cake with candles",
    "espresso",
)
# Published beside the data: plain projection of frozen EfficientNet-lite2 and MiniLM on dev.
PLAIN_TEXT_TO_IMAGE = (23.3, 51.1, 64.5)


def main() -> None:
    """Print a table for people, then the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", type=Path, default=DEV)
    dev_list: Path = parser.parse_args().dev
    print_machine(["onnxruntime", "tokenizers", "numpy", "pillow"])
    checkpoint = built_in_checkpoint(EMBEDDED)
    print(f"checkpoint {checkpoint.space.id}, {checkpoint.size_bytes / 1e6:.1f} MB")
    image_tower = open_embedded_image_tower(threads=2)
    text_tower = open_embedded_text_tower(threads=1)
    found = [at_most("encoder.size", checkpoint.size_bytes / 1e6, "MB", 40)]
    found += speed(image_tower, text_tower)
    distractors = np.zeros((0, image_tower.space.dimension), np.float32)
    if dev_list.exists():
        distractors, figures = dev_recall(dev_list, image_tower, text_tower)
        found += figures
    else:
        print(f"{dev_list.name} is not there: recall on captioned photos was NOT measured")
    found += object_recall(distractors, image_tower, text_tower)
    print_figures(found)


def speed(image_tower: ImageTower, text_tower: TextTower) -> list[Figure]:
    """Time previews of 1600 by 1067 pixels on two cores, single queries on one, and opening."""
    generator = np.random.default_rng(0)
    previews = [generator.integers(0, 256, (1067, 1600, 3), dtype=np.uint8) for _ in range(16)]
    image_tower.encode_images(previews[:8])
    seconds = statistics.median(
        timed(lambda: image_tower.encode_images(previews)) for _ in range(ROUNDS)
    )
    text_tower.encode_texts(QUERIES)
    milliseconds = [
        timed(partial(text_tower.encode_texts, [query])) * 1e3
        for _ in range(40)
        for query in QUERIES
    ]
    opening = [timed(_open_text_tower_in_new_process) for _ in range(3)]
    bare = [timed(_start_interpreter) for _ in range(3)]
    return [
        at_least("encoder.images_a_second", len(previews) / seconds, "1/s", 20),
        at_most("encoder.text_p50", percentile(milliseconds, 0.5), "ms", 5),
        at_most("encoder.text_p95", percentile(milliseconds, 0.95), "ms", 5),
        at_most(
            "encoder.text_tower_import_and_open",
            statistics.median(opening) - statistics.median(bare),
            "s",
            0.5,
        ),
    ]


def dev_recall(
    listing: Path, image_tower: ImageTower, text_tower: TextTower
) -> tuple[Embeddings, list[Figure]]:
    """Return the embeddings of the photos, and recall both ways."""
    dev = read_captioned_photos(listing)
    photos = image_tower.encode_images([decode(encoded) for encoded in dev.files])
    texts = text_tower.encode_texts(dev.all_captions)
    recall = recall_both_ways(photos, texts, captions_each=len(dev.captions[0]))
    print(f"{len(photos)} photos, {len(texts)} captions   R@1 / R@5 / R@10")
    print(f"  plain projection  text→image  {PLAIN_TEXT_TO_IMAGE}")
    print(f"  this              text→image  {recall.text_to_image}")
    print(f"  this              image→text  {recall.image_to_text}")
    value, peer = recall.text_to_image[2], PLAIN_TEXT_TO_IMAGE[2]
    return photos, [
        Figure(
            "encoder.dev_text_to_image_r10",
            value,
            "%",
            "plain projection",
            round(value / peer, 3),
            ">= 68",
            value >= 68,
        ),
        at_least("encoder.dev_image_to_text_r10", recall.image_to_text[2], "%", 73),
    ]


def object_recall(
    distractors: Embeddings, image_tower: ImageTower, text_tower: TextTower
) -> list[Figure]:
    """Find photos of things that no caption showed; the class half alone is the peer."""
    objects = read_captioned_photos(OBJECTS)
    photos = image_tower.encode_images([decode(encoded) for encoded in objects.files])
    everything = np.concatenate([photos, distractors])
    texts = text_tower.encode_texts(objects.all_captions)
    value = recall_of_queries(everything, texts)
    class_half = slice(image_tower.space.dimension - 128, None)
    peer = recall_of_queries(unit(everything[:, class_half]), unit(texts[:, class_half]))
    print(f"{len(photos)} photos of things among {len(distractors)} others   R@1 / R@5 / R@10")
    print(f"  class names alone {peer}")
    print(f"  this              {value}")
    goal, holds = "at most 5 points below class names alone", value[2] >= peer[2] - 5
    figure = Figure(
        "encoder.objects_text_to_image_r10",
        value[2],
        "%",
        "class names alone",
        round(value[2] / peer[2], 3),
        goal,
        holds,
    )
    return [figure]


def unit(rows: Embeddings) -> Embeddings:
    """Scale each row to length one."""
    scaled: Embeddings = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that `action` takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def _open_text_tower_in_new_process() -> None:
    code = "from museion.models.embedded import open_embedded_text_tower as o; o()"
    subprocess.run([sys.executable, "-c", code], check=True)


def _start_interpreter() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


if __name__ == "__main__":
    main()
