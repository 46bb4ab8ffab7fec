"""Concepts in pictures: whether one is seen, and pictures and words put together.

"Without people" asks for what no caption says. So a picture is held against several sentences about
the concept and its members, and is taken to show it from a similarity on that was measured for the
concept where it is one of `concept_groups`.

Letters: D width of the embedding space, N pictures, P sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from museion.base.errors import InvalidInput
from museion.search.concept_groups import UNGROUPED_SEEN_Z, ConceptGroup, concept_groups
from museion.search.fusion import Background
from museion.search.words import fold

Embedding = NDArray[np.float32]
"""Unit vector [D]."""

Embeddings = NDArray[np.float32]
"""Unit rows."""

_EMBEDDED_BACKGROUND = Background(0.0045, 0.1148)
"""Of the embedded encoder, for which the groups were measured."""
_TEXT_WEIGHT = 1.5
"""A text beside a picture: pictures lie nearer to pictures than texts do.

On the dev split "like this photo, but with snow" (and ten more) found 32 in a hundred at 1.5, 28 at
1.0, 31 at 2.0; the photo alone 6, the words alone 27.
"""
_MINUS_WEIGHT = 1.0
"""What is taken off. "Like this, but no snow" found 53 in a hundred, and 32 without the minus."""


class NothingComposed(InvalidInput):
    """A composed query is of nothing, or takes itself away."""

    def __init__(self) -> None:
        super().__init__(
            "Expected a picture or words to look for; what came is nothing, or takes itself away.",
            remedy="Give a picture or words, and take away something else.",
        )


@dataclass(frozen=True, slots=True)
class Concept:
    """Something that pictures show or do not show.

    Attributes:
        words: that name it or what belongs to it, for looking into texts.
        row: what pictures are held against, unit vector [D].
        seen_above: similarity above which a picture shows it.
    """

    words: tuple[str, ...]
    row: Embedding
    seen_above: float

    def is_seen(self, vectors: Embeddings) -> NDArray[np.bool_]:
        """Tell for each picture [N, D] whether it shows the concept."""
        seen: NDArray[np.bool_] = vectors @ self.row > self.seen_above
        return seen


def unwanted(
    concept: str,
    embed: Callable[[Sequence[str]], Embeddings],
    *,
    background: Background = _EMBEDDED_BACKGROUND,
) -> Concept:
    """Return a concept from the words for it, such as `people`, `dogs` or `red cars`.

    Errs on the side of leaving out: of a hundred photos with people some eight are missed, and of a
    hundred without some twenty are taken to have some. That holds for photos like those which the
    embedded encoder has learned from. Of the sample library's castles, landscapes and things it
    takes eight in ten to show people.

    Args:
        concept: one or more words, not blank.
        embed: returns one unit row a text, [P, D].
        background: of the embedding space.
    """
    text = " ".join(concept.split())
    group = _group_of(text)
    members = (text,) if group is None else group.members
    name = text if group is None else group.names[0]
    sentences = [name, f"a photo of {name}", f"there are {name} in the picture"]
    rows = embed([*sentences, *(f"a {each}" for each in members)])  # [P, D]
    z = UNGROUPED_SEEN_Z if group is None else group.seen_z
    words = (text,) if group is None else (text, *group.names, *group.members, *group.also)
    return Concept(
        tuple(dict.fromkeys(words)),
        _unit(rows.mean(axis=0)),
        background.mean + z * background.deviation,
    )


def compose(
    pictures: Sequence[Embedding], *, text: Embedding | None = None, minus: Sequence[Embedding] = ()
) -> Embedding:
    """Return what is near to pictures and a text, and far from others; unit vector [D].

    Several pictures count as their middle. One picture alone, or a text alone, stays what it is.

    Args:
        pictures: wanted, each a unit vector [D].
        text: wanted.
        minus: pictures or texts that are to be far.

    Raises:
        NothingComposed: there is neither a picture nor a text nor anything to be far from, or what
            is taken off is all that there was.
    """
    parts = [_TEXT_WEIGHT * text] if text is not None else []
    if pictures:
        parts.append(_unit(np.sum(pictures, axis=0)))
    parts += [-_MINUS_WEIGHT * each for each in minus]
    if not parts:
        raise NothingComposed
    return _unit(np.sum(parts, axis=0))


def _group_of(text: str) -> ConceptGroup | None:
    folded = fold(text)
    for group in concept_groups():
        if folded in {fold(name) for name in (*group.names, *group.members[:1])}:
            return group
    return None


def _unit(vector: NDArray[np.float32]) -> Embedding:
    length = float(np.linalg.norm(vector))
    if length < 1e-5:
        raise NothingComposed
    return np.asarray(vector / length, np.float32)
