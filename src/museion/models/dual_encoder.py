"""Towers of any dual encoder in the usual hub layout, fed by the rules that its files gave.

Letters: B inputs, D dimension, T tokens.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from museion.base.errors import Damaged, InvalidInput
from museion.models.checkpoint import Checkpoint, ImageRules, TextRules
from museion.models.encoder import Embeddings, EmbeddingSpace, RgbImage
from museion.models.graphs import open_checked
from museion.models.preprocessing import tensor_of

IMAGES_AT_ONCE = 4
TEXTS_AT_ONCE = 32
CHARACTERS_READ = 2_000  # far more than the tokens read; keeps absurd texts cheap
_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
}
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class NotAnEmbedding(Damaged):
    """A tower gave something else than one finite row for each input."""

    def __init__(self, name: str, rows: NDArray[np.float32], count: int, dimension: int) -> None:
        super().__init__(
            f"A tower of {name} should give {count} rows of {dimension} finite numbers, but gave "
            f"an array {list(rows.shape)}.",
            remedy="Export the model again, or take another variant.",
        )


def open_dual_image_tower(checkpoint: Checkpoint, *, threads: int = 1) -> DualImageTower:
    """Open the image tower of an added checkpoint; see `registry.open_image_tower`."""
    rules = checkpoint.card.image
    assert rules is not None
    graph = open_checked(checkpoint, rules.files, threads=threads)
    return DualImageTower(graph, checkpoint, rules)


def open_dual_text_tower(checkpoint: Checkpoint, *, threads: int = 1) -> DualTextTower:
    """Open the text tower of an added checkpoint; see `registry.open_text_tower`."""
    rules = checkpoint.card.text
    assert rules is not None
    tokenizer = Tokenizer.from_file(str(checkpoint.file("tokenizer.json")))
    tokenizer.no_padding()
    tokenizer.enable_truncation(rules.longest_tokens)
    graph = open_checked(checkpoint, rules.files, threads=threads)
    return DualTextTower(graph, checkpoint, rules, tokenizer)


@dataclass(frozen=True, slots=True)
class DualImageTower:
    """Image encoder; safe to share between threads."""

    graph: ort.InferenceSession
    checkpoint: Checkpoint
    rules: ImageRules

    @property
    def space(self) -> EmbeddingSpace:
        """The space that its embeddings belong to; equal to that of the text tower."""
        return self.checkpoint.space

    def encode_images(self, images: Sequence[RgbImage]) -> Embeddings:
        """Return one unit row [D] a picture; any size and shape from one pixel up will do.

        Raises:
            InvalidInput: something given is not a picture of bytes; nothing was computed.
        """
        tensors = [tensor_of(image, self.rules) for image in images]
        dtype = _type_of(self.graph, self.rules.takes)
        rows = [
            self._run(np.stack(tensors[start : start + IMAGES_AT_ONCE]).astype(dtype))
            for start in range(0, len(tensors), IMAGES_AT_ONCE)
        ]
        return np.concatenate([np.zeros((0, self.space.dimension), np.float32), *rows])

    def _run(self, pixels: NDArray[np.generic]) -> Embeddings:
        (found,) = self.graph.run([self.rules.gives], {self.rules.takes: pixels})
        return _unit_rows(self.checkpoint, found, len(pixels))


@dataclass(frozen=True, slots=True)
class DualTextTower:
    """Text encoder; safe to share between threads."""

    graph: ort.InferenceSession
    checkpoint: Checkpoint
    rules: TextRules
    tokenizer: Tokenizer

    @property
    def space(self) -> EmbeddingSpace:
        """The space that its embeddings belong to; equal to that of the image tower."""
        return self.checkpoint.space

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one unit row [D] a text, the same whatever else is in the call.

        Raises:
            InvalidInput: a text is empty or blank; nothing was computed.
        """
        for text in texts:
            if not text.strip():
                raise InvalidInput(
                    "A text to search by needs at least one word, but it is blank.",
                    remedy="Give a word, or leave the text out.",
                )
        embeddings = np.zeros((len(texts), self.space.dimension), np.float32)
        for places, feeds in self._batches(texts):
            (found,) = self.graph.run([self.rules.gives], feeds)
            embeddings[places] = _unit_rows(self.checkpoint, found, len(places))
        return embeddings

    def knows(self, word: str) -> bool:
        """Tell whether a word has a token of its own, so that it is hardly a typo."""
        tokens = self.tokenizer.encode(word, add_special_tokens=False).tokens
        return len(tokens) == 1 and len(tokens[0].strip("▁")) >= len(word)

    def tokens_of(self, text: str) -> tuple[list[int], list[int]]:
        """Return the tokens of a text and, for each, whether it is one (1) or fills up (0)."""
        rules = self.rules
        ids: list[int] = self.tokenizer.encode(self._readable(text)).ids
        mask = [1] * len(ids)
        if rules.padded:
            missing = rules.longest_tokens - len(ids)
            filled, unmarked = [rules.pad_id] * missing, [0] * missing
            ids = filled + ids if rules.pads_left else ids + filled
            mask = unmarked + mask if rules.pads_left else mask + unmarked
        return ids, mask

    def _readable(self, text: str) -> str:
        # A lone surrogate, half a character, becomes a question mark.
        text = text[:CHARACTERS_READ].encode("utf-8", "replace").decode("utf-8")
        if self.rules.lower_case:
            text = text.lower()
        if self.rules.without_punctuation:
            # A text of punctuation alone is read as it is.
            text = " ".join(text.translate(_NO_PUNCTUATION).split()) or text
        return text

    def _batches(
        self, texts: Sequence[str]
    ) -> Iterator[tuple[list[int], dict[str, NDArray[np.generic]]]]:
        """Group texts of one length, so that company changes no row."""
        tokens = [self.tokens_of(text) for text in texts]
        by_length: dict[int, list[int]] = {}
        for place, (ids, _) in enumerate(tokens):
            by_length.setdefault(len(ids), []).append(place)
        for places in by_length.values():
            for start in range(0, len(places), TEXTS_AT_ONCE):
                some = places[start : start + TEXTS_AT_ONCE]
                yield some, self._feeds([tokens[place] for place in some])

    def _feeds(
        self, tokens: Sequence[tuple[list[int], list[int]]]
    ) -> dict[str, NDArray[np.generic]]:
        marks = [mask if self.rules.is_masked else [1] * len(mask) for _, mask in tokens]
        given = {self.rules.takes: [ids for ids, _ in tokens], "attention_mask": marks}
        names = {each.name for each in self.graph.get_inputs()}
        return {
            name: np.array(rows, _type_of(self.graph, name))
            for name, rows in given.items()
            if name in names
        }


def _type_of(graph: ort.InferenceSession, name: str) -> np.dtype[np.generic]:
    found = next(each for each in graph.get_inputs() if each.name == name)
    return np.dtype(_TYPES[found.type])


def _unit_rows(checkpoint: Checkpoint, found: NDArray[np.generic], count: int) -> Embeddings:
    rows: Embeddings = np.asarray(found, np.float32)
    dimension = checkpoint.card.dimension
    if rows.shape != (count, dimension) or not np.isfinite(rows).all():
        raise NotAnEmbedding(checkpoint.name, rows, count, dimension)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Embeddings = rows / np.maximum(lengths, np.float32(1e-12))
    return unit
