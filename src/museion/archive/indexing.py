"""Step 8: the lexical and the vector index follow the log; both can be dropped and built anew."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from museion.archive.asset import AssetId
from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.records import AssetDetail
from museion.archive.content_words import (
    CHANGES_CONTENT_WORDS,
    CONTENT_FIELDS,
    content_words,
)
from museion.archive.events import (
    AssetIngested,
    FieldsChanged,
    LabelsComputed,
    MetadataExtracted,
    payload_of,
)
from museion.archive.generations import Generation, Generations
from museion.archive.vector_indexing import (
    VectorProjection,
    all_carried,
    open_generation,
    open_or_anew,
    vectors_folder,
)
from museion.base.errors import Damaged, NotFound
from museion.log.event import Event
from museion.models.checkpoint import Checkpoint
from museion.models.encoder import EmbeddingSpace
from museion.search.lexical import Field, LexicalIndex, Texts
from museion.search.selection import Numbers
from museion.streams.projection import Projection

LEXICAL_FIELDS = (
    Field("title", weight=2.0),
    Field("caption", weight=2.0),
    Field("keyword", weight=2.5),
    Field("filename", weight=1.0),
    Field("identifier", weight=4.0, kind="keyword"),
    Field("people", weight=2.5),
    Field("creator", weight=1.5),
    Field("credit", weight=1.0),
    Field("place", weight=1.5),
    Field("camera", weight=0.7),
    Field("label", weight=0.8, is_certain=False, languages=("english",)),
    Field("synonym", weight=0.5, is_certain=False, languages=("english",)),
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


class UnreadableIndex(Damaged):
    """An index is damaged, or was made by another version."""

    def __init__(self, reason: Damaged) -> None:
        super().__init__(
            reason.message, remedy="`museion serve`, or any `museion ingest`, builds it anew."
        )


class Indexes:
    """The indexes of one archive: words, and embeddings of one space or, while it changes, two.

    Attributes:
        generations: the embedding spaces, each with its index.
        numbers: of the assets in all of these indexes.
        folder: that holds all of it; whoever derives more may keep it there.
    """

    def __init__(
        self, folder: Path, lexical: LexicalIndex, generations: Generations, numbers: Numbers
    ) -> None:
        self.folder = folder
        self.lexical = lexical
        self.generations = generations
        self.numbers = numbers

    @property
    def generation(self) -> Generation:
        """The generation that is searched now; whoever asks keeps to it for one question."""
        return self.generations.current

    @classmethod
    def open(
        cls,
        folder: Path,
        checkpoint: Checkpoint,
        *,
        coming: Checkpoint | None = None,
        log_end: int | None = None,
    ) -> Self:
        """Open for writing; an index that is damaged or of another form is built anew.

        So is one that holds more than `log_end`, the last event of the log.

        Args:
            folder: of the indexes.
            checkpoint: whose space is searched.
            coming: whose space is being built beside it.
            log_end: sequence number of the last event.
        """
        words, numbers = folder / "lexical", Numbers()
        lexical = open_or_anew(words, lambda: LexicalIndex.open(words, LEXICAL_FIELDS), log_end)
        opened = [
            open_generation(folder, each, numbers, log_end=log_end)
            for each in (checkpoint, coming)
            if each is not None
        ]
        return cls(folder, lexical, Generations(*opened), numbers)

    @classmethod
    def open_reading(cls, folder: Path, checkpoint: Checkpoint) -> Self:
        """Open for reading, beside a writer.

        Raises:
            NoIndex: an index is missing; the next writer builds it.
            UnreadableIndex: an index cannot be read; the next writer builds it anew.
        """
        words, numbers = folder / "lexical", Numbers()
        for place in (words, vectors_folder(folder, checkpoint.space)):
            if not place.exists():
                raise NoIndex(place)
        try:
            lexical = LexicalIndex.open(words, LEXICAL_FIELDS, read_only=True)
            current = open_generation(folder, checkpoint, numbers, read_only=True)
        except Damaged as reason:
            raise UnreadableIndex(reason) from reason
        return cls(folder, lexical, Generations(current), numbers)

    def begin(self, checkpoint: Checkpoint, *, log_end: int) -> Generation:
        """Open the index of another space, to be built beside the one that is searched."""
        left = self.generations.take_back(checkpoint.space.id)
        coming = left or open_generation(self.folder, checkpoint, self.numbers, log_end=log_end)
        self.generations.begin(coming)
        return coming

    def drop(self, space: EmbeddingSpace) -> None:
        """Remove the index of a space that is neither searched nor being built."""
        left = self.generations.take_back(space.id)
        if left is not None:
            left.vectors.close()
        shutil.rmtree(vectors_folder(self.folder, space), ignore_errors=True)

    def projections(self, catalog: Catalog) -> list[Projection]:
        """Return what keeps the indexes up to date; they read `catalog` and stay behind it."""
        return [
            LexicalProjection(self.lexical, catalog),
            VectorProjection(self.generation, catalog),
        ]

    def close(self) -> None:
        """Release the files."""
        self.lexical.close()
        self.generations.close()


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
        for event in all_carried(events):
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


def words_of(detail: AssetDetail) -> dict[str, Texts]:
    """Return what the lexical index keeps of an asset, by field; empty fields are left out."""
    asset = detail.summary
    texts: dict[str, Texts | None] = {
        "title": _said(detail, "title", asset.title),
        "caption": _said(detail, "caption", asset.caption),
        "keyword": [*detail.keywords, *detail.people.tags],
        "people": [each.value for each in detail.values if each.field == "persons"],
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
