"""What others see of an encoder: protocols and values, no framework.

Letters: B inputs, D dimension of the embedding space, H and W rows and columns of a picture.

Embeddings are float32 rows of unit norm, so their dot product is the similarity (larger is nearer).
Embeddings of two spaces must never be compared: `EmbeddingSpace.id` tells spaces apart and changes
with every bit of the checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]
"""A decoded picture [H, W, 3] in sRGB; towers also take [H, W] grey and [H, W, 4] with alpha."""

Embeddings = NDArray[np.float32]
"""Unit rows [B, D]."""


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """Which encoder and which of its checkpoints made an embedding.

    `background_mean` and `background_deviation` describe the similarity of a text to a picture that
    has nothing to do with it, so a similarity can be told strong or weak (see `strength`).
    """

    encoder: str
    checkpoint_digest: str  # BLAKE3, hex, over the files of the checkpoint
    dimension: int
    background_mean: float
    background_deviation: float

    @property
    def id(self) -> str:
        """The name written beside every stored embedding, such as `museion-embedded-1:ab12cd34`."""
        return f"{self.encoder}:{self.checkpoint_digest[:8]}"

    def strength(self, similarity: float) -> float:
        """Say how many deviations a text-to-picture similarity lies above an unrelated pair."""
        return (similarity - self.background_mean) / self.background_deviation


@dataclass(frozen=True, slots=True)
class Label:
    """A word that a model gives to a picture; `score` is a calibrated probability in 0..1."""

    word: str
    synonyms: tuple[str, ...]
    score: float


class ImageEncoder(Protocol):
    """Turns pictures into embeddings."""

    @property
    def space(self) -> EmbeddingSpace:
        """The space that its embeddings belong to."""
        ...

    def encode_images(self, images: Sequence[RgbImage]) -> Embeddings:
        """Return one unit row a picture, in order; the same picture gives the same row.

        Raises:
            InvalidInput: something given is not a picture; nothing was computed.
        """
        ...


@runtime_checkable
class LabellingEncoder(ImageEncoder, Protocol):
    """Turns pictures into embeddings and names what they show, with one pass for both."""

    def see(self, images: Sequence[RgbImage]) -> tuple[Embeddings, list[list[Label]]]:
        """Return one unit row a picture, and the labels of each, best first.

        Raises:
            InvalidInput: something given is not a picture; nothing was computed.
        """
        ...


class TextEncoder(Protocol):
    """Turns texts into embeddings."""

    @property
    def space(self) -> EmbeddingSpace:
        """The space that its embeddings belong to."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one unit row a text, in order. Words it does not know weaken the row, no more.

        Raises:
            InvalidInput: a text is empty or blank; nothing was computed.
        """
        ...

    def knows(self, word: str) -> bool:
        """Tell whether a word has a token of its own, so that it is hardly a typo."""
        ...


class Labeller(Protocol):
    """Names what pictures show."""

    def label_images(self, images: Sequence[RgbImage]) -> list[list[Label]]:
        """Return for each picture the labels that passed the checkpoint's threshold, best first.

        Raises:
            InvalidInput: something given is not a picture; nothing was computed.
        """
        ...
