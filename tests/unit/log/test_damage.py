"""Damage at random in a store's files: detected, named, never replayed as if it were written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import lmdb
import pytest
from damaged_copies import counted, damage_copies
from damaged_rows import damage_rows
from opened_log import new

from museion.log.event_log import EventLog
from museion.log.event_store import DamagedEvent
from museion.log.lmdb_environment import UnreadableLog
from museion.log.lmdb_store import DamagedNumber, LmdbEventStore
from museion.testing.contracts.event_store import batch, numbers, stored_event
from museion.testing.event_loop import in_event_loop
from museion.testing.postgres import RunningPostgres

pytest_plugins = ["postgres_fixtures"]

SEED = 20240613


def test_no_flipped_bit_in_lmdbs_file_is_replayed(tmp_path: Path) -> None:
    came = damage_copies(tmp_path, seed=SEED, flips=120, truncations=0)
    counts = counted(came)
    assert counts["WRONG"] == 0, [each for each in came if each.came == "WRONG"]
    assert counts["named DamagedEvent"] > 30, counts


def test_no_truncated_file_of_lmdb_is_replayed(tmp_path: Path) -> None:
    came = damage_copies(tmp_path, seed=SEED, flips=0, truncations=25)
    counts = counted(came)
    assert counts["WRONG"] == counts["unnoticed"] == 0, came
    assert counts["unharmed"] < 10, counts


def test_no_flipped_bit_or_cut_in_a_row_of_postgresql_is_replayed(
    postgres: RunningPostgres,
) -> None:
    assert damage_rows(postgres.conninfo, schema="damaged", seed=SEED, times=60) == 60


@in_event_loop
async def test_a_flipped_bit_is_named_by_read_and_by_follow(tmp_path: Path) -> None:
    log = EventLog(LmdbEventStore(tmp_path))
    await log.append([new(b"first"), new(b"payload"), new(b"third")])
    await log.close()
    flip_bit_of(tmp_path, b"payload")
    log = EventLog(LmdbEventStore(tmp_path))
    assert numbers(await log.read(limit=1)) == [1]
    assert numbers(await log.read(after=2)) == [3]
    with pytest.raises(DamagedEvent, match="Event 2 "):
        await log.read()
    with pytest.raises(DamagedEvent, match="Event 2 "):
        await anext(log.follow())
    await log.close()


def test_a_flipped_bit_in_progress_is_named(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(reader=7, other=8))
    content = (tmp_path / "data.mdb").read_bytes()
    at = content.rindex(b"reader\0\0\0\0\0\0\0\7") + len(b"reader") + 7
    (tmp_path / "data.mdb").write_bytes(content[:at] + b"\6" + content[at + 1 :])
    with closing(LmdbEventStore(tmp_path)) as store:
        assert store.progress("other") == 8
        with pytest.raises(DamagedNumber, match="'reader'"):
            store.progress("reader")
        with pytest.raises(DamagedNumber, match="'reader'"):
            store.all_progress()


def test_an_index_that_leads_to_an_event_of_another_aggregate_is_damage(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(*(stored_event(nr, aggregate_id="xy"[nr % 2]) for nr in (1, 2, 3, 4))))
    replace_in_index(tmp_path, 3, 2)
    with closing(LmdbEventStore(tmp_path)) as store:
        with pytest.raises(DamagedEvent, match=r"Event 2 .*the index names it for 'y'"):
            store.read(limit=9, aggregate_id="y")
        assert numbers(store.read(limit=9)) == [1, 2, 3, 4]


@pytest.mark.parametrize("bit", [0, 8, 31])
@pytest.mark.parametrize("number", [1, 3])
def test_a_flipped_bit_in_the_upper_half_of_a_number_is_damage(
    tmp_path: Path, number: int, bit: int
) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(*(stored_event(each) for each in (1, 2, 3))))
    with lmdb.open(str(tmp_path), max_dbs=8) as environment:
        table = environment.open_db(b"events")
        with environment.begin(write=True, db=table) as writing:
            frame = writing.pop(number.to_bytes(8, "big")) or b""
            writing.put((number | 1 << 32 + bit).to_bytes(8, "big"), frame)
    with closing(LmdbEventStore(tmp_path)) as store, pytest.raises(DamagedEvent):
        store.read(limit=3)


def test_a_cut_off_number_is_damage(tmp_path: Path) -> None:
    with closing(LmdbEventStore(tmp_path)) as store:
        store.write(batch(reader=7))
    with lmdb.open(str(tmp_path), max_dbs=8) as environment:
        table = environment.open_db(b"progress")
        with environment.begin(write=True, db=table) as writing:
            writing.put(b"reader", b"\0\0\7")
    with closing(LmdbEventStore(tmp_path)) as store, pytest.raises(UnreadableLog, match="number"):
        store.progress("reader")


def flip_bit_of(folder: Path, payload: bytes) -> None:
    content = bytearray((folder / "data.mdb").read_bytes())
    content[content.index(payload)] ^= 1
    (folder / "data.mdb").write_bytes(content)


def replace_in_index(folder: Path, number: int, by: int) -> None:
    with lmdb.open(str(folder), max_dbs=8) as environment:
        table = environment.open_db(b"destinations", dupsort=True, dupfixed=True)
        with environment.begin(write=True, db=table) as writing:
            keys = [k for k, place in writing.cursor() if place == number.to_bytes(8, "big")]
            for key in keys:
                writing.delete(key, number.to_bytes(8, "big"))
                writing.put(key, by.to_bytes(8, "big"))
