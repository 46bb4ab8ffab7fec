"""What tests of PostgreSQL share: one server for all of them, and a proxy before it.

A test module loads it with `pytest_plugins = ["postgres_fixtures"]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commit_proxy import CommitProxy, proxy_before

from museion.log.postgres.settings import PostgresSettings
from museion.testing.postgres import RunningPostgres, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[RunningPostgres]:
    """A real server; started when the first test asks for it, stopped after the last."""
    with running_postgres(passwords_for=["guarded"]) as running:
        yield running


@pytest.fixture
def postgres_settings(postgres: RunningPostgres, tmp_path: Path) -> PostgresSettings:
    """Settings of a new log in the database that all tests share."""
    return PostgresSettings(conninfo=postgres.conninfo, log_name=str(tmp_path))


@pytest.fixture
def proxy(postgres: RunningPostgres) -> Iterator[CommitProxy]:
    """A proxy before the server."""
    with proxy_before(postgres.port) as running:
        yield running


@pytest.fixture
def through_proxy(proxy: CommitProxy, tmp_path: Path) -> PostgresSettings:
    """Settings of the same log, reached through the proxy."""
    conninfo = f"host=127.0.0.1 port={proxy.port} user=postgres"
    return PostgresSettings(conninfo=conninfo, log_name=str(tmp_path), connect_timeout_s=5)
