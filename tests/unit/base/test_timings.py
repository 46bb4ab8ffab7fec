"""Timings add up, from several threads too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from museion.base.telemetry import Timing, Timings


def test_durations_of_one_name_add_up() -> None:
    timings = Timings()
    timings.add("decode", 0.5)
    timings.add("decode", 0.25, count=3)
    timings.add("encode", 1.0)
    assert timings.read() == {"decode": Timing(4, 0.75), "encode": Timing(1, 1.0)}


def test_what_fails_is_measured_too() -> None:
    timings = Timings()
    with pytest.raises(ZeroDivisionError), timings.measure("division"):
        _ = 1 // 0
    assert timings.read()["division"].count == 1


def test_no_count_is_lost_between_threads() -> None:
    timings = Timings()

    def add_many() -> None:
        for _ in range(1000):
            timings.add("step", 1.0)

    with ThreadPoolExecutor(4) as threads:
        for _ in range(4):
            threads.submit(add_many)
    assert timings.read() == {"step": Timing(4000, 4000.0)}
