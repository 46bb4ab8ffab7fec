"""The explanation of replication is held against the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.source_filters import FilterPolicy
from museion.log.replication.status import LinkCondition

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "replication.md"
TEXT = PAGE.read_text("utf-8")


def test_its_python_runs_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
    assert len(blocks) == 1
    exec(blocks[0], {"__name__": "explanation"})  # noqa: S102 (our own documents)
    assert capsys.readouterr().out == "b'servus'\n"


def test_its_table_of_settings_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", TEXT, re.M)
    settings = EndpointSettings()
    shown = {}
    for name, default in rows:
        number, _, unit = default.replace(",", "").partition(" ")
        shown[name] = float(number) * (1 << 20 if unit == "MiB" else 1)
    assert shown == {each.name: getattr(settings, each.name) for each in fields(settings)}


def test_it_names_all_conditions_and_policies() -> None:
    for condition in LinkCondition:
        assert condition.value in TEXT
    for policy in FilterPolicy:
        assert f"`{policy.name}`" in TEXT
