"""The built-in dual encoder on ONNX Runtime: an image tower and a text tower, opened separately.

Letters: B inputs, D dimension, S side of the square the image tower sees, L labels, T tokens.

A worker opens only the image tower, the server only the text tower. Each is one ONNX graph beside
small tables; normalisation, pooling and unit norm happen inside the graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer

from museion.base.errors import InvalidInput
from museion.models.checkpoint import Checkpoint
from museion.models.encoder import Embeddings, EmbeddingSpace, Label, RgbImage
from museion.models.graphs import open_checked
from museion.models.preprocessing import upright_rgb
from museion.models.registry import EMBEDDED, built_in_checkpoint

__all__ = [
    "EMBEDDED",
    "ImageTower",
    "TextTower",
    "fit_square",
    "image_tower_of",
    "open_embedded_image_tower",
    "open_embedded_text_tower",
    "text_tower_of",
]

IMAGES_AT_ONCE = 8  # larger batches cost memory and gain nothing on a processor
TEXTS_AT_ONCE = 64
CHARACTERS_READ = 2_000  # far more than the tokens read; keeps absurd texts cheap


def open_embedded_image_tower(*, threads: int = 1) -> ImageTower:
    """Open the built-in image tower; takes well under a second and about 100 MB.

    Args:
        threads: processor threads that one call may use, at least 1.

    Raises:
        Damaged: a file of the checkpoint is not what its card says.
    """
    return image_tower_of(built_in_checkpoint(EMBEDDED), threads=threads)


def open_embedded_text_tower(*, threads: int = 1) -> TextTower:
    """Open the built-in text tower; takes a fraction of a second and about 100 MB.

    Args:
        threads: processor threads that one call may use, at least 1.

    Raises:
        Damaged: a file of the checkpoint is not what its card says.
    """
    return text_tower_of(built_in_checkpoint(EMBEDDED), threads=threads)


def image_tower_of(checkpoint: Checkpoint, *, threads: int) -> ImageTower:
    """Open the image tower of any checkpoint laid out like the built-in one."""
    table = checkpoint.file("labels.json").read_bytes()
    words = msgspec.json.decode(table, type=list[_LabelWord])
    graph = open_checked(checkpoint, ("image_tower.onnx",), threads=threads)
    return ImageTower(graph, checkpoint, words)


def text_tower_of(checkpoint: Checkpoint, *, threads: int) -> TextTower:
    """Open the text tower of any checkpoint laid out like the built-in one."""
    tokenizer = Tokenizer.from_file(str(checkpoint.file("tokenizer.json")))
    graph = open_checked(checkpoint, ("text_tower.onnx",), threads=threads)
    return TextTower(graph, checkpoint, tokenizer)


class _LabelWord(msgspec.Struct, frozen=True):
    word: str
    synonyms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageTower:
    """Image encoder and labeller in one forward pass; safe to share between threads."""

    _run: ort.InferenceSession
    _checkpoint: Checkpoint
    _words: list[_LabelWord]

    @property
    def space(self) -> EmbeddingSpace:
        """The space that its embeddings belong to; equal to that of the text tower."""
        return self._checkpoint.space

    def see(self, images: Sequence[RgbImage]) -> tuple[Embeddings, list[list[Label]]]:
        """Return embeddings [B, D] and labels of pictures, with one pass for both.

        Grey [H, W] is read as RGB with equal channels, transparency is laid on white; any size and
        shape from one pixel up will do. Labels are sorted by score and stop at the checkpoint's
        threshold, so a picture of nothing known has none.

        Raises:
            InvalidInput: something given is not a picture of bytes; nothing was computed.
        """
        squares = [fit_square(image, self._checkpoint.card.side) for image in images]
        embeddings = np.zeros((len(squares), self.space.dimension), np.float32)
        labels: list[list[Label]] = []
        for start in range(0, len(squares), IMAGES_AT_ONCE):
            batch = np.stack(squares[start : start + IMAGES_AT_ONCE])  # [b, S, S, 3]
            rows, scores = self._run.run(["embedding", "labels"], {"pixels": batch})
            embeddings[start : start + len(batch)] = rows
            labels.extend(self._labels(row) for row in scores)
        return embeddings, labels

    def encode_images(self, images: Sequence[RgbImage]) -> Embeddings:
        """Return one unit row [D] a picture; see `see`, which costs the same."""
        return self.see(images)[0]

    def label_images(self, images: Sequence[RgbImage]) -> list[list[Label]]:
        """Return the labels of each picture, best first; see `see`, which costs the same."""
        return self.see(images)[1]

    def _labels(self, scores: NDArray[np.float32]) -> list[Label]:
        order = np.argsort(-scores, kind="stable")
        passed = order[scores[order] >= self._checkpoint.card.label_threshold]
        return [
            Label(self._words[place].word, self._words[place].synonyms, float(scores[place]))
            for place in passed
        ]


@dataclass(frozen=True, slots=True)
class TextTower:
    """Text encoder; safe to share between threads."""

    _run: ort.InferenceSession
    _checkpoint: Checkpoint
    _tokenizer: Tokenizer

    @property
    def space(self) -> EmbeddingSpace:
        """The space that its embeddings belong to; equal to that of the image tower."""
        return self._checkpoint.space

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one unit row [D] a text, the same whatever else is in the call.

        Reads English; the first 62 tokens count, the rest is passed over. Words it does not know
        are read by their pieces.

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
        for places, tokens in self._equally_long(texts):
            (rows,) = self._run.run(["embedding"], {"tokens": tokens})
            embeddings[places] = rows
        return embeddings

    def knows(self, word: str) -> bool:
        """Tell whether a word has a token of its own, so that it is hardly a typo."""
        tokens = self._tokenizer.encode(word, add_special_tokens=False).tokens
        return len(tokens) == 1 and len(tokens[0].strip("▁")) >= len(word)

    def _equally_long(self, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.int64]]]:
        """Group texts of one length, so that no text is padded and company changes no row."""
        encodings = self._tokenizer.encode_batch([_readable(text) for text in texts])
        by_length: dict[int, list[int]] = {}
        for place, encoding in enumerate(encodings):
            by_length.setdefault(len(encoding.ids), []).append(place)
        for places in by_length.values():
            for start in range(0, len(places), TEXTS_AT_ONCE):
                some = places[start : start + TEXTS_AT_ONCE]
                yield some, np.array([encodings[place].ids for place in some], np.int64)


def _readable(text: str) -> str:
    """Cut an absurd text short, and put a question mark for half a character (lone surrogate)."""
    return text[:CHARACTERS_READ].encode("utf-8", "replace").decode("utf-8")


def fit_square(image: RgbImage, side: int) -> NDArray[np.uint8]:
    """Return the picture as RGB bytes [side, side, 3], whole and stretched to a square.

    Raises:
        InvalidInput: not an array of bytes [H, W], [H, W, 3] or [H, W, 4] with at least one pixel.
    """
    square = upright_rgb(image).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(square)
