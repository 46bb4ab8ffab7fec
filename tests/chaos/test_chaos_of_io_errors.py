"""Disks and stores that fail at random: what is told is what is there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from failing_rounds import fail_disk, fail_store
from known_fates import Fates

from museion.log.memory_store import MemoryEventStore
from museion.testing.io_errors import IoErrors, run_with_io_errors
from museion.testing.killing import chaos_rounds, chaos_seed

pytestmark = pytest.mark.chaos


def test_whatever_the_disk_does_what_is_told_is_what_is_there(
    tell: Callable[[str], None], tmp_path: Path
) -> None:
    tell(run_with_io_errors(fail_disk_for_long, tmp_path, limit_s=3600.0).strip())


def fail_disk_for_long(folder: Path, disk: IoErrors) -> None:
    rounds = chaos_rounds()
    fates = asyncio.run(fail_disk(folder, disk, rounds=rounds, seed=chaos_seed()))
    sys.stdout.write(f"{rounds} rounds, {told(fates)}\n")


def test_whatever_the_store_does_what_is_told_is_what_is_there(
    rounds: int, seed: int, tell: Callable[[str], None]
) -> None:
    store = MemoryEventStore(log_id="here")
    fates = asyncio.run(fail_store(store, rounds=rounds, seed=seed))
    tell(f"{rounds} logs, {told(fates)}")


def told(fates: Fates) -> str:
    """Say what was answered how often."""
    return (
        f"{len(fates.written)} requests acknowledged, {len(fates.refused)} refused, "
        f"{len(fates.unknown)} of unknown outcome"
    )
