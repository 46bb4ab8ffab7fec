"""What is known of a trained dual encoder: its card, its files, and how its towers are fed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from blake3 import blake3

from museion.base.errors import Damaged
from museion.models.encoder import EmbeddingSpace

REMEDY = "Install the package again; embeddings made so far stay valid."
_ADDED_REMEDY = "Add the model again: `museion models add`; embeddings made so far stay valid."
_CHUNK_BYTES = 1 << 20


class ImageRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a picture becomes the tensor that an image tower takes, and what comes out.

    Attributes:
        files: the graph, then the files of weights that it names.
        resize: `shortest-edge` keeps the shape, `exact` stretches, `none` leaves the size.
        height, width: in pixels; the shortest edge becomes `height`.
        crop_height, crop_width: of the part in the middle that is kept; 0 keeps all.
        resample: number of the interpolation, as Pillow counts them.
        rescale: factor for bytes 0..255.
        mean, deviation: by channel, taken off and divided by after rescaling.
        takes, gives: names in the graph.
    """

    files: tuple[str, ...]
    resize: Literal["shortest-edge", "exact", "none"]
    height: int
    width: int
    crop_height: int
    crop_width: int
    resample: int
    rescale: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    takes: str
    gives: str


class TextRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a text becomes tokens, and what comes out of a text tower.

    Attributes:
        files: the graph, then the files of weights that it names.
        longest_tokens: later ones are passed over; the closing tokens are kept.
        padded: every text is filled up to the longest, because the tower reads its last place.
        pad_id: token that fills up.
        pads_left: it fills in front.
        lower_case, without_punctuation: done to the text before the tokenizer sees it.
        is_masked: places that were filled up are marked, where the graph takes marks.
        takes, gives: names in the graph.
    """

    files: tuple[str, ...]
    longest_tokens: int
    padded: bool
    pad_id: int
    pads_left: bool
    lower_case: bool
    without_punctuation: bool
    is_masked: bool
    takes: str
    gives: str


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The machine-readable half of a model card (`card.json`); `CARD.md` is for people.

    Attributes:
        image, text: None for the family of the built-in encoder, whose graphs need no rules.
        source, revision: where an added model came from, and which state of it.
        logit_scale, logit_bias: of its training, where its files tell them.
    """

    name: str
    dimension: int
    side: int  # pixels, of the square that the image tower sees
    label_threshold: float  # labels below it are not given
    background_mean: float
    background_deviation: float
    licence: str  # one paragraph, shown to users
    data: str  # what it was trained on, with citation
    files: Mapping[str, str]  # file name to BLAKE3 in hex
    metrics: Mapping[str, float | str]
    family: str = "embedded"
    image: ImageRules | None = None
    text: TextRules | None = None
    source: str = ""
    revision: str = ""
    logit_scale: float | None = None
    logit_bias: float | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Trained weights with their card, in one folder."""

    folder: Path
    card: Card

    @property
    def name(self) -> str:
        """The name under which it is used."""
        return self.card.name

    @property
    def is_built_in(self) -> bool:
        """Tell whether it came with the package."""
        return self.card.family == "embedded"

    @property
    def digest(self) -> str:
        """BLAKE3 in hex over the digests of all files, in the order of their names."""
        lines = [f"{name} {digest}\n" for name, digest in sorted(self.card.files.items())]
        return blake3("".join(lines).encode()).hexdigest()

    @property
    def space(self) -> EmbeddingSpace:
        """The space of the embeddings that this checkpoint makes."""
        return EmbeddingSpace(
            self.card.name,
            self.digest,
            self.card.dimension,
            self.card.background_mean,
            self.card.background_deviation,
        )

    @property
    def licence(self) -> str:
        """What the weights may be used for, in words for the user."""
        return self.card.licence

    @property
    def size_bytes(self) -> int:
        """Size of the files that the towers read."""
        return sum((self.folder / name).stat().st_size for name in self.card.files)

    def file(self, name: str) -> Path:
        """Return the place of one file after checking its bytes against the card.

        Raises:
            Damaged: the file is missing or is not what the card says.
        """
        path = self.folder / name
        remedy = REMEDY if self.is_built_in else _ADDED_REMEDY
        if not path.is_file():
            raise Damaged(f"{name} of the checkpoint {self.card.name} is missing.", remedy=remedy)
        found = digest_of_file(path)
        if found != self.card.files[name]:
            raise Damaged(
                f"{name} of the checkpoint {self.card.name} should have the digest "
                f"{self.card.files[name][:12]}…, but has {found[:12]}….",
                remedy=remedy,
            )
        return path


def digest_of_file(path: Path) -> str:
    """Return the BLAKE3 of a file in hex; large files are read in pieces."""
    hasher = blake3()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()
