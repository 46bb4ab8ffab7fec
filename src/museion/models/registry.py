"""Checkpoints by name: those of the package, and those that were added to a folder."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import msgspec

from museion.base.errors import Conflict, Damaged, InvalidInput, NotFound
from museion.models.checkpoint import REMEDY, Card, Checkpoint
from museion.models.encoder import ImageEncoder, TextEncoder

__all__ = [
    "EMBEDDED",
    "Card",
    "Checkpoint",
    "Registry",
    "built_in_checkpoint",
    "checkpoint_in",
    "checkpoint_names",
    "open_image_tower",
    "open_text_tower",
]

EMBEDDED = "museion-embedded-1"
"""Name of the checkpoint that a site begins with."""
_ADD_AGAIN = "Remove the model and add it again."
WEIGHTS = Path(__file__).parent / "weights"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


class UnknownModel(NotFound):
    """No model has this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(
            f"There is no model {name!r}; known: {', '.join(known) or 'none'}.",
            remedy="Add it first: `museion models add FOLDER`.",
        )


class ModelExists(Conflict):
    """Another model has this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"A model {name!r} with other files is there already.",
            remedy="Give another name with `--name`, or remove that one first.",
        )


class UnfitName(InvalidInput):
    """A model cannot be called this."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"A model cannot be called {name!r}.",
            remedy="Use small letters, digits, dots, dashes and underscores, at most 80.",
        )


class Registry:
    """The checkpoints that can be used: built-in ones, and those in a folder of their own.

    Args:
        folder: holds one folder for each added checkpoint, named like it; need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Return the names of all checkpoints, built-in ones first."""
        found = sorted(path.parent.name for path in self.folder.glob("*/card.json"))
        added = [name for name in found if _NAME.fullmatch(name)]  # not what a kill left behind
        built_in = checkpoint_names()
        return built_in + [name for name in added if name not in built_in]

    def find(self, name: str) -> Checkpoint:
        """Return the record of a checkpoint; its large files are not read yet.

        Raises:
            UnknownModel: there is no such checkpoint.
            Damaged: its card cannot be read.
        """
        if name in checkpoint_names():
            return built_in_checkpoint(name)
        if name not in self.names():
            raise UnknownModel(name, self.names())
        return _read(self.folder / name, _ADD_AGAIN)

    def place(self, name: str) -> Path:
        """Return the folder that a checkpoint of this name has, or would have.

        Raises:
            UnfitName: none can have this name.
        """
        if not _NAME.fullmatch(name) or name in checkpoint_names():
            raise UnfitName(name)
        return self.folder / name

    def keep(self, staged: Path, card: Card) -> Checkpoint:
        """Make a folder with its files and card a checkpoint; all of it or nothing.

        Args:
            staged: on the same disk; it is moved.
            card: names the checkpoint and its files.

        Raises:
            ModelExists: another one has the name. The same files again change nothing.
        """
        place = self.place(card.name)
        if place.exists():
            known = self.find(card.name)
            if known.digest != Checkpoint(staged, card).digest:
                raise ModelExists(card.name)
            shutil.rmtree(staged)
            return known
        (staged / "card.json").write_bytes(msgspec.json.format(msgspec.json.encode(card)))
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(staged, place)
        return Checkpoint(place, card)

    def remove(self, name: str) -> None:
        """Remove the files of an added checkpoint.

        Raises:
            UnknownModel, UnfitName: it was never added.
        """
        place = self.place(name)
        if not place.exists():
            raise UnknownModel(name, self.names())
        shutil.rmtree(place)


def checkpoint_names() -> list[str]:
    """Return the names of all built-in checkpoints, sorted."""
    return sorted(path.parent.name for path in WEIGHTS.glob("*/card.json"))


def built_in_checkpoint(name: str) -> Checkpoint:
    """Return the record of a built-in checkpoint; its large files are not read yet.

    Raises:
        NotFound: there is no such checkpoint.
        Damaged: its card cannot be read.
    """
    if name not in checkpoint_names():
        known = ", ".join(checkpoint_names()) or "none"
        raise NotFound(f"There is no built-in checkpoint {name!r}.", remedy=f"Known: {known}.")
    return _read(WEIGHTS / name, REMEDY)


def open_image_tower(checkpoint: Checkpoint, *, threads: int = 1) -> ImageEncoder:
    """Open the image tower of a checkpoint of any family.

    Args:
        checkpoint: of this package or added.
        threads: processor threads that one call may use, at least 1.

    Raises:
        Damaged: a file of the checkpoint is not what its card says.
    """
    if checkpoint.card.image is None:
        from museion.models.embedded import image_tower_of

        return image_tower_of(checkpoint, threads=threads)
    from museion.models.dual_encoder import open_dual_image_tower

    return open_dual_image_tower(checkpoint, threads=threads)


def open_text_tower(checkpoint: Checkpoint, *, threads: int = 1) -> TextEncoder:
    """Open the text tower of a checkpoint of any family; see `open_image_tower`."""
    if checkpoint.card.text is None:
        from museion.models.embedded import text_tower_of

        return text_tower_of(checkpoint, threads=threads)
    from museion.models.dual_encoder import open_dual_text_tower

    return open_dual_text_tower(checkpoint, threads=threads)


def checkpoint_in(folder: Path) -> Checkpoint:
    """Return the record of the checkpoint in a folder.

    Raises:
        Damaged: its card cannot be read.
    """
    return _read(folder, REMEDY if folder.parent == WEIGHTS else _ADD_AGAIN)


def _read(folder: Path, remedy: str) -> Checkpoint:
    try:
        card = msgspec.json.decode((folder / "card.json").read_bytes(), type=Card)
    except (msgspec.MsgspecError, OSError) as reason:
        message = f"The card of the checkpoint {folder.name} cannot be read: {reason}."
        raise Damaged(message, remedy=remedy) from reason
    return Checkpoint(folder, card)
