"""What people see of models: their licence, whether they are in use, how far a change has come."""

from __future__ import annotations

from typing import Literal

import msgspec

from museion.archive.catalog.embedding_reader import EmbeddedBySpace
from museion.archive.catalog.reader import Catalog
from museion.archive.generations import ModelChoice
from museion.models.checkpoint import Checkpoint
from museion.models.registry import Registry

Use = Literal["current", "coming", "unused"]


class ModelRow(msgspec.Struct, frozen=True):
    """A model as a site knows it.

    Attributes:
        family: `embedded`, or what its files call it: `clip`, `siglip`, `siglip2`.
        space: id of the embedding space, as stored beside every embedding.
        side: of the square that its image tower sees, in pixels.
        use: `current` is searched, `coming` is being built beside it.
        embedded: assets that have an embedding in its space, whoever computed it,
        of: of so many that have a picture.
    """

    name: str
    family: str
    space: str
    digest: str
    dimension: int
    side: int
    size_bytes: int
    licence: str
    source: str
    revision: str
    use: Use
    embedded: int
    of: int


def model_rows(registry: Registry, choice: ModelChoice, catalog: Catalog) -> list[ModelRow]:
    """Return all models that a site can use, built-in ones first."""
    found = [registry.find(name) for name in registry.names()]
    counts = catalog.embeddings.embedded()
    return [_row(each, choice, counts) for each in found]


def model_row(checkpoint: Checkpoint, choice: ModelChoice, catalog: Catalog) -> ModelRow:
    """Return one model as a site knows it."""
    return _row(checkpoint, choice, catalog.embeddings.embedded())


def _row(checkpoint: Checkpoint, choice: ModelChoice, counts: EmbeddedBySpace) -> ModelRow:
    card, space = checkpoint.card, checkpoint.space.id
    return ModelRow(
        name=card.name,
        family=card.family,
        space=space,
        digest=checkpoint.digest,
        dimension=card.dimension,
        side=card.side,
        size_bytes=checkpoint.size_bytes,
        licence=card.licence,
        source=card.source,
        revision=card.revision,
        use=_use(card.name, choice),
        embedded=counts.done.get(space, 0),
        of=counts.of,
    )


def _use(name: str, choice: ModelChoice) -> Use:
    if name == choice.current:
        return "current"
    return "coming" if name == choice.wanted else "unused"
