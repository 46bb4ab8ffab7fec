"""The LMDB store keeps the contract, and says clearly what goes wrong with its files."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import lmdb
import pytest

from museion.log.event import Event
from museion.log.event_store import DamagedEvent, EventStore, ReadFailed, WriteFailed
from museion.log.lmdb_environment import LogInUse, LogNotOpened, UnreadableLog
from museion.log.lmdb_store import LmdbEventStore, UnknownStoreForm
from museion.testing.contracts.event_store import (
    DurableEventStoreContract,
    batch,
    numbers,
    stored_event,
)
from museion.testing.tiny_disk import files_no_longer_than, tiny_disk

MIB = 1 << 20


class TestLmdbEventStore(DurableEventStoreContract):
    def open(self, folder: Path) -> EventStore:
        return LmdbEventStore(folder)

    def damage(self, folder: Path, event: Event) -> None:
        file = folder / "data.mdb"
        content = file.read_bytes()
        assert event.payload in content  # perhaps on a page that is free again, too
        changed = bytes((event.payload[0] ^ 1,)) + event.payload[1:]
        file.write_bytes(content.replace(event.payload, changed))


def test_a_full_map_refuses_the_batch_whole_and_takes_the_next(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path, map_size_bytes=MIB)) as store:
        store.write(batch(stored_event(1)))
        with pytest.raises(WriteFailed):
            store.write(batch(stored_event(2), stored_event(3, payload=bytes(2 * MIB)), reader=3))
        assert numbers(store.read(limit=9)) == [1]
        assert store.progress("reader") == 0
        store.write(batch(stored_event(2)))
        assert numbers(store.read(limit=9)) == [1, 2]


def test_a_full_disk_refuses_the_batch_whole_and_takes_the_next(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(stored_event(1)))
        with files_no_longer_than(MIB), pytest.raises(WriteFailed):
            store.write(batch(stored_event(2, payload=bytes(2 * MIB)), reader=2))
        assert numbers(store.read(limit=9)) == [1]
        assert store.progress("reader") == 0
        store.write(batch(stored_event(2, payload=bytes(2 * MIB))))
        assert numbers(store.read(limit=9)) == [1, 2]


def test_a_disk_that_is_really_full_is_named_as_the_cause(tmp_path: Path) -> None:
    with tiny_disk(tmp_path, size_bytes=2 * MIB) as folder:
        with closing(LmdbEventStore(folder)) as store:
            written = 0
            with pytest.raises(WriteFailed, match="KiB left on the disk"):  # noqa: PT012 (which one is unknown)
                while True:
                    store.write(batch(stored_event(written + 1, payload=bytes(50_000))))
                    written += 1
            assert numbers(store.read(limit=999)) == list(range(1, written + 1))
        with closing(LmdbEventStore(folder)) as store:
            assert store.recover().sequence_nr == written


def test_a_log_that_another_process_writes_cannot_be_opened(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from museion.log.lmdb_store import LmdbEventStore\n"
        "store = LmdbEventStore(Path(sys.argv[1]))\n"
        "print('open', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LogInUse, match="already open"):
            LmdbEventStore(tmp_path)
        other.kill()
    LmdbEventStore(tmp_path).close()


def test_a_forked_child_does_not_keep_a_log_of_its_dead_parent_locked(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from museion.log.lmdb_store import LmdbEventStore\n"
        "store = LmdbEventStore(Path(sys.argv[1]))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    print('alive', flush=True); sys.stdin.read(); os._exit(0)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        parent.wait()
        LmdbEventStore(tmp_path).close()  # the child lives until its standard input ends


def test_a_forked_child_cannot_use_the_log(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from museion.log.lmdb_store import LmdbEventStore\n"
        "store = LmdbEventStore(Path(sys.argv[1]))\n"
        "if os.fork() == 0:\n"
        "    store.read(limit=1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "must not be used in a forked child" in ended.stderr


def test_threads_that_come_and_go_do_not_use_up_the_readers(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(stored_event(1)))
        for _ in range(200):  # LMDB has 126 places for readers
            with ThreadPoolExecutor(1) as thread:
                assert numbers(thread.submit(store.read, limit=1).result()) == [1]


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = LmdbEventStore(tmp_path)
    store.close()
    with pytest.raises(ReadFailed, match="closed"):
        store.read(limit=1)


def test_a_file_that_is_not_lmdbs_is_damage(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"no database" * 1_000)
    with pytest.raises(UnreadableLog, match="damaged"):
        LmdbEventStore(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LogNotOpened, match="file/log"):
        LmdbEventStore(tmp_path / "file" / "log")


def test_an_unknown_stored_form_is_refused_and_leaves_the_log_closed(tmp_path: Path) -> None:
    LmdbEventStore(tmp_path).close()
    overwrite(tmp_path, b"meta", b"form", b"99")
    for _ in range(2):
        with pytest.raises(UnknownStoreForm, match="99"):
            LmdbEventStore(tmp_path)


def test_a_log_lives_in_a_folder_whose_name_is_not_utf8(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe4"))
    with closing(LmdbEventStore(folder)) as store:
        store.write(batch(stored_event(1)))
    assert (folder / "data.mdb").exists()


def test_an_event_under_the_number_of_another_is_damage(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(stored_event(1), stored_event(2)))
    overwrite(tmp_path, b"events", NUMBER_2, stored_value(tmp_path, b"events", NUMBER_1))
    with closing(LmdbEventStore(tmp_path)) as store, pytest.raises(DamagedEvent, match="Event 2 "):
        store.read(limit=9)


def test_an_event_that_the_index_names_but_that_is_gone_is_damage(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(stored_event(1, aggregate_id="x"), stored_event(2)))
    overwrite(tmp_path, b"events", NUMBER_1, None)
    with closing(LmdbEventStore(tmp_path)) as store:
        assert numbers(store.read(limit=9)) == [2]
        with pytest.raises(DamagedEvent, match=r"Event 1 .*missing"):
            store.read(limit=9, aggregate_id="x")


@pytest.mark.parametrize("stored", [b"", b"\0\0\0\0", b"\0\0\0\0garbage"])
def test_a_value_that_is_no_event_is_damage(tmp_path: Path, stored: bytes) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(stored_event(1)))
    overwrite(tmp_path, b"events", NUMBER_1, stored)
    with closing(LmdbEventStore(tmp_path)) as store, pytest.raises(DamagedEvent, match="Event 1 "):
        store.read(limit=9)


def test_a_lost_version_vector_is_damage(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(stored_event(1)))
    overwrite(tmp_path, b"meta", b"version", b"garbage")
    with pytest.raises(UnreadableLog, match="version"):
        LmdbEventStore(tmp_path)


NUMBER_1, NUMBER_2 = ((number).to_bytes(8, "big") for number in (1, 2))


def stored_value(folder: Path, table: bytes, key: bytes) -> bytes:
    with lmdb.open(str(folder), max_dbs=8) as environment, environment.begin() as reading:
        return bytes(reading.get(key, db=environment.open_db(table, reading), default=b""))


def overwrite(folder: Path, table: bytes, key: bytes, value: bytes | None) -> None:
    """Change a table of a closed log behind its back."""
    with lmdb.open(str(folder), max_dbs=8) as environment:
        place = environment.open_db(table)
        with environment.begin(write=True, db=place) as writing:
            if value is None:
                writing.delete(key)
            else:
                writing.put(key, value)


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_file_that_was_cut_short_gives_errors_and_does_not_end_the_process(
    tmp_path: Path, share: float
) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        for number in range(1, 400):
            store.write(batch(stored_event(number, aggregate_id="x", payload=bytes(500))))
    file = tmp_path / "data.mdb"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    program = (
        "import sys; from pathlib import Path\n"
        "from museion.base.errors import MuseionError\n"
        "from museion.log.lmdb_store import LmdbEventStore\n"
        "try:\n"
        "    store = LmdbEventStore(Path(sys.argv[1]))\n"
        "    print(len(store.read(limit=999)))\n"
        "except MuseionError as error: print(error)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told
    assert "damaged" in told.stdout


def test_a_folder_may_be_given_as_text(tmp_path: Path) -> None:
    with closing(LmdbEventStore(str(tmp_path))) as store:
        assert store.recover().sequence_nr == 0
