"""Approximate search behind the `vector_index` contract, for a million entries on one processor.

Up to `exact_below` entries it compares all, as `ExactIndex` does, on the same files: either engine
opens what the other left. Above, rows lie in inverted lists (`inverted_lists`), a search looks into
some of them, and what it finds is compared again exactly. A planner decides for each query, by what
its filter leaves, between probing and comparing all that is allowed.

Rows that no list has yet are compared exactly, so changes are visible at their commit. They are
folded into the lists some thousand at a time, within a commit; centres are found anew in the
background when the entries have grown fourfold, or by `optimise`. A query sees the old lists or the
new ones, whole.

Letters: `N` rows, `D` width.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from museion.search import list_files
from museion.search.background_building import BackgroundBuilding
from museion.search.inverted_lists import InvertedLists
from museion.search.list_building import built_anew, fold_all, on_one_processor
from museion.search.list_files import SavedLists, made_from
from museion.search.list_search import nearest_exactly, nearest_within
from museion.search.selection import Allowed, Numbers
from museion.search.vector_errors import BadLimit
from museion.search.vector_index import Embedding, Neighbour
from museion.search.vector_scan import live_rows, unit
from museion.search.vector_segment import Segment
from museion.search.vector_store import Committed, VectorStore

EXACT_BELOW = 50_000
_ROWS_TO_FOLD = 4096
_GROWTH_TO_TRAIN = 4
_CLOSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far the lists go.

    Attributes:
        entries: how many a search can return.
        rows: kept, dead ones too.
        listed: of the rows, how many the lists know; the others are compared exactly.
        lists: how many there are; 0 while all is compared exactly.
        probes: into how many of them a search without a filter looks.
    """

    entries: int
    rows: int
    listed: int
    lists: int
    probes: int


@dataclass(frozen=True, slots=True)
class _State:
    """Rows and lists that fit together: the lists know no row that the segment lacks."""

    segment: Segment
    lists: InvertedLists | None


