"""Step 8: the lexical and the vector index follow the log; both can be dropped and built anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, Self, TypeVar

import numpy as np

from museion.archive.asset import AssetId
from museion.archive.carried import carried
from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.records import AssetDetail
from museion.archive.catalog.schema import EMBEDDING_SLOT
from museion.archive.content_words import (
    CHANGES_CONTENT_WORDS,
    CONTENT_FIELDS,
    content_words,
)
from museion.archive.events import (
    AssetIngested,
    EmbeddingComputed,
    FieldsChanged,
    LabelsComputed,
    MetadataExtracted,
    payload_of,
)
from museion.archive.rank import Rank
from museion.base.errors import Damaged, NotFound
from museion.log.event import Event
from museion.models.encoder import EmbeddingSpace
from museion.search.exact_index import ExactIndex
from museion.search.lexical import Field, LexicalIndex, Texts
from museion.search.vector_index import VectorIndex
from museion.streams.projection import Projection

IndexT = TypeVar("IndexT", bound="_Index")

LEXICAL_FIELDS = (
    Field("title", weight=2.0),
    Field("caption", weight=2.0),
    Field("keyword", weight=2.5),
    Field("filename", weight=1.0),
    Field("identifier", weight=4.0, kind="keyword"),
    Field("creator", weight=1.5),
    Field("credit", weight=1.0),
    Field("place", weight=1.5),
    Field("camera", weight=0.7),
    Field("label", weight=0.8, is_certain=False),
    Field("synonym", weight=0.5, is_certain=False),
    *CONTENT_FIELDS,
)
"""What the lexical index knows of an asset; labels are guesses of a model and so not certain."""

_CHANGES_WORDS = (
    *(AssetIngested, MetadataExtracted, LabelsComputed, FieldsChanged),
    *CHANGES_CONTENT_WORDS,
)


class NoIndex(NotFound):
    """An index that searching needs is not there."""

    def __init__(self, place: Path) -> None:
        super().__init__(
            f"The index {place} is missing.",
            remedy="`museion serve`, or any `museion ingest`, builds it from the log.",
        )


class Indexes:
    """The indexes of one archive: words, and embeddings of one space."""

    def __init__(self, lexical: LexicalIndex, vectors: VectorIndex, space: EmbeddingSpace) -> None:
        self.lexical = lexical
        self.vectors = vectors
        self.space = space

    @classmethod
    def open(cls, folder: Path, space: EmbeddingSpace, *, log_end: int | None = None) -> Self:
        """Open for writing; an index that is damaged or of another form is built anew.

        So is one that holds more than `log_end`, the last event of the log.
        """
        words, vectors = _places(folder, space)
        lexical = _or_anew(words, lambda: LexicalIndex.open(words, LEXICAL_FIELDS), log_end)
        exact = _or_anew(
            vectors,
            lambda: ExactIndex.open(vectors, space=space.id, dimension=space.dimension),
            log_end,
        )
        return cls(lexical, exact, space)

    @classmethod
    def open_reading(cls, folder: Path, space: EmbeddingSpace) -> Self:
        """Open for reading, beside a writer.

        Raises:
            NoIndex: an index is missing; the next writer builds it.
            Damaged: an index cannot be read; the next writer builds it anew.
        """
        words, vectors = _places(folder, space)
        for place in (words, vectors):
            if not place.exists():
                raise NoIndex(place)
        return cls(
            LexicalIndex.open(words, LEXICAL_FIELDS, read_only=True),
            ExactIndex.open(vectors, space=space.id, dimension=space.dimension, read_only=True),
            space,
        )

    def projections(self, catalog: Catalog) -> list[Projection]:
        """Return what keeps the indexes up to date; they read `catalog` and stay behind it."""
        return [
            LexicalProjection(self.lexical, catalog),
            VectorProjection(self.vectors, self.space, catalog),
        ]

    def close(self) -> None:
        """Release the files."""
        self.lexical.close()
        self.vectors.close()


class LexicalProjection:
    """Writes the words of changed assets, as the catalog has them, into the lexical index."""

    name = "lexical"

    def __init__(self, index: LexicalIndex, catalog: Catalog) -> None:
        self._index = index
        self._catalog = catalog
        self._position = index.position

    @property
    def position(self) -> int:
        """Last event that the index holds; a commit is spared where no words changed."""
        return self._position

    def apply(self, events: Sequence[Event]) -> None:
        """Index the assets whose words changed."""
        changed: dict[AssetId, None] = {}
        for event in _all_carried(events):
            payload = payload_of(event)
            if isinstance(payload, _CHANGES_WORDS):
                changed[payload.asset_id] = None
        found = [detail for each in changed for detail in [self._catalog.find(each)] if detail]
        if found:
            self._index.add((detail.summary.id, self._words(detail)) for detail in found)
            self._index.commit(events[-1].sequence_nr)
        self._position = events[-1].sequence_nr

    def _words(self, detail: AssetDetail) -> dict[str, Texts]:
        inside = content_words(self._catalog.content, detail.summary.id)
        return words_of(detail) | inside


class VectorProjection:
    """Puts embeddings of its space into the vector index and passes over those of others.

    Where two sites embedded one asset, the catalog knows whose embedding counts.
    """

    name = "vectors"

    def __init__(self, index: VectorIndex, space: EmbeddingSpace, catalog: Catalog) -> None:
        self._index = index
        self._space = space
        self._catalog = catalog
        self._position = index.position

    @property
    def position(self) -> int:
        """Last event that the index holds; a commit is spared where no embedding came."""
        return self._position

    def apply(self, events: Sequence[Event]) -> None:
        """Add the embeddings."""
        entries = []
        for event in _all_carried(events):
            payload = payload_of(event)
            if not isinstance(payload, EmbeddingComputed) or payload.space != self._space.id:
                continue
            slot = f"{EMBEDDING_SLOT}{payload.space}"
            if self._catalog.stands(payload.asset_id, slot, Rank.of(event)):
                vector = np.frombuffer(payload.vector, dtype="<f2").astype(np.float32)
                entries.append((str(payload.asset_id), vector))
        if entries:
            self._index.add(entries)
            self._index.commit(events[-1].sequence_nr)
        self._position = events[-1].sequence_nr


def words_of(detail: AssetDetail) -> dict[str, Texts]:
    """Return what the lexical index keeps of an asset, by field; empty fields are left out."""
    asset = detail.summary
    texts: dict[str, Texts | None] = {
        "title": _said(detail, "title", asset.title),
        "caption": _said(detail, "caption", asset.caption),
        "keyword": [*detail.keywords, *detail.people.tags],
        "filename": asset.filename,
        "identifier": [asset.id, asset.digest, asset.filename, Path(asset.filename).stem],
        "creator": asset.creator,
        "credit": asset.credit,
        "place": [part for part in (asset.city, asset.country) if part],
        "camera": [part for part in (asset.camera, asset.lens) if part],
        "label": [label.word for label in detail.labels],
        "synonym": [synonym for label in detail.labels for synonym in label.synonyms],
    }
    return {name: text for name, text in texts.items() if text}


def _said(detail: AssetDetail, field: str, shown: str | None) -> Texts | None:
    """Return the text of a field, or all that people say of it while they contradict each other."""
    for each in detail.people.fields:
        if each.field == field and each.in_conflict:
            return [str(version.value) for version in each.versions if version.value]
    return shown


def _all_carried(events: Sequence[Event]) -> Iterator[Event]:
    return (each for event in events for each in carried(event))


def _places(folder: Path, space: EmbeddingSpace) -> tuple[Path, Path]:
    return folder / "lexical", folder / "vectors" / space.id.replace(":", "-")


class _Index(Protocol):
    @property
    def position(self) -> int: ...
    def close(self) -> None: ...


def _or_anew(folder: Path, open_index: Callable[[], IndexT], log_end: int | None) -> IndexT:
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
