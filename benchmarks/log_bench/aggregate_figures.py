"""Commands to aggregates, as Eventuate's own throughput test has them, and recovery."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from figures import Figure, beside
from log_bench.contestants import APPLICATION, OUR_AGGREGATES, Asked
from log_bench.rounds import Answer, Contestant, fresh_rounds

_RECOVERED = 1_000
_TIMES = 20
_CASES = (
    ("1,000 commands to one aggregate, state sync on", 1_000, 1, "sync"),
    ("1,000 commands to one aggregate, state sync off", 1_000, 1, "loose"),
    ("10 aggregates, 1,000 commands each, state sync on", 10_000, 10, "sync"),
    ("10 aggregates, 1,000 commands each, state sync off", 10_000, 10, "loose"),
)
"""Source: Eventuate 0.10, ThroughputSpec; the last is ours."""
_BOTH = (OUR_AGGREGATES, APPLICATION)


def aggregate_figures(asked: Asked) -> Iterator[Figure]:
    """Measure commands that persist one event each, then recovery with and without snapshot."""
    for name, events, aggregates, variant in _CASES:
        options = {"events": events, "emitters": aggregates, "variant": variant}
        yield _compared(name, "commands/s", _rounds(asked, "command", options))
    for variant, how in (("plain", "without a snapshot"), ("snapshot", "from a snapshot")):
        options = {"events": _RECOVERED, "asked": _TIMES, "variant": variant}
        name = f"recovery of an aggregate of {_RECOVERED:,} events {how}"
        yield _compared(name, "ms", _rounds(asked, "recover", options))


def _rounds(asked: Asked, case: str, options: Mapping[str, object]) -> dict[str, Answer]:
    given: dict[Contestant, Mapping[str, object]] = dict.fromkeys(_BOTH, options)
    return fresh_rounds(given, case, rounds=asked.rounds, work=asked.work)


def _compared(name: str, unit: str, found: Mapping[str, Answer]) -> Figure:
    ours, theirs = found[OUR_AGGREGATES.name], found[APPLICATION.name]
    return beside(name, ours.value, unit, APPLICATION.name, theirs.value)
