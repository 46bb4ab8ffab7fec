"""The figures of one size out of what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping

from figures import Figure, at_least, at_most, beside, percentile
from search_bench.rounds import NUMPY, OURS, Contestant, Measured

_SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
_MILLION_GOALS = {"hybrid": {"p95": 30.0}}
"""Milliseconds by case, at the largest size asked for in the issue."""
_MILLION = 1_000_000


def figures_of(count: int, results: Mapping[Contestant, Measured]) -> Iterator[Figure]:
    """Return all figures of one size."""
    ours = results[OURS]
    peers = [found for each, found in results.items() if each != OURS]
    yield from _building(count, ours, peers)
    for case in ours.times_ms:
        able = [peer for peer in peers if peer.times_ms.get(case)]
        yield from _latencies(count, case, ours, able)
        yield from _rates(count, case, ours, able)
    yield from _recalls(count, results)
    yield from _changes(count, ours, peers)


def _building(count: int, ours: Measured, peers: list[Measured]) -> Iterator[Figure]:
    vectors_s = ours.parts_s["vectors"] + ours.parts_s["lists"]
    for part, seconds in ours.parts_s.items():
        yield beside(f"{count}: build, {part}", seconds, "s")
    for peer in peers:
        part, own_s = ("words", ours.parts_s["words"])
        if "semantic" in peer.found:
            part, own_s = ("vectors and lists", vectors_s)
        yield beside(f"{count}: build, {part}", own_s, "s", peer.name, peer.built_s)
    yield beside(f"{count}: memory of all indexes and facets", ours.memory_mb, "MB")
    yield beside(f"{count}: disk of all indexes", ours.disk_mb, "MB")
    for peer in peers:
        yield beside(f"{count}: memory of {peer.name}", peer.memory_mb, "MB")
        yield beside(f"{count}: disk of {peer.name}", peer.disk_mb, "MB")


def _latencies(count: int, case: str, ours: Measured, peers: list[Measured]) -> Iterator[Figure]:
    goals = _MILLION_GOALS.get(case, {}) if count >= _MILLION else {}
    for name, share in _SHARES:
        figure, value = f"{count}: {case}, {name}", _quantile(ours, case, share)
        if name in goals:
            yield at_most(figure, value, "ms", goals[name])
        elif not peers:
            yield beside(figure, value, "ms")
        for peer in peers:
            yield beside(figure, value, "ms", peer.name, _quantile(peer, case, share))


def _rates(count: int, case: str, ours: Measured, peers: list[Measured]) -> Iterator[Figure]:
    figure = f"{count}: {case}, two threads"
    if not peers:
        yield beside(figure, ours.per_s[case], "queries/s")
    for peer in peers:
        yield beside(figure, ours.per_s[case], "queries/s", peer.name, peer.per_s[case])


def _recalls(count: int, results: Mapping[Contestant, Measured]) -> Iterator[Figure]:
    truth = results[NUMPY].found
    for contestant, result in results.items():
        for case, found in result.found.items():
            if contestant == NUMPY or case not in truth:
                continue
            recall = _recall(found, truth[case])
            if contestant == OURS:
                yield at_least(f"{count}: {case}, recall@10", recall, "share", 0.97)
            else:
                yield beside(f"{count}: {case}, recall@10 of {result.name}", recall, "share")


def _changes(count: int, ours: Measured, peers: list[Measured]) -> Iterator[Figure]:
    for change, seconds in ours.changed_s.items():
        yield at_most(f"{count}: {change} and visible in all indexes", seconds, "s", 1.0)
        for peer in peers:
            if change in peer.changed_s:
                name = f"{count}: {change} and visible in {peer.name}"
                yield beside(name, peer.changed_s[change], "s")


def growth_figures(by_size: Mapping[int, Mapping[Contestant, Measured]]) -> Iterator[Figure]:
    """Return what taking in one asset costs, in time of processors, and how that grows.

    Lists come into being where comparing all would take too long; what they cost is told beside.
    """
    sizes = sorted(by_size)
    for size in sizes:
        parts = by_size[size][OURS].parts_cpu_s
        for part, cpu_s in parts.items():
            yield beside(f"{size}: an asset costs, {part}", cpu_s / size * 1e6, "us of processor")
        total_us = sum(parts.values()) / size * 1e6
        yield beside(f"{size}: an asset costs, all", total_us, "us of processor")
    if len(sizes) > 1:
        first, last = (
            sum(by_size[size][OURS].parts_cpu_s.values()) / size for size in (sizes[0], sizes[-1])
        )
        yield at_most(f"an asset costs, {sizes[-1]} over {sizes[0]}", last / first, "times", 1.5)


def _recall(found: list[list[int]], truth: list[list[int]]) -> float:
    pairs = list(zip(found, truth, strict=False))
    hits = sum(len(set(some) & set(true)) for some, true in pairs)
    return hits / max(1, sum(len(true) for _, true in pairs))


def _quantile(result: Measured, case: str, share: float) -> float:
    return statistics.median(percentile(each, share) for each in result.times_ms[case])
