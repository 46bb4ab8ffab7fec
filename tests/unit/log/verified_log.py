"""Fixtures: a whole log that a test of its verification may damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tampering import EVENTS, make_log


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of its own events; to be copied."""
    path = tmp_path_factory.mktemp("whole") / "log"
    make_log(path, events=EVENTS)
    return path


@pytest.fixture
def log(whole: Path, tmp_path: Path) -> Path:
    """A whole log of `EVENTS` events that a test may damage."""
    return Path(shutil.copytree(whole, tmp_path / "log"))
