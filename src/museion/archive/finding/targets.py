"""What pictures are compared with: words, pictures of the archive or from elsewhere, or both."""

from __future__ import annotations

from collections.abc import Sequence

from museion.archive.asset import AssetId
from museion.archive.catalog.reader import Catalog
from museion.archive.finding.ranking import Target
from museion.archive.generations import Generation
from museion.base.errors import Conflict
from museion.search.calibration import is_everyday
from museion.search.concepts import compose
from museion.search.query import Query
from museion.search.vector_index import Embedding


class NotEnrichedYet(Conflict):
    """An asset cannot be compared because nothing has looked at its picture yet."""

    def __init__(self, asset_id: str) -> None:
        super().__init__(
            f"Asset {asset_id} has no embedding yet.",
            remedy="Wait until it is enriched; `museion status` tells how many are pending.",
        )


class NoPicture(Conflict):
    """An asset has no picture that could be compared."""

    def __init__(self, asset_id: str) -> None:
        super().__init__(
            f"Asset {asset_id} is a sound: it has no picture to compare.",
            remedy="Search by what is said in it, or by its words.",
        )


class NotComparable(Conflict):
    """An asset came from a site whose embeddings cannot be compared with those of this one."""

    def __init__(self, asset_id: str, spaces: Sequence[str], own: str) -> None:
        super().__init__(
            f"Asset {asset_id} has an embedding in {', '.join(spaces)}, not in {own}, which this"
            " site compares.",
            remedy="Use the same encoder at all sites; words and filters find it meanwhile.",
        )


def vector_of(catalog: Catalog, asset_id: AssetId, generation: Generation) -> Embedding:
    """Return the embedding of an asset's picture.

    Raises:
        UnknownAsset: there is no such asset, or this site may not read it.
        NoPicture: it is a sound.
        NotEnrichedYet: its picture has no embedding yet.
        NotComparable: it has one, but of another embedding space.
    """
    detail = catalog.detail(asset_id)
    spaces = detail.spaces
    vector = generation.vectors.get(asset_id)
    if detail.summary.kind == "sound":
        raise NoPicture(asset_id)
    if vector is None and spaces:
        raise NotComparable(asset_id, spaces, generation.space.id)
    if vector is None:
        raise NotEnrichedYet(asset_id)
    return vector


def target_of(
    catalog: Catalog, query: Query, generation: Generation, picture: Embedding | None
) -> Target | None:
    """Return what a query wants pictures to be near to; None where it has neither words nor one.

    With pictures, what shall not be seen is taken off; else the ranking sees to it.

    Args:
        catalog: knows the assets that the query names by `like:`.
        query: as it was understood.
        generation: in whose space.
        picture: an embedding from elsewhere.

    Raises:
        UnknownAsset, NotEnrichedYet, NotComparable: as `vector_of`.
    """
    words = query.semantic_text.strip()
    text = generation.embed(words) if words else None
    named = [
        (each.negated, vector_of(catalog, catalog.find_id(each.asset_id), generation))
        for each in query.likes
    ]
    wanted = [vector for is_negated, vector in named if not is_negated]
    if picture is not None:
        wanted.append(picture)
    unwanted = [vector for is_negated, vector in named if is_negated]
    if not wanted and not unwanted:
        return (
            None if text is None else Target(text, is_picture=False, is_everyday=is_everyday(words))
        )
    unwanted += [generation.embed(each) for each in query.without]
    return Target(compose(wanted, text=text, minus=unwanted), is_picture=bool(wanted))
