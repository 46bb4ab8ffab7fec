"""Tests that disturb a log at random, many times; `make chaos` runs them, `make test` does not.

CHAOS_ROUNDS says how often, CHAOS_SEED what the randomness begins with.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from museion.testing.killing import chaos_rounds, chaos_seed

# They share what the few rounds in `make test` use.
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "log"))


@pytest.fixture
def rounds() -> int:
    """How often the whole is done."""
    return chaos_rounds()


@pytest.fixture
def seed() -> int:
    """What the randomness begins with."""
    return chaos_seed()


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say at the end what was done."""
    reports: list[str] = request.config.stash.setdefault(_TOLD, [])
    return lambda text: reports.append(f"{request.node.name}: {text}")


_TOLD = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was done, and the seed that does it again."""
    told = terminalreporter.config.stash.get(_TOLD, [])
    if not told:
        return
    terminalreporter.section(f"chaos: {chaos_rounds()} rounds, CHAOS_SEED={chaos_seed()}")
    for line in told:
        terminalreporter.line(line)
