"""Embedding spaces of an archive, side by side: the one that is searched, and one that comes.

A generation holds all that belongs to one space: the checkpoint, the index of its vectors, its text
tower and its background. Who searches takes the present one once and keeps to it, so vectors of two
spaces never meet; the switch to another is the change of one reference.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from museion.base.errors import Damaged
from museion.log.durable_file import write_durably
from museion.models.checkpoint import Checkpoint
from museion.models.encoder import Embeddings, EmbeddingSpace, TextEncoder
from museion.models.registry import open_text_tower
from museion.search.fusion import Background
from museion.search.vector_index import Embedding, VectorIndex

_CACHED_QUERIES = 256


class Generation:
    """One embedding space with its index; safe to share between threads.

    The text tower is opened at the first text, or by `warm_up`, and stays.

    Attributes:
        checkpoint: whose towers embed.
        vectors: index of embeddings of this space.
        background: how similar unrelated texts and pictures are in it.
    """

    def __init__(self, checkpoint: Checkpoint, vectors: VectorIndex) -> None:
        self.checkpoint = checkpoint
        self.vectors = vectors
        space = checkpoint.space
        self.background = Background(space.background_mean, space.background_deviation)
        self._opening = threading.Lock()
        self._tower: TextEncoder | None = None
        self._embed = lru_cache(_CACHED_QUERIES)(self._encode)

    @property
    def space(self) -> EmbeddingSpace:
        """The space of its vectors, and of the texts that it embeds."""
        return self.checkpoint.space

    def embed(self, text: str) -> Embedding:
        """Return the embedding of a text; a text asked for lately costs nothing.

        Raises:
            InvalidInput: the text is blank.
            Damaged: a file of the text tower is not what its card says.
        """
        return self._embed(text)

    def embed_all(self, texts: Sequence[str]) -> Embeddings:
        """Return one row a text; see `embed`."""
        return self.text_tower().encode_texts(texts)

    def knows(self, word: str) -> bool:
        """Tell whether the text tower has learned a word; it is hardly a typo then."""
        return self.text_tower().knows(word)

    def text_tower(self) -> TextEncoder:
        """Return the text tower, opened at the first call."""
        with self._opening:
            if self._tower is None:
                self._tower = open_text_tower(self.checkpoint, threads=1)
            return self._tower

    def warm_up(self) -> None:
        """Open the text tower in the background, so that the first query does not wait for it."""
        # No daemon: a process that ends while a thread builds a session is aborted by the library.
        threading.Thread(target=self.text_tower, name="warm-up").start()

    def _encode(self, text: str) -> Embedding:
        row: Embedding = self.text_tower().encode_texts([text])[0]
        return row


class Generations:
    """The generation that is searched and the one that comes; the switch is atomic.

    Attributes:
        current: what is searched. Take it once for a question.
        coming: what is being built beside it, None for nothing.
    """

    def __init__(self, current: Generation, coming: Generation | None = None) -> None:
        self.current = current
        self.coming = coming
        self._left: list[Generation] = []

    def begin(self, coming: Generation) -> None:
        """Let another generation be built; one that was coming is left."""
        if self.coming is not None:
            self._left.append(self.coming)
        self.coming = coming

    def give_up(self) -> None:
        """Build no other generation."""
        if self.coming is not None:
            self._left.append(self.coming)
            self.coming = None

    def switch(self) -> Generation:
        """Search the coming generation from now on; return the one before.

        Questions under way end with the one that they began with.
        """
        assert self.coming is not None
        before, self.current, self.coming = self.current, self.coming, None
        self._left.append(before)
        return before

    def take_back(self, space_id: str) -> Generation | None:
        """Return a generation that was left in this process, None where it was not."""
        for generation in self._left:
            if generation.space.id == space_id:
                self._left.remove(generation)
                return generation
        return None

    def close(self) -> None:
        """Close the indexes of all."""
        for generation in self:
            generation.vectors.close()

    def __iter__(self) -> Iterator[Generation]:
        yield self.current
        if self.coming is not None:
            yield self.coming
        yield from self._left


class ModelChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which checkpoint a site searches with, and which it is changing to.

    Attributes:
        current: name of the checkpoint whose space is searched.
        wanted: name of the one that is being built beside it, None for none.
    """

    current: str
    wanted: str | None = None


class DamagedChoice(Damaged):
    """The file that names the models in use is not what was written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be read: {reason}.",
            remedy="Remove it, then choose again: `museion models use NAME`.",
        )


def read_choice(folder: Path, *, default: str) -> ModelChoice:
    """Return the choice that was written in a folder, `default` where none was.

    Raises:
        DamagedChoice: the file is not what was written.
    """
    path = folder / "used.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelChoice)
    except FileNotFoundError:
        return ModelChoice(default)
    except msgspec.MsgspecError as reason:
        raise DamagedChoice(path, str(reason)) from reason


def write_choice(folder: Path, choice: ModelChoice) -> None:
    """Keep a choice in a folder, durably."""
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / "used.json", msgspec.json.encode(choice), incoming=folder)
