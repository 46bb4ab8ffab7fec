"""Near duplicates: pictures that are the same but for size, encoding, a small crop, or some light.

A fingerprint proposes a pair; embedding and aspect confirm it. That is not `Searcher.similar`: two
photos of one street on one evening are similar, and no duplicates.

What is found is kept in memory and follows the catalog: an asset that comes is compared with all
others once, and no two old ones again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.catalog.duplicate_reader import Looks
from museion.archive.catalog.reader import Catalog
from museion.archive.sameness import Sameness, is_same, may_be_same, similarity_of
from museion.base.errors import NotFound
from museion.search.fingerprints import Pairs, Prints, are_telling, near, near_pairs
from museion.search.stars import stars
from museion.search.vector_index import VectorIndex

Vectors: TypeAlias = Callable[[], tuple[str, VectorIndex]]
"""Returns the embedding space that is searched now, and its index."""

_ALL_AT_ONCE = 200
"""With so many new assets it is quicker to find all pairs anew than to compare one by one."""

_PAIRS_AT_ONCE = 20_000
"""So many proposed pairs are confirmed at a time, which bounds the embeddings in memory."""


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """An asset that shows the same picture as another.

    Attributes:
        bits: in how many of 64 bits the fingerprints differ.
        similarity: cosine similarity of the embeddings, None where one has none.
    """

    asset_id: AssetId
    bits: int
    similarity: float | None


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Assets that show the same picture: near duplicates of the centre, all of them.

    Attributes:
        id: of the member that came in first; any member's id finds the group.
        centre: the member that is most like the others.
        members: by ingest time; the centre among them.
    """

    id: AssetId
    centre: AssetId
    members: tuple[AssetId, ...]


class UnknownDuplicates(NotFound):
    """An asset is in no group of duplicates: there is none, or they were seen to."""

    def __init__(self, identifier: str) -> None:
        super().__init__(
            f"No duplicates of {identifier[:80]!r} wait.",
            remedy="`museion duplicates list` prints the groups that do.",
        )


