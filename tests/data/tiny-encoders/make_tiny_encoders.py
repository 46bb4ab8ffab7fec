"""Makes the tiny dual encoders beside this file, and what the reference library makes of inputs.

Needs torch, transformers, onnx, sentencepiece and protobuf, which the tests do not. Everything is
seeded; the weights are random numbers and belong to nobody. `--out` and `--seed` make others, on
which `make test-encoders` runs the same tests.
"""

# mypy: disable-error-code="import-not-found, misc, no-any-return"
# The environment of `make check` has no transformers and no torch.

from __future__ import annotations

import argparse
import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
from safetensors.torch import save_file
from tiny_inputs import PICTURES, TEXTS
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTokenizer,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip.tokenization_siglip import SiglipTokenizer

WIDTH = 16
SIDE = 32
SENTENCES = (
    "a dog runs on the beach . two children play on a red slide ! a woman reads a book , ",
    "in the park ; a car on a street at night ? mountains under a blue sky - a bowl of soup ",
    "the cat's eyes don't close 1234567890 straße über ñandú naïve café",
)
OUTER = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 1}
TOWER = OUTER | {"num_attention_heads": 2}


class ImageHalf(torch.nn.Module):
    """The image tower alone, as exporters for hubs cut it out."""

    def __init__(self, model: torch.nn.Module, *, is_clip: bool) -> None:
        super().__init__()
        self.model, self.is_clip = model, is_clip

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        found = self.model.vision_model(pixel_values=pixel_values).pooler_output
        return self.model.visual_projection(found) if self.is_clip else found


class TextHalf(torch.nn.Module):
    """The text tower alone."""

    def __init__(self, model: torch.nn.Module, *, is_clip: bool) -> None:
        super().__init__()
        self.model, self.is_clip = model, is_clip

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        found = self.model.text_model(input_ids=input_ids).pooler_output
        return self.model.text_projection(found) if self.is_clip else found


def clip(out: Path, seed: int) -> None:
    """CLIP: the shape is kept and the middle cropped; a text ends where its last token is."""
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = pre_tokenizers.ByteLevel.alphabet()
    alphabet = sorted(letters) + sorted(f"{each}</w>" for each in letters)
    trainer = trainers.BpeTrainer(vocab_size=620, initial_alphabet=sorted(letters),
                                  end_of_word_suffix="</w>", special_tokens=alphabet)  # fmt: skip
    bpe.train_from_iterator(_words() * 4, trainer)
    learned = json.loads(bpe.to_str())["model"]
    vocabulary = dict(learned["vocab"])
    for token in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[token] = len(vocabulary)
    merges = [tuple(each) for each in learned["merges"]]
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=20)
    end = vocabulary["<|endoftext|>"]
    config = CLIPConfig(
        text_config=TOWER | {"vocab_size": len(vocabulary), "max_position_embeddings": 20,
                             "eos_token_id": end, "bos_token_id": end - 1, "pad_token_id": end},
        vision_config=TOWER | {"image_size": SIDE, "patch_size": 8},
        projection_dim=WIDTH,
    )  # fmt: skip
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    model = _shaken(CLIPModel(config), seed=seed + 1)
    _write(out / "clip", model, processor, tokenizer, padding=False, max_length=20)


def siglip(out: Path, seed: int) -> None:
    """SigLIP: stretched to a square; a text is filled up, its punctuation dropped."""
    folder = out / "siglip"
    folder.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(_words())] * 20), model_writer=content,
        vocab_size=90, hard_vocab_limit=False, pad_id=-1, eos_id=1, unk_id=2, bos_id=-1,
        user_defined_symbols=["<zero>"], minloglevel=2,
    )  # fmt: skip
    pieces = folder / "spiece.model"
    pieces.write_bytes(content.getvalue())
    tokenizer = SiglipTokenizer(str(pieces), model_max_length=16)
    known = tokenizer.sp_model
    count = known.get_piece_size()
    fast = Tokenizer(
        models.Unigram(
            [(known.id_to_piece(place), known.get_score(place)) for place in range(count)],
            unk_id=known.unk_id(),
        )
    )
    fast.pre_tokenizer = pre_tokenizers.Metaspace()
    fast.decoder = decoders.Metaspace()
    from tokenizers.processors import TemplateProcessing

    fast.post_processor = TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", known.eos_id())]
    )
    config = SiglipConfig(
        text_config=TOWER | {"vocab_size": count, "max_position_embeddings": 16,
                             "projection_size": WIDTH},
        vision_config=TOWER | {"image_size": SIDE, "patch_size": 8},
    )  # fmt: skip
    processor = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    model = _shaken(SiglipModel(config), seed=seed + 2)
    _write(out / "siglip", model, processor, tokenizer, padding="max_length", max_length=16)
    fast.save(str(folder / "tokenizer.json"))
    pieces.unlink()


