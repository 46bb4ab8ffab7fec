"""Replay of all and of single aggregates, start-up, and the memory that this takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from figures import Figure, at_least_times, at_most, beside
from log_bench.contestants import (
    APPLICATION,
    EVENTSOURCE,
    OURS,
    RECORDER,
    SLOW_SHARE,
    Asked,
    alike,
)
from log_bench.events import EVENTS_PER_AGGREGATE
from log_bench.rounds import Answer, Contestant, build, kept_rounds

_AGGREGATES_READ = 2_000
_REPLAY_GOAL, _AGGREGATE_GOAL = 6.0, 5.0
_START_UP_S = 0.5


def reading_figures(asked: Asked) -> Iterator[Figure]:
    """Build one store for each, then read them in turn."""
    few = max(asked.events // SLOW_SHARE, EVENTS_PER_AGGREGATE)
    options = alike(OURS, RECORDER, events=asked.events, batch=512)
    options |= alike(APPLICATION, EVENTSOURCE, events=few)
    build(options, work=asked.work)
    yield from _replay(asked, options)
    yield from _aggregates(asked, options)
    opened = kept_rounds(
        alike(OURS, events=asked.events), "open", rounds=asked.rounds, work=asked.work
    )[OURS.name]
    name = f"start-up of a log with {asked.events:,} events, to its first append"
    yield at_most(name, opened.value, "s", _START_UP_S)


def _replay(asked: Asked, options: Mapping[Contestant, Mapping[str, object]]) -> Iterator[Figure]:
    name = f"replay raw of {asked.events:,} events"
    both = {each: given for each, given in options.items() if each in (OURS, RECORDER)}
    raw = kept_rounds(both, "replay", rounds=asked.rounds, work=asked.work)
    ours = raw[OURS.name]
    yield beside(name, ours.value, "events/s", RECORDER.name, raw[RECORDER.name].value)
    for contestant in both:
        answer = raw[contestant.name]
        yield Figure(f"{name}: own memory, {contestant.name}", answer.anonymous_mib, "MiB")
        yield Figure(f"{name}: with mapped file pages, {contestant.name}", answer.peak_mib, "MiB")
    variant = {each: {**given, "variant": "decoded"} for each, given in options.items()}
    decoded = kept_rounds(variant, "replay", rounds=asked.rounds, work=asked.work)
    name = f"replay decoded of {asked.events:,} events"
    yield from _compared(name, "events/s", decoded, options, _REPLAY_GOAL)


def _aggregates(
    asked: Asked, options: Mapping[Contestant, Mapping[str, object]]
) -> Iterator[Figure]:
    given = {each: {**own, "asked": _AGGREGATES_READ} for each, own in options.items()}
    found = kept_rounds(given, "aggregates", rounds=asked.rounds, work=asked.work)
    name = f"replay of single aggregates, {EVENTS_PER_AGGREGATE} events each, decoded"
    yield from _compared(name, "aggregates/s", found, options, _AGGREGATE_GOAL)


def _compared(
    name: str,
    unit: str,
    found: Mapping[str, Answer],
    options: Mapping[Contestant, Mapping[str, object]],
    goal: float,
) -> Iterator[Figure]:
    ours = found[OURS.name].value
    for peer in (RECORDER, APPLICATION, EVENTSOURCE):
        theirs = found[peer.name].value
        events = options[peer]["events"]
        named = f"{peer.name}, {events:,} events"
        if peer is EVENTSOURCE:
            yield beside(name, ours, unit, named, theirs)
        else:
            yield at_least_times(name, ours, unit, named, theirs, goal)
