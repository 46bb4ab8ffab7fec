"""What tests of the log share: one PostgreSQL server for all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from museion.testing.postgres import RunningPostgres, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[RunningPostgres]:
    """A real server; started when the first test asks for it, stopped after the last."""
    with running_postgres(passwords_for=["guarded"]) as running:
        yield running
