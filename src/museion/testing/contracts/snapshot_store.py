"""What every snapshot store must do. Inherit a suite, say how a store is opened, and run it.

class TestMyStore(DurableSnapshotStoreContract):
    def open(self, folder: Path) -> SnapshotStore:
        return MyStore(folder)
"""

# ruff: noqa: D102 (the name of a test is its claim)

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from museion.log.event import EventId
from museion.log.snapshots import (
    MAX_NUMBER,
    InvalidSnapshot,
    Snapshot,
    SnapshotStore,
)
from museion.log.vector_time import VectorTime

ANY_NAMES = ["emitter", "a/b", "..", "/", "C:\\x", "a b\n", "Ä", "ä", "🖼", "\0", "x" * 511]


def snapshot_at(
    sequence_nr: int,
    *,
    emitter_id: str = "emitter",
    log_id: str = "here",
    saved_at_ms: int | None = None,
    subject_key_ids: tuple[str, ...] = (),
    state: bytes = b"state",
) -> Snapshot:
    """Return a snapshot with all fields filled in; saved at its number unless told otherwise."""
    return Snapshot(
        emitter_id=emitter_id,
        log_id=log_id,
        sequence_nr=sequence_nr,
        type_name="test.state",
        form=2,
        state=state,
        version=VectorTime({log_id: sequence_nr, "there": 7}),
        last_handled=EventId("there", 7),
        saved_at_ms=sequence_nr if saved_at_ms is None else saved_at_ms,
        deliveries=b"deliveries",
        pending=b"pending",
        subject_key_ids=subject_key_ids,
    )


def numbers(
    store: SnapshotStore,
    emitter_id: str = "emitter",
    *,
    log_id: str = "here",
    up_to: int | None = None,
    saved_before_ms: int | None = None,
) -> Sequence[int]:
    """Return the sequence numbers of an emitter's snapshots in the order of the store."""
    found = store.newest_first(
        emitter_id, log_id=log_id, up_to=up_to, saved_before_ms=saved_before_ms
    )
    return [snapshot.sequence_nr for snapshot in found]


