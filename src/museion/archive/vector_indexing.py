"""How the embeddings of one space get from the log into their index; it can be dropped any time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from museion.archive.carried import carried
from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.schema import EMBEDDING_SLOT
from museion.archive.events import EmbeddingComputed, MomentsEmbedded, payload_of
from museion.archive.generations import Generation
from museion.archive.moment_entries import moment_changes
from museion.archive.rank import Rank
from museion.base.errors import Damaged
from museion.log.event import Event
from museion.models.checkpoint import Checkpoint
from museion.models.encoder import EmbeddingSpace
from museion.search.ivf_index import IvfIndex
from museion.search.selection import Numbers
from museion.search.vector_index import Embedding, VectorIndex

IndexT = TypeVar("IndexT", bound="_Index")


class VectorProjection:
    """Puts embeddings of its space into the vector index and passes over those of others.

    Where two sites embedded one asset, the catalog knows whose embedding counts.
    """

    def __init__(self, generation: Generation, catalog: Catalog) -> None:
        self._index = generation.vectors
        self._space_id = generation.space.id
        self._catalog = catalog
        self._position = self._index.position
        self.name = f"vectors {self._space_id}"

    @property
    def position(self) -> int:
        """Last event that the index holds; a commit is spared where no embedding came."""
        return self._position

    def apply(self, events: Sequence[Event]) -> None:
        """Add the embeddings."""
        entries = [entry for event in all_carried(events) for entry in self._entries(event)]
        if entries:
            self._index.add(entries)
            self._index.commit(events[-1].sequence_nr)
        self._position = events[-1].sequence_nr

    def _entries(self, event: Event) -> Iterator[tuple[str, Embedding]]:
        payload = payload_of(event)
        if isinstance(payload, EmbeddingComputed) and payload.space == self._space_id:
            slot = f"{EMBEDDING_SLOT}{payload.space}"
            if self._catalog.stands(payload.asset_id, slot, Rank.of(event)):
                yield str(payload.asset_id), _vector(payload.vector)
        elif isinstance(payload, MomentsEmbedded) and payload.space == self._space_id:
            changes = moment_changes(payload, Rank.of(event), self._catalog)
            self._index.remove(changes.removed)
            yield from changes.added


def open_generation(
    folder: Path,
    checkpoint: Checkpoint,
    numbers: Numbers,
    *,
    log_end: int | None = None,
    read_only: bool = False,
) -> Generation:
    """Open the index of a checkpoint's space; one that cannot be used is built anew.

    Args:
        folder: of all indexes.
        checkpoint: whose embeddings are kept.
        numbers: of the assets, shared with the facets whose selections are searched within.
        log_end: last event of the log; an index that holds more is built anew.
        read_only: touch nothing.

    Raises:
        Damaged: it cannot be read, and is not to be touched.
    """
    place, space = vectors_folder(folder, checkpoint.space), checkpoint.space

    def open_index() -> VectorIndex:
        return IvfIndex.open(
            place,
            space=space.id,
            dimension=space.dimension,
            read_only=read_only,
            numbers=numbers,
        )

    if read_only:
        return Generation(checkpoint, open_index())
    return Generation(checkpoint, open_or_anew(place, open_index, log_end))


def vectors_folder(folder: Path, space: EmbeddingSpace) -> Path:
    """Return where the index of a space lies among all indexes."""
    return folder / "vectors" / space.id.replace(":", "-")


def all_carried(events: Sequence[Event]) -> Iterator[Event]:
    """Yield the events, and those that they carry within them."""
    return (each for event in events for each in carried(event))


class _Index(Protocol):
    @property
    def position(self) -> int: ...
    def close(self) -> None: ...


def open_or_anew(folder: Path, open_index: Callable[[], IndexT], log_end: int | None) -> IndexT:
    """Open an index; drop it first where it cannot be used: the log has all that it held."""
    try:
        index = open_index()
    except Damaged:
        shutil.rmtree(folder)
        return open_index()
    if log_end is not None and index.position > log_end:
        index.close()
        shutil.rmtree(folder)
        return open_index()
    return index


def _vector(content: bytes) -> Embedding:
    return np.frombuffer(content, dtype="<f2").astype(np.float32)
