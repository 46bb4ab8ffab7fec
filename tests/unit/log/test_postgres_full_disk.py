"""A server whose disk is full refuses a batch whole, and takes the next one."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from museion.log.event_store import WriteFailed
from museion.log.postgres.settings import PostgresSettings
from museion.log.postgres_store import PostgresEventStore
from museion.testing.contracts.event_store import batch, numbers, stored_event
from museion.testing.postgres import running_postgres
from museion.testing.tiny_disk import tiny_disk

MIB = 1 << 20


def test_a_full_disk_of_the_server_refuses_the_batch_whole_and_takes_the_next() -> None:
    with (
        tempfile.TemporaryDirectory() as place,
        tiny_disk(Path(place), size_bytes=8 * MIB) as disk,
        running_postgres() as server,
    ):
        Path(place).chmod(0o755)
        owner = server.folder.stat()
        (disk / "space").mkdir()
        os.chown(disk / "space", owner.st_uid, owner.st_gid)
        settings = PostgresSettings(conninfo=server.conninfo)
        PostgresEventStore(settings).close()
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE tiny LOCATION '{disk / 'space'}'".encode())
            connection.execute("ALTER TABLE museion.events SET TABLESPACE tiny")

        with closing(PostgresEventStore(settings)) as store:
            store.write(batch(stored_event(1, aggregate_id="x")))
            large = stored_event(2, aggregate_id="y", payload=os.urandom(9 * MIB))
            with pytest.raises(WriteFailed, match="could not extend file"):
                store.write(batch(large, reader=2))
            assert (numbers(store.read(limit=9)), store.progress("reader")) == ([1], 0)
            assert list(store.aggregate_ids(limit=9)) == ["x"]
            store.write(batch(stored_event(2, aggregate_id="x")))
            assert numbers(store.read(limit=9, aggregate_id="x")) == [1, 2]
