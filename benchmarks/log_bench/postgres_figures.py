"""The log on PostgreSQL, beside `eventsourcing` on the same server."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from figures import Figure, at_least_times, beside
from log_bench.contestants import OURS_ON_POSTGRES, RECORDER_ON_POSTGRES, Asked
from log_bench.rounds import DatabaseServer, database_server, new_folder, one_round

_BOTH = (OURS_ON_POSTGRES, RECORDER_ON_POSTGRES)
_EVENTS_OF_BATCH = {1: 1_000, 64: 10_000, 512: 40_000}
_READ = 40_000
_GOAL = 8.0


def postgres_figures(asked: Asked) -> Iterator[Figure]:
    """Measure appending in batches of three sizes and a replay, each in a new database."""
    with database_server(asked.work) as server:
        on = f"PostgreSQL {server.version}"
        for batch, events in _EVENTS_OF_BATCH.items():
            ours, theirs = _rates(asked, server, events, batch)
            name, peer = f"append, batch {batch}, {on}", RECORDER_ON_POSTGRES.name
            if batch == 512:
                yield at_least_times(name, ours, "events/s", peer, theirs, _GOAL)
            else:
                yield beside(name, ours, "events/s", peer, theirs)
        ours, theirs = _replay_rates(asked, server)
        name = f"replay decoded of {_READ:,} events, {on}"
        yield beside(name, ours, "events/s", RECORDER_ON_POSTGRES.name, theirs)


def _rates(asked: Asked, server: DatabaseServer, events: int, batch: int) -> tuple[float, float]:
    rates: dict[str, list[float]] = {each.name: [] for each in _BOTH}
    for _ in range(asked.rounds):
        for contestant in _BOTH:
            options = {"events": events, "batch": batch, "url": server.new_database()}
            with new_folder(asked.work) as folder:
                answer = one_round(contestant, "append", folder, options)
            rates[contestant.name].append(answer.value)
    return _medians(rates)


def _replay_rates(asked: Asked, server: DatabaseServer) -> tuple[float, float]:
    rates: dict[str, list[float]] = {each.name: [] for each in _BOTH}
    urls = {each.name: server.new_database() for each in _BOTH}
    for case in ("build", *["replay"] * asked.rounds):
        for contestant in _BOTH:
            options = {"events": _READ, "url": urls[contestant.name], "variant": "decoded"}
            with new_folder(asked.work) as folder:
                answer = one_round(contestant, case, folder, options)
            if case == "replay":
                rates[contestant.name].append(answer.value)
    return _medians(rates)


def _medians(rates: dict[str, list[float]]) -> tuple[float, float]:
    return median(rates[OURS_ON_POSTGRES.name]), median(rates[RECORDER_ON_POSTGRES.name])
