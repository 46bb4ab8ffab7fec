"""The PostgreSQL store keeps the contract of event stores."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from museion.log.event import Event
from museion.log.event_store import EventStore
from museion.log.postgres.settings import PostgresSettings
from museion.log.postgres_store import PostgresEventStore
from museion.testing.contracts.event_store import DurableEventStoreContract
from museion.testing.postgres import RunningPostgres

pytest_plugins = ["postgres_fixtures"]


class TestPostgresEventStore(DurableEventStoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, postgres: RunningPostgres) -> None:
        self.postgres = postgres

    def open(self, folder: Path) -> EventStore:
        return PostgresEventStore(self.settings(folder))

    def settings(self, folder: Path) -> PostgresSettings:
        """All logs of these tests are in the same tables, named by their folders."""
        return PostgresSettings(conninfo=self.postgres.conninfo, log_name=str(folder))

    def damage(self, folder: Path, event: Event) -> None:
        with psycopg.connect(self.postgres.conninfo, autocommit=True) as connection:
            changed = connection.execute(
                """
                UPDATE museion.events
                SET frame = set_byte(frame, position(%s::bytea IN frame) - 1, 1)
                FROM museion.logs WHERE logs.log = events.log AND name = %s
                AND events.sequence_nr = %s
                """,
                (event.payload, str(folder), event.sequence_nr),
            )
            assert changed.rowcount == 1
