"""Checkpoints by name: where they lie, what they may be used for, and whether they are whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from blake3 import blake3

from museion.base.errors import Damaged, NotFound
from museion.models.encoder import EmbeddingSpace

WEIGHTS = Path(__file__).parent / "weights"


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The machine-readable half of a model card (`card.json`); `CARD.md` is for people."""

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


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Trained weights with their card, in one folder."""

    folder: Path
    card: Card

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
        if not path.is_file():
            raise Damaged(f"{name} of the checkpoint {self.card.name} is missing.", remedy=REMEDY)
        found = blake3(path.read_bytes()).hexdigest()
        if found != self.card.files[name]:
            raise Damaged(
                f"{name} of the checkpoint {self.card.name} should have the digest "
                f"{self.card.files[name][:12]}…, but has {found[:12]}….",
                remedy=REMEDY,
            )
        return path


REMEDY = "Install the package again; embeddings made so far stay valid."


def checkpoint_names() -> list[str]:
    """Return the names of all built-in checkpoints, sorted."""
    return sorted(path.parent.name for path in WEIGHTS.glob("*/card.json"))


def built_in_checkpoint(name: str) -> Checkpoint:
    """Return the record of a built-in checkpoint; its large files are not read yet.

    Raises:
        NotFound: there is no such checkpoint.
        Damaged: its card cannot be read.
    """
    path = WEIGHTS / name / "card.json"
    if name not in checkpoint_names():
        known = ", ".join(checkpoint_names()) or "none"
        raise NotFound(f"There is no built-in checkpoint {name!r}.", remedy=f"Known: {known}.")
    try:
        card = msgspec.json.decode(path.read_bytes(), type=Card)
    except msgspec.MsgspecError as reason:
        message = f"The card of the checkpoint {name} cannot be read: {reason}."
        raise Damaged(message, remedy=REMEDY) from reason
    return Checkpoint(path.parent, card)