def siglip2(out: Path, seed: int) -> None:
    """SigLIP 2 of fixed size: SigLIP's towers, another tokenizer and interpolation."""
    vocabulary = {"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "<mask>": 4}
    for byte in range(256):
        vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    trainer = trainers.BpeTrainer(vocab_size=100)
    bpe.train_from_iterator(["▁".join(_words())] * 4, trainer)
    learned = json.loads(bpe.to_str())["model"]
    for piece in sorted(learned["vocab"], key=learned["vocab"].__getitem__):
        vocabulary.setdefault(piece, len(vocabulary))
    merges = [tuple(each) for each in learned["merges"]]
    tokenizer = Siglip2Tokenizer(
        vocab=vocabulary, merges=merges, model_max_length=16, padding_side="right"
    )
    config = SiglipConfig(
        text_config=TOWER | {"vocab_size": len(vocabulary), "max_position_embeddings": 16,
                             "projection_size": WIDTH},
        vision_config=TOWER | {"image_size": SIDE, "patch_size": 8},
    )  # fmt: skip
    processor = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}, resample=2)
    model = _shaken(SiglipModel(config), seed=seed + 3)
    _write(out / "siglip2", model, processor, tokenizer, padding="max_length", max_length=16)


def _words() -> list[str]:
    return "".join(SENTENCES).lower().split()


def _shaken(model: torch.nn.Module, *, seed: int) -> torch.nn.Module:
    """Return a model with random weights large enough that inputs make a difference."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if name == "logit_scale":
                weight.fill_(3.25)
            elif name == "logit_bias":
                weight.fill_(-9.5)
            elif "norm" not in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.25)
    return model.eval()


def _write(
    folder: Path,
    model: Any,
    processor: Any,
    tokenizer: Any,
    *,
    padding: bool | str,
    max_length: int,
) -> None:
    name = folder.name
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "README.md").write_text(_READ_ME.format(name=name), "utf-8")
    scalars = {"logit_scale": model.logit_scale.detach().reshape(1)}
    if hasattr(model, "logit_bias"):
        scalars["logit_bias"] = model.logit_bias.detach().reshape(1)
    save_file(scalars, folder / "model.safetensors")

    pixels = torch.from_numpy(
        np.stack([processor(make())["pixel_values"][0] for make in PICTURES])
    ).float()
    tokens = [
        tokenizer(text, padding=padding, truncation=True, max_length=max_length)["input_ids"]
        for text in TEXTS
    ]
    is_clip = name == "clip"
    image_half = ImageHalf(model, is_clip=is_clip)
    text_half = TextHalf(model, is_clip=is_clip)
    with torch.no_grad():
        images = model.get_image_features(pixel_values=pixels)
        texts = [model.get_text_features(input_ids=torch.tensor([ids])) for ids in tokens]
    np.savez_compressed(
        folder / "expected.npz",
        pixels=pixels.numpy(),
        images=_rows(images),
        texts=np.concatenate([_rows(each) for each in texts]),
        tokens=np.array([ids + [-1] * (max_length - len(ids)) for ids in tokens]),
    )
    ids = torch.tensor([max(tokens, key=len)] * 2)
    kind = "embeds" if is_clip else "pooled"
    _export(image_half, pixels[:2], folder / "onnx" / "vision_model.onnx", "pixel_values", kind)
    _export(text_half, ids, folder / "onnx" / "text_model.onnx", "input_ids", kind)


def _rows(found: Any) -> np.ndarray:
    rows = getattr(found, "pooler_output", found).numpy()
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _export(half: torch.nn.Module, given: torch.Tensor, path: Path, takes: str, kind: str) -> None:
    tower = "image" if takes == "pixel_values" else "text"
    gives = f"{tower}_embeds" if kind == "embeds" else "pooler_output"
    free = {0: "batch"} if tower == "image" else {0: "batch", 1: "tokens"}
    torch.onnx.export(
        half, (given,), str(path), input_names=[takes], output_names=[gives], opset_version=17,
        dynamic_axes={takes: free, gives: {0: "batch"}}, dynamo=False,
    )  # fmt: skip


_READ_ME = """---
license: apache-2.0
---

A dual encoder of random numbers in the layout of {name}, for tests only; made by
`make_tiny_encoders.py`.
"""


def main() -> None:
    """Make one encoder of each family."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    families: tuple[Callable[[Path, int], None], ...] = (clip, siglip, siglip2)
    for family in families:
        family(given.out, given.seed)


if __name__ == "__main__":
    main()
