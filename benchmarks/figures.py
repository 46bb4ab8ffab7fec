"""How benchmarks say what they found: the machine first, then one JSON object a line per figure."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    `peer` names what it is compared with, measured in the same run or published, and `ratio` is
    the value over the peer's. `goal` says what was aimed at, and `holds` whether it is reached;
    both are None where nothing was promised.
    """

    figure: str
    value: float
    unit: str
    peer: str | None = None
    ratio: float | None = None
    goal: str | None = None
    holds: bool | None = None


def at_most(name: str, value: float, unit: str, goal: float) -> Figure:
    """Return a figure that should not be above a goal."""
    return Figure(name, value, unit, goal=f"<= {goal:g}", holds=value <= goal)


def at_least(name: str, value: float, unit: str, goal: float) -> Figure:
    """Return a figure that should not be below a goal."""
    return Figure(name, value, unit, goal=f">= {goal:g}", holds=value >= goal)


def beside(
    name: str,
    value: float,
    unit: str,
    peer: str | None = None,
    peer_value: float | None = None,
    *,
    goal: float | None = None,
) -> Figure:
    """Return a figure beside that of a peer, and with an upper bound, as far as there are any."""
    ratio = None if peer_value is None else round(value / peer_value, 3)
    if goal is None:
        return Figure(name, value, unit, peer, ratio)
    return Figure(name, value, unit, peer, ratio, f"<= {goal:g}", value <= goal)


def at_least_times(
    name: str, value: float, unit: str, peer: str, peer_value: float, goal: float
) -> Figure:
    """Return a figure that should be `goal` times that of a peer, or more."""
    ratio = value / peer_value
    return Figure(name, value, unit, peer, round(ratio, 3), f">= {goal:g}x", ratio >= goal)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def print_machine(packages: Iterable[str]) -> None:
    """Print what the figures depend on: processor, cores, load, versions."""
    cores = len(os.sched_getaffinity(0))
    print(f"machine: {_processor()}, {cores} cores, load {os.getloadavg()[0]:.1f} at the start")
    print(f"python {platform.python_version()}, {platform.system()} {platform.release()}")
    print(", ".join(f"{name} {_version(name)}" for name in packages))


def print_figures(figures: Iterable[Figure]) -> None:
    """Print one JSON object a line."""
    for figure in figures:
        rounded = round(figure.value, 4)
        print(json.dumps(asdict(figure) | {"value": rounded}))


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
