"""Two sites: how fast one follows the other, how soon, and what travels for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from figures import Figure, at_least, at_least_times, at_most, percentile
from sites_bench.network import SiteProcess, delayed, lose_log, running_sites, settle

from museion.log.replication.endpoint_settings import EndpointSettings

_NOTIFIED = 200
_AHEAD_EVENTS = 20_000
_RECOVERED_EVENTS = 100_000
_GROWN_EVENTS = 24_000
_ROUND_TRIP_S = 0.1


@dataclass(frozen=True)
class Asked:
    """How much is measured, and where."""

    folder: Path
    events: int
    rounds: int


def catch_up_figures(asked: Asked) -> Iterator[Figure]:
    """Replicated events a second, beside local append; bytes that travelled for them."""
    found = [_catch_up(asked, asked.events) for _ in range(asked.rounds)]
    appended = median([each["append"] for each in found])
    rate = median([each["rate"] for each in found])
    yield at_least_times(
        "replicated events, log on disk at both sites", rate, "events/s",
        "local append at 512", appended, 0.5,
    )  # fmt: skip
    yield at_least("replicated events, aim", rate, "events/s", 30_000)
    per_million = median([each["seconds"] for each in found]) * 1e6 / asked.events
    yield Figure(f"catch-up, of {asked.events} events, for 1 M", per_million, "s")
    yield Figure("sent per event of 445 bytes, plain", found[0]["raw"], "bytes")
    yield Figure("sent per event of 445 bytes, zstd", found[0]["packed"], "bytes")
    cpu = median([each["cpu"] for each in found])
    yield Figure("processor time of the target per event", cpu, "µs")


def _catch_up(asked: Asked, events: int) -> dict[str, float]:
    with (
        tempfile.TemporaryDirectory(prefix="sites-", dir=asked.folder) as work,
        running_sites(Path(work), 2) as (source, target),
    ):
        appended = source.ask("fill", events=events)["events_per_s"]
        settle()
        before = target.ask("reach", events=0, within_s=1.0)["cpu_s"]
        seconds, reached = _timed_reach(target, source.site_id, source.port, events)
        came = target.ask("received", remote_id=source.site_id)
        return {
            "append": appended,
            "rate": events / seconds,
            "seconds": seconds,
            "raw": came["raw_bytes"] / events,
            "packed": came["bytes"] / events,
            "cpu": (reached["cpu_s"] - before) * 1e6 / events,
        }


def _timed_reach(target: SiteProcess, remote_id: str, port: int, events: int) -> tuple[float, Any]:
    started = target.ask("connect", remote_id=remote_id, port=port)["started_s"]
    reached = target.ask("reach", events=events, within_s=590.0)
    return reached["reached_s"] - started, reached


def pipelining_figures(asked: Asked) -> Iterator[Figure]:
    """Catch-up over a line with 100 ms round-trip time, with reads ahead and without."""
    events = min(asked.events, _AHEAD_EVENTS)
    rates: dict[int, list[float]] = {1: [], 4: []}
    for _ in range(asked.rounds):
        for ahead, rate in rates.items():
            rate.append(_over_a_long_line(asked, events, ahead))
    one, four = median(rates[1]), median(rates[4])
    yield Figure("catch-up at 100 ms round trip, one read at a time", one, "events/s")
    yield at_least_times(
        "catch-up at 100 ms round trip, four reads ahead", four, "events/s",
        "one read at a time", one, 1.5,
    )  # fmt: skip


def _over_a_long_line(asked: Asked, events: int, ahead: int) -> float:
    settings = EndpointSettings(reads_ahead=ahead, max_batch_events=512)
    with (
        tempfile.TemporaryDirectory(prefix="sites-", dir=asked.folder) as work,
        running_sites(Path(work), 2, settings=settings) as (source, target),
        delayed(source.port, _ROUND_TRIP_S) as port,
    ):
        source.ask("fill", events=events)
        settle()
        seconds, _ = _timed_reach(target, source.site_id, port, events)
        return events / seconds


def notification_figures(asked: Asked) -> Iterator[Figure]:
    """From the call that writes an event to its being stored at the other site."""
    latencies_ms: list[float] = []
    small: Any = {}
    for _ in range(asked.rounds):
        with (
            tempfile.TemporaryDirectory(prefix="sites-", dir=asked.folder) as work,
            running_sites(Path(work), 2) as (source, target),
        ):
            target.ask("connect", remote_id=source.site_id, port=source.port)
            settle()
            target.ask("watch")
            written = source.ask("write", count=_NOTIFIED, pause_s=0.02)
            settle()
            seen = target.ask("seen")
            small = source.ask("small_bytes", events=_NOTIFIED)
            latencies_ms += [
                1000 * (seen[f"w{number}"] - started)
                for number, started in enumerate(written["started_s"])
            ]
    yield at_most("write to stored elsewhere, p50", percentile(latencies_ms, 0.5), "ms", 15)
    yield at_most("write to stored elsewhere, p99", percentile(latencies_ms, 0.99), "ms", 60)
    yield Figure("sent per event with 100 random bytes, plain", small["raw"], "bytes")
    yield Figure("sent per event with 100 random bytes, zstd", small["packed"], "bytes")


def write_latency_figures(asked: Asked) -> Iterator[Figure]:
    """Local writes while the other site is 0, 100 and 300 ms away: equal within noise.

    Rounds take turns. A p99 is the median of those of the rounds. The noise is by what the largest
    p99 of a round without delay exceeds the smallest, and at least a quarter.
    """
    rounds: dict[float, list[list[float]]] = {0.0: [], 0.1: [], 0.3: []}
    for _ in range(asked.rounds):
        for round_trip_s, found in rounds.items():
            found.append(_local_writes(asked, round_trip_s))
    p99s = {each: [percentile(one, 0.99) for one in found] for each, found in rounds.items()}
    noise = max(0.25, max(p99s[0.0]) / min(p99s[0.0]) - 1)
    for round_trip_s, found in rounds.items():
        name = f"local write, other site {1000 * round_trip_s:.0f} ms away"
        p50 = median([percentile(one, 0.5) for one in found])
        yield Figure(f"{name}, p50", 1000 * p50, "ms")
        p99 = median(p99s[round_trip_s])
        ratio = p99 / median(p99s[0.0])
        yield Figure(
            f"{name}, p99", 1000 * p99, "ms", "no delay", round(ratio, 3),
            f"within {noise:.0%} of no delay", ratio <= 1 + noise,
        )  # fmt: skip


def _local_writes(asked: Asked, round_trip_s: float) -> list[float]:
    with (
        tempfile.TemporaryDirectory(prefix="sites-", dir=asked.folder) as work,
        running_sites(Path(work), 2) as (here, there),
        delayed(there.port, round_trip_s) as to_there,
        delayed(here.port, round_trip_s) as to_here,
    ):
        here.ask("connect", remote_id=there.site_id, port=to_there)
        there.ask("connect", remote_id=here.site_id, port=to_here)
        settle(1.0)
        here.ask("write", count=50, pause_s=0.0)
        written = here.ask("write", count=1000, pause_s=0.002)
        return [float(each) for each in written["latencies_s"]]


def recovery_figures(asked: Asked) -> Iterator[Figure]:
    """A site that lost its whole log gets it back from its neighbour."""
    events = min(asked.events, _RECOVERED_EVENTS)
    seconds = median([_recovery(asked, events) for _ in range(asked.rounds)])
    yield Figure(f"recovery of {events} lost events, for 1 M", seconds * 1e6 / events, "s")


def _recovery(asked: Asked, events: int) -> float:
    with (
        tempfile.TemporaryDirectory(prefix="sites-", dir=asked.folder) as work,
        running_sites(Path(work), 2) as (lost, neighbour),
    ):
        lost.ask("fill", events=events)
        lost.ask("connect", remote_id=neighbour.site_id, port=neighbour.port)
        _timed_reach(neighbour, lost.site_id, lost.port, events)
        lose_log(Path(work), lost)
        lost.ask("connect", remote_id=neighbour.site_id, port=neighbour.port)
        recovered = lost.ask("recover")
        assert recovered["events"] == events
        return float(recovered["seconds"])


def growth_figures(asked: Asked) -> Iterator[Figure]:
    """What it costs that more sites take part: a hub that all read from and that reads from all."""
    events = min(asked.events, _GROWN_EVENTS)
    base_cpu = base_taken = 0.0
    for count in (2, 4, 8, 12):
        rate, cpu, entries = _star(asked, count, events)
        taken = rate * (count - 1)  # each event is taken over everywhere but where it was written
        base_cpu, base_taken = base_cpu or cpu, base_taken or taken
        yield Figure(f"{count} sites, events that reach all", rate, "events/s")
        yield Figure(
            f"{count} sites, events taken over, all sites together", taken, "events/s", "2 sites",
            round(taken / base_taken, 3),
        )  # fmt: skip
        yield Figure(
            f"{count} sites, processor time of a leaf per event", cpu, "µs", "2 sites",
            round(cpu / base_cpu, 3),
        )  # fmt: skip
        yield Figure(
            f"{count} sites, entries of a version vector, 2 of sites elsewhere", entries, "entries"
        )


def _star(asked: Asked, count: int, events: int) -> tuple[float, float, float]:
    each = events // count
    with (
        tempfile.TemporaryDirectory(prefix="sites-", dir=asked.folder) as work,
        running_sites(Path(work), count) as (hub, *leaves),
    ):
        for site in (hub, *leaves):
            site.ask("fill", events=each)
        before = leaves[0].ask("reach", events=0, within_s=1.0)["cpu_s"]
        started = []
        for leaf in leaves:
            leaf.ask("connect", remote_id=hub.site_id, port=hub.port)
            started.append(hub.ask("connect", remote_id=leaf.site_id, port=leaf.port)["started_s"])
        for leaf in leaves:
            leaf.tell("reach", events=each * count, within_s=300.0)
        reached = [leaf.answer(limit_s=310.0) for leaf in leaves]
        seconds = max(one["reached_s"] for one in reached) - min(started)
        cpu = (reached[0]["cpu_s"] - before) * 1e6 / (each * count)
        return each * count / seconds, cpu, reached[0]["entries"]