class IvfIndex:
    """Embeddings of one space in inverted lists; see `VectorIndex` for what is guaranteed.

    It aims to miss at most 3 of 100 true nearest, with and without a filter. With equal rows, more
    than a quarter of `limit` and 50, ties at the limit may fall otherwise than by id. After
    `optimise`, equal content gives equal answers, however it came to be.

    Memory: about 520 bytes an entry of 512 numbers, 400 for ids and maps; the rows are mapped.
    """

    def __init__(self, store: VectorStore, exact_below: int) -> None:
        self._store = store
        self._exact_below = exact_below
        self._state = _State(store.current(), None)
        self._seen_lists: tuple[tuple[int, int] | None, str] | None = None
        self._publishing = threading.RLock()
        self._building = BackgroundBuilding()

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        space: str,
        dimension: int,
        read_only: bool = False,
        numbers: Numbers | None = None,
        exact_below: int = EXACT_BELOW,
    ) -> Self:
        """Open the index in a folder; made empty where there is none.

        Lists that are damaged or missing are made again in the background.

        Args:
            directory: belongs to the index alone.
            space: identifies the embedding space; an index of another space is refused.
            dimension: width of an embedding.
            read_only: follow the commits of whoever writes, see `ExactIndex.open`.
            numbers: to share with the facets whose selections are to be searched within.
            exact_below: entries from which on lists are made.

        Raises:
            IndexBusy: someone else has it open for writing.
            OtherSpace: the folder holds embeddings of another space.
            SegmentDamaged: the files are not what was committed.
            OSError: the folder cannot be used.
        """
        store = VectorStore.open(
            directory, space=space, dimension=dimension, read_only=read_only, numbers=numbers
        )
        index = cls(store, exact_below)
        try:
            with index._publishing, on_one_processor():
                segment = index._state.segment
                if (saved := index._saved_lists_of(segment)) is not None:
                    index._state = _State(segment, made_from(saved, segment))
                index._build_if_needed()
        except BaseException:
            index.close()
            raise
        return index

    @property
    def dimension(self) -> int:
        """The width `D` of every embedding."""
        return self._store.dimension

    @property
    def numbers(self) -> Numbers:
        """The numbers of the records here."""
        return self._state.segment.numbers

    @property
    def position(self) -> int:
        """The log position given to the last commit that is visible here; 0 before the first."""
        return self._now().segment.manifest.position

    @property
    def coverage(self) -> Coverage:
        """How far the lists go now."""
        state = self._now()
        segment, lists = state.segment, state.lists
        entries, rows = len(segment.row_of), segment.manifest.rows
        if lists is None:
            return Coverage(entries, rows, 0, 0, 0)
        return Coverage(entries, rows, lists.covered, lists.count, lists.probes)

    def add(self, entries: Sequence[tuple[str, Embedding]]) -> None:
        """Keep embeddings under their ids from the next commit on; see `VectorIndex.add`."""
        self._store.add(entries)

    def remove(self, ids: Iterable[str]) -> None:
        """Forget ids from the next commit on; unknown ids are passed over."""
        self._store.remove(ids)

    def commit(self, position: int) -> None:
        """Make the changes durable and visible; see `VectorIndex.commit`.

        Raises:
            IndexNotWritten: the disk refused.
            ReadOnlyIndex: it is not open for writing.
        """
        with self._publishing, on_one_processor():
            committed = self._store.commit(position)
            self._state = _State(committed.segment, self._lists_after(committed))
            self._fold(at_least=_ROWS_TO_FOLD)
            self._build_if_needed()

    def optimise(self) -> None:
        """Find the centres anew for what is committed now, and fold everything in.

        Searches and commits go on meanwhile. At a million entries it takes about a minute of one
        processor. Up to `exact_below` entries there is nothing to do.

        Raises:
            ReadOnlyIndex: it is not open for writing.
        """
        self._store.check_writable()
        self._building.stop(timeout_s=_CLOSE_S)
        segment = self._state.segment
        if len(segment.row_of) < max(1, self._exact_below):
            return
        with on_one_processor():
            lists = built_anew(segment, stopped=self._building.stopped)
            self._publish(lists, segment)

    def search(
        self, query: Embedding, *, limit: int, allowed: Allowed | None = None
    ) -> list[Neighbour]:
        """Return the nearest entries, nearest first, equal ones by id; see `VectorIndex.search`."""
        if limit < 1:
            raise BadLimit(limit)
        asked = unit(query, self.dimension, "the query")
        while True:
            state = self._now()
            if state.lists is None:
                return nearest_exactly(
                    state.segment, asked, limit, live_rows(state.segment, allowed)
                )
            with state.lists.lock.shared():
                # Rows are published before the lists know them: only within the lock, where
                # nothing is folded in, do the two surely fit together.
                state_now = self._state
                if state_now.lists is state.lists:
                    return nearest_within(state_now.segment, state.lists, asked, limit, allowed)

    def get(self, entry_id: str) -> Embedding | None:
        """Return the embedding kept under an id, or None."""
        return self._now().segment.embedding(entry_id)

    def __len__(self) -> int:
        return len(self._now().segment.row_of)

    def close(self) -> None:
        """Give back files and locks; waits for a step of the building of lists. May be repeated."""
        self._building.stop(timeout_s=_CLOSE_S)
        self._store.close()

    def _now(self) -> _State:
        if self._store.is_writing:
            return self._state
        segment = self._store.current()
        seen = (list_files.stamp_of_lists(self._store.directory), segment.manifest.name)
        if segment is self._state.segment and self._seen_lists == seen:
            return self._state
        with self._publishing, on_one_processor():
            self._follow(self._store.current())
            return self._state

    def _follow(self, segment: Segment) -> None:
        """Take up what a writer elsewhere did to rows and lists."""
        lists = self._state.lists
        if self._state.segment.manifest.name != segment.manifest.name:
            lists = None
        self._state = _State(segment, lists)
        saved = self._saved_lists_of(segment)
        if saved is None:
            return
        if lists is not None and saved.trained == lists.trained:
            known = saved.assigned[lists.covered : segment.manifest.rows]
            lists.fold(segment.rows, known)
        else:
            self._start_building(lambda: made_from(saved, segment), segment)

    def _saved_lists_of(self, segment: Segment) -> SavedLists | None:
        """Return the saved lists if they fit the segment and were not looked at before."""
        seen = (list_files.stamp_of_lists(self._store.directory), segment.manifest.name)
        if seen == self._seen_lists:
            return None
        self._seen_lists = seen
        saved = list_files.read_lists(self._store.directory)
        return saved if saved is not None and saved.segment == segment.manifest.name else None

    def _lists_after(self, committed: Committed) -> InvertedLists | None:
        before, segment = self._state, committed.segment
        if before.lists is None or before.segment.manifest.name == segment.manifest.name:
            return before.lists
        if committed.moved is None:
            return None
        old = before.lists
        lists = InvertedLists(old.trained, probes=old.probes, trained_rows=old.trained_rows)
        stayed = committed.moved[committed.moved < old.covered]
        lists.fold(segment.rows, old.assigned[stayed])
        return lists

    def _fold(self, *, at_least: int) -> None:
        segment, lists = self._state.segment, self._state.lists
        if lists is not None and segment.manifest.rows - lists.covered >= at_least:
            fold_all(lists, segment, stopped=lambda: False)
            self._save()

    def _save(self) -> None:
        lists = self._state.lists
        assert lists is not None
        try:
            list_files.save_lists(self._store.directory, self._state.segment.manifest.name, lists)
        except OSError:
            # The commit itself stands. Whoever opens next finds older lists, or none, and makes
            # what is missing.
            return

    def _build_if_needed(self) -> None:
        segment, lists = self._state.segment, self._state.lists
        entries = len(segment.row_of)
        if not self._store.is_writing or entries < max(1, self._exact_below):
            return
        if lists is None or entries >= lists.trained_rows * _GROWTH_TO_TRAIN:
            self._start_building(
                lambda: built_anew(segment, stopped=self._building.stopped), segment
            )

    def _start_building(self, build: Callable[[], InvertedLists], segment: Segment) -> None:
        def work() -> None:
            with on_one_processor():
                self._publish(build(), segment)

        self._building.start(work)

    def _publish(self, lists: InvertedLists, segment: Segment) -> None:
        with self._publishing:
            now = self._state.segment
            if now.manifest.name != segment.manifest.name or self._building.stopped():
                return  # rows were moved meanwhile: the next commit sees that lists are missing
            self._state = _State(now, lists)
            if self._store.is_writing:
                self._fold(at_least=0)
