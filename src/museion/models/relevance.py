"""Which part of a picture fits a text: a grid of vectors, and the heat map of a text on it.

Two ways lead to the grid. The built-in image tower shares its embedding among the cells of its last
feature map (`image_regions.onnx.part`, see `models.training.regions`): one pass. Of any other
tower only the embedding is known, so each cell is covered in turn, and what the embedding loses is
the cell's: one pass a cell.

Letters: H and W rows and columns of a picture, R and C of the grid, D width of an embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from museion.base.errors import InvalidInput
from museion.models.checkpoint import Checkpoint
from museion.models.embedded import fit_square
from museion.models.encoder import ImageEncoder, RgbImage
from museion.models.registry import open_image_tower

REGION_NODES = "image_regions.onnx.part"
"""Lies beside `image_tower.onnx`. No part of the digest: it changes no embedding."""

_COVERED_ROWS = _COVERED_COLUMNS = 7
_SHADE = 124
"""What covers a cell: the mean grey of photographs."""


class GridMismatch(InvalidInput):
    """A text and a grid come from two embedding spaces."""

    def __init__(self, grid_width: int, text_width: int) -> None:
        super().__init__(
            f"Expected a text of {grid_width} numbers, as the grid has; came {text_width}.",
            remedy="Embed the text with the text tower of the same checkpoint.",
        )


@dataclass(frozen=True, slots=True)
class RegionGrid:
    """A picture cut into cells, row by row from the top left.

    Attributes:
        rows, columns: of cells.
        vectors: one a cell, [R * C, D]; not unit. The dot product with a text says how much the
            cell speaks for it, comparable within the grid only.
    """

    rows: int
    columns: int
    vectors: NDArray[np.float32]


class RegionSeer(Protocol):
    """Sees the parts of pictures; safe to share between threads."""

    def regions(self, image: RgbImage) -> RegionGrid:
        """Return the grid of a picture.

        Raises:
            InvalidInput: what was given is not a picture.
        """
        ...


def open_region_seer(checkpoint: Checkpoint, *, threads: int = 1) -> RegionSeer:
    """Open what sees parts of pictures as the image tower of a checkpoint sees whole ones.

    Args:
        checkpoint: of any family.
        threads: processor threads that one call may use, at least 1.

    Raises:
        Damaged: a file of the checkpoint is not what its card says.
    """
    nodes = checkpoint.folder / REGION_NODES
    if not nodes.is_file():
        return CoveringSeer(open_image_tower(checkpoint, threads=threads))
    graph = checkpoint.file("image_tower.onnx").read_bytes() + nodes.read_bytes()
    return SharingSeer(_session(graph, threads), checkpoint.card.side)


@dataclass(frozen=True, slots=True)
class SharingSeer:
    """The built-in image tower with `regions` as one more output: one pass a picture."""

    _run: ort.InferenceSession
    _side: int  # pixels

    def regions(self, image: RgbImage) -> RegionGrid:
        """Return the grid of the last feature map, 9 by 9."""
        pixels = fit_square(image, self._side)[None]
        (cells,) = self._run.run(["regions"], {"pixels": pixels})
        side = round(len(cells[0]) ** 0.5)
        return RegionGrid(side, side, cells[0])


@dataclass(frozen=True, slots=True)
class CoveringSeer:
    """Any image tower: a cell is what is lost when it is covered. Fifty passes a picture.

    Source: occlusion sensitivity, Zeiler and Fergus, ECCV 2014, section 4.2.
    """

    _tower: ImageEncoder
    rows: int = _COVERED_ROWS
    columns: int = _COVERED_COLUMNS

    def regions(self, image: RgbImage) -> RegionGrid:
        """Return the grid of what is lost, 7 by 7 unless told otherwise."""
        whole = self._tower.encode_images([image])[0]  # [D]
        covered = [
            _covered(image, row / self.rows, column / self.columns, self._share)
            for row in range(self.rows)
            for column in range(self.columns)
        ]
        vectors = whole - self._tower.encode_images(covered)  # [R * C, D]
        return RegionGrid(self.rows, self.columns, vectors)

    @property
    def _share(self) -> tuple[float, float]:
        return 1 / self.rows, 1 / self.columns


def heat(grid: RegionGrid, text: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much each cell speaks for a text, [R, C] in 0..1; the best cell has 1.

    A cell below the middle of the grid has 0. Nothing is said of how well the picture fits.

    Args:
        grid: of a picture.
        text: unit vector [D] of the same embedding space.

    Raises:
        GridMismatch: the text is of another width.
    """
    if grid.vectors.shape[1] != len(text):
        raise GridMismatch(grid.vectors.shape[1], len(text))
    said = grid.vectors @ text  # [R * C]
    # What cells say of unrelated texts was taken off too; on pasted pairs of photos that gained
    # nothing.
    above = np.maximum(said - np.median(said), 0)
    most = float(above.max())
    scaled = above / most if most > 0 else np.zeros_like(above)
    return np.asarray(scaled.reshape(grid.rows, grid.columns), np.float32)


def _covered(image: RgbImage, top: float, left: float, share: tuple[float, float]) -> RgbImage:
    """Return a picture with one cell covered, a little more than the cell on each side."""
    height, width = image.shape[:2]
    margin_y, margin_x = share[0] / 4, share[1] / 4
    first_row, first_column = int((top - margin_y) * height), int((left - margin_x) * width)
    last_row = max(int((top + share[0] + margin_y) * height), first_row + 1)
    last_column = max(int((left + share[1] + margin_x) * width), first_column + 1)
    changed = image.copy()
    changed[max(first_row, 0) : last_row, max(first_column, 0) : last_column] = _SHADE
    return changed


def _session(graph: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
