"""Appending: batches of three sizes, a store that grows large, and many emitters at once."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from figures import Figure, at_least, at_least_times, beside
from log_bench.contestants import (
    APPLICATION,
    BARE_FILE,
    BARE_LMDB,
    EVENTSOURCE,
    OURS,
    RECORDER,
    Asked,
    alike,
)
from log_bench.rounds import Answer, Contestant, fresh_rounds, new_folder, one_round

_EVENTS_OF_BATCH = {1: 2_000, 64: 20_000, 512: 40_000}
_PEERS = (RECORDER, BARE_LMDB, BARE_FILE)
_WHOLE = (APPLICATION, EVENTSOURCE)
_EMITTED = {1: 2_000, 16: 10_000, 256: 40_000}
_GOALS = {RECORDER: 5.0, APPLICATION: 5.0, BARE_FILE: 0.4}
_GOAL_BATCH = 512


def writing_figures(asked: Asked) -> Iterator[Figure]:
    """Measure appending batch after batch, on new stores and on one that grows large."""
    for batch, events in _EVENTS_OF_BATCH.items():
        given = alike(OURS, *_PEERS, events=events, batch=batch)
        found = fresh_rounds(given, "append", rounds=asked.rounds, work=asked.work)
        yield from _compared(f"append, batch {batch}", found, goals=batch == _GOAL_BATCH)
        notes = found[OURS.name].notes
        for name in ("p50_ms", "p95_ms"):
            value = notes[name]
            assert isinstance(value, float)
            yield Figure(f"append, batch {batch}: {name[:3]} of a request", value, "ms")
        yield from _typed(asked, batch, events)
    yield from _large(asked)


def emitting_figures(asked: Asked) -> Iterator[Figure]:
    """Measure emitters that each append single events one after another."""
    for emitters, events in _EMITTED.items():
        given = alike(OURS, RECORDER, events=events, emitters=emitters)
        # Each insert of the peer is a flush of its own, whatever the number of threads.
        given |= alike(RECORDER, events=min(events, 5_000), emitters=emitters)
        found = fresh_rounds(given, "emit", rounds=asked.rounds, work=asked.work)
        ours, theirs = found[OURS.name], found[RECORDER.name]
        name = f"append of single events, emitters at once: {emitters}"
        peer = f"{RECORDER.name}, threads: {theirs.notes['threads']}"
        yield beside(name, ours.value, "events/s", peer, theirs.value)
        if emitters == 256:
            yield at_least(name, ours.value, "events/s", 20_000)
        events_a_group = ours.notes["events_a_group"]
        assert isinstance(events_a_group, float)
        yield Figure(f"{name}: events in a flush", events_a_group, "events")
    given = alike(OURS, events=_EVENTS_OF_BATCH[512], batch=512, emitters=4)
    found = fresh_rounds(given, "emit", rounds=asked.rounds, work=asked.work)
    yield Figure("append, batch 512, 4 emitters at once", found[OURS.name].value, "events/s")


def _typed(asked: Asked, batch: int, events: int) -> Iterator[Figure]:
    """Measure against libraries that encode the payloads themselves: so do we, in the same time."""
    case = "append-typed"
    found: dict[str, list[float]] = {each.name: [] for each in (OURS, *_WHOLE)}
    for _ in range(asked.rounds):
        for contestant in (OURS, *_WHOLE):
            options = {"events": events if contestant is OURS else min(events, 5_000)}
            with new_folder(asked.work) as folder:
                answer = one_round(
                    contestant,
                    case if contestant is OURS else "append",
                    folder,
                    {**options, "batch": batch},
                )
            found[contestant.name].append(answer.value)
    rates = {name: median(values) for name, values in found.items()}
    for peer in _WHOLE:
        goal = _GOALS.get(peer) if batch == _GOAL_BATCH else None
        name = f"append of typed payloads, batch {batch}"
        yield _one(name, rates[OURS.name], peer, rates[peer.name], goal)


def _large(asked: Asked) -> Iterator[Figure]:
    """Write one large store: what an index over many aggregates costs shows only there."""
    found = {}
    for contestant in (OURS, RECORDER, BARE_LMDB, BARE_FILE):
        options = {"events": asked.events, "batch": _GOAL_BATCH}
        with new_folder(asked.work) as folder:
            found[contestant.name] = one_round(contestant, "build", folder, options)
    name = f"append, batch {_GOAL_BATCH}, while {asked.events:,} events are written (one round)"
    yield from _compared(name, found, goals=True)
    for contestant in (OURS, RECORDER):
        answer = found[contestant.name]
        yield Figure(f"{name}: own memory, {contestant.name}", answer.anonymous_mib, "MiB")
        yield Figure(f"{name}: with mapped file pages, {contestant.name}", answer.peak_mib, "MiB")


def _compared(name: str, found: dict[str, Answer], *, goals: bool) -> Iterator[Figure]:
    ours = found[OURS.name].value
    for peer in _PEERS:
        if peer.name in found:
            yield _one(
                name, ours, peer, found[peer.name].value, _GOALS.get(peer) if goals else None
            )


def _one(name: str, ours: float, peer: Contestant, theirs: float, goal: float | None) -> Figure:
    if goal is None:
        return beside(name, ours, "events/s", peer.name, theirs)
    return at_least_times(name, ours, "events/s", peer.name, theirs, goal)