class Duplicates:
    """The near duplicates of an archive, as the catalog has it now; safe to share between threads.

    Only assets that screens list are in it. Each call looks first whether anything has changed:
    O(assets) to read how they look, plus O(assets) of a much smaller kind for each new one.
    """

    def __init__(
        self, catalog: Catalog, vectors: Vectors, *, sameness: Sameness | None = None
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._sameness = sameness or Sameness()
        self._one_at_a_time = threading.Lock()
        self._forget()

    def near_duplicates(
        self, asset_id: AssetId, *, with_dismissed: bool = True
    ) -> list[NearDuplicate]:
        """Return the assets that show the same picture as one, the nearest first.

        Args:
            with_dismissed: also those that people said are no duplicates of it.

        Raises:
            UnknownAsset: there is no such asset, or it is not shown.
        """
        nr = self._catalog.duplicates.nr(asset_id)
        if nr is None:
            raise UnknownAsset(asset_id)
        with self._one_at_a_time:
            self._follow()
            found = {
                other: how
                for other, how in self._alike.get(nr, {}).items()
                if with_dismissed or (min(nr, other), max(nr, other)) not in self._dismissed
            }
        ids = self._catalog.duplicates.ids(found)
        near_ones = [NearDuplicate(ids[each], *found[each]) for each in found]
        return sorted(
            near_ones, key=lambda each: (each.bits, -(each.similarity or 0), each.asset_id)
        )

    def groups(self) -> Sequence[DuplicateGroup]:
        """Return the groups that nobody has seen to, those with the latest asset first."""
        with self._one_at_a_time:
            self._follow()
            return self._groups

    def group(self, identifier: str) -> DuplicateGroup:
        """Return the group that an asset is in.

        Raises:
            UnknownDuplicates: it is in none.
        """
        with self._one_at_a_time:
            self._follow()
            group = self._group_of.get(AssetId(identifier))
        if group is None:
            raise UnknownDuplicates(identifier)
        return group

    def _forget(self) -> None:
        self._state: tuple[object, ...] | None = None
        self._space = ""
        self._looks: Looks | None = None
        self._ids: dict[int, AssetId] = {}
        self._alike: dict[int, dict[int, tuple[int, float | None]]] = {}
        self._unsure: set[int] = set()
        self._dismissed: set[tuple[int, int]] = set()
        self._groups: Sequence[DuplicateGroup] = ()
        self._group_of: dict[AssetId, DuplicateGroup] = {}

    def _follow(self) -> None:
        """Take in what changed since the last call."""
        space, index = self._vectors()
        state = (space, index.position, self._catalog.position())
        if state == self._state:
            return
        if space != self._space:
            self._forget()
            self._space = space
        looks = self._catalog.duplicates.looks()
        changed = self._changed(looks)
        self._looks = looks
        self._compare(looks, changed, index)
        self._group(looks)
        self._state = state

    def _changed(self, looks: Looks) -> set[int]:
        """Return row numbers of what has to be compared; forget what has gone or looks else."""
        before = self._looks
        if before is None:
            return set(looks.nrs.tolist())
        _, old, new = np.intersect1d(before.nrs, looks.nrs, assume_unique=True, return_indices=True)
        same = (
            (before.fingerprints[old] == looks.fingerprints[new])
            & (before.aspects[old] == looks.aspects[new])
            & (before.durations[old] == looks.durations[new])
        )
        kept = looks.nrs[new[same]]
        for gone in np.setdiff1d(before.nrs, kept, assume_unique=True).tolist():
            self._drop(gone)
        changed = set(np.setdiff1d(looks.nrs, kept, assume_unique=True).tolist())
        return changed | (self._unsure & set(kept.tolist()))

    def _drop(self, nr: int) -> None:
        self._unsure.discard(nr)
        for other in self._alike.pop(nr, {}):
            del self._alike[other][nr]
            if not self._alike[other]:
                del self._alike[other]

    def _compare(self, looks: Looks, changed: set[int], index: VectorIndex) -> None:
        """Note which of the changed assets show the same picture as any other."""
        for nr in changed & self._unsure:
            self._drop(nr)
        pairs = self._proposed(looks, changed)
        for start in range(0, len(pairs), _PAIRS_AT_ONCE):
            self._confirm(looks, pairs[start : start + _PAIRS_AT_ONCE], index)

    def _confirm(self, looks: Looks, pairs: Pairs, index: VectorIndex) -> None:
        nrs = looks.nrs[pairs]
        ids = self._catalog.duplicates.ids(np.unique(nrs).tolist())
        embeddings = {nr: index.get(asset_id) for nr, asset_id in ids.items()}
        self._unsure.update(nr for nr, embedding in embeddings.items() if embedding is None)
        bits = np.bitwise_count(looks.fingerprints[pairs[:, 0]] ^ looks.fingerprints[pairs[:, 1]])
        for (one, other), apart in zip(nrs.tolist(), bits.tolist(), strict=True):
            similarity = similarity_of(embeddings.get(one), embeddings.get(other))
            if one in ids and other in ids and is_same(apart, similarity, self._sameness):
                self._ids |= {one: ids[one], other: ids[other]}
                self._alike.setdefault(one, {})[other] = apart, similarity
                self._alike.setdefault(other, {})[one] = apart, similarity

    def _proposed(self, looks: Looks, changed: set[int]) -> Pairs:
        """Return pairs of places in `looks`, one of each changed, that are near by numbers."""
        within = self._sameness.near_bits
        telling = np.flatnonzero(are_telling(looks.fingerprints))
        prints = looks.fingerprints[telling]
        is_changed = np.isin(looks.nrs[telling], np.fromiter(changed, np.int64, len(changed)))
        if is_changed.sum() > _ALL_AT_ONCE:
            pairs = near_pairs(prints, within_bits=within)
            pairs = pairs[is_changed[pairs].any(axis=1)]
        else:
            pairs = _one_by_one(prints, np.flatnonzero(is_changed).tolist(), within)
        places: Pairs = telling[pairs]
        kept: Pairs = places[may_be_same(looks, places, self._sameness)]
        return kept

    def _group(self, looks: Looks) -> None:
        self._dismissed = dismissed = self._catalog.duplicates.dismissed()
        alike = {
            one: [each for each in others if (min(one, each), max(one, each)) not in dismissed]
            for one, others in self._alike.items()
        }
        ages = self._ages(looks, alike)
        found = [
            (centre, sorted([centre, *others], key=ages.__getitem__))
            for centre, *others in stars(alike, age=ages)
        ]
        found.sort(key=lambda group: ages[group[1][-1]], reverse=True)
        self._groups = tuple(
            DuplicateGroup(
                id=self._ids[members[0]],
                centre=self._ids[centre],
                members=tuple(self._ids[each] for each in members),
            )
            for centre, members in found
        )
        self._group_of = {each: group for group in self._groups for each in group.members}

    def _ages(self, looks: Looks, nrs: Iterable[int]) -> dict[int, int]:
        """Return the places of assets in the order in which they came in, the same at all sites."""
        places = np.searchsorted(looks.nrs, np.array(list(nrs), dtype=np.int64))
        times = dict(zip(looks.nrs[places].tolist(), looks.ages[places].tolist(), strict=True))
        ordered = sorted(times, key=lambda nr: (times[nr], self._ids[nr]))
        return {nr: place for place, nr in enumerate(ordered)}


def _one_by_one(prints: Prints, places: Sequence[int], within_bits: int) -> Pairs:
    found = {
        (min(place, other), max(place, other))
        for place in places
        for other in near(prints, int(prints[place]), within_bits=within_bits).tolist()
        if other != place
    }
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)
