"""The index of an LMDB log is written in portions, and nobody who reads can tell."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import lmdb
import pytest

from museion.log import lmdb_index
from museion.log.event import Event
from museion.log.event_store import DamagedEvent, EventStore
from museion.log.lmdb_store import LmdbEventStore
from museion.testing.contracts.event_store import (
    DurableEventStoreContract,
    batch,
    numbers,
    stored_event,
)


@pytest.fixture(autouse=True)
def written_with_every_third_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmdb_index, "MAX_GATHERED", 3)


class TestLmdbEventStoreWithASmallPortion(DurableEventStoreContract):
    def open(self, folder: Path) -> EventStore:
        return LmdbEventStore(folder)

    def damage(self, folder: Path, event: Event) -> None:
        file = folder / "data.mdb"
        content = file.read_bytes()
        changed = bytes((event.payload[0] ^ 1,)) + event.payload[1:]
        file.write_bytes(content.replace(event.payload, changed))


def entries(folder: Path) -> list[int]:
    """Return the numbers in the tree of the index of a log that is not open here."""
    with lmdb.open(str(folder), max_dbs=8, readonly=True) as environment:
        table = environment.open_db(b"destinations", dupsort=True, dupfixed=True, create=False)
        with environment.begin(db=table) as reading:
            return sorted(int.from_bytes(place, "big") for _, place in reading.cursor())


def test_entries_are_written_in_portions_and_the_rest_at_the_end(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from museion.log import lmdb_index; lmdb_index.MAX_GATHERED = 3\n"
        "from museion.log.lmdb_store import LmdbEventStore\n"
        "from museion.testing.contracts.event_store import batch, stored_event\n"
        "store = LmdbEventStore(Path(sys.argv[1]))\n"
        "for number in range(1, 7): store.write(batch(stored_event(number, aggregate_id='x')))\n"
        "os._exit(0) if sys.argv[2] == 'crash' else store.close()\n"
    )
    for end, expected in (("crash", [1, 2, 3, 4]), ("close", [1, 2, 3, 4, 5, 6])):
        folder = tmp_path / end
        subprocess.run([sys.executable, "-c", program, str(folder), end], check=True, timeout=60)
        assert entries(folder) == expected
        with closing(LmdbEventStore(folder)) as store:
            assert numbers(store.read(limit=9, aggregate_id="x")) == [1, 2, 3, 4, 5, 6]


def test_a_page_may_end_in_the_tree_behind_it_or_between(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        for number in range(1, 12):
            store.write(batch(stored_event(number, aggregate_id="xy"[number % 2])))
            expected = [each for each in range(1, number + 1) if each % 2 == 0]
            for after in range(number + 1):
                for limit in range(1, 7):
                    found = numbers(store.read(after=after, limit=limit, aggregate_id="x"))
                    assert found == [each for each in expected if each > after][:limit]


def test_ids_of_aggregates_are_listed_from_both_places_once(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        for number, aggregate_id in enumerate("dbdacbe", start=1):
            store.write(batch(stored_event(number, aggregate_id=aggregate_id)))
        assert list(store.aggregate_ids(limit=9)) == ["a", "b", "c", "d", "e"]
        assert list(store.aggregate_ids(after="b", limit=2)) == ["c", "d"]


def test_another_process_finds_what_is_not_in_the_tree_yet(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from museion.log.lmdb_store import LmdbEventStore\n"
        "store = LmdbEventStore(Path(sys.argv[1]), writable=False)\n"
        "for _ in sys.stdin:\n"
        "    found = store.read(limit=99, aggregate_id='x')\n"
        "    print([e.sequence_nr for e in found], *store.aggregate_ids(limit=9), flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with (
        closing(LmdbEventStore(tmp_path)) as store,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as reader,
    ):
        assert reader.stdin is not None
        assert reader.stdout is not None
        for number in range(1, 9):
            store.write(batch(stored_event(number, aggregate_id="x")))
            reader.stdin.write("\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == f"{list(range(1, number + 1))} x\n"


def test_a_reader_beside_the_writer_never_misses_an_event(tmp_path: Path) -> None:
    faults: list[list[int]] = []
    written = [0]
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            least = written[0]
            found = numbers(store.read(limit=9_999, aggregate_id="x"))
            if found != list(range(1, len(found) + 1)) or len(found) < least:
                faults.append(found)

    with closing(LmdbEventStore(tmp_path)) as store:
        readers = [threading.Thread(target=look) for _ in range(2)]
        for reader in readers:
            reader.start()
        for number in range(1, 400):
            store.write(batch(stored_event(number, aggregate_id="x")))
            written[0] = number
        ended.set()
        for reader in readers:
            reader.join()
    assert faults == []


def test_a_damaged_event_that_no_entry_names_yet_is_told_to_all_who_may_be_concerned(
    tmp_path: Path,
) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(stored_event(1, aggregate_id="x"), stored_event(2, aggregate_id="y")))
    with lmdb.open(str(tmp_path), max_dbs=8) as environment:  # as a crash leaves it, and a bad disk
        meta, events = environment.open_db(b"meta"), environment.open_db(b"events")
        index = environment.open_db(b"destinations", dupsort=True, dupfixed=True)
        with environment.begin(write=True) as writing:
            writing.drop(index, delete=False)
            writing.put(b"indexed_to", bytes(8), db=meta)
            frame = writing.get((2).to_bytes(8, "big"), db=events, default=b"")
            writing.put((2).to_bytes(8, "big"), frame[:-1] + b"?", db=events)
    for _ in range(3):
        with closing(LmdbEventStore(tmp_path)) as store:
            assert numbers(store.read(limit=1, aggregate_id="x")) == [1]
            for aggregate_id in ("x", "y", "z"):
                with pytest.raises(DamagedEvent, match="Event 2 "):
                    store.read(limit=9, aggregate_id=aggregate_id)
            last = store.recover().sequence_nr
            store.write(
                batch(*(stored_event(last + each, aggregate_id="x") for each in range(1, 6)))
            )


def test_a_log_of_an_older_version_is_indexed_already(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(*(stored_event(number, aggregate_id="x") for number in range(1, 6))))
    with lmdb.open(str(tmp_path), max_dbs=8) as environment:
        meta = environment.open_db(b"meta")
        with environment.begin(write=True) as writing:
            writing.delete(b"indexed_to", db=meta)
    for _ in range(2):
        with closing(LmdbEventStore(tmp_path)) as store:
            assert numbers(store.read(limit=9, aggregate_id="x")) == [1, 2, 3, 4, 5]
