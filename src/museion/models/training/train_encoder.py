"""Train the built-in dual encoder and write it as a checkpoint.

`python -m museion.models.training.train_encoder --data DIR --out DIR` reads `train.jsonl` and
`dev.jsonl` with their photos from DIR (see `captioned_photos`). 6,000 photos take about half an
hour on two cores, a third of it for running the early trunk over four views of each photo.

The steps, in order: views through the frozen trunk (`trunk_maps`) · sentence states of all captions
· the caption half (`caption_heads`, `fit`) · the class half (`class_space`) · label scores
(`calibrate`) · export and quantisation (`export`) · measurement with the shipped towers and the
card (`measure`).
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from museion.models.training.calibrate import fit_curve, measured_labels, said_of_photos
from museion.models.training.caption_heads import PhotoHead, TextHead
from museion.models.training.captioned_photos import (
    CaptionedPhotos,
    read_captioned_photos,
    whole_view,
)
from museion.models.training.class_space import build_class_space
from museion.models.training.class_words import ClassWord, load_class_words, membership
from museion.models.training.dual_encoder import ImageTower, LabelRule, TextTower
from museion.models.training.efficientnet_lite import (
    LITE_SHAPES,
    EfficientNetLite,
    fold_batch_norms,
    load_efficientnet_lite,
)
from museion.models.training.export import (
    export_image_tower,
    export_text_tower,
    prune_vocabulary,
)
from museion.models.training.fit import RECIPES, Heads, Recipe, fit_heads
from museion.models.training.measure import write_card
from museion.models.training.sentence_encoder import SentenceEncoder, load_sentence_encoder
from museion.models.training.starting_points import (
    IMAGE_TRUNK,
    image_trunk_checkpoint,
    sentence_encoder_folder,
)
from museion.models.training.trunk_maps import TrunkMaps, compute_trunk_maps

VIEWS = max(recipe.views for recipe in RECIPES)
TOKENS_READ = 64
CALIBRATION_PHOTOS = 256
CAPTIONS_A_BATCH = 256


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all steps; prints one line a step and the figures at the end."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    recipes = [replace(recipe, seed=options.seed) for recipe in RECIPES]
    photos = read_captioned_photos(options.data / "train.jsonl")
    trunk = load_efficientnet_lite(IMAGE_TRUNK, image_trunk_checkpoint())
    fold_batch_norms(trunk)
    trunk = trunk.to(memory_format=torch.channels_last)
    maps = compute_trunk_maps(
        photos, trunk, views=VIEWS, seed=options.seed, cache=options.cache, say=_say
    )
    sentences, tokenizer = _sentence_encoder(options.out)
    states = sentence_states(sentences, tokenizer, photos.all_captions)
    heads = _fit(trunk, maps, states.unflatten(0, (len(photos.names), -1)), recipes)
    words = load_class_words()
    rule = _label_rule(trunk, maps, words, photos)
    space = build_class_space(
        words, states[::5], lambda texts: sentence_states(sentences, tokenizer, texts)
    )
    image_tower = ImageTower(trunk, heads.photo, space, rule)
    _export(image_tower, TextTower(sentences, heads.text, space), photos, options.out)
    _write_labels(words, options.out / "labels.json")
    dev = read_captioned_photos(options.data / "dev.jsonl")
    objects = read_captioned_photos(options.objects) if options.objects else None
    card = write_card(options.out, dev, objects=objects)
    print(json.dumps(dict(card.metrics), indent=2))


def sentence_states(encoder: SentenceEncoder, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Return unit sentence states [N, W]; texts of one length share a batch, so none is padded."""
    by_length: dict[int, list[int]] = {}
    tokens = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    for place, ids in enumerate(tokens):
        by_length.setdefault(len(ids), []).append(place)
    states = torch.zeros(len(texts), encoder.shape.width)
    for places in by_length.values():
        for start in range(0, len(places), CAPTIONS_A_BATCH):
            some = places[start : start + CAPTIONS_A_BATCH]
            with torch.inference_mode():
                states[some] = encoder(torch.tensor([tokens[place] for place in some]))
    return functional.normalize(states, dim=1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train the built-in dual encoder.")
    parser.add_argument("--data", type=Path, required=True, help="holds train.jsonl and dev.jsonl")
    parser.add_argument("--out", type=Path, required=True, help="gets the checkpoint")
    parser.add_argument("--cache", type=Path, default=Path(".build/encoder"), help="about 0.5 GB")
    parser.add_argument("--objects", type=Path, help="list of photos of things, to measure by")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def _sentence_encoder(out: Path) -> tuple[SentenceEncoder, Tokenizer]:
    """Load the sentence encoder with the pruned vocabulary that will be shipped."""
    folder = sentence_encoder_folder()
    kept = prune_vocabulary(
        folder / "tokenizer.json", out / "tokenizer.json", tokens_read=TOKENS_READ
    )
    encoder = load_sentence_encoder(folder)
    table = encoder.embed.words.weight.data[kept]
    encoder.embed.words = torch.nn.Embedding.from_pretrained(table)
    return encoder, Tokenizer.from_file(str(out / "tokenizer.json"))


def _fit(
    trunk: EfficientNetLite, maps: TrunkMaps, states: Tensor, recipes: Sequence[Recipe]
) -> Heads:
    torch.manual_seed(recipes[0].seed)
    photo = PhotoHead(trunk).to(memory_format=torch.channels_last)
    photo.set_statistics(torch.from_numpy(maps.pooled[0].astype(np.float32)))
    heads = Heads(photo, TextHead(states.shape[2]))
    for recipe in recipes:
        heads = fit_heads(heads, maps, states, recipe, after_epoch=_say_epoch)
    return heads


def _say(line: str) -> None:
    print(line, flush=True)


def _say_epoch(epoch: int, loss: float, heads: Heads) -> None:
    del heads
    _say(f"epoch {epoch}: loss {loss:.3f}")


def _label_rule(
    trunk: EfficientNetLite, maps: TrunkMaps, words: list[ClassWord], photos: CaptionedPhotos
) -> LabelRule:
    table = torch.from_numpy(membership(words))
    with torch.inference_mode():
        logits = trunk.classify(torch.from_numpy(maps.pooled[0].astype(np.float32)))
        shares = (torch.softmax(logits, dim=1) @ table).numpy()
    said = said_of_photos(words, photos.captions)
    columns = measured_labels(words, said)
    slope, offset = fit_curve(shares[:, columns], said[:, columns])
    return LabelRule(table, slope, offset)


def _export(
    image_tower: ImageTower, text_tower: TextTower, photos: CaptionedPhotos, out: Path
) -> None:
    side = LITE_SHAPES[IMAGE_TRUNK].side
    pixels = np.stack([whole_view(one, side) for one in photos.files[:CALIBRATION_PHOTOS]])
    export_image_tower(image_tower, out / "image_tower.onnx", pixels=pixels)
    export_text_tower(copy.deepcopy(text_tower), out / "text_tower.onnx")


def _write_labels(words: Sequence[ClassWord], target: Path) -> None:
    rows = [{"word": word.word, "synonyms": word.synonyms} for word in words]
    target.write_text(json.dumps(rows, ensure_ascii=False, separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    main()