class SnapshotStoreContract:
    """For every snapshot store."""

    def open(self, folder: Path) -> SnapshotStore:
        """Open the store in a folder, new or as it was left there."""
        raise NotImplementedError

    def store(self, folder: Path, *snapshots: Snapshot) -> SnapshotStore:
        """Open a store and save snapshots in it."""
        store = self.open(folder)
        for snapshot in snapshots:
            store.save(snapshot)
        return store

    def test_a_snapshot_comes_back_as_it_was_saved(self, tmp_path: Path) -> None:
        saved = snapshot_at(3, subject_key_ids=("key-1", "key-2"), state=bytes(range(256)))
        store = self.store(tmp_path, saved)
        assert list(store.newest_first("emitter", log_id="here")) == [saved]

    def test_an_emitter_without_snapshots_has_none(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)
        assert numbers(store) == []
        assert store.delete("emitter") == 0
        store.keep_newest("emitter", 3)

    def test_snapshots_come_newest_first_however_they_were_saved(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, *(snapshot_at(number) for number in (9, 100, 8, 10)))
        assert numbers(store) == [100, 10, 9, 8]

    def test_no_other_emitter_and_no_other_log_is_answered(self, tmp_path: Path) -> None:
        store = self.store(
            tmp_path,
            snapshot_at(1),
            snapshot_at(2, emitter_id="other"),
            snapshot_at(3, log_id="elsewhere"),
        )
        assert numbers(store) == [1]
        assert numbers(store, log_id="elsewhere") == [3]
        assert numbers(store, "other") == [2]

    def test_up_to_leaves_out_what_lies_above(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, *(snapshot_at(number) for number in (1, 2, 3)))
        assert numbers(store, up_to=2) == [2, 1]
        assert numbers(store, up_to=0) == []

    def test_saved_before_leaves_out_what_was_saved_then_or_later(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, *(snapshot_at(number) for number in (1, 2, 3)))
        assert numbers(store, saved_before_ms=3) == [2, 1]

    def test_saving_the_same_number_again_replaces(self, tmp_path: Path) -> None:
        first = snapshot_at(1, state=b"first", saved_at_ms=5)
        for saved_at_ms in (4, 5, 6):
            again = replace(first, state=b"again", saved_at_ms=saved_at_ms)
            store = self.store(tmp_path / str(saved_at_ms), first, again)
            assert list(store.newest_first("emitter", log_id="here")) == [again]

    @pytest.mark.parametrize("name", ANY_NAMES)
    def test_any_text_is_an_emitter_id(self, tmp_path: Path, name: str) -> None:
        saved = snapshot_at(1, emitter_id=name, log_id=name)
        store = self.store(tmp_path / "snapshots", snapshot_at(2, emitter_id="z"), saved)
        assert list(store.newest_first(name, log_id=name)) == [saved]
        assert store.delete(name) == 1
        assert numbers(store, "z") == [2]

    def test_names_that_differ_in_case_only_are_two_emitters(self, tmp_path: Path) -> None:
        store = self.store(
            tmp_path, snapshot_at(1, emitter_id="name"), snapshot_at(2, emitter_id="NAME")
        )
        assert (numbers(store, "name"), numbers(store, "NAME")) == ([1], [2])

    @pytest.mark.parametrize(
        "snapshot",
        [
            snapshot_at(1, emitter_id=""),
            snapshot_at(1, emitter_id="x" * 512),
            snapshot_at(1, log_id="\udc80"),
            snapshot_at(-1, saved_at_ms=0),
            snapshot_at(MAX_NUMBER + 1, saved_at_ms=0),
            snapshot_at(1, saved_at_ms=-1),
            snapshot_at(1, subject_key_ids=("",)),
        ],
    )
    def test_what_is_out_of_range_is_refused(self, tmp_path: Path, snapshot: Snapshot) -> None:
        store = self.open(tmp_path)
        with pytest.raises(InvalidSnapshot):
            store.save(snapshot)
        assert numbers(store, snapshot.emitter_id, log_id=snapshot.log_id) == []

    def test_the_largest_numbers_are_kept(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, snapshot_at(MAX_NUMBER), snapshot_at(0))
        assert numbers(store) == [MAX_NUMBER, 0]

    @pytest.mark.parametrize(("count", "left"), [(0, []), (1, [5]), (3, [5, 4, 3]), (9, None)])
    def test_keep_newest_deletes_all_but_the_newest(
        self, tmp_path: Path, count: int, left: list[int] | None
    ) -> None:
        store = self.store(tmp_path, *(snapshot_at(number) for number in range(1, 6)))
        store.keep_newest("emitter", count)
        assert numbers(store) == ([5, 4, 3, 2, 1] if left is None else left)

    def test_keep_newest_counts_each_log_and_emitter_on_its_own(self, tmp_path: Path) -> None:
        store = self.store(
            tmp_path,
            *(snapshot_at(number) for number in (1, 2)),
            *(snapshot_at(number, log_id="elsewhere") for number in (8, 9)),
            *(snapshot_at(number, emitter_id="other") for number in (5, 6)),
        )
        store.keep_newest("emitter", 1)
        assert numbers(store) == [2]
        assert numbers(store, log_id="elsewhere") == [9]
        assert numbers(store, "other") == [6, 5]

    def test_a_range_is_deleted_with_both_its_ends(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, *(snapshot_at(number) for number in range(1, 6)))
        assert store.delete("emitter", from_sequence_nr=2, to_sequence_nr=4) == 3
        assert numbers(store) == [5, 1]

    def test_deleting_by_time_leaves_what_was_saved_then_or_later(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, *(snapshot_at(number) for number in (1, 2, 3)))
        assert store.delete("emitter", saved_before_ms=2) == 1
        assert numbers(store) == [3, 2]

    def test_deleting_leaves_other_emitters_alone(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, snapshot_at(1), snapshot_at(1, emitter_id="other"))
        assert store.delete("emitter") == 1
        assert numbers(store, "other") == [1]

    def test_snapshots_from_a_number_on_are_deleted_for_all_emitters_of_one_log(
        self, tmp_path: Path
    ) -> None:
        store = self.store(
            tmp_path,
            *(snapshot_at(number) for number in (1, 2, 3)),
            *(snapshot_at(number, emitter_id="other") for number in (2, 4)),
            snapshot_at(5, log_id="elsewhere"),
        )
        assert store.delete_from("here", 2) == 4
        assert (numbers(store), numbers(store, "other")) == ([1], [])
        assert numbers(store, log_id="elsewhere") == [5]

    def test_erasing_a_subject_deletes_every_snapshot_that_may_hold_it(
        self, tmp_path: Path
    ) -> None:
        store = self.store(
            tmp_path,
            snapshot_at(1),
            snapshot_at(2, subject_key_ids=("ann",)),
            snapshot_at(3, subject_key_ids=("bob", "ann")),
            snapshot_at(4, subject_key_ids=("bob",)),
            snapshot_at(5, emitter_id="other", log_id="elsewhere", subject_key_ids=("ann",)),
        )
        assert store.delete_subject("ann") == 3
        assert numbers(store) == [4, 1]
        assert numbers(store, "other", log_id="elsewhere") == []
        assert store.delete_subject("ann") == 0

    def test_deleting_while_one_reads_harms_nobody(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, *(snapshot_at(number) for number in (1, 2, 3)))
        reading = store.newest_first("emitter", log_id="here")
        assert next(reading).sequence_nr == 3
        store.delete("emitter")
        list(reading)
        assert numbers(store) == []

    def test_many_threads_may_save_and_delete_at_once(self, tmp_path: Path) -> None:
        store = self.open(tmp_path)

        def work(emitter: int) -> None:
            for number in range(1, 6):
                store.save(snapshot_at(number, emitter_id=str(emitter // 2)))
                store.keep_newest(str(emitter // 2), 2)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(work, range(8)))

        for emitter in range(4):
            assert numbers(store, str(emitter)) == [5, 4]

    def test_closing_twice_is_closing_once(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, snapshot_at(1))
        store.close()
        store.close()


class DurableSnapshotStoreContract(SnapshotStoreContract):
    """For stores that keep snapshots on disk."""

    def damage(self, folder: Path, snapshot: Snapshot) -> None:
        """Change the stored bytes of a snapshot, behind the back of the store."""
        raise NotImplementedError

    def test_snapshots_are_there_after_opening_again(self, tmp_path: Path) -> None:
        with closing(self.store(tmp_path, snapshot_at(1), snapshot_at(2))):
            pass
        assert numbers(self.open(tmp_path)) == [2, 1]

    def test_a_damaged_snapshot_is_passed_over_for_an_older_one(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, *(snapshot_at(number) for number in (1, 2, 3)))
        self.damage(tmp_path, snapshot_at(3))
        self.damage(tmp_path, snapshot_at(1))
        assert numbers(store) == [2]

    def test_a_damaged_snapshot_can_be_saved_again(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, snapshot_at(1))
        self.damage(tmp_path, snapshot_at(1))
        store.save(snapshot_at(1))
        assert numbers(store) == [1]

    def test_a_damaged_snapshot_is_deleted_like_any_other(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, snapshot_at(1))
        self.damage(tmp_path, snapshot_at(1))
        assert store.delete_from("here", 1) == 1

    def test_erasing_a_subject_deletes_what_cannot_be_read(self, tmp_path: Path) -> None:
        """Nobody can tell that it does not hold the subject's payloads."""
        store = self.store(tmp_path, snapshot_at(1), snapshot_at(2))
        self.damage(tmp_path, snapshot_at(2))
        assert store.delete_subject("ann") == 1
        assert numbers(store) == [1]
