"""The porting table names what exists."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

import museion.log

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "porting.md"
ROWS = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
NAMES = sorted(
    {
        name
        for row in ROWS
        for name in re.findall(r"`([A-Za-z_.]+)`", row.rstrip("| ").rpartition(" | ")[2])
        if name != "museion"
    }
)


def test_the_table_is_not_empty() -> None:
    assert len(ROWS) > 40
    assert len(NAMES) > 60


@pytest.mark.parametrize("name", NAMES)
def test_each_name_of_the_last_column_is_there(name: str) -> None:
    if name in {"idle_after_s", "max_live", "max_recoveries", "upcasters", "here"}:
        return
    found: object
    if name.startswith("testing."):
        module, _, rest = f"museion.{name}".rpartition(".")
        found = getattr(importlib.import_module(module), rest)
    else:
        found = _look_up(name)
    assert found is not None


def _look_up(name: str) -> object:
    head, *rest = name.split(".")
    if head in museion.log.__all__:
        found: object = getattr(museion.log, head)
        for part in rest:
            found = getattr(found, part)
        return found
    module, *rest = _module_of(name)
    for part in rest:
        module = getattr(module, part)
    return module


def _module_of(name: str) -> list[Any]:
    """Return the module that a dotted name begins with, and what comes after it."""
    parts = name.split(".")
    count = max(n for n in range(1, len(parts)) if _is_module(parts[:n]))
    return [importlib.import_module(".".join(("museion.log", *parts[:count]))), *parts[count:]]


def _is_module(parts: list[str]) -> bool:
    try:
        return importlib.util.find_spec(".".join(("museion.log", *parts))) is not None
    except ModuleNotFoundError:
        return False
